//! The sample database by polling alone, with a user that may do nothing but SELECT.

use super::{counts, kind, launch, leave_select_alone, poll_once};
use crate::support::{Pair, Writer, sakila, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sakila_of_mysql_by_select_alone() {
    by_select_alone(Pair::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sakila_of_mariadb_by_select_alone() {
    let pair = Pair::on(servers::mariadb(), servers::mongodb()).await;
    by_select_alone(pair).await;
}

async fn by_select_alone(pair: Pair) {
    sakila::load(&pair.source).await;
    leave_select_alone(&pair).await;
    let launch = launch(&pair);
    let result = poll_once(&launch).await;
    assert_eq!(counts(&result), [sakila::ROWS, 0, 0, 0]);
    assert_eq!(result["tables"].as_object().expect("tables").len(), sakila::TABLES);
    pair.assert_equal().await;

    Writer::over(&pair.source).await.changes(5_000).await;
    let result = poll_once(&launch).await;
    pair.assert_equal().await;
    assert_eq!(kind(&result, "rental"), "incremental");
    assert_eq!(kind(&result, "film_text"), "full", "it has no column that tells changes");
    let [created, updated, deleted, _] = counts(&result);
    assert!(created > 50 && updated > 50 && deleted > 50, "{result:#}");

    let [created, updated, deleted, _] = counts(&poll_once(&launch).await);
    assert_eq!([created, updated, deleted], [0, 0, 0], "nothing has changed since");
    assert_saved(&pair).await;
}

/// The records that are kept of tables.
async fn assert_saved(pair: &Pair) {
    let filter = bson::doc! { "table_name": "rental" };
    let record = pair.target.find("_sync_metadata", filter).await.pop().expect("a record");
    assert_eq!(record.get_str("sync_type").expect("a text"), "incremental");
    assert_eq!(record.get_str("status").expect("a text"), "success");
    let synced = record.get_i64("records_synced").expect("a number");
    assert!(synced > 16_000, "{record}");
    for field in ["duration_seconds", "last_sync_time", "timestamp"] {
        assert!(record.get(field).is_some(), "{field} in {record}");
    }
}
