//! How the source lets us in: TLS in its five modes, client certificates, and the accounts' plugins. Each start asks
//! questions by the driver's connections, copies rows by one of our own, and streams by another.

use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::support::{Launch, Pair, launch::quoted, servers, servers::Spawned};

/// A pair on a server of its own, whose certificates lie where the test can read them, with a table of one row.
async fn with_own_server(server: &Spawned) -> Pair {
    let pair = Pair::on(server.address.clone(), servers::mongodb()).await;
    pair.source
        .run_all(&[
            "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))",
            "INSERT INTO t VALUES (1, 'cnry copied')",
        ])
        .await;
    pair
}

/// Copies and streams with these settings.
async fn works(pair: &Pair, launch: Launch, number: usize) {
    pair.target.handle().drop().await.expect("the target answers");
    let mut binleaf = launch.run();
    binleaf.streams().await;
    pair.source.run(format!("INSERT INTO t VALUES ({}, 'cnry streamed')", number + 10)).await;
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_is_reached_in_every_tls_mode() {
    let server = Spawned::mysql(&[]).await;
    let pair = with_own_server(&server).await;
    let folder = pair.source.value("SELECT @@datadir").await;
    let file = |name: &str| quoted(&format!("{folder}{name}"));
    let (ca, cert, key) = (file("ca.pem"), file("client-cert.pem"), file("client-key.pem"));
    let strict = format!("{{ mode = \"verify-ca\", ca_file = {ca} }}");
    let own =
        format!("{{ mode = \"verify-ca\", ca_file = {ca}, cert_file = {cert}, key_file = {key} }}");
    let launch = |tls: &str| Launch::of(&pair).set("source", "tls", tls);
    let user = &pair.source.user;
    let demand = |what: &str| format!("ALTER USER `{user}`@`%` REQUIRE {what}");

    let modes = ["{ mode = \"disabled\" }", "{ mode = \"preferred\" }", "{ mode = \"required\" }"];
    for (number, tls) in modes.into_iter().chain([strict.as_str()]).enumerate() {
        works(&pair, launch(tls), number).await;
    }
    // The certificate that a server makes itself is made out to no host.
    let named = format!("{{ mode = \"verify-identity\", ca_file = {ca} }}");
    launch(&named).command(&["check"]).await.assert_said(1, &["TLS", "source.tls"]);
    // Nor is it signed by anybody whom the world trusts.
    let trusted = launch("{ mode = \"verify-ca\" }").command(&["check"]).await;
    trusted.assert_said(1, &["TLS", "source.tls"]);

    pair.source.run(demand("SSL")).await;
    let open = launch(modes[0]).command(&["check"]).await;
    open.assert_said(1, &["access denied"]);
    works(&pair, launch(modes[1]), 4).await;
    pair.source.run(demand("X509")).await;
    launch(&strict).command(&["check"]).await.assert_said(1, &["access denied"]);
    works(&pair, launch(&own), 5).await;
}

/// Without TLS the password goes by the server's key the first time, and by what the server remembers after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_reached_and_told_apart() {
    let server = Spawned::mysql(&["--tls-version="]).await;
    let pair = with_own_server(&server).await;
    let launch =
        |mode: &str| Launch::of(&pair).set("source", "tls", &format!("{{ mode = \"{mode}\" }}"));
    for (number, mode) in ["disabled", "preferred"].into_iter().enumerate() {
        pair.source.run("FLUSH PRIVILEGES").await;
        works(&pair, launch(mode), number).await;
        works(&pair, launch(mode), number + 2).await;
    }
    launch("required").command(&["check"]).await.assert_said(1, &["offers no TLS"]);
}

