//! Keeps in `_sync_audit` what was done by the command line.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use crate::{
    checkpoint::MongoCheckpoints,
    model::{audit::AuditEntry, fault::Fault},
};

/// The longest that whoever gave the command waits for it to be kept.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps a command and what came of it. What was done is done: if it cannot be kept, that is only told.
pub(super) async fn keep<T>(
    state: &MongoCheckpoints,
    action: &'static str,
    arguments: &[(&str, String)],
    outcome: &Result<T, Fault>,
) {
    let arguments: BTreeMap<String, String> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let result = match outcome {
        Ok(_) => "done".to_owned(),
        Err(fault) => format!("failed: {}", fault.chain()),
    };
    let entry = AuditEntry {
        id: uuid::Uuid::new_v4().to_string(),
        at: SystemTime::now(),
        actor: actor(),
        action,
        arguments,
        result,
    };
    let problem = match timeout(PATIENCE, state.keep_audit(&entry)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Fault::from(error).chain(),
        Err(_) => "the target does not answer".to_owned(),
    };
    tracing::warn!(error = problem, "the command is not kept in _sync_audit");
}

/// Whoever sits at this terminal, as `cli:user@host`.
#[expect(clippy::disallowed_methods, reason = "who sits here is no setting")]
fn actor() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = user.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    format!("cli:{user}@{}", gethostname::gethostname().to_string_lossy())
}
