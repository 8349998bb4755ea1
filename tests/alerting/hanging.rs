//! A channel that hangs holds up nobody.

use std::time::{Duration, Instant};

use super::{ALWAYS, file, filled, receiver::Receiver, rules, told_by_webhook};
use crate::support::launch::quoted;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_hangs_holds_up_neither_the_pipeline_nor_another_channel() {
    let pair = filled().await;
    let (hanging, well) = (Receiver::start().await, Receiver::start().await);
    hanging.hang();
    let launch = rules(told_by_webhook(&pair, &hanging), &[ALWAYS]);
    let token = file(&launch, "token", "1:a");
    let mut binleaf = launch
        .set("alerts", "repeat", "\"1s\"")
        .set("alerts", "timeout", "\"10m\"")
        .set("alerts", "channels.telegram.token_file", &token)
        .set("alerts", "channels.telegram.chat_id", "1")
        .set("alerts", "channels.telegram.api_url", &quoted(&well.url))
        .run();
    binleaf.streams().await;
    hanging.until_there_are(1).await;
    for id in 2..200 {
        pair.source.run(format!("INSERT INTO t VALUES ({id}, 1)")).await;
    }
    let begun = Instant::now();
    binleaf.catches_up_and_is_equal(&pair).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?} for a few rows");
    well.until_there_are(5).await;
    assert_eq!(hanging.all().len(), 1, "one at a time");
    binleaf.stops().await;
    let log = binleaf.log();
    let told = "not all alerts could be delivered before the end";
    assert!(log.lines().iter().any(|line| line["message"] == told && line["channel"] == "webhook"));
}
