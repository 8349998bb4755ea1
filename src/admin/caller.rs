//! Who calls, and what of it is kept.

use std::{collections::BTreeMap, time::SystemTime};

use axum::http::StatusCode;
use tracing::info;

use super::Window;
use crate::model::audit::AuditEntry;

/// The longest argument that is kept, in bytes.
const LONGEST_ARGUMENT: usize = 1024;

/// Whoever calls: the token's name, or nobody where none is needed.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) String);

impl Caller {
    /// Whoever needs no token.
    pub(super) fn anonymous() -> Self {
        Self("anonymous".to_owned())
    }

    /// Keeps that a changing command was given, and how it was answered; what it changed shows from now on.
    pub(super) fn did(
        &self,
        window: &Window,
        action: &'static str,
        arguments: &[(&str, Option<String>)],
        answer: StatusCode,
    ) {
        let given = arguments.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let arguments: BTreeMap<String, String> =
            given.map(|(name, value)| ((*name).to_owned(), shortened(value))).collect();
        window.pages.forget();
        let result = if answer.is_success() { "accepted" } else { "refused" };
        info!(actor = self.0, action, ?arguments, result, "a command over http");
        window.desk.record(AuditEntry {
            id: uuid::Uuid::new_v4().to_string(),
            at: SystemTime::now(),
            actor: self.0.clone(),
            action,
            arguments,
            result: format!("{result} ({})", answer.as_u16()),
        });
    }
}

fn shortened(text: &str) -> String {
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_ARGUMENT).last();
    match end {
        Some(end) if text.len() > LONGEST_ARGUMENT => {
            format!("{}…", text.get(..end).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_arguments_are_cut_between_characters() {
        assert_eq!(shortened("orders"), "orders");
        let cut = shortened(&"é".repeat(5000));
        assert!(cut.ends_with("é…") && cut.len() <= LONGEST_ARGUMENT + 3, "{}", cut.len());
    }
}
