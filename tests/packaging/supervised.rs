//! What a supervisor hears on its socket, as systemd does for a unit of `Type=notify` with `WatchdogSec`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::net::UnixDatagram;

use crate::support::{Binleaf, Launch, Pair, Proxy, sakila};

/// What the supervisor asks for a sign of life within.
const WATCHDOG: Duration = Duration::from_secs(1);

/// Longer than anything takes here, but for a loop to count as stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// The supervisor's end of the socket, and what it has heard.
struct Supervisor {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Supervisor {
    fn at(path: &Path) -> Self {
        Self { socket: UnixDatagram::bind(path).expect("a socket"), heard: Vec::new() }
    }

    /// What is said next; `None` when nothing is within that time.
    async fn next(&mut self, within: Duration) -> Option<String> {
        let mut buffer = [0; 4096];
        let heard = tokio::time::timeout(within, self.socket.recv(&mut buffer)).await.ok()?;
        let text = String::from_utf8_lossy(&buffer[..heard.expect("a message")]).into_owned();
        self.heard.push(text.clone());
        Some(text)
    }

    /// Waits until something is said.
    async fn hears(&mut self, wish: &str) -> String {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(text) = self.next(Duration::from_secs(5)).await
                && text.contains(wish)
            {
                return text;
            }
        }
        panic!("never {wish}: {:#?}", self.heard);
    }

    fn has_heard(&self, words: &str) -> bool {
        self.heard.iter().any(|text| text.contains(words))
    }

    /// Takes what is there already.
    fn catch_up(&mut self) {
        let mut buffer = [0; 4096];
        while self.socket.try_recv(&mut buffer).is_ok() {}
        self.heard.clear();
    }
}

fn supervised(launch: Launch) -> (Launch, Supervisor) {
    let path = launch.folder.path().join("notify");
    let supervisor = Supervisor::at(&path);
    let launch = launch
        .environment("NOTIFY_SOCKET", &path.display().to_string())
        .environment("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string());
    (launch, supervisor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_comes_when_both_sides_have_answered_and_before_the_copy_is_whole() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let to_target = Proxy::to(&pair.target.address).await;
    to_target.close();
    let launch =
        Launch::of(&pair).target_at(&to_target.address).set("snapshot", "read_rate", "5000");
    let (launch, mut supervisor) = supervised(launch);
    let mut binleaf = launch.run();
    supervisor.hears("STATUS=retrying").await;
    assert!(!supervisor.has_heard("READY=1"), "ready without a target: {:?}", supervisor.heard);
    // Waiting for a server is not hanging.
    supervisor.hears("WATCHDOG=1").await;

    to_target.fair();
    supervisor.hears("READY=1").await;
    assert_ne!(binleaf.replication().await["phase"], "streaming", "it has copied already");
    supervisor.hears("STATUS=snapshot, ").await;
    supervisor.hears("STATUS=streaming").await;
    supervisor.hears("WATCHDOG=1").await;
    to_target.close();
    supervisor.hears("STATUS=retrying").await;
    to_target.fair();
    supervisor.hears("STATUS=streaming, current").await;

    supervisor.catch_up();
    binleaf.stops().await;
    supervisor.hears("STOPPING=1").await;
    supervisor.hears("STATUS=stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_signs_of_life_end_when_the_loop_does_not_turn_any_more() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair).environment("FAILPOINTS", "turn=50*off->return");
    let (launch, mut supervisor) = supervised(launch);
    let mut binleaf = launch.run();
    supervisor.hears("READY=1").await;
    for _ in 0..3 {
        let sign = supervisor.hears("WATCHDOG=1").await;
        assert_eq!(sign.trim(), "WATCHDOG=1");
    }
    is_stuck(&binleaf, &mut supervisor).await;
    supervisor.catch_up();
    // All else goes on: the status is told, the page answers.
    let begun = Instant::now();
    while begun.elapsed() < 5 * WATCHDOG {
        supervisor.next(WATCHDOG).await;
    }
    assert!(!supervisor.has_heard("WATCHDOG=1"), "{:?}", supervisor.heard);
    assert!(binleaf.status().await.is_some(), "the process lives");
    binleaf.pull_the_plug().await;
}

async fn is_stuck(binleaf: &Binleaf, supervisor: &mut Supervisor) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if binleaf.get("/health/live").await.is_some_and(|(code, _)| code == 503) {
            return;
        }
        supervisor.next(Duration::from_millis(250)).await;
    }
    panic!("it never stood still: is binleaf built with the feature `failpoints`? Run dev/test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_ends_the_run_is_told_too() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY)").await;
    let (launch, mut supervisor) = supervised(Launch::of(&pair));
    let mut binleaf = launch.run();
    supervisor.hears("STATUS=streaming").await;
    pair.source.run("ALTER TABLE notes RENAME TO others").await;
    supervisor.hears("STOPPING=1").await;
    supervisor.hears("STATUS=failed").await;
    assert_eq!(binleaf.exits_within(PATIENCE).await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_does_not_listen_holds_nothing_up() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT)").await;
    let (launch, mut supervisor) = supervised(Launch::of(&pair));
    let mut binleaf = launch.run();
    binleaf.streams().await;
    // Three signs of life a second, and the socket holds some ten messages.
    let begun = Instant::now();
    while begun.elapsed() < 8 * WATCHDOG {
        pair.source.run("INSERT INTO notes VALUES ()").await;
        binleaf.catches_up_and_is_equal(&pair).await;
    }
    binleaf.stops().await;
    supervisor.hears("READY=1").await;
    supervisor.hears("WATCHDOG=1").await;
}
