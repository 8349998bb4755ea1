//! A mail server that speaks as much of SMTP as a client needs, with STARTTLS and with TLS from the first byte.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// The only password that lets `binleaf` in.
pub const PASSWORD: &str = "cnry-mail";

/// AUTH PLAIN of `binleaf` and that password.
const LOGIN: &str = "AUTH PLAIN AGJpbmxlYWYAY25yeS1tYWls";

/// How a server treats its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Offers STARTTLS, and a login behind it.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Offers neither TLS nor a login.
    Plain,
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Mail {
    pub is_secured: bool,
    pub is_logged_in: bool,
    pub recipients: Vec<String>,
    pub text: String,
}

/// What has happened.
#[derive(Debug, Default)]
pub struct Seen {
    pub mails: Vec<Mail>,
    /// Every line that a client has said.
    pub lines: Vec<String>,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct MailServer {
    pub port: u16,
    pub certificate: Certificate,
    seen: Arc<watch::Sender<Seen>>,
    serving: JoinHandle<()>,
}

/// A certificate for `localhost`, and where it lies.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
    config: Arc<ServerConfig>,
}

impl Certificate {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let made = made.expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).expect("a file");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .expect("a usable certificate");
        Self { folder, config: Arc::new(config) }
    }

    /// The file that a client is to trust.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl MailServer {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let certificate = Certificate::new();
        let (seen, acceptor) = (Arc::new(watch::Sender::default()), certificate.acceptor());
        let serving = tokio::spawn(serve(listener, acceptor, manner, Arc::clone(&seen)));
        Self { port, certificate, seen, serving }
    }

    /// Waits for a mail, and returns it.
    pub async fn mail(&self, wish: &str, fulfilled: impl Fn(&Mail) -> bool) -> Mail {
        let mut seen = self.seen.subscribe();
        let found = seen.wait_for(|seen| seen.mails.iter().any(&fulfilled));
        let Ok(found) = tokio::time::timeout(Duration::from_secs(60), found).await else {
            panic!("no {wish} in time, but {:#?}", self.seen.borrow());
        };
        let found = found.expect("a server");
        found.mails.iter().find(|mail| fulfilled(mail)).cloned().expect("it is there")
    }

    /// How many mails there are.
    pub fn count(&self) -> usize {
        self.seen.borrow().mails.len()
    }

    /// Everything that clients have said.
    pub fn lines(&self) -> Vec<String> {
        self.seen.borrow().lines.clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    manner: Manner,
    seen: Arc<watch::Sender<Seen>>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let is_secured = manner == Manner::Implicit;
            let stream: Box<dyn Stream> = if is_secured {
                // Whoever does not trust us is gone.
                let Ok(stream) = acceptor.accept(socket).await else { return };
                Box::new(stream)
            } else {
                Box::new(socket)
            };
            let stream = BufReader::new(stream);
            let session =
                Session { stream, acceptor, manner, is_secured, is_logged_in: false, seen };
            session.run().await;
        });
    }
}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    acceptor: TlsAcceptor,
    manner: Manner,
    is_secured: bool,
    is_logged_in: bool,
    seen: Arc<watch::Sender<Seen>>,
}

impl Session {
    async fn run(mut self) {
        let mut recipients = Vec::new();
        self.say("220 test ESMTP").await;
        while let Some(line) = self.hear().await {
            match line.to_uppercase().split(' ').next().unwrap_or_default() {
                "EHLO" => self.greet().await,
                "STARTTLS" => {
                    self.say("220 go ahead").await;
                    let Some(secured) = self.secure().await else { return };
                    self = secured;
                }
                "AUTH" => self.log_in(&line).await,
                "RCPT" => {
                    recipients.push(line.clone());
                    self.say("250 ok").await;
                }
                "DATA" => self.take(std::mem::take(&mut recipients)).await,
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("250 ok").await,
            }
        }
    }

    async fn greet(&mut self) {
        let offers = match (self.manner, self.is_secured) {
            (Manner::Plain, _) => "250 8BITMIME",
            (_, true) => "250-8BITMIME\r\n250 AUTH PLAIN",
            (_, false) => "250-8BITMIME\r\n250 STARTTLS",
        };
        self.say(&format!("250-test\r\n{offers}")).await;
    }

    async fn secure(self) -> Option<Self> {
        let stream = self.acceptor.accept(self.stream.into_inner()).await.ok()?;
        let stream: Box<dyn Stream> = Box::new(stream);
        Some(Self { stream: BufReader::new(stream), is_secured: true, ..self })
    }

    async fn log_in(&mut self, line: &str) {
        self.is_logged_in = self.is_secured && line == LOGIN;
        let answer = if self.is_logged_in { "235 welcome" } else { "535 you are nobody" };
        self.say(answer).await;
    }

    async fn take(&mut self, recipients: Vec<String>) {
        self.say("354 go on").await;
        let mut text = String::new();
        while !text.ends_with("\r\n.\r\n") {
            if self.stream.read_line(&mut text).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let (is_secured, is_logged_in) = (self.is_secured, self.is_logged_in);
        let mail = Mail { is_secured, is_logged_in, recipients, text };
        self.seen.send_modify(|seen| seen.mails.push(mail));
        self.say("250 taken").await;
    }

    async fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).await.ok()?;
        let line = line.trim_end().to_owned();
        self.seen.send_modify(|seen| seen.lines.push(line.clone()));
        (length > 0).then_some(line)
    }

    async fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.ok();
        self.stream.flush().await.ok();
    }
}

/// A web server over TLS that takes one request after another, each with 200. It answers by hand: what matters is the
/// handshake.
pub async fn secure_web(certificate: &Certificate) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = certificate.acceptor();
    let serving = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut bytes = vec![0; 64 << 10];
            if stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.ok();
                stream.shutdown().await.ok();
            }
        }
    });
    (port, serving)
}
