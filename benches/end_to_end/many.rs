//! Ten thousand tables: what a start takes beyond the server's own time for its catalogue, and the memory of the worst of it.
//! Into a target that only acknowledges.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    acknowledging,
    plan::Width,
    process::reaches,
    support::{Binleaf, Pair},
    table::{self, launch},
};

const FULL: u32 = 10_000;
const SHORT: u32 = 200;

/// Rows of each table.
const ROWS: u32 = 3;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub tables: u32,
    /// From the start of the process until all tables are copied and the stream is followed.
    pub copy_seconds: f64,
    /// The same where everything was copied before.
    pub start_seconds: f64,
    /// What the server spent on all questions of that start, by its own account.
    pub server_seconds: f64,
    /// From the first commit until changes of every table are written.
    pub changes_seconds: f64,
    pub peak_memory_bytes: u64,
}

impl Measured {
    /// A start without what the server takes.
    pub fn beyond_server(&self) -> f64 {
        (self.start_seconds - self.server_seconds).max(0.0)
    }
}

/// Copies, starts again, and follows a change of every table.
pub async fn measure(short: bool) -> Measured {
    let tables = if short { SHORT } else { FULL };
    let pair = table::new(Width::Narrow).await;
    fill(&pair, tables).await;
    let nothing = acknowledging::before(&pair.target.address).await;
    let launch = launch(&pair).target_at(&nothing.address);
    let begun = Instant::now();
    let mut binleaf = launch.run().patient(Duration::from_secs(300));
    binleaf.streams().await;
    let copy_seconds = begun.elapsed().as_secs_f64();
    let copy_peak = binleaf.peak_memory();
    binleaf.stops().await;
    let executed = pair.source.executed().await;
    forget_accounts(&pair).await;
    let begun = Instant::now();
    binleaf.start_again();
    reaches(&binleaf, &executed).await;
    let start_seconds = begun.elapsed().as_secs_f64();
    let server_seconds = server_seconds(&pair).await;
    let changes_seconds = change_all(&pair, &binleaf).await;
    let peak_memory_bytes = copy_peak.max(binleaf.peak_memory());
    binleaf.stops().await;
    pair.source.run_all(&["SET sql_log_bin = 0", "DROP PROCEDURE each_table"]).await;
    Measured {
        tables,
        copy_seconds,
        start_seconds,
        server_seconds,
        changes_seconds,
        peak_memory_bytes,
    }
}

/// Tables of six columns with a few rows each.
async fn fill(pair: &Pair, tables: u32) {
    let procedure = format!(
        "CREATE PROCEDURE each_table(statement TEXT)
         BEGIN
           DECLARE number INT DEFAULT 0;
           WHILE number < {tables} DO
             SET @statement = REPLACE(statement, '%', number);
             PREPARE it FROM @statement;
             EXECUTE it;
             DEALLOCATE PREPARE it;
             SET number = number + 1;
           END WHILE;
         END"
    );
    let values = (1..=ROWS).map(|row| format!("({row}, 1, ''a'', 1.5, NOW(), NULL)"));
    let values = values.collect::<Vec<_>>().join(", ");
    pair.source
        .run_all(&[
            "SET sql_log_bin = 0",
            &procedure,
            "CALL each_table('CREATE TABLE many_% (id BIGINT PRIMARY KEY, customer INT, label VARCHAR(40), price DECIMAL(10,2), placed DATETIME, note TEXT)')",
            &format!("CALL each_table('INSERT INTO many_% VALUES {values}')"),
        ])
        .await;
}

/// Changes a row of every table; the seconds until all of it is written.
async fn change_all(pair: &Pair, binleaf: &Binleaf) -> f64 {
    let begun = Instant::now();
    pair.source
        .run("CALL each_table('UPDATE many_% SET customer = customer + 1 WHERE id = 1')")
        .await;
    let executed = pair.source.executed().await;
    reaches(binleaf, &executed).await;
    begun.elapsed().as_secs_f64()
}

/// Lets the server begin its account anew.
async fn forget_accounts(pair: &Pair) {
    let table = "performance_schema.events_statements_summary_by_account_by_event_name";
    pair.source.run(format!("TRUNCATE TABLE {table}")).await;
}

/// What the server spent on questions of binleaf's account since then.
async fn server_seconds(pair: &Pair) -> f64 {
    let query = format!(
        "SELECT COALESCE(SUM(SUM_TIMER_WAIT), 0) / 1e12 FROM performance_schema.events_statements_summary_by_account_by_event_name
         WHERE USER = '{}' AND EVENT_NAME IN ('statement/sql/select', 'statement/com/Execute', 'statement/com/Prepare')",
        pair.source.user
    );
    pair.source.value(query).await.parse().expect("seconds")
}
