//! Keys of `[alerts]`.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;

use super::{
    Key, Shown, put, quoted, show_choice, show_duration, show_list, show_path, show_plain,
    show_text,
};
use crate::config::{address, alerts::RuleConfig, given::Given, rules, sections::Secret};

/// What is watched.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "alerts.enabled",
        meaning: "Whether anything is watched; `docs/alerts.md` tells the rules that are built in.",
        example: "",
        read: |to, given| put(&mut to.alerts.enabled, given.switch()),
        show: |of| show_plain(of.alerts.enabled),
    },
    Key {
        path: "alerts.repeat",
        meaning: "How often an alert that lasts is told again; `0s` is never.",
        example: "",
        read: |to, given| put(&mut to.alerts.repeat, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.alerts.repeat),
    },
    Key {
        path: "alerts.every_run",
        meaning: "Whether every run of polling is told when it ends, with its tables.",
        example: "",
        read: |to, given| put(&mut to.alerts.every_run, given.switch()),
        show: |of| show_plain(of.alerts.every_run),
    },
    Key {
        path: "alerts.rules",
        meaning: "Rules beside those that are built in, or of the same name in their place: `{ name, metric, above or below, for, clear_after, severity, enabled }`.",
        example: "",
        read: |to, given| put(&mut to.alerts.rules, rules::read(given)),
        show: |of| Shown::Value(show_rules(&of.alerts.rules)),
    },
    Key {
        path: "alerts.timeout",
        meaning: "The longest that one try to deliver a notice takes.",
        example: "",
        read: |to, given| put(&mut to.alerts.timeout, given.duration(Duration::from_millis(100))),
        show: |of| show_duration(of.alerts.timeout),
    },
    Key {
        path: "alerts.attempts",
        meaning: "How often the delivery of a notice is tried before it is given up.",
        example: "",
        read: |to, given| put(&mut to.alerts.attempts, given.number(1, 1000)),
        show: |of| show_plain(of.alerts.attempts),
    },
];

