//! The alert of lag, from a target that stands still to a person being called, and back.

use super::prometheus::Prometheus;
use crate::support::{Launch, Pair, Proxy};

/// The shipped rule with a threshold and a patience that a test can wait for.
fn impatient(rules: &str) -> String {
    let (threshold, patience) = ("binleaf_lag_seconds > 60", "for: 2m");
    assert!(rules.contains(threshold) && rules.matches(patience).count() == 1, "{rules}");
    rules.replace(threshold, "binleaf_lag_seconds > 3").replace(patience, "for: 2s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_alert_fires_while_the_target_stands_still_and_clears_after() {
    const FIRING: &str = r#"ALERTS{alertname="BinleafLagging", alertstate="firing"}"#;
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE notes (id INT PRIMARY KEY)").await;
    let to_target = Proxy::to(&pair.target.address).await;
    let mut binleaf = Launch::of(&pair).target_at(&to_target.address).run();
    binleaf.streams().await;
    let prometheus = Prometheus::watching(&binleaf.launch.http, impatient).await;
    prometheus.until("no lag", "binleaf_lag_seconds == 0", |all| all.len() == 1).await;
    assert!(prometheus.query(FIRING).await.is_empty(), "it fires without a reason");

    to_target.stall();
    pair.source.run("INSERT INTO notes VALUES (1)").await;
    let fired = prometheus.until("firing", FIRING, |all| all.len() == 1).await;
    assert_eq!(fired[0].labels["severity"], "warning");
    assert_eq!(fired[0].labels["instance"], binleaf.launch.http.socket());
    let behind = prometheus.query("binleaf_lag_seconds").await;
    assert!(behind[0].value >= 5.0, "it fired at once: {behind:?}");

    to_target.fair();
    binleaf.catches_up_and_is_equal(&pair).await;
    prometheus.until("cleared", FIRING, <[_]>::is_empty).await;
    binleaf.stops().await;
}
