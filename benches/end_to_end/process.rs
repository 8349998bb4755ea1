//! What a running binleaf has used, and when it has caught up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{Binleaf, binleaf::peak_memory};

/// How often a running binleaf is asked how far it is: what is measured is this much too long at most.
const POLL: Duration = Duration::from_millis(15);
/// How long it is waited for.
const DEADLINE: Duration = Duration::from_secs(300);

/// The processor time in seconds that a process has used, all threads together: Linux counts it for programs in
/// hundredths (USER_HZ, time(7)), in the fields 14 and 15, of which the name in parentheses is the second
/// (proc_pid_stat(5)).
pub fn cpu_seconds(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}

/// How many files, sockets among them, a process has open.
pub fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).expect("a process").count()
}

/// Watches the memory of a process that ends by itself.
#[derive(Debug)]
pub struct Watched(Arc<AtomicU64>);

impl Watched {
    pub fn from_now_on(process: u32) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let noted = Arc::clone(&peak);
        tokio::spawn(async move {
            while let Some(memory) = peak_memory(process) {
                noted.fetch_max(memory, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self(peak)
    }

    /// The most memory that it was seen to have held, in bytes.
    pub fn peak(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Waits until everything in a GTID set is durable in the target and the position behind it is saved.
pub async fn reaches(binleaf: &Binleaf, executed: &str) {
    let (begun, process) = (Instant::now(), binleaf.process_id());
    let mut asked = String::new();
    loop {
        let status = binleaf.replication().await;
        let position = status["position"]["gtid_set"].as_str().unwrap_or_default();
        if position == executed {
            return;
        }
        // The server's own algebra, for a position that is further or written in another way.
        if !position.is_empty() && position != asked {
            if binleaf.launch.source.includes(position, executed).await {
                return;
            }
            position.clone_into(&mut asked);
        }
        assert!(peak_memory(process).is_some(), "binleaf ended:\n{}", binleaf.log().tail(20));
        assert!(begun.elapsed() < DEADLINE, "{executed} not reached: {status:#}");
        tokio::time::sleep(POLL).await;
    }
}
