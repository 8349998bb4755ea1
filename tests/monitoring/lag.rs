//! Lag as Prometheus reads it says what a person would say: 0 while there is nothing to do, one more second each second while
//! a side is away, and 0 again.
//!
//! `dev/monitoring --publish` makes each stretch a minute long and draws the picture of the documentation.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{plot, prometheus::Prometheus, repository};
use crate::support::{Binleaf, Launch, Pair, Spawned};

/// What is not expected of a reading: that it is younger than a scrape and a question to the source.
const AGE: f64 = 2.5;

/// Until the source's silence counts as one.
const SILENCE: f64 = 7.0;

/// What happened in a stretch of time, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub name: &'static str,
    pub is_away: bool,
    pub from: f64,
    pub to: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_is_what_a_person_would_say() {
    let (source, target) = tokio::join!(Spawned::mysql(&[]), Spawned::mongodb());
    let pair = Pair::on(source.address.clone(), target.address.clone()).await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT, body TEXT)").await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let prometheus = Prometheus::watching(&binleaf.launch.http, str::to_owned).await;
    is_current(&mut binleaf).await;

    let mut story = vec![Stretch::of("idle", false, idle()).await];
    story.push(Stretch::of("the source is stopped", true, without(&source, idle())).await);
    story.push(Stretch::of("back", false, settles(&mut binleaf)).await);
    story.push(Stretch::of("changes", false, write(&pair)).await);
    story.push(Stretch::of("the target is stopped", true, without(&target, write(&pair))).await);
    story.push(Stretch::of("back", false, settles(&mut binleaf)).await);
    story.push(Stretch::of("idle", false, idle()).await);
    let (from, to) = (story[0].from, story[story.len() - 1].to);
    let readings = prometheus.range("binleaf_lag_seconds", (from, to)).await;
    draw(&story, &readings);
    for stretch in &story {
        match stretch.name {
            "idle" => stretch.assert_nothing(&readings),
            "changes" => stretch.assert_less_than(&readings, AGE),
            "back" => {}
            _ => stretch.assert_growing(&readings),
        }
    }
    binleaf.catches_up_and_is_equal(&pair).await;
}

/// How long each stretch is.
fn length() -> Duration {
    Duration::from_secs(if is_published() { 60 } else { 15 })
}

fn is_published() -> bool {
    std::env::var("MONITORING_PUBLISH").is_ok()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

async fn idle() {
    tokio::time::sleep(length()).await;
}

/// One change after another.
async fn write(pair: &Pair) {
    let begun = Instant::now();
    while begun.elapsed() < length() {
        pair.source.run("INSERT INTO notes (body) VALUES ('cnry')").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Something while a server is away.
async fn without(server: &Spawned, meanwhile: impl Future<Output = ()>) {
    server.pull_the_plug().await;
    meanwhile.await;
    server.again().await;
}

async fn is_current(binleaf: &mut Binleaf) {
    binleaf
        .until("current", |status| status["lag_seconds"] == 0.0 && status["phase"] == "streaming")
        .await;
}

/// Caught up, and Prometheus has seen that.
async fn settles(binleaf: &mut Binleaf) {
    is_current(binleaf).await;
    tokio::time::sleep(Duration::from_secs_f64(AGE)).await;
}

impl Stretch {
    async fn of(name: &'static str, is_away: bool, meanwhile: impl Future<Output = ()>) -> Self {
        let from = now();
        meanwhile.await;
        Self { name, is_away, from, to: now() }
    }

    fn within(&self, readings: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let is_within = |(at, _): &&(f64, f64)| *at >= self.from && *at <= self.to;
        let found: Vec<_> = readings.iter().filter(is_within).copied().collect();
        assert!(found.len() >= 8, "{self:?} has {found:?} only");
        found
    }

    fn assert_nothing(&self, readings: &[(f64, f64)]) {
        let found = self.within(readings);
        assert!(found.iter().all(|(_, lag)| *lag == 0.0), "{self:?}: {found:?}");
    }

    fn assert_less_than(&self, readings: &[(f64, f64)], most: f64) {
        let found = self.within(readings);
        assert!(found.iter().all(|(_, lag)| *lag < most), "{self:?}: {found:?}");
    }

    /// As far behind as the stop is ago, and one second more each second.
    fn assert_growing(&self, readings: &[(f64, f64)]) {
        let end = self.from + length().as_secs_f64();
        let mut found = self.within(readings);
        found.retain(|(at, _)| *at > self.from + SILENCE && *at < end);
        for (at, lag) in &found {
            let off = (at - self.from) - lag;
            assert!(off.abs() < AGE, "{self:?}: {lag} at {at}, among {found:?}");
        }
        let slope = slope(&found);
        assert!((0.9..1.1).contains(&slope), "{self:?} grows by {slope} a second: {found:?}");
    }
}

/// Of the line that lies closest to the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).expect("few points"));
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    both / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

fn draw(story: &[Stretch], readings: &[(f64, f64)]) {
    let picture = plot::lag(story, readings);
    let file = if is_published() {
        repository("docs/lag.svg")
    } else {
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lag.svg")
    };
    std::fs::write(&file, picture).expect("a picture");
    println!("the picture is in {}", file.display());
}
