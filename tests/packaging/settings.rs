//! Settings that are shipped inside of other files: they are read without an error.

use crate::support::launch::bare_program;

fn read(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails unless `check` finds fault with the servers and not with the settings.
async fn assert_readable(settings: &str, environment: &[(String, String)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("binleaf.toml");
    std::fs::write(&file, settings).expect("a file");
    let nobody = [("BINLEAF__SOURCE__HOST", "127.0.0.1"), ("BINLEAF__SOURCE__PORT", "1")];
    let output = bare_program()
        .arg("--config")
        .arg(&file)
        .args(["check", "--json"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .envs(nobody)
        .output()
        .await
        .expect("binleaf");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{settings}\n{environment:?}\n{told}");
}

#[tokio::test]
async fn those_of_the_kubernetes_manifest() {
    let manifest = read("dist/kubernetes/binleaf.yaml");
    let (_, behind) = manifest.split_once("binleaf.toml: |\n").expect("the settings");
    let indented = behind.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let settings: Vec<&str> = indented.map(str::trim).collect();
    let settings = settings.join("\n");
    assert!(settings.contains("uri_file"), "{settings}");
    assert_readable(&settings, &[]).await;
}

#[tokio::test]
async fn those_of_the_units_and_of_the_compose_file() {
    let unit = read("dist/systemd/binleaf.service");
    let assignment = |line: &str| {
        let (name, value) = line.strip_prefix("Environment=")?.split_once('=')?;
        Some((name.to_owned(), value.replace("%d", "/run/credentials")))
    };
    let environment: Vec<_> = unit.lines().filter_map(assignment).collect();
    assert_eq!(environment.len(), 2, "{unit}");
    assert_readable("[source]\ndatabase = \"shop\"\n", &environment).await;

    let compose = read("docker/compose.yaml");
    let variable = |line: &str| {
        let (name, value) = line.trim().split_once(": ")?;
        name.starts_with("BINLEAF__").then(|| (name.to_owned(), value.to_owned()))
    };
    let mut environment: Vec<_> = compose.lines().filter_map(variable).collect();
    assert!(environment.len() > 6, "{compose}");
    for (_, value) in &mut environment {
        *value = value.replace("mongodb:27017/?", "127.0.0.1:1/?serverSelectionTimeoutMS=500&");
    }
    assert_readable("", &environment).await;
}
