//! The manual pages.

use crate::support::launch::bare_program;

#[tokio::test]
async fn there_is_a_page_for_the_program_and_for_each_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let output = bare_program().arg("man").arg(&pages).output().await.expect("binleaf");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, words) in [
        ("binleaf.1", ["SYNOPSIS", "SUBCOMMANDS", "Exit codes"]),
        ("binleaf-snapshot.1", ["SYNOPSIS", "restart", "tables"]),
        ("binleaf-checkpoint-set.1", ["SYNOPSIS", "gtid", "Do not ask"]),
    ] {
        let page = std::fs::read_to_string(pages.join(name)).expect(name);
        assert!(page.contains(".TH "), "{name} is no manual page:\n{page}");
        for word in words {
            assert!(page.contains(word), "no {word} in {name}:\n{page}");
        }
    }
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").expect("a file");
    let output = bare_program().arg("man").arg(&blocked).output().await.expect("binleaf");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&blocked.display().to_string()), "{told}");
}
