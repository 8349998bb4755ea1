//! Keys of everything between source and target, and around them.

use std::{str::FromStr, time::Duration};

use super::{
    Key, put, show_choice, show_duration, show_list, show_path, show_plain, show_size, show_text,
};
use crate::{
    config::{address, sections::StreamStart},
    model::gtid::GtidPosition,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Keys outside of any section.
pub(super) const GENERAL: &[Key] = &[Key {
    path: "mode",
    meaning: "How changes are had: `stream` (from the binlog), `poll` (from timestamp columns, on a schedule), or `auto` (from the binlog, and by polling where that cannot be had, which `check` and the status explain).",
    example: "",
    read: |to, given| put(&mut to.mode, given.choice()),
    show: |of| show_choice(of.mode),
}];

/// The first copy, and the stream's start.
pub(super) const COPY_KEYS: &[Key] = &[
    Key {
        path: "snapshot.when",
        meaning: "When tables are copied in full: `initial` (those not yet copied), `never` (the stream begins at `stream.start`) or `always` (at every start).",
        example: "",
        read: |to, given| put(&mut to.snapshot.when, given.choice()),
        show: |of| show_choice(of.snapshot.when),
    },
    Key {
        path: "snapshot.existing",
        meaning: "A first copy into a collection that is not empty and not ours: `stop` (refused), `merge` (rows are added and replaced, other documents stay) or `replace` (what the source does not have is removed after the copy; before it, where a table has no key).",
        example: "",
        read: |to, given| put(&mut to.snapshot.existing, given.choice()),
        show: |of| show_choice(of.snapshot.existing),
    },
    Key {
        path: "snapshot.workers",
        meaning: "Connections that read side by side, in one big table too.",
        example: "",
        read: |to, given| put(&mut to.snapshot.workers, given.number(1, 64)),
        show: |of| show_plain(of.snapshot.workers),
    },
    Key {
        path: "snapshot.chunk_rows",
        meaning: "Rows of a range: the unit in which a copy is saved and resumed.",
        example: "",
        read: |to, given| put(&mut to.snapshot.chunk_rows, given.number(1, 10_000_000)),
        show: |of| show_plain(of.snapshot.chunk_rows),
    },
    Key {
        path: "snapshot.read_rate",
        meaning: "The most rows a second that all workers together read; 0 is unlimited.",
        example: "",
        read: |to, given| put(&mut to.snapshot.read_rate, given.number(0, 1 << 40)),
        show: |of| show_plain(of.snapshot.read_rate),
    },
    Key {
        path: "stream.start",
        meaning: "Where the stream begins: `checkpoint` (the saved position, else the snapshot's), or with `snapshot.when = \"never\"` and nothing saved `now`, a GTID set (MariaDB: \"0-1-42,1-7-3\"), or \"file:offset\".",
        example: "",
        read: |to, given| put(&mut to.stream.start, given.name().and_then(|text| start(&text))),
        show: |of| match &of.stream.start {
            StreamStart::Checkpoint => show_text("checkpoint"),
            StreamStart::Now => show_text("now"),
            StreamStart::Gtid(set) => show_text(&set.to_string()),
            StreamStart::File(file, offset) => show_text(&format!("{file}:{offset}")),
        },
    },
    Key {
        path: "stream.on_purged",
        meaning: "The source no longer has the saved position: `stop` (exit code 4) or `snapshot` (everything is copied anew).",
        example: "",
        read: |to, given| put(&mut to.stream.on_purged, given.choice()),
        show: |of| show_choice(of.stream.on_purged),
    },
];

/// Polling.
pub(super) const POLL_KEYS: &[Key] = &[
    Key {
        path: "poll.interval",
        meaning: "From the beginning of a run to that of the next one; changeable while it runs.",
        example: "",
        read: |to, given| put(&mut to.poll.interval, given.duration(Duration::from_secs(1))),
        show: |of| show_duration(of.poll.interval),
    },
    Key {
        path: "poll.overlap",
        meaning: "How far before the last moment that was read a pass begins again: as long as the longest transaction takes from its first change to its commit.",
        example: "",
        read: |to, given| put(&mut to.poll.overlap, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.poll.overlap),
    },
    Key {
        path: "poll.timestamp_columns",
        meaning: "Names of columns that tell when a row was changed, the likeliest first. Before one that tells only when a row came to be, a column that is `ON UPDATE CURRENT_TIMESTAMP` is taken, whatever its name.",
        example: "",
        read: |to, given| put(&mut to.poll.timestamp_columns, given.list()),
        show: |of| show_list(&of.poll.timestamp_columns),
    },
    Key {
        path: "poll.detect_deletes",
        meaning: "How often keys and moments of source and target are compared, so that rows that are gone go from the target, and rows that were committed later than `poll.overlap` allows for are copied; `0s` is never.",
        example: "",
        read: |to, given| put(&mut to.poll.detect_deletes, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.poll.detect_deletes),
    },
];

/// From the channel to the saved mark.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "batch.operations",
        meaning: "How many changes are written at once under load. With `batch.sizing = \"auto\"` this is where it begins.",
        example: "",
        read: |to, given| put(&mut to.batch.operations, given.number(1, 100_000)),
        show: |of| show_plain(of.batch.operations),
    },
    Key {
        path: "batch.sizing",
        meaning: "`auto`: the size that is the cheapest for the target by its answers, from an eighth of `batch.operations` to four times as many, `batch.bytes` at most; `fixed`: never more than `batch.operations`.",
        example: "",
        read: |to, given| put(&mut to.batch.sizing, given.choice()),
        show: |of| show_choice(of.batch.sizing),
    },
    Key {
        path: "batch.bytes",
        meaning: "The most bytes that are written at once.",
        example: "",
        read: |to, given| put(&mut to.batch.bytes, given.size(KIB, GIB)),
        show: |of| show_size(of.batch.bytes),
    },
    Key {
        path: "batch.delay",
        meaning: "The longest that a change waits for company. Nothing waits while nothing else comes.",
        example: "",
        read: |to, given| put(&mut to.batch.delay, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.batch.delay),
    },
    Key {
        path: "batch.lanes",
        meaning: "How many batches are written side by side, each over a connection of its own. The order of one row's changes is kept. Collections with unique indexes besides their key use one.",
        example: "",
        read: |to, given| put(&mut to.batch.lanes, given.number(1, 64)),
        show: |of| show_plain(of.batch.lanes),
    },
    Key {
        path: "limits.queue_bytes",
        meaning: "The most bytes that wait between the source and the writing.",
        example: "",
        read: |to, given| put(&mut to.limits.queue_bytes, given.size(64 * KIB, 64 * GIB)),
        show: |of| show_size(of.limits.queue_bytes),
    },
    Key {
        path: "limits.event",
        meaning: "The largest single binlog event that is accepted, as it must fit into memory; a larger one stops with its table and size.",
        example: "",
        read: |to, given| put(&mut to.limits.event, given.size(64 * KIB, GIB)),
        show: |of| show_size(of.limits.event),
    },
    Key {
        path: "limits.memory",
        meaning: "`check` warns when queue and batches could exceed this.",
        example: "",
        read: |to, given| put(&mut to.limits.memory, given.size(MIB, 1 << 50)),
        show: |of| show_size(of.limits.memory),
    },
    Key {
        path: "checkpoint.interval",
        meaning: "How often the position is saved at most. After a crash at most this much is done again, which is harmless.",
        example: "",
        read: |to, given| put(&mut to.checkpoint.interval, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.checkpoint.interval),
    },
    Key {
        path: "checkpoint.database",
        meaning: "The target's database that holds position, progress and dead letters; empty: `target.database`.",
        example: "",
        read: |to, given| put(&mut to.checkpoint.database, given.text()),
        show: |of| show_text(&of.checkpoint.database),
    },
    Key {
        path: "checkpoint.name",
        meaning: "The name of this pipeline, so that several can save into one database.",
        example: "",
        read: |to, given| put(&mut to.checkpoint.name, given.name()),
        show: |of| show_text(&of.checkpoint.name),
    },
    Key {
        path: "retry.initial",
        meaning: "The wait before the second try after an error that passes by itself; it doubles from try to try.",
        example: "",
        read: |to, given| put(&mut to.retry.initial, given.duration(Duration::from_millis(1))),
        show: |of| show_duration(of.retry.initial),
    },
    Key {
        path: "retry.max",
        meaning: "The longest wait between two tries.",
        example: "",
        read: |to, given| put(&mut to.retry.max, given.duration(Duration::from_millis(1))),
        show: |of| show_duration(of.retry.max),
    },
    Key {
        path: "retry.attempts",
        meaning: "How often it is tried again before binleaf stops; 0 is for ever.",
        example: "",
        read: |to, given| put(&mut to.retry.attempts, given.number(0, u32::MAX)),
        show: |of| show_plain(of.retry.attempts),
    },
    Key {
        path: "errors.record",
        meaning: "A change that can never be written: `dead-letter` (kept with its reason), `stop`, or `skip` (counted only).",
        example: "",
        read: |to, given| put(&mut to.errors.record, given.choice()),
        show: |of| show_choice(of.errors.record),
    },
];

