//! `[alerts]` by every road.

use super::{environment, errors, exposed, toml, toml_errors, try_load};
use crate::{
    config::{Config, MailTls, Secret, file_of},
    model::alert::{Limit, Severity},
};

const FILE: &str = r#"
[alerts]
repeat = "30m"
rules = [ { name = "lag", metric = "lag_seconds", above = 60, for = "2m", severity = "error" } ]
channels.log = {}
channels.webhook = { url = "https://hooks.example/T0", headers = { X-Team = "data" } }
channels.email = { smtp_host = "mail", smtp_port = 465, tls = "implicit", user = "u", password_file = "p", from = "a@b.example", to = ["c@d.example"] }
channels.telegram = { token_file = "t", chat_id = -100123 }
"#;

#[test]
fn the_documented_file_is_read() {
    let alerts = toml(FILE).config.alerts;
    let channels = &alerts.channels;
    assert!(channels.log);
    assert_eq!(exposed(channels.webhook.url.as_ref().unwrap()), "https://hooks.example/T0");
    assert_eq!(channels.webhook.headers.len(), 1);
    assert_eq!((channels.email.smtp_port, channels.email.tls), (465, MailTls::Implicit));
    assert_eq!(channels.telegram.chat_id, "-100123");
    let lag = alerts.all_rules().into_iter().find(|rule| rule.name == "lag").unwrap();
    assert_eq!(
        (lag.limit, lag.severity, lag.of_stream),
        (Limit::Above(60.0), Severity::Error, false)
    );
}

#[test]
fn what_is_empty_in_a_file_is_off() {
    let off = "[alerts]\nrules = []\nchannels.webhook = { url = \"\", headers = {} }\n\
               channels.email = { smtp_host = \"\", from = \"\", to = [] }\nchannels.telegram = { token_file = \"\", chat_id = \"\" }\n";
    assert_eq!(format!("{:?}", toml(off).config), format!("{:?}", Config::default()));
}

#[test]
fn yaml_and_variables_say_the_same() {
    let yaml = "alerts:\n  rules: [{name: late, metric: lag_seconds, above: 1.5}]\n  channels:\n    log: {}\n    webhook: {url_file: u, headers: {A: b}}\n";
    let yaml = try_load(&[("x.yaml", yaml)], &super::NOTHING).unwrap().config;
    let variables = environment(&[
        ("BINLEAF__ALERTS__RULES", "[{ name = 'late', metric = 'lag_seconds', above = 1.5 }]"),
        ("BINLEAF__ALERTS__CHANNELS__WEBHOOK__URL_FILE", "u"),
        ("BINLEAF__ALERTS__CHANNELS__WEBHOOK__HEADERS", "{ A = 'b' }"),
    ]);
    assert_eq!(format!("{yaml:?}"), format!("{:?}", variables.config));
    assert!(matches!(yaml.alerts.channels.webhook.url, Some(Secret::File(_))));
    let written = toml(&file_of(&yaml)).config;
    assert_eq!(written.alerts.rules, yaml.alerts.rules);
    let url = "https://hooks.example/hunter2";
    let secret = environment(&[("BINLEAF__ALERTS__CHANNELS__WEBHOOK__URL", url)]).config;
    assert!(!file_of(&secret).contains("hunter2") && !format!("{secret:?}").contains("hunter2"));
}

#[test]
fn channels_are_given_whole() {
    let told = toml_errors(
        "[alerts]\nrepeat = 5\nchannels.webhook.url = \"hunter2\"\nchannels.webhook.headrs = {}\n\
         channels.email = { smtp_host = \"mail\", tls = \"none\", password_file = \"p\", from = \"hunter2\" }\n\
         channels.telegram.token_file = \"t\"\nchannels.pigeon = { loft = \"x\" }\n",
    );
    for expected in [
        "alerts.repeat: a duration such as",
        "alerts.channels.webhook.url: https://host or http://host is expected",
        "alerts.channels.webhook.headrs: unknown section",
        "alerts.channels.email.from: an address such as",
        "alerts.channels.email.to: must be given where alerts.channels.email.smtp_host is",
        "alerts.channels.email.user: must be given together with alerts.channels.email.password_file",
        "alerts.channels.telegram.chat_id: must be given together with alerts.channels.telegram.token_file",
        "alerts.channels.pigeon: unknown section",
    ] {
        assert!(told.iter().any(|error| error.starts_with(expected)), "{expected}\nin {told:#?}");
    }
    assert_eq!(told.len(), 8, "{told:#?}");
    assert!(!told.join(" ").contains("hunter2"), "{told:#?}");
    let in_the_clear = "[alerts]\nchannels.email = { smtp_host = \"mail\", tls = \"none\", user = \"u\", password_file = \"p\", from = \"a@b.example\", to = [\"a@b.example\"] }\n";
    assert_eq!(toml_errors(in_the_clear).len(), 1);
    toml(&in_the_clear.replace("\"mail\"", "\"127.0.0.1\""));
    let twice = [
        ("BINLEAF__ALERTS__CHANNELS__WEBHOOK__URL", "https://a"),
        ("BINLEAF__ALERTS__CHANNELS__WEBHOOK__URL_FILE", "u"),
    ];
    assert_eq!(errors(&[], &twice).len(), 1);
}
