//! The metrics page: every name that dashboards lean on, values that move as what they count, and a bounded number of tables.

use std::collections::BTreeSet;

use crate::support::{Binleaf, Launch, Pair, Proxy, metrics, sakila};

/// Every metric, its kind and a label that its series have.
const LIST: [(&str, &str, &str); 23] = [
    ("lag_seconds", "gauge", ""),
    ("lag_transactions", "gauge", ""),
    ("events_total", "counter", "op"),
    ("rows_written_total", "counter", "table"),
    ("batch_operations", "histogram", "le"),
    ("batch_write_seconds", "histogram", "le"),
    ("commit_to_visible_seconds", "histogram", "le"),
    ("queue_bytes", "gauge", ""),
    ("snapshot_rows_total", "counter", "table"),
    ("snapshot_rows_estimated", "gauge", ""),
    ("errors_total", "counter", "class"),
    ("errors_total", "counter", "stage"),
    ("retries_total", "counter", "stage"),
    ("dead_letters_total", "counter", "table"),
    ("values_coerced_total", "counter", "table"),
    ("schema_changes_total", "counter", "table"),
    ("checkpoint_age_seconds", "gauge", ""),
    ("up", "gauge", "side"),
    ("phase", "gauge", "phase"),
    ("paused", "gauge", ""),
    ("dead_letters_open", "gauge", ""),
    ("start_time_seconds", "gauge", ""),
    ("build_info", "gauge", "version"),
];

async fn page(binleaf: &Binleaf) -> String {
    let (code, text) = binleaf.get("/metrics").await.expect("the metrics");
    assert_eq!(code, 200);
    text
}

