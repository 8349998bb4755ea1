//! Alerts: raised, cleared and told, by channels that may fail.

mod channels;
mod command;
mod discretion;
mod hanging;
mod mail;
mod mailing;
mod raising;
mod receiver;
mod runs;

use crate::support::{Launch, Pair, launch::quoted};
use receiver::Receiver;

/// A rule that is always past its limit: it is raised by the first look.
const ALWAYS: &str = r#"{ name = "always", metric = "paused", below = 1 }"#;

/// A launch that tells a receiver's webhook.
fn told_by_webhook(pair: &Pair, receiver: &Receiver) -> Launch {
    webhook(Launch::of(pair), receiver)
}

fn webhook(launch: Launch, receiver: &Receiver) -> Launch {
    launch.set("alerts", "channels.webhook.url", &quoted(&format!("{}/hook", receiver.url)))
}

/// These rules, each as TOML writes it.
fn rules(launch: Launch, rules: &[&str]) -> Launch {
    launch.set("alerts", "rules", &format!("[{}]", rules.join(", ")))
}

/// A file of the launch with a secret in it, as TOML writes its path.
fn file(launch: &Launch, name: &str, text: &str) -> String {
    let path = launch.folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    quoted(&path.display().to_string())
}

/// A table with a row.
async fn filled() -> Pair {
    let pair = Pair::new().await;
    pair.source
        .run_all(&["CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)"])
        .await;
    pair
}
