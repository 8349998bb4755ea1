//! Who holds a pipeline: one process at a time, told apart by host, process and start time.
//!
//! A new instance takes over when the old one is gone: it has cleared its name, or its process is known to be dead, or
//! it has not been heard of for [`STALE`]. Whatever an old instance still wants to save then fails, since every save
//! asks for the epoch that it was acquired under.

use std::{fmt, fs, time::Duration};

use bson::{Bson, DateTime, Document, doc};

/// An owner that was not heard of for so long is gone.
pub const STALE: Duration = Duration::from_secs(30);

/// How often an owner has to be heard of.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A process, as others can recognise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// The machine's boot and the process id namespace: only where these are ours do process ids mean the same.
    pub machine: String,
    /// When the process started, in clock ticks since the boot; empty where the system does not tell, of others too.
    pub started: String,
    /// A name that no other run ever had.
    pub instance: String,
    /// When it was last heard of, by the target's clock.
    pub heartbeat_at: Option<DateTime>,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn ourselves(instance: &str) -> Self {
        let pid = std::process::id();
        Self {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid,
            machine: machine(),
            started: start_of(pid).filter(|_| sees_others()).unwrap_or_default(),
            instance: instance.to_owned(),
            heartbeat_at: None,
        }
    }

    /// The fields to set in the checkpoint document, all but the heartbeat.
    pub(super) fn fields(&self) -> Document {
        doc! {
            "owner.host": &self.host,
            "owner.pid": i64::from(self.pid),
            "owner.machine": &self.machine,
            "owner.started": &self.started,
            "owner.instance": &self.instance,
        }
    }

    /// The owner that a checkpoint document names.
    pub(super) fn read(document: &Document) -> Option<Self> {
        let owner = document.get_document("owner").ok()?;
        let text = |name| owner.get_str(name).unwrap_or_default().to_owned();
        let pid = owner.get("pid").and_then(crate::sink::number);
        Some(Self {
            host: text("host"),
            pid: pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            machine: text("machine"),
            started: text("started"),
            instance: text("instance"),
            heartbeat_at: owner.get("heartbeat_at").and_then(Bson::as_datetime).copied(),
        })
    }

    /// Whether it is gone, seen from `us` at `now` by the target's clock.
    pub(super) fn is_gone(
        &self,
        us: &Self,
        now: DateTime,
        start_of: impl Fn(u32) -> Option<String>,
    ) -> bool {
        if self.instance == us.instance {
            return true;
        }
        let same_machine = self.host == us.host && self.machine == us.machine;
        let both_tell = !self.started.is_empty() && !us.started.is_empty();
        if same_machine && both_tell && start_of(self.pid).as_ref() != Some(&self.started) {
            return true;
        }
        let silent =
            self.heartbeat_at.map(|heard| now.timestamp_millis() - heard.timestamp_millis());
        silent.is_none_or(|millis| {
            u128::try_from(millis).is_ok_and(|millis| millis >= STALE.as_millis())
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, pid {}", self.host, self.pid)
    }
}

/// Boot and process id namespace (Linux); empty elsewhere.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

/// Whether processes of other users can be seen (`hidepid` of proc(5) hides them): the first one is always there.
fn sees_others() -> bool {
    fs::read("/proc/1/stat").is_ok()
}

/// When a process started; `None` where there is none, or only its remains.
pub(super) fn start_of(pid: u32) -> Option<String> {
    parse_start(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of `/proc/PID/stat` (proc(5)), counted behind the name in brackets, which may hold anything.
fn parse_start(stat: &str) -> Option<String> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(instance: &str, heard_millis: i64) -> Owner {
        Owner {
            host: "h".into(),
            pid: 7,
            machine: "boot ns".into(),
            started: "100".into(),
            instance: instance.into(),
            heartbeat_at: Some(DateTime::from_millis(heard_millis)),
        }
    }

    fn is_gone(owner: &Owner, us: &Owner, running: Option<&str>) -> bool {
        owner.is_gone(us, DateTime::from_millis(100_000), |_| running.map(str::to_owned))
    }

    #[test]
    fn a_dead_process_of_this_machine_is_gone_at_once() {
        let (old, us) = (owner("old", 99_999), owner("us", 0));
        assert!(is_gone(&old, &us, None));
        assert!(is_gone(&old, &us, Some("200")), "its id belongs to another process now");
        assert!(!is_gone(&old, &us, Some("100")));
    }

    #[test]
    fn elsewhere_only_silence_tells() {
        let us = owner("us", 0);
        let elsewhere = Owner { machine: "other boot".into(), ..owner("old", 71_000) };
        assert!(!is_gone(&elsewhere, &us, None));
        let silent = Owner { machine: "other boot".into(), ..owner("old", 70_000) };
        assert!(is_gone(&silent, &us, None));
        let blind = Owner { started: String::new(), ..owner("us", 0) };
        assert!(!is_gone(&owner("old", 71_000), &blind, None), "it may only be hidden");
        let was_blind = Owner { started: String::new(), ..owner("old", 71_000) };
        assert!(!is_gone(&was_blind, &owner("us", 0), Some("100")), "it did not say who it was");
        let ahead = Owner { machine: "other boot".into(), ..owner("old", 170_000) };
        assert!(!is_gone(&ahead, &us, None));
    }

    #[test]
    fn a_process_is_found_by_its_start() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
        assert_eq!(parse_start(stat).as_deref(), Some("4711"));
        let zombie = stat.replace(") S", ") Z");
        assert_eq!(parse_start(&zombie), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        let owner = Owner { heartbeat_at: None, ..owner("x", 0) };
        let mut inner = Document::new();
        for (name, value) in owner.fields() {
            inner.insert(name.trim_start_matches("owner."), value);
        }
        assert_eq!(Owner::read(&doc! { "owner": inner }), Some(owner));
    }
}