/// Who is told.
pub(super) const CHANNEL_KEYS: &[Key] = &[
    Key {
        path: "alerts.channels.log.enabled",
        meaning: "Whether alerts are lines of the log.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.log, given.switch()),
        show: |of| show_plain(of.alerts.channels.log),
    },
    Key {
        path: "alerts.channels.webhook.url",
        meaning: "Where notices are posted to as JSON; empty is nowhere. With a token in it, `url_file` keeps it out of the file.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.webhook.url, webhook(given)),
        show: |of| match &of.alerts.channels.webhook.url {
            Some(Secret::Inline(_)) => Shown::Hidden,
            _ => show_text(""),
        },
    },
    Key {
        path: "alerts.channels.webhook.url_file",
        meaning: "A file that holds this address.",
        example: r#""/run/secrets/webhook""#,
        read: |to, given| {
            put(
                &mut to.alerts.channels.webhook.url,
                given.path().map(|path| path.map(Secret::File)),
            )
        },
        show: |of| match &of.alerts.channels.webhook.url {
            Some(Secret::File(path)) => show_path(Some(path)),
            _ => Shown::Unset,
        },
    },
    Key {
        path: "alerts.channels.webhook.headers",
        meaning: "Further headers, such as `{ X-Team = \"data\" }`. With a token in them, `headers_file` keeps it out of the file.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.webhook.headers, headers(given)),
        show: |of| {
            let is_empty = of.alerts.channels.webhook.headers.is_empty();
            if is_empty { show_plain("{}") } else { Shown::Hidden }
        },
    },
    Key {
        path: "alerts.channels.webhook.headers_file",
        meaning: "A file with further headers, one a line: `Authorization: Bearer …`.",
        example: r#""/run/secrets/webhook-headers""#,
        read: |to, given| put(&mut to.alerts.channels.webhook.headers_file, given.path()),
        show: |of| show_path(of.alerts.channels.webhook.headers_file.as_ref()),
    },
    Key {
        path: "alerts.channels.webhook.secret_file",
        meaning: "A file that holds the key by which notices are signed (`X-Binleaf-Signature`).",
        example: r#""/run/secrets/webhook-key""#,
        read: |to, given| put(&mut to.alerts.channels.webhook.secret_file, given.path()),
        show: |of| show_path(of.alerts.channels.webhook.secret_file.as_ref()),
    },
    Key {
        path: "alerts.channels.webhook.ca_file",
        meaning: "Certificates to trust (PEM), in place of the built-in roots.",
        example: r#""/etc/ssl/certs/internal.pem""#,
        read: |to, given| put(&mut to.alerts.channels.webhook.ca_file, given.path()),
        show: |of| show_path(of.alerts.channels.webhook.ca_file.as_ref()),
    },
    Key {
        path: "alerts.channels.email.smtp_host",
        meaning: "The mail server; empty: no mails.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.smtp_host, given.text()),
        show: |of| show_text(&of.alerts.channels.email.smtp_host),
    },
    Key {
        path: "alerts.channels.email.smtp_port",
        meaning: "Its port: usually 587 for `starttls`, 465 for `implicit`.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.smtp_port, given.number(1, u16::MAX)),
        show: |of| show_plain(of.alerts.channels.email.smtp_port),
    },
    Key {
        path: "alerts.channels.email.tls",
        meaning: "`starttls` (nothing is sent to a server without it), `implicit` (encrypted from the first byte) or `none`.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.tls, given.choice()),
        show: |of| show_choice(of.alerts.channels.email.tls),
    },
    Key {
        path: "alerts.channels.email.user",
        meaning: "The user to log in as; empty: no login.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.user, given.text()),
        show: |of| show_text(&of.alerts.channels.email.user),
    },
    Key {
        path: "alerts.channels.email.password_file",
        meaning: "A file that holds the password.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.password_file, given.path()),
        show: |of| show_file(of.alerts.channels.email.password_file.as_ref()),
    },
    Key {
        path: "alerts.channels.email.from",
        meaning: "The sender: an address, or \"Name <address>\".",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.from, given.text().and_then(sender)),
        show: |of| show_text(&of.alerts.channels.email.from),
    },
    Key {
        path: "alerts.channels.email.to",
        meaning: "Who gets the mails.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.email.to, recipients(given)),
        show: |of| show_list(&of.alerts.channels.email.to),
    },
    Key {
        path: "alerts.channels.email.ca_file",
        meaning: "Certificates to trust (PEM), in place of the built-in roots.",
        example: r#""/etc/ssl/certs/internal.pem""#,
        read: |to, given| put(&mut to.alerts.channels.email.ca_file, given.path()),
        show: |of| show_path(of.alerts.channels.email.ca_file.as_ref()),
    },
    Key {
        path: "alerts.channels.telegram.token_file",
        meaning: "A file that holds the bot's token; empty: no messages.",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.telegram.token_file, given.path()),
        show: |of| show_file(of.alerts.channels.telegram.token_file.as_ref()),
    },
    Key {
        path: "alerts.channels.telegram.chat_id",
        meaning: "The chat: a number, or \"@channel\".",
        example: "",
        read: |to, given| put(&mut to.alerts.channels.telegram.chat_id, chat(given)),
        show: |of| show_text(&of.alerts.channels.telegram.chat_id),
    },
    Key {
        path: "alerts.channels.telegram.api_url",
        meaning: "Where the Bot API is; another one for a server of one's own.",
        example: "",
        read: |to, given| {
            put(&mut to.alerts.channels.telegram.api_url, given.text().and_then(address::http))
        },
        show: |of| show_text(&of.alerts.channels.telegram.api_url),
    },
    Key {
        path: "alerts.channels.telegram.ca_file",
        meaning: "Certificates to trust (PEM), in place of the built-in roots.",
        example: r#""/etc/ssl/certs/internal.pem""#,
        read: |to, given| put(&mut to.alerts.channels.telegram.ca_file, given.path()),
        show: |of| show_path(of.alerts.channels.telegram.ca_file.as_ref()),
    },
];

