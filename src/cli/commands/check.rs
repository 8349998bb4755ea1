//! `binleaf check`: one list of findings, each with the statement that mends it. Writes nothing.

use crate::{app, cli::render, config::Loaded};

/// Runs every check. The answer is the text for standard output, and whether all is well.
pub(super) async fn run(loaded: &Loaded, json: bool, colour: bool) -> (String, bool) {
    let mut findings = loaded.findings();
    findings.extend(app::check(&loaded.config).await);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let is_well = !render::has_errors(&findings);
    let text =
        if json { render::findings_json(&findings) } else { render::findings(&findings, colour) };
    (text, is_well)
}
