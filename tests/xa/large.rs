//! More rows than memory may hold.

use super::session::{commit, launch, name, pair, prepare, roll_back};

/// Rows of a kilobyte: 50 MB in all.
const ROWS: u32 = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_one_lies_in_a_file_until_it_is_committed() {
    let pair = pair().await;
    let source = &pair.source;
    source.run("CREATE TABLE big (id INT PRIMARY KEY, body VARBINARY(1000))").await;
    let mut binleaf = launch(&pair)
        .set("limits", "queue_bytes", "\"8MB\"")
        .set("batch", "bytes", "\"2MB\"")
        .run();
    binleaf.streams().await;
    let before = binleaf.peak_memory();
    let fill = format!(
        "INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ i, CONCAT(REPEAT(CHAR(i % 200), 990), i) FROM n"
    );
    let (dropped, kept) = (name(), name());
    prepare(source, &dropped, &[&fill]).await;
    spools(&binleaf).await;
    roll_back(source, &dropped).await;
    binleaf.catches_up().await;
    assert_eq!(spooled(&binleaf), 0, "the file is gone with the transaction");
    prepare(source, &kept, &[&fill]).await;
    spools(&binleaf).await;
    source.run("INSERT INTO other VALUES (1, 'cnry')").await;
    assert_eq!(pair.target.count("big").await, 0);
    commit(source, &kept).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let grown = binleaf.peak_memory().saturating_sub(before) >> 20;
    println!("the peak of memory grew by {grown} MiB");
    assert!(grown < 48, "the peak of memory grew by {grown} MiB");
    assert_eq!(spooled(&binleaf), 0);
    binleaf.stops().await;
}

/// Waits until most of it is in a file.
async fn spools(binleaf: &crate::support::Binleaf) {
    for _ in 0..400 {
        if spooled(binleaf) > 30 << 20 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} bytes are in files", spooled(binleaf));
}

/// How many bytes are in files without a name.
fn spooled(binleaf: &crate::support::Binleaf) -> u64 {
    let folder = format!("/proc/{}/fd", binleaf.process_id());
    let entries = std::fs::read_dir(folder).expect("a process");
    let is_unnamed = |path: &std::path::PathBuf| {
        std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().ends_with("(deleted)"))
    };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_unnamed);
    files.filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
}
