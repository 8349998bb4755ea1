//! What binleaf itself costs: into a target that only acknowledges, beside the source's binlog read bare.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use mysql_async::{BinlogStreamRequest, prelude::Queryable};
use serde_json::{Value, json};

use crate::{
    Size,
    acknowledging::Acknowledging,
    backlog::{churn, prepare},
    fill, rate,
    support::{Binleaf, Launch, Pair, mysqlbinlog},
};

/// What a start costs that has nothing to do, or one with operations: time, and processor time of all threads.
#[derive(Debug, Clone, Copy)]
struct Cost {
    operations: u64,
    took: Duration,
    cpu_seconds: f64,
}

impl Cost {
    fn of(binleaf: &Binleaf, operations: u64, begun: Instant) -> Self {
        Self { operations, took: begun.elapsed(), cpu_seconds: cpu_seconds(binleaf.process_id()) }
    }

    /// Without what the start costs.
    fn beyond(self, start: Self) -> Self {
        let took = self.took.saturating_sub(start.took).max(Duration::from_millis(1));
        Self { took, cpu_seconds: self.cpu_seconds - start.cpu_seconds, ..self }
    }

    fn per_second(self) -> f64 {
        rate(self.operations, self.took)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn cpu_of_a_million(self) -> f64 {
        self.cpu_seconds / self.operations as f64 * 1e6
    }

    fn tell(self, what: &str) {
        let (rate, cpu) = (self.per_second(), self.cpu_of_a_million());
        println!("{what:<9} into nothing   {rate:>8.0}/s, {cpu:.2} CPU s a million");
    }

    fn json(self) -> Value {
        json!({ "per_second": self.per_second(), "cpu_seconds_a_million": self.cpu_of_a_million() })
    }
}

/// The processor time that a process has used, all threads together: Linux counts it for programs in hundredths
/// (USER_HZ, time(7)), in the fields 14 and 15, of which the name in parentheses is the second (proc_pid_stat(5)).
fn cpu_seconds(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}

/// The table copied, then a backlog of single-row transactions drained, both into nothing; and the same binlog read by a
/// bare stream and by mysqlbinlog.
pub async fn measure(pair: &Pair, size: Size) -> Value {
    fill(pair, size.rows).await;
    pair.target.handle().drop().await.expect("the target answers");
    prepare(pair).await;
    let nothing = Acknowledging::before(&pair.target.address).await;
    let launch = Launch::of(pair)
        .set("source", "tls", "{ mode = \"disabled\" }")
        .target_at(&nothing.address);
    let begun = Instant::now();
    let mut binleaf = launch.run();
    binleaf.streams().await;
    let snapshot = Cost::of(&binleaf, size.rows, begun);
    binleaf.stops().await;
    let begun = Instant::now();
    binleaf.start_again();
    binleaf.catches_up().await;
    let start = Cost::of(&binleaf, 0, begun);
    binleaf.stops().await;
    let snapshot = snapshot.beyond(start);
    snapshot.tell("snapshot");

    let place = pair.source.coordinates().await;
    churn(pair, size, 1).await;
    let begun = Instant::now();
    binleaf.start_again();
    binleaf.catches_up().await;
    let backlog = Cost::of(&binleaf, size.changes, begun).beyond(start);
    binleaf.stops().await;
    backlog.tell("backlog");

    let bare = rate(size.changes, drained(pair, &place).await);
    let theirs = rate(size.changes, written_by_mysqlbinlog(pair, &place).await);
    println!("backlog   bare stream    {bare:>8.0}/s, mysqlbinlog {theirs:.0}/s");
    println!("backlog   into nothing to bare stream: {:.2}", backlog.per_second() / bare);
    json!({ "snapshot": snapshot.json(), "backlog": backlog.json(), "bare_stream": bare, "mysqlbinlog": theirs })
}

/// S: the binlog behind a place read by the bare transport, to its end.
async fn drained(pair: &Pair, (file, offset): &(String, u64)) -> Duration {
    let mut connection = pair.source.administrator().await;
    connection.query_drop("SET @source_binlog_checksum = 'CRC32'").await.expect("a setting");
    let request = BinlogStreamRequest::new(4_000_000_001)
        .with_non_blocking()
        .with_filename(file.as_bytes())
        .with_pos(*offset);
    let begun = Instant::now();
    let mut stream = connection.get_binlog_stream(request).await.expect("a stream");
    while let Some(event) = stream.next().await {
        event.expect("an event");
    }
    begun.elapsed()
}

/// The same by the server's own program.
async fn written_by_mysqlbinlog(pair: &Pair, (file, offset): &(String, u64)) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (
        format!("--start-position={offset}"),
        format!("--result-file={}/", folder.path().display()),
    );
    let begun = Instant::now();
    mysqlbinlog::run(&pair.source, &["--raw", &from, &to, file]).await;
    begun.elapsed()
}
