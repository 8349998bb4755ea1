//! SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    model::fault::{Fault, Stage},
    runtime::tasks,
};

/// Cancels `stop` at the first signal and calls `at_once` at the second.
///
/// # Errors
/// When the signals cannot be had.
pub fn on_signals(
    stop: CancellationToken,
    at_once: impl FnOnce() + Send + 'static,
) -> Result<(), Fault> {
    let listen = |kind| {
        signal(kind)
            .map_err(|error| Fault::fatal(Stage::Runtime, "signals cannot be had").caused_by(error))
    };
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    drop(tasks::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        info!(
            operation = "stopping",
            "asked to stop: draining and saving (a second signal ends at once)"
        );
        stop.cancel();
        either(&mut terminate, &mut interrupt).await;
        at_once();
    }));
    Ok(())
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