/// What the two families ask of an ordinary account, and who is not let in. Of an account that does not exist MySQL asks
/// for some plugin, by chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_have_the_plugins_that_servers_have() {
    let pair = Pair::new().await;
    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))").await;
    works(&pair, Launch::of(&pair), 0).await;
    let unknown = Launch::of(&pair).set("source", "user", "\"nobody_known\"");
    unknown.command(&["run"]).await.assert_said(2, &["CREATE USER"]);
    let wrong = Launch::of(&pair).set("source", "password", "\"cnry-wrong\"");
    wrong.command(&["run"]).await.assert_said(2, &["access denied"]);

    let mariadb = Pair::on(servers::mariadb(), servers::mongodb()).await;
    mariadb.source.run("CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))").await;
    let user = &mariadb.source.user;
    let plugin = format!("SELECT plugin FROM mysql.user WHERE user = '{user}'");
    assert_eq!(mariadb.source.value(plugin).await, "mysql_native_password");
    works(&mariadb, Launch::of(&mariadb), 0).await;
}

/// Copies and streams with compression asked for, large rows among them, and tells how the connections came about.
async fn compresses(pair: &Pair, tls: &str, words: usize) -> String {
    pair.source
        .run_all(&[
            "CREATE TABLE texts (id INT PRIMARY KEY, body LONGTEXT)",
            &format!(
                "INSERT INTO texts VALUES (1, REPEAT('cnry text ', {words})), (2, NULL), (3, 'cnry')"
            ),
        ])
        .await;
    let tls = format!("{{ mode = \"{tls}\" }}");
    let launch = Launch::of(pair).set("source", "tls", &tls).set("source", "compression", "true");
    let mut binleaf = launch.level("debug").run();
    binleaf.streams().await;
    for id in 10..60 {
        pair.source.run(format!("INSERT INTO texts VALUES ({id}, SHA2('{id}', 512))")).await;
    }
    pair.source.run("UPDATE texts SET body = CONCAT(body, 'cnry more')").await;
    binleaf.catches_up_and_is_equal(pair).await;
    binleaf.stops().await;
    let log = binleaf.log();
    ["Zstd", "Zlib"].into_iter().filter(|name| log.text().contains(name)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_binlog_come_compressed_where_the_server_can() {
    for (offered, tls, expected) in [
        ("zstd,zlib,uncompressed", "preferred", "Zstd"),
        ("zlib,uncompressed", "disabled", "Zlib"),
        ("uncompressed", "preferred", ""),
    ] {
        let offered = format!("--protocol-compression-algorithms={offered}");
        let server = Spawned::mysql(&[&offered]).await;
        let pair = with_own_server(&server).await;
        // The update takes more than one packet.
        assert_eq!(compresses(&pair, tls, 1_400_000).await, expected, "{offered}");
    }
    for tls in ["preferred", "disabled"] {
        let mariadb = Pair::on(servers::mariadb(), servers::mongodb()).await;
        assert_eq!(compresses(&mariadb, tls, 500_000).await, "Zlib");
    }
}

/// What the driver says first names what it can inflate; whether that comes about is the target's to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_is_offered_the_compressors_of_its_uri() {
    let pair = Pair::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let uri = format!("mongodb://127.0.0.1:{port}/?compressors=zstd,snappy,zlib");
    let launch = Launch::of(&pair).set("target", "uri", &quoted(&uri));
    let _binleaf = launch.run();
    let (mut socket, _) = listener.accept().await.expect("a connection");
    let mut first = vec![0; 16 << 10];
    let count = socket.read(&mut first).await.expect("a message");
    first.truncate(count);
    for name in ["compression", "zstd", "snappy", "zlib"] {
        assert!(first.windows(name.len()).any(|part| part == name.as_bytes()), "no {name}");
    }

    pair.source.run("CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))").await;
    let uri = pair.target.address.mongodb_uri();
    let sign = if uri.contains('?') { '&' } else { '?' };
    let launch =
        Launch::of(&pair).set("target", "uri", &quoted(&format!("{uri}{sign}compressors=zstd")));
    works(&pair, launch, 0).await;
}
