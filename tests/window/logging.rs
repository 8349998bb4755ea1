//! How much is logged, and where.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::support::{Launch, Pair, quoted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_are_changed_while_it_runs() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    let (_, now) = binleaf.call("GET", "/api/sync/log-level").await;
    assert_eq!((&now["level"], &now["components"]), (&json!("info"), &json!({})), "{now:#}");
    let has_debug = |binleaf: &crate::support::Binleaf| {
        binleaf.log().lines().iter().any(|line| line["level"] == "debug")
    };
    assert!(!has_debug(&binleaf));
    let (code, set) = binleaf.call("PUT", "/api/sync/log-level?level=debug&component=source").await;
    assert_eq!((code, &set["components"]), (200, &json!({ "source": "debug" })));
    let (_, set) = binleaf.call_with("PUT", "/sync/log-level", r#"{"level": "trace"}"#).await;
    assert_eq!((&set["level"], &set["components"]["source"]), (&json!("trace"), &json!("debug")));
    for number in 0.. {
        pair.source.run(format!("INSERT INTO t VALUES ({number})")).await;
        let lines = binleaf.log().lines();
        if lines.iter().any(|line| line["level"] == "trace" || line["level"] == "debug") {
            break;
        }
        assert!(number < 500, "nothing more is logged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, back) = binleaf.call_with("PUT", "/api/sync/log-level", "{}").await;
    assert_eq!((&back["level"], &back["components"]), (&json!("info"), &json!({})));
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_written_into_a_file_a_day() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair);
    let folder = launch.folder.path().join("logs");
    let file = folder.join("binleaf.log");
    let launch = launch.set("log", "file", &quoted(&file.to_string_lossy()));
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.stops().await;
    let text = fs::read_to_string(&file).expect("the log file");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert!(
        lines.iter().all(|line| line["timestamp"].is_string() && line["component"].is_string())
    );
    assert_eq!(lines.last().expect("a line")["operation"], "stopped", "the last line is there");
    let names: Vec<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let is_dated = |name: &&String| name.starts_with("binleaf.log.20");
    assert_eq!(names.iter().filter(is_dated).count(), 1, "{names:?}");

    let nowhere = launch.set("log", "file", "\"/proc/nowhere/binleaf.log\"");
    nowhere.command(&["run"]).await.assert_said(2, &["log.file", "/proc/nowhere"]);
}
