//! `binleaf status`: asks the running instance, else reads what it saved in the target.

mod page;
mod watch;

use anyhow::Context as _;
use serde_json::Value;

use super::{instance, print};
use crate::{
    admin::Status,
    cli::{args::StatusArgs, exit},
    config::Config,
    model::fault::Fault,
    pipeline::{Handle, handle::Way},
};

/// Tells the status, once or again and again, on standard output.
///
/// # Errors
/// When neither the instance nor the saved state can be read.
pub(super) async fn run(config: &Config, arguments: &StatusArgs) -> anyhow::Result<u8> {
    if let Some(interval) = arguments.watch {
        watch::run(config, interval, arguments.output.json).await?;
        return Ok(exit::DONE);
    }
    let status = match ask(config).await {
        Ok(status) => status,
        Err(error) => saved(config).await.with_context(|| {
            format!(
                "no instance answers on {} ({error:#}), and the saved state cannot be read",
                config.http.listen
            )
        })?,
    };
    if arguments.output.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&status)?))
    } else {
        print(&page::page(&status, usize::MAX))
    }
}

async fn ask(config: &Config) -> anyhow::Result<Value> {
    instance::ask(&config.http, "/api/sync/status").await
}

async fn saved(config: &Config) -> anyhow::Result<Value> {
    let state = super::state::open(config).await?;
    let saved = state.load().await.map_err(Fault::from)?.unwrap_or_default();
    let handle = Handle::of_saved(
        &saved,
        state.load_tables().await.map_err(Fault::from)?,
        config.source.single_database(),
    );
    if !saved.polls.is_empty() {
        let way = Way { polls: true, reason: None };
        handle.set_way(way, config.poll.interval);
        handle.restore(saved.control.unwrap_or_default());
    }
    Ok(serde_json::to_value(Status::saved(handle.report()))?)
}
