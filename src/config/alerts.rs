//! `[alerts]`: which rules there are, and by which channels they are told.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::sections::Secret;
use crate::model::alert::{Limit, Metric, Rule, Severity};

/// `[alerts]`.
#[derive(Debug, Clone)]
pub struct AlertsConfig {
    /// Whether anything is watched at all.
    pub enabled: bool,
    /// How often an alert that lasts is told again; zero is never.
    pub repeat: Duration,
    /// Whether every run of polling is told.
    pub every_run: bool,
    /// Further rules, and what is other than by default of those that are built in.
    pub rules: Vec<RuleConfig>,
    /// The longest that one try to deliver a notice takes.
    pub timeout: Duration,
    /// How often the delivery of a notice is tried.
    pub attempts: u32,
    /// `channels.*`.
    pub channels: ChannelsConfig,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            repeat: Duration::from_secs(3600),
            every_run: false,
            rules: Vec::new(),
            timeout: Duration::from_secs(10),
            attempts: 5,
            channels: ChannelsConfig::default(),
        }
    }
}

/// What the settings say of a rule; what they leave open is as built in.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleConfig {
    /// Its name.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// What it is about.
    pub metric: Option<Metric>,
    /// Where that is no longer good.
    pub limit: Option<Limit>,
    /// How long it must not be good.
    pub held: Option<Duration>,
    /// How long it must be good again; as long as `held` by default.
    pub clear_after: Option<Duration>,
    /// How urgent it is.
    pub severity: Option<Severity>,
}

/// `alerts.channels`.
#[derive(Debug, Clone)]
pub struct ChannelsConfig {
    /// Whether alerts are lines of the log.
    pub log: bool,
    /// `webhook`.
    pub webhook: WebhookConfig,
    /// `email`.
    pub email: EmailConfig,
    /// `telegram`.
    pub telegram: TelegramConfig,
}

impl Default for ChannelsConfig {
    fn default() -> Self {
        Self {
            log: true,
            webhook: WebhookConfig::default(),
            email: EmailConfig::default(),
            telegram: TelegramConfig::default(),
        }
    }
}

/// `alerts.channels.webhook`.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    /// Where notices are posted to; the address may hold a token. `None` switches it off.
    pub url: Option<Secret>,
    /// Further headers, which may hold tokens.
    pub headers: BTreeMap<String, SecretString>,
    /// A file with further headers, one a line.
    pub headers_file: Option<PathBuf>,
    /// The file that holds the key of signatures.
    pub secret_file: Option<PathBuf>,
    /// Certificates to trust (PEM).
    pub ca_file: Option<PathBuf>,
}

/// `alerts.channels.email`.
#[derive(Debug, Clone)]
pub struct EmailConfig {
    /// The mail server; empty switches it off.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// The user to log in as; empty is without a login.
    pub user: String,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The sender.
    pub from: String,
    /// Who gets the mails.
    pub to: Vec<String>,
    /// Certificates to trust (PEM).
    pub ca_file: Option<PathBuf>,
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            smtp_host: String::new(),
            smtp_port: 587,
            tls: MailTls::Starttls,
            user: String::new(),
            password_file: None,
            from: String::new(),
            to: Vec::new(),
            ca_file: None,
        }
    }
}

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// By STARTTLS before anything else is said; without it nothing is sent.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// `alerts.channels.telegram`.
#[derive(Debug, Clone)]
pub struct TelegramConfig {
    /// The file that holds the bot's token. `None` switches it off.
    pub token_file: Option<PathBuf>,
    /// The chat.
    pub chat_id: String,
    /// Where the Bot API is.
    pub api_url: String,
    /// Certificates to trust (PEM).
    pub ca_file: Option<PathBuf>,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            token_file: None,
            chat_id: String::new(),
            api_url: "https://api.telegram.org".to_owned(),
            ca_file: None,
        }
    }
}

/// A rule that there is without settings.
#[derive(Debug, Clone, Copy)]
struct BuiltIn {
    name: &'static str,
    metric: Metric,
    limit: Limit,
    held: u64,
    clear_after: u64,
    severity: Severity,
    of_stream: bool,
}

const fn built_in(name: &'static str, metric: Metric, limit: Limit) -> BuiltIn {
    let severity = Severity::Error;
    BuiltIn { name, metric, limit, held: 0, clear_after: 0, severity, of_stream: false }
}

/// The rules that there are without settings; times in seconds.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        held: 30,
        clear_after: 30,
        ..built_in("target_down", Metric::TargetUp, Limit::Below(1.0))
    },
    BuiltIn {
        held: 30,
        clear_after: 30,
        ..built_in("source_down", Metric::SourceUp, Limit::Below(1.0))
    },
    BuiltIn {
        held: 120,
        clear_after: 120,
        of_stream: true,
        ..built_in("lag", Metric::LagSeconds, Limit::Above(60.0))
    },
    BuiltIn {
        held: 300,
        clear_after: 300,
        of_stream: true,
        ..built_in("retention", Metric::BinlogRetentionUsed, Limit::Above(0.5))
    },
    BuiltIn {
        clear_after: 60,
        ..built_in("dead_letters", Metric::DeadLettersGrown, Limit::Above(0.0))
    },
    BuiltIn {
        clear_after: 60,
        ..built_in("snapshot_stalled", Metric::SnapshotIdleSeconds, Limit::Above(300.0))
    },
    BuiltIn {
        severity: Severity::Warning,
        ..built_in("tables_overdue", Metric::TablesOverdue, Limit::Above(0.0))
    },
    built_in("sync_failed", Metric::TablesFailing, Limit::Above(0.0)),
];

