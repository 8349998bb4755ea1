//! One rule of `alerts.rules`, read from the settings.

use std::{collections::BTreeMap, time::Duration};

use super::{
    alerts::{RuleConfig, is_built_in, is_event},
    given::{Given, nearest},
};
use crate::model::alert::{Limit, Metric};

type Entries = BTreeMap<String, Given>;

const KEYS: [&str; 8] =
    ["name", "enabled", "metric", "above", "below", "for", "clear_after", "severity"];

/// Reads all rules; everything that is wrong with them is told in one text.
pub(super) fn read(given: &Given) -> Result<Vec<RuleConfig>, String> {
    let (mut rules, mut problems) = (Vec::<RuleConfig>::new(), Vec::new());
    for (index, entries) in given.sections()?.iter().enumerate() {
        let mut reading = Reading { entries, problems: Vec::new() };
        let rule = reading.rule();
        if !rule.name.is_empty() && rules.iter().any(|before| before.name == rule.name) {
            reading.problems.push("there is a rule of this name already".to_owned());
        }
        let told = called(&rule, index);
        problems.extend(reading.problems.into_iter().map(|problem| format!("{told}: {problem}")));
        rules.push(rule);
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems.join("; ")) }
}

/// How a problem names the rule.
fn called(rule: &RuleConfig, index: usize) -> String {
    match rule.name.as_str() {
        "" => format!("rule {}", index + 1),
        name => format!("rule {name}"),
    }
}

struct Reading<'g> {
    entries: &'g Entries,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn rule(&mut self) -> RuleConfig {
        self.check_keys();
        let name = self.value("name", Given::name).unwrap_or_default();
        let rule = RuleConfig {
            enabled: self.value("enabled", Given::switch).unwrap_or(true),
            metric: self.value("metric", metric),
            limit: self.limit(),
            held: self.value("for", |given| given.duration(Duration::ZERO)),
            clear_after: self.value("clear_after", |given| given.duration(Duration::ZERO)),
            severity: self.value("severity", Given::choice),
            ..RuleConfig::of(&name)
        };
        self.check_whole(&rule);
        rule
    }

    /// A key's value; `None` where it is not there, or is refused.
    fn value<T>(&mut self, key: &str, read: impl Fn(&Given) -> Result<T, String>) -> Option<T> {
        match read(self.entries.get(key)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.problems.push(format!("{key}: {reason}"));
                None
            }
        }
    }

    fn limit(&mut self) -> Option<Limit> {
        let above = self.value("above", Given::float).map(Limit::Above);
        let below = self.value("below", Given::float).map(Limit::Below);
        if above.is_some() && below.is_some() {
            self.problems
                .push("above and below are both given: one of them is expected".to_owned());
        }
        above.or(below)
    }

    fn check_keys(&mut self) {
        for key in self.entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let hint = nearest(key, KEYS.into_iter());
            let hint = hint.map(|known| format!(", did you mean {known}?")).unwrap_or_default();
            self.problems.push(format!("{key}: unknown key{hint}"));
        }
    }

    /// What only all keys together tell.
    fn check_whole(&mut self, rule: &RuleConfig) {
        let has = |key: &str| self.entries.contains_key(key);
        let problem = if !has("name") {
            "a name is expected"
        } else if is_event(&rule.name) {
            let more = ["metric", "above", "below", "for", "clear_after"];
            if !more.into_iter().any(has) {
                return;
            }
            "it is told when it happens: only enabled and severity can be given"
        } else if is_built_in(&rule.name) {
            if !has("metric") || has("above") || has("below") {
                return;
            }
            "with another metric above or below is expected"
        } else if !has("metric") {
            "a metric is expected, since no rule of this name is built in"
        } else if !has("above") && !has("below") {
            "above or below is expected"
        } else {
            return;
        };
        self.problems.push(problem.to_owned());
    }
}

fn metric(given: &Given) -> Result<Metric, String> {
    let name = given.name()?;
    Metric::find(&name).ok_or_else(|| {
        let known = || Metric::ALL.iter().map(|metric| metric.name());
        let within = || known().find(|known| known.contains(&name) || name.contains(known));
        match nearest(&name, known()).or_else(within) {
            Some(known) => format!("unknown metric, did you mean {known}?"),
            None => format!("unknown metric; there are {}", known().collect::<Vec<_>>().join(", ")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Severity;

    fn rules(text: &str) -> Result<Vec<RuleConfig>, String> {
        read(&Given::Word(text.to_owned()))
    }

    #[test]
    fn a_rule_is_read() {
        let read = rules(
            r#"[{ name = "late", metric = "lag_seconds", above = 2.5, for = "2m", severity = "warning" }, { name = "lag", enabled = false }]"#,
        );
        let late = RuleConfig {
            metric: Some(Metric::LagSeconds),
            limit: Some(Limit::Above(2.5)),
            held: Some(Duration::from_secs(120)),
            severity: Some(Severity::Warning),
            ..RuleConfig::of("late")
        };
        assert_eq!(read, Ok(vec![late, RuleConfig { enabled: false, ..RuleConfig::of("lag") }]));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let told = rules(
            r#"[{ name = "a", metric = "lag_second", above = 1, belwo = 2 }, { metric = "lag_seconds", above = "x" },
                { name = "a", metric = "ready", above = 1, below = 1, for = "2", severity = "fatal" },
                { name = "pipeline_failed", for = "1m" }, { name = "own" }, { name = "lag", metric = "ready" }]"#
                .replace('\n', " ")
                .as_str(),
        )
        .unwrap_err();
        for expected in [
            "rule a: metric: unknown metric, did you mean lag_seconds?",
            "rule a: belwo: unknown key, did you mean below?",
            "rule 2: above: a number is expected",
            "rule 2: a name is expected",
            "rule a: above and below are both given",
            "rule a: for: a duration such as",
            "rule a: severity: info, warning or error is expected",
            "rule a: there is a rule of this name already",
            "rule pipeline_failed: it is told when it happens",
            "rule own: a metric is expected",
            "rule lag: with another metric above or below is expected",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in {told}");
        }
        assert_eq!(told.matches("; ").count(), 10, "{told}");
    }

    #[test]
    fn what_is_no_list_of_sections_is_refused() {
        for wrong in ["", "lag", "[1]", "{ a = 1 }"] {
            assert!(rules(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rules("[]"), Ok(Vec::new()));
    }
}