/// Watching and stopping it.
pub(super) const OPERATION_KEYS: &[Key] = &[
    Key {
        path: "http.listen",
        meaning: "Address and port of health, status and metrics; empty switches them off.",
        example: "",
        read: |to, given| put(&mut to.http.listen, given.text().and_then(address::listen)),
        show: |of| show_text(&of.http.listen),
    },
    Key {
        path: "http.token_file",
        meaning: "A file that holds the tokens of which callers must show one, a line each, with a name in front for the audit or none (`alice: …`); needed when `listen` is not a loopback address.",
        example: r#""/run/secrets/binleaf-token""#,
        read: |to, given| put(&mut to.http.token_file, given.path()),
        show: |of| show_path(of.http.token_file.as_ref()),
    },
    Key {
        path: "http.tls.cert_file",
        meaning: "The certificate's chain, as PEM, for HTTPS; together with `key_file`. A renewed one is taken within a minute.",
        example: r#""/etc/binleaf/http-cert.pem""#,
        read: |to, given| put(&mut to.http.cert_file, given.path()),
        show: |of| show_path(of.http.cert_file.as_ref()),
    },
    Key {
        path: "http.tls.key_file",
        meaning: "The certificate's key, as PEM; together with `cert_file`.",
        example: r#""/etc/binleaf/http-key.pem""#,
        read: |to, given| put(&mut to.http.key_file, given.path()),
        show: |of| show_path(of.http.key_file.as_ref()),
    },
    Key {
        path: "shutdown.grace",
        meaning: "The longest that a stop takes to write what was read and to save the position.",
        example: "",
        read: |to, given| put(&mut to.shutdown.grace, given.duration(Duration::ZERO)),
        show: |of| show_duration(of.shutdown.grace),
    },
    Key {
        path: "log.level",
        meaning: "`error`, `warn`, `info`, `debug` or `trace`, or by component: \"info,binleaf::sink=debug\".",
        example: "",
        read: |to, given| put(&mut to.log.level, given.name().and_then(log_level)),
        show: |of| show_text(&of.log.level),
    },
    Key {
        path: "log.format",
        meaning: "`json` (one object a line), `pretty`, or `auto` (pretty on a terminal, JSON elsewhere).",
        example: "",
        read: |to, given| put(&mut to.log.format, given.choice()),
        show: |of| show_choice(of.log.format),
    },
    Key {
        path: "log.file",
        meaning: "A file that the lines are written to as well: one a day with the date in its name, and this name a link to today's.",
        example: r#""/var/log/binleaf/binleaf.log""#,
        read: |to, given| put(&mut to.log.file, given.path()),
        show: |of| show_path(of.log.file.as_ref()),
    },
    Key {
        path: "log.keep",
        meaning: "How many days' log files are kept; 0 keeps all.",
        example: "",
        read: |to, given| put(&mut to.log.keep, given.number(0, 36_500)),
        show: |of| show_plain(of.log.keep),
    },
];