/// Fails unless each metric of the list is there, with its HELP, its TYPE and its label.
fn assert_listed(text: &str) {
    for (name, kind, label) in LIST {
        let full = format!("binleaf_{name}");
        let series = if kind == "histogram" { format!("{full}_bucket") } else { full.clone() };
        let labelled = |labels: &str| label.is_empty() || labels.contains(&format!("{label}=\""));
        let found =
            metrics::samples(text).any(|sample| sample.name == series && labelled(sample.labels));
        assert!(found, "no {series} with a label {label:?} in:\n{text}");
        for line in [format!("# TYPE {full} {kind}\n"), format!("# HELP {full} ")] {
            assert!(text.contains(&line), "no {line:?} in:\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_name_of_the_list_is_there_before_anything_has_happened() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE quiet (id INT PRIMARY KEY)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    binleaf.until("read", |status| status["lag_transactions"].is_u64()).await;
    let text = page(&binleaf).await;
    assert_listed(&text);
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not explained");
    }
    for name in ["errors_total", "retries_total", "dead_letters_total", "values_coerced_total"] {
        assert!(metrics::sum(&text, &format!("binleaf_{name}")) < 0.5, "{name} in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_move_as_what_they_count() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let copied = page(&binleaf).await;
    let rows = f64::from(u32::try_from(sakila::ROWS).expect("few rows"));
    assert_near(metrics::sum(&copied, "binleaf_snapshot_rows_total"), rows);
    assert_near(metrics::sum(&copied, "binleaf_snapshot_rows_estimated"), rows);
    assert_near(metrics::value(&copied, "binleaf_events_total", ("op", "read")), rows);

    pair.source.run("UPDATE actor SET first_name = 'cnry'").await;
    pair.source.run("DELETE FROM actor WHERE actor_id > 190 AND actor_id NOT IN (SELECT actor_id FROM film_actor)").await;
    pair.source.run("INSERT INTO language (name) VALUES ('cnry')").await;
    binleaf.catches_up_and_is_equal(&pair).await;
    let text = page(&binleaf).await;
    let table = ("table", format!("{}.actor", pair.source.database));
    let table = (table.0, table.1.as_str());
    let grown = |name: &str, label| {
        metrics::value(&text, name, label) - metrics::value(&copied, name, label)
    };
    assert_near(grown("binleaf_events_total", ("op", "update")), 200.0);
    assert_near(grown("binleaf_events_total", ("op", "insert")), 1.0);
    assert_near(grown("binleaf_rows_written_total", table), 200.0);
    assert!(metrics::sum(&text, "binleaf_commit_to_visible_seconds_count") >= 2.0);
    assert_histogram_adds_up(&text, "binleaf_commit_to_visible_seconds");
    assert_histogram_adds_up(&text, "binleaf_batch_operations");
    assert_near(metrics::value(&text, "binleaf_phase", ("phase", "streaming")), 1.0);
    assert_near(metrics::sum(&text, "binleaf_phase"), 1.0);
    assert!(!text.contains("cnry"), "no row value is in a metric");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_counted_where_it_arose() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE days (id INT PRIMARY KEY, day DATE)").await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY)").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let to_source = Proxy::to(&pair.source.address).await;
    let launch = Launch::of(&pair).target_at(&to_target.address).source_at(&to_source.address);
    let mut binleaf = launch.run();
    binleaf.streams().await;
    pair.source.run_all(&["SET sql_mode = ''", "INSERT INTO days VALUES (1, '0000-00-00')"]).await;
    pair.source.run("ALTER TABLE notes ADD COLUMN body TEXT").await;
    pair.source.run("INSERT INTO notes VALUES (2, 'cnry')").await;
    binleaf.catches_up().await;
    let text = page(&binleaf).await;
    for (name, table) in
        [("binleaf_values_coerced_total", "days"), ("binleaf_schema_changes_total", "notes")]
    {
        let table = format!("{}.{table}", pair.source.database);
        assert_near(metrics::value(&text, name, ("table", &table)), 1.0);
    }

    to_target.close();
    pair.source.run("INSERT INTO days VALUES (3, NULL)").await;
    counts(&binleaf, "binleaf_retries_total", ("stage", "sink")).await;
    assert!(metrics::value(&page(&binleaf).await, "binleaf_up", ("side", "target")) < 0.5);
    to_target.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
    to_source.close();
    counts(&binleaf, "binleaf_retries_total", ("stage", "binlog")).await;
    let text = page(&binleaf).await;
    assert!(metrics::value(&text, "binleaf_errors_total", ("stage", "binlog")) >= 1.0, "{text}");
    assert!(metrics::value(&text, "binleaf_errors_total", ("stage", "sink")) >= 1.0, "{text}");
    to_source.fair();
    binleaf.streams().await;
}

/// Waits until a metric counts something.
async fn counts(binleaf: &Binleaf, name: &str, label: (&str, &str)) {
    for _ in 0..600 {
        if metrics::value(&page(binleaf).await, name, label) >= 1.0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{name} never counted {label:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_tables_than_two_hundred_share_the_series_of_others() {
    let pair = Pair::new().await;
    on_all(&pair, "CREATE TABLE {} (id INT PRIMARY KEY)").await;
    on_all(&pair, "INSERT INTO {} VALUES (1), (2)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    on_all(&pair, "DELETE FROM {} WHERE id = 2").await;
    binleaf.catches_up().await;
    let text = page(&binleaf).await;
    for (name, all) in [
        ("binleaf_snapshot_rows_total", 500.0),
        ("binleaf_rows_written_total", 750.0),
        ("binleaf_events_total", 750.0),
    ] {
        let tables: BTreeSet<&str> = metrics::samples(&text)
            .filter(|sample| sample.name == name)
            .filter_map(|sample| sample.labels.split("table=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!((tables.len(), tables.contains("other")), (201, true), "{name}: {tables:?}");
        assert_near(metrics::sum(&text, name), all);
        assert!(metrics::value(&text, name, ("table", "other")) >= 100.0, "{name} of others");
    }
    let told = binleaf.log().text().matches("more than 200 tables").count();
    assert_eq!(told, 1, "it is told once");
}

/// Runs a statement for each of the 250 tables.
async fn on_all(pair: &Pair, statement: &str) {
    let of = |number: u32| statement.replace("{}", &format!("t{number:03}"));
    let statements: Vec<String> = (0..250).map(of).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    pair.source.run_all(&statements).await;
}

/// Buckets hold what was below their bound, so the last one holds all.
fn assert_histogram_adds_up(text: &str, name: &str) {
    let bucket = format!("{name}_bucket");
    let buckets: Vec<f64> = metrics::samples(text)
        .filter(|sample| sample.name == bucket)
        .map(|sample| sample.value)
        .collect();
    assert!(buckets.len() > 10 && buckets.is_sorted(), "{buckets:?}");
    let all = metrics::sum(text, &format!("{name}_count"));
    assert_near(*buckets.last().expect("a bucket"), all);
    assert!(buckets[buckets.len() - 2] > 0.0, "nothing is within the bounds of {name}");
}

fn assert_near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.5, "{found} instead of {wanted}");
}