/// Things that happen and do not last: told once.
const EVENTS: &[(&str, Severity)] =
    &[(PIPELINE_FAILED, Severity::Error), (SCHEMA_CHANGED, Severity::Info)];

/// The pipeline has ended by a fault.
pub const PIPELINE_FAILED: &str = "pipeline_failed";

/// A table's schema has changed.
pub const SCHEMA_CHANGED: &str = "schema_changed";

/// Whether a name is that of a rule with a metric that is built in.
pub(super) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|rule| rule.name == name)
}

/// Whether a name is that of something that is told once.
pub(super) fn is_event(name: &str) -> bool {
    EVENTS.iter().any(|(event, _)| *event == name)
}

impl AlertsConfig {
    /// The rules that count.
    #[must_use]
    pub fn all_rules(&self) -> Vec<Rule> {
        let said = |name: &str| self.rules.iter().find(|rule| rule.name == name);
        let built_in = BUILT_IN.iter().filter_map(|rule| rule.with(said(rule.name)));
        let own = self.rules.iter().filter(|rule| !is_built_in(&rule.name));
        built_in.chain(own.filter_map(RuleConfig::complete)).collect()
    }

    /// How urgent an event is; `None` where it is not to be told.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<Severity> {
        let (_, severity) = EVENTS.iter().find(|(event, _)| *event == name)?;
        match self.rules.iter().find(|rule| rule.name == name) {
            Some(rule) if !rule.enabled => None,
            rule => Some(rule.and_then(|rule| rule.severity).unwrap_or(*severity)),
        }
    }
}

impl BuiltIn {
    /// The rule as the settings have it; `None` where they switch it off.
    fn with(&self, said: Option<&RuleConfig>) -> Option<Rule> {
        let own = RuleConfig::of(self.name);
        let said = said.unwrap_or(&own);
        let held = said.held.unwrap_or(Duration::from_secs(self.held));
        // Who changes the one means the other too.
        let clear_after = said.held.unwrap_or(Duration::from_secs(self.clear_after));
        said.enabled.then(|| Rule {
            name: self.name.to_owned(),
            metric: said.metric.unwrap_or(self.metric),
            limit: said.limit.unwrap_or(self.limit),
            held,
            clear_after: said.clear_after.unwrap_or(clear_after),
            severity: said.severity.unwrap_or(self.severity),
            of_stream: self.of_stream && said.limit.is_none() && said.metric.is_none(),
        })
    }
}

impl RuleConfig {
    /// A rule of which only the name is said.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            metric: None,
            limit: None,
            held: None,
            clear_after: None,
            severity: None,
        }
    }

    fn complete(&self) -> Option<Rule> {
        let held = self.held.unwrap_or_default();
        let (metric, limit) = (self.metric?, self.limit?);
        self.enabled.then(|| Rule {
            name: self.name.clone(),
            metric,
            limit,
            held,
            clear_after: self.clear_after.unwrap_or(held),
            severity: self.severity.unwrap_or(Severity::Error),
            of_stream: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_rule_keeps_what_is_not_said_of_it() {
        let config = AlertsConfig {
            rules: vec![
                RuleConfig { severity: Some(Severity::Warning), ..RuleConfig::of("lag") },
                RuleConfig { enabled: false, ..RuleConfig::of("source_down") },
                RuleConfig { held: Some(Duration::ZERO), ..RuleConfig::of("target_down") },
                RuleConfig { enabled: false, ..RuleConfig::of(SCHEMA_CHANGED) },
            ],
            ..AlertsConfig::default()
        };
        let rules = config.all_rules();
        let rule = |name: &str| rules.iter().find(|rule| rule.name == name);
        let lag = rule("lag").unwrap();
        assert_eq!((lag.severity, lag.limit), (Severity::Warning, Limit::Above(60.0)));
        assert!(lag.of_stream && rule("source_down").is_none());
        assert_eq!(rule("target_down").unwrap().clear_after, Duration::ZERO);
        assert_eq!(config.event(SCHEMA_CHANGED), None);
        assert_eq!(config.event(PIPELINE_FAILED), Some(Severity::Error));
        assert_eq!(AlertsConfig::default().all_rules().len(), BUILT_IN.len());
    }

    #[test]
    fn the_page_of_alerts_tells_every_rule() {
        let page = include_str!("../../docs/alerts.md");
        let built_in = BUILT_IN.iter().map(|rule| (rule.name, rule.severity));
        for (name, severity) in built_in.chain(EVENTS.iter().copied()) {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let wanted = format!("| {} |", severity.label());
            assert!(row.is_some_and(|row| row.ends_with(&wanted)), "{name}");
        }
    }

    #[test]
    fn a_limit_of_ones_own_counts_where_tables_are_polled_too() {
        let own = RuleConfig { limit: Some(Limit::Above(7200.0)), ..RuleConfig::of("lag") };
        let config = AlertsConfig { rules: vec![own], ..AlertsConfig::default() };
        assert!(config.all_rules().iter().all(|rule| rule.name != "lag" || !rule.of_stream));
    }
}
