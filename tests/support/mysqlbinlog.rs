//! The server's own program that reads its binlog.

use std::path::PathBuf;

use tokio::process::Command;

use super::databases::Source;

/// Runs it against a source; what it prints.
pub async fn run(source: &Source, arguments: &[&str]) -> Vec<u8> {
    // The programs of a server that `dev/servers` did not install are on the path.
    let path = PathBuf::from(std::env::var_os("TEST_MYSQL_BIN").unwrap_or_default());
    let path = path.join("mysqlbinlog");
    let address = &source.address;
    let output = Command::new(&path)
        .args(["--read-from-remote-server", "--user=root", "--ssl-mode=PREFERRED"])
        .args([format!("--host={}", address.host), format!("--port={}", address.port)])
        .args(arguments)
        .env("MYSQL_PWD", &address.password)
        .output()
        .await
        .unwrap_or_else(|error| {
            panic!("mysqlbinlog comes with the server's client programs: {error}")
        });
    assert!(output.status.success(), "mysqlbinlog: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
