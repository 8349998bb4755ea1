//! HTTPS.

use std::{fs, path::Path, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{Launch, Pair, http, quoted};

/// Writes a certificate and its key; the certificate as PEM.
fn write_certificate(folder: &Path) -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["binleaf.test".to_owned()]).expect("a certificate");
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("a file");
    fs::write(folder.join("cert.pem"), cert.pem()).expect("a file");
    cert.pem()
}

fn client(certificate: &str, launch: &Launch) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    http::client()
        .tls_certs_only([root])
        .resolve("binleaf.test", launch.http.socket().parse().expect("an address"))
        .build()
        .expect("a client")
}

async fn is_alive(client: &reqwest::Client, launch: &Launch) -> bool {
    let url = format!("https://binleaf.test:{}/health/live", launch.http.port);
    client.get(url).send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_is_encrypted_and_a_renewed_certificate_is_taken() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let launch = Launch::of(&pair);
    let folder = launch.folder.path().to_owned();
    let first = write_certificate(&folder);
    let file = |name: &str| quoted(&folder.join(name).to_string_lossy());
    let tls = format!("{{ cert_file = {}, key_file = {} }}", file("cert.pem"), file("key.pem"));
    let launch = launch.set("http", "tls", &tls);
    let binleaf = launch.run();
    let old = client(&first, &launch);
    let begun = std::time::Instant::now();
    while !is_alive(&old, &launch).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not answer by https");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let plain = format!("http://{}/health/live", launch.http.socket());
    assert!(
        http::client().build().expect("a client").get(plain).send().await.is_err(),
        "nothing is answered in the clear"
    );
    let status = launch.command(&["status"]).await;
    status.assert_said(0, &["phase"]);

    let second = write_certificate(&folder);
    let renewed = client(&second, &launch);
    let begun = std::time::Instant::now();
    while !is_alive(&renewed, &launch).await {
        assert!(begun.elapsed() < Duration::from_secs(90), "the renewed certificate is not taken");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    binleaf.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_no_use_ends_the_start() {
    let pair = Pair::new().await;
    let launch = Launch::of(&pair);
    let folder = launch.folder.path().to_owned();
    write_certificate(&folder);
    let cert = quoted(&folder.join("cert.pem").to_string_lossy());
    let half = launch.clone().set("http", "tls", &format!("{{ cert_file = {cert} }}"));
    half.command(&["run"]).await.assert_said(2, &["http.tls.key_file", "must be given together"]);
    let swapped =
        launch.set("http", "tls", &format!("{{ cert_file = {cert}, key_file = {cert} }}"));
    swapped.command(&["run"]).await.assert_said(2, &["http.tls", "of no use"]);
}
