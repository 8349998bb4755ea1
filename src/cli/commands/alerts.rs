//! `binleaf alerts test`: tries the channels.

use crate::{
    alert::{Tried, try_channels},
    config::Config,
};

/// Sends a test message to each channel, or to one. The answer is a line a channel, and whether all is well.
pub(super) async fn test(config: &Config, only: Option<&str>) -> (String, bool) {
    let tried = try_channels(config, only).await;
    match (tried.is_empty(), only) {
        (true, Some(name)) => (format!("{name}: not configured\n"), false),
        (true, None) => ("no channel is configured: see alerts.channels\n".to_owned(), false),
        (false, _) => {
            let is_well = tried.iter().all(|tried| tried.outcome.is_ok());
            (tried.iter().map(line).collect(), is_well)
        }
    }
}

fn line(tried: &Tried) -> String {
    match &tried.outcome {
        Ok(took) => format!("{}: sent in {:.1} s\n", tried.channel, took.as_secs_f64()),
        Err(error) => format!("{}: failed: {error}\n", tried.channel),
    }
}
