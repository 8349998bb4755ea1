//! What Prometheus' own tool says of the files that are shipped.

use super::{prometheus::promtool, read};

async fn assert_approved(arguments: &[&str], words: &str) {
    let output = promtool(arguments).await;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    let said = said.concat();
    assert!(output.status.success() && said.contains(words), "promtool {arguments:?}:\n{said}");
}

#[tokio::test]
async fn the_settings_and_the_rules_are_valid() {
    assert_approved(&["check", "config", "prometheus.yml"], "SUCCESS").await;
    assert_approved(&["check", "rules", "rules.yml"], "SUCCESS").await;
}

#[tokio::test]
async fn the_rules_do_what_their_tests_say() {
    assert_approved(&["test", "rules", "rules.test.yml"], "SUCCESS").await;
}

#[test]
fn every_alert_is_tested_and_leads_to_a_chapter_that_is_there() {
    let (rules, tests) =
        (read("docker/prometheus/rules.yml"), read("docker/prometheus/rules.test.yml"));
    let page = read("docs/operations.md");
    let anchors: Vec<String> = page.lines().filter_map(anchor).collect();
    let after = |start: &'static str| {
        rules.lines().filter_map(move |line| line.trim().strip_prefix(start)).map(str::trim)
    };
    let alerts: Vec<&str> = after("- alert:").collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in &alerts {
        assert!(tests.contains(alert), "{alert} has no test");
        assert!(page.contains(alert), "{alert} is not on the page");
    }
    let runbooks: Vec<&str> = after("runbook:").map(|text| text.trim_matches('"')).collect();
    assert_eq!(runbooks.len(), alerts.len());
    for runbook in runbooks {
        let chapter = runbook.strip_prefix("docs/operations.md#").expect("a chapter of the page");
        assert!(anchors.iter().any(|anchor| anchor == chapter), "no {chapter} in {anchors:?}");
    }
}

/// A heading's anchor, as the pages of repositories make it.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    Some(kept.collect::<String>().replace(' ', "-"))
}