fn start(text: &str) -> Result<StreamStart, String> {
    match text.trim() {
        "checkpoint" => return Ok(StreamStart::Checkpoint),
        "now" => return Ok(StreamStart::Now),
        _ => {}
    }
    let set = GtidPosition::from_str(text);
    if let Ok(set) = &set
        && !set.is_empty()
    {
        return Ok(StreamStart::Gtid(set.clone()));
    }
    file_and_offset(text).ok_or_else(|| match set {
        // Whoever wrote two colons or a comma meant a set.
        Err(error) if text.contains(',') || text.matches([':', '-']).count() > 2 => {
            format!("this GTID set cannot be read: {error}")
        }
        _ => "checkpoint, now, a GTID set or \"file:offset\" (\"binlog.000004:157\") is expected"
            .to_owned(),
    })
}

fn file_and_offset(text: &str) -> Option<StreamStart> {
    let (file, offset) = text.trim().rsplit_once(':')?;
    let (_, digits) = file.rsplit_once('.')?;
    let numbered = !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit());
    let fits = numbered && !file.contains([':', '/', ' ']);
    // The first event of a binlog file stands behind its four magic bytes.
    offset
        .parse()
        .ok()
        .filter(|offset| fits && *offset >= 4)
        .map(|offset| StreamStart::File(file.to_owned(), offset))
}

fn log_level(text: String) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let known = |part: &str| {
        let level = part.rsplit('=').next().unwrap_or(part).trim().to_ascii_lowercase();
        LEVELS.contains(&level.as_str())
    };
    if text.split(',').all(known) {
        return Ok(text);
    }
    Err("error, warn, info, debug or trace is expected, or \"component=level\" between commas"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_starts_where_it_is_told() {
        let file = |name: &str, offset| Ok(StreamStart::File(name.to_owned(), offset));
        let set = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:8";
        assert_eq!(start("checkpoint"), Ok(StreamStart::Checkpoint));
        assert_eq!(start("now"), Ok(StreamStart::Now));
        assert_eq!(start("binlog.000004:157"), file("binlog.000004", 157));
        assert_eq!(start("mysql-bin.000123:4"), file("mysql-bin.000123", 4));
        assert_eq!(start(set), Ok(StreamStart::Gtid(set.parse().unwrap())));
        assert_eq!(start("0-1-42,1-7-3"), Ok(StreamStart::Gtid("0-1-42,1-7-3".parse().unwrap())));
        for wrong in ["later", "binlog.000004", "binlog.000004:3", "binlog:99", "3e11fa47:1-x"] {
            assert!(start(wrong).is_err(), "{wrong}");
        }
        assert!(
            start("3e11fa47-71ca-11e1-9e33-c80aa9429562:five").unwrap_err().contains("GTID set")
        );
    }

    #[test]
    fn log_levels_may_be_by_component() {
        for level in ["info", "WARN", "info,binleaf::sink=debug", "mongodb=off"] {
            assert!(log_level(level.to_owned()).is_ok(), "{level}");
        }
        for level in ["verbose", "info,binleaf", "binleaf=", ""] {
            assert!(log_level(level.to_owned()).is_err(), "{level}");
        }
    }
}
