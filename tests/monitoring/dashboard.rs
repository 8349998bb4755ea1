//! The dashboard: every question that it asks is answered by what a running binleaf tells.

use serde_json::Value;

use super::{prometheus::Prometheus, read};
use crate::support::{Launch, Pair, Writer, sakila};

/// A panel's title and one of its questions, with the dashboard's variables filled in.
fn questions() -> Vec<(String, String)> {
    let board: Value =
        serde_json::from_str(&read("docker/grafana/dashboards/binleaf.json")).expect("JSON");
    let panels = board["panels"].as_array().expect("panels");
    let mut questions = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().expect("a title");
        let targets = panel["targets"].as_array().expect("questions");
        assert!(!targets.is_empty(), "{title} asks nothing");
        for target in targets {
            let asked = target["expr"].as_str().expect("a question");
            let filled = asked.replace("$instance", ".*").replace("$__rate_interval", "10s");
            assert!(!filled.contains('$'), "{title}: a variable that nobody fills in {filled}");
            questions.push((title.to_owned(), filled));
        }
    }
    assert!(questions.len() > 20, "{questions:?}");
    questions
}

/// The names that the recording rules give.
fn recorded() -> Vec<String> {
    let rules = read("docker/prometheus/rules.yml");
    let name =
        |line: &str| line.trim().strip_prefix("- record:").map(|name| name.trim().to_owned());
    rules.lines().filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_and_every_recording_rule_has_data() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let mut binleaf = Launch::of(&pair).run();
    binleaf.streams().await;
    let writing = Writer::over(&pair.source).await.keep_writing();
    // Rates over five minutes take as long to be true, but not to be there.
    let prometheus = Prometheus::watching(&binleaf.launch.http, str::to_owned).await;
    let recorded = recorded().into_iter().map(|name| ("recorded".to_owned(), name));
    for (title, question) in questions().into_iter().chain(recorded) {
        let wish = format!("{title} has data");
        // Of quantiles there is none before the first change.
        let has_data =
            |all: &[super::prometheus::Series]| all.iter().any(|series| !series.value.is_nan());
        prometheus.until(&wish, &question, has_data).await;
    }
    writing.finish().await;
    binleaf.catches_up().await;
    binleaf.stops().await;
}

#[test]
fn the_dashboard_explains_itself_and_fits_the_page() {
    let board: Value =
        serde_json::from_str(&read("docker/grafana/dashboards/binleaf.json")).expect("JSON");
    let (mut ids, mut taken) = (Vec::new(), Vec::new());
    for panel in board["panels"].as_array().expect("panels") {
        ids.push(panel["id"].as_u64().expect("a number"));
        let place =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a place"));
        assert!(place[0] + place[2] <= 24, "{panel:#}");
        taken.push(place);
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().is_some_and(|text| text.len() > 5), "{panel:#}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
        }
    }
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    for (number, [x, y, width, height]) in taken.iter().enumerate() {
        let overlaps = |[left, top, wide, high]: &[u64; 4]| {
            x < &(left + wide) && left < &(x + width) && y < &(top + high) && top < &(y + height)
        };
        assert!(!taken[number + 1..].iter().any(overlaps), "panel {number} lies under another");
    }
}
