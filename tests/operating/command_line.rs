//! What a user types: help, a first config, completions, and the codes that scripts go by.

use std::process::Output;

use crate::support::{Launch, Pair, launch::bare_program, sakila};

async fn binleaf(arguments: &[&str]) -> Output {
    bare_program().args(arguments).output().await.expect("binleaf can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn help_names_every_command() {
    let output = binleaf(&["--help"]).await;
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for command in
        ["run", "check", "snapshot", "status", "tables", "checkpoint", "init", "completions"]
    {
        assert!(help.contains(command), "no {command} in:\n{help}");
    }
}

#[tokio::test]
async fn a_mistaken_command_or_flag_is_code_2() {
    for arguments in [
        ["no-such-command"].as_slice(),
        &["--no-such-flag"],
        &["checkpoint", "set", "--gtid", "nonsense", "--yes"],
        &["completions", "no-such-shell"],
    ] {
        let output = binleaf(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn mistakes_in_the_settings_are_told_at_once_with_the_nearest_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("binleaf.toml");
    let mistaken =
        "[source]\nhots = \"x\"\nport = 99999999\n[batch]\ndelay = \"soon\"\n[nonsense]\n";
    std::fs::write(&file, mistaken).expect("a file");
    let output = binleaf(&["--config", file.to_str().expect("a path"), "check"]).await;
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for word in ["hots", "host", "port", "delay", "nonsense", "binleaf.toml"] {
        assert!(told.contains(word), "no {word:?} in:\n{told}");
    }
}

#[tokio::test]
async fn a_missing_settings_file_is_code_2() {
    let output = binleaf(&["--config", "/no/such/file.toml", "check"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("/no/such/file.toml"));
}

/// What `init` prints is a config that is read without complaint; what is wrong then is only that nobody listens.
#[tokio::test]
async fn a_first_config_can_be_used_as_it_is() {
    let output = binleaf(&["init"]).await;
    assert_eq!(output.status.code(), Some(0));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("binleaf.toml");
    let nobody = text(&output.stdout).replace("3306", "1").replace("27017", "1");
    std::fs::write(&file, nobody).expect("a file");
    let checked = binleaf(&["--config", file.to_str().expect("a path"), "check", "--json"]).await;
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked.stderr));
}

#[tokio::test]
async fn completions_are_made_for_the_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let output = binleaf(&["completions", shell]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("checkpoint"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_are_listed() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let listed = Launch::of(&pair).command(&["tables", "--json"]).await;
    assert_eq!(listed.code, Some(0), "{}", listed.said());
    let json = listed.json();
    let tables = json.as_array().or_else(|| json["tables"].as_array()).expect("a list");
    assert_eq!(tables.len(), sakila::TABLES, "{json:#}");
    let shown = Launch::of(&pair).command(&["tables"]).await;
    for word in ["film_actor", "actor_id", "last_update"] {
        assert!(shown.output.contains(word), "no {word} in:\n{}", shown.output);
    }
    assert!(!shown.output.contains("customer_list"), "views are no tables");
}

/// The settings of an environment alone, by the plain names that people have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_alone_is_enough() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let source = &pair.source;
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [
        ("MYSQL_HOST", source.address.host.clone()),
        ("MYSQL_PORT", source.address.port.to_string()),
        ("MYSQL_USER", source.user.clone()),
        ("MYSQL_PASSWORD", source.password.clone()),
        ("MYSQL_DATABASE", source.database.clone()),
        ("MONGODB_URL", pair.target.address.mongodb_uri()),
        ("MONGODB_DATABASE", pair.target.database.clone()),
        ("BINLEAF__HTTP__LISTEN", String::new()),
    ];
    let output = bare_program()
        .envs(environment)
        .current_dir(folder.path())
        .args(["snapshot"])
        .output()
        .await
        .expect("binleaf can be started");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    pair.assert_equal().await;
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!said.contains(&source.password));
}
