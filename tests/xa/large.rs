//! More rows than memory may hold.

use super::session::{commit, launch, name, pair, prepare, roll_back};

/// Rows of a kilobyte: 50 MB in all.
const ROWS: u32 = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_one_lies_in_a_file_until_it_is_committed() {
    let pair = pair().await;
    let source = &pair.source;
    source.run("CREATE TABLE big (id INT PRIMARY KEY, body VARBINARY(1000))").await;
    source.run("CREATE TABLE plain LIKE big").await;
    let mut binleaf = launch(&pair)
        .set("limits", "queue_bytes", "\"8MB\"")
        .set("batch", "bytes", "\"2MB\"")
        .run();
    binleaf.streams().await;
    // What as many rows take that need not be held.
    source.run(fill("plain", ROWS)).await;
    binleaf.catches_up().await;
    let before = binleaf.peak_memory();
    let fill = fill("big", ROWS);
    let (dropped, kept) = (name(), name());
    prepare(source, &dropped, &[&fill]).await;
    spools(&binleaf).await;
    roll_back(source, &dropped).await;
    binleaf.catches_up().await;
    assert_eq!(spooled(&binleaf), 0, "the file is gone with the transaction");
    prepare(source, &kept, &[&fill]).await;
    spools(&binleaf).await;
    source.run("INSERT INTO other VALUES (101, 'cnry')").await;
    assert_eq!(pair.target.count("big").await, 0);
    commit(source, &kept).await;
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.target.count("big").await, u64::from(ROWS));
    let grown = binleaf.peak_memory().saturating_sub(before) >> 20;
    println!("the peak of memory grew by {grown} MiB");
    assert!(grown < 24, "the peak of memory grew by {grown} MiB, where 16 may be held");
    assert_eq!(spooled(&binleaf), 0);
    binleaf.stops().await;
}

/// The rows of a commit come in many batches; whatever of them is there, the position is before all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_amid_the_rows_of_a_commit() {
    let pair = pair().await;
    let source = &pair.source;
    source.run("CREATE TABLE big (id INT PRIMARY KEY, body VARBINARY(1000))").await;
    let mut binleaf = launch(&pair).set("batch", "operations", "100").run();
    binleaf.streams().await;
    let xid = name();
    prepare(source, &xid, &[&fill("big", ROWS)]).await;
    spools(&binleaf).await;
    commit(source, &xid).await;
    for most in [1_000, 8_000] {
        while pair.target.count("big").await < most {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        binleaf.pull_the_plug_and_start().await;
        let there = pair.target.count("big").await;
        assert!(there < u64::from(ROWS), "{there} rows are there: it was killed too late");
    }
    binleaf.catches_up_and_is_equal(&pair).await;
    assert_eq!(pair.target.count("big").await, u64::from(ROWS));
    binleaf.assert_no_new_snapshot().await;
    binleaf.stops().await;
}

/// Adds so many rows of a kilobyte.
fn fill(table: &str, rows: u32) -> String {
    format!(
        "INSERT INTO {table} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ i, CONCAT(REPEAT(CHAR(i % 200), 990), i) FROM n"
    )
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
