//! What the source itself says of who read what from it.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;

use super::databases::Source;

/// Rows that the server has sent as answers to questions about a table, over all connections there ever were. It counts by
/// statement, and only so many of them: on a server that all tests share none may be left.
pub async fn rows_sent(source: &Source, table: &str) -> u64 {
    source
        .number(format!(
            "SELECT COALESCE(SUM(SUM_ROWS_SENT), 0) FROM performance_schema.events_statements_summary_by_digest
             WHERE DIGEST_TEXT LIKE 'SELECT %`{}` . `{table}`%'",
            source.database
        ))
        .await
}

/// Rows sent so far to each standing connection of binleaf.
pub async fn rows_sent_by_connection(source: &Source) -> BTreeMap<u64, u64> {
    let mut conn = source.administrator().await;
    let rows: Vec<(u64, u64)> = conn
        .query(format!(
            "SELECT THREAD_ID, CAST(SUM(SUM_ROWS_SENT) AS UNSIGNED)
             FROM performance_schema.events_statements_summary_by_thread_by_event_name
             JOIN performance_schema.threads USING (THREAD_ID)
             WHERE PROCESSLIST_USER = '{}' GROUP BY THREAD_ID",
            source.user
        ))
        .await
        .expect("the performance schema");
    conn.disconnect().await.expect("a clean end");
    rows.into_iter().collect()
}
