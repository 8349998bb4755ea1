//! What images of some columns do not tell enough for stops the pipeline with the reason.

use crate::support::{Launch, Pair, Spawned, servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_key_that_the_image_lacks_stops_with_its_column() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(40) NOT NULL, age INT, UNIQUE KEY (email))",
            "INSERT INTO people VALUES (1, 'a@example.org', 5)",
        ])
        .await;
    let mut binleaf = Launch::of(&pair).set("tables.people", "id", "[\"email\"]").run();
    binleaf.streams().await;
    pair.source
        .run_all(&["SET SESSION binlog_row_image = MINIMAL", "UPDATE people SET age = 6"])
        .await;
    let ended = binleaf.ends().await;
    assert_ne!(ended.code, Some(0));
    let said = ended.said();
    assert!(said.contains("email") && said.contains("binlog_row_image = FULL"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_foresees_a_chosen_key_that_images_lack() {
    let server = Spawned::mysql(&["--binlog-row-image=MINIMAL"]).await;
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source
        .run("CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(40) NOT NULL, age INT, UNIQUE KEY (email))")
        .await;
    let checked = Launch::of(&pair).command(&["check"]).await;
    assert!(!checked.said().contains("id_not_logged"), "{}", checked.said());
    let chosen = Launch::of(&pair).set("tables.people", "id", "[\"email\"]");
    let checked = chosen.command(&["check"]).await;
    checked.assert_said(0, &["told apart by email", "SET PERSIST binlog_row_image = 'FULL'"]);
}