/// A file that empty text stands for the lack of.
fn show_file(path: Option<&std::path::PathBuf>) -> Shown {
    show_text(&path.map(|path| path.to_string_lossy()).unwrap_or_default())
}

fn show_rules(rules: &[RuleConfig]) -> String {
    let rules: Vec<String> = rules.iter().map(show_rule).collect();
    format!("[{}]", rules.join(", "))
}

fn show_rule(rule: &RuleConfig) -> String {
    let duration = |key: &str, held: Option<Duration>| {
        held.map(|held| {
            format!("{key} = {}", quoted(&humantime::format_duration(held).to_string()))
        })
    };
    let parts = [
        Some(format!("name = {}", quoted(&rule.name))),
        (!rule.enabled).then(|| "enabled = false".to_owned()),
        rule.metric.map(|metric| format!("metric = {}", quoted(metric.name()))),
        rule.limit.map(|limit| format!("{} = {:?}", limit.side(), limit.value())),
        duration("for", rule.held),
        duration("clear_after", rule.clear_after),
        rule.severity.map(|severity| format!("severity = {}", quoted(severity.label()))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{{ {} }}", parts.join(", "))
}

fn webhook(given: &Given) -> Result<Option<Secret>, String> {
    let text = given.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    address::http(text).map(|url| Some(Secret::Inline(SecretString::from(url))))
}

fn headers(given: &Given) -> Result<BTreeMap<String, SecretString>, String> {
    let entries = given.section()?;
    entries.into_iter().map(|(name, value)| header(name, &value)).collect()
}

fn header(name: String, value: &Given) -> Result<(String, SecretString), String> {
    let is_of_a_name =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    if name.is_empty() || !name.chars().all(is_of_a_name) {
        return Err("a name in it is not that of a header".to_owned());
    }
    let text = value.text().map_err(|reason| format!("{name}: {reason}"))?;
    if text.chars().any(char::is_control) {
        return Err(format!("{name}: a header is one line"));
    }
    Ok((name, SecretString::from(text)))
}

fn sender(text: String) -> Result<String, String> {
    if text.is_empty() { Ok(text) } else { mailbox(text) }
}

fn recipients(given: &Given) -> Result<Vec<String>, String> {
    given.list()?.into_iter().map(mailbox).collect()
}

fn mailbox(text: String) -> Result<String, String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text),
        Err(_) => Err("an address such as \"someone@example.org\" or \"Some One <someone@example.org>\" is expected".to_owned()),
    }
}

fn chat(given: &Given) -> Result<String, String> {
    match given {
        Given::Integer(number) => Ok(number.to_string()),
        other => other.text().map(|text| text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::Given;

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn a_written_rule_is_read_as_it_was() {
        let text = r#"[{ name = "a\"b", metric = "lag_seconds", above = 60.0, for = "2m", clear_after = "1m", severity = "info" }, { name = "lag", enabled = false }]"#;
        let rules = rules::read(&Given::Word(text.to_owned())).unwrap();
        assert_eq!(show_rules(&rules), text);
    }

    #[test]
    fn mailboxes_and_chats_are_checked() {
        assert!(mailbox("Ops <ops@example.org>".to_owned()).is_ok());
        for wrong in ["ops", "@example.org", "a b@example.org", ""] {
            assert!(mailbox(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert_eq!(chat(&Given::Integer(-100_123)).unwrap(), "-100123");
        assert_eq!(chat(&text("@ops")).unwrap(), "@ops");
    }

    #[test]
    fn headers_are_names_and_single_lines_and_no_reason_repeats_a_value() {
        let of = |name: &str, value: &str| header(name.to_owned(), &text(value));
        assert!(of("X-Team", "data").is_ok());
        for (name, value) in [("", "hunter2"), ("a b", "hunter2"), ("a", "hunter2\r\nb: c")] {
            let told = of(name, value).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
