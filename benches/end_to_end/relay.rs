//! A proxy between a client and the target that knows where a message of MongoDB's protocol begins and ends, and shows
//! each to a watcher.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bson::{RawArray, RawDocument};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    task::JoinHandle,
};

use crate::support::servers::Address;

/// Message header: length, id, id of the request, code (MongoDB wire protocol, "Standard Message Header").
const HEADER: usize = 16;
const OP_MSG: i32 = 2013;

/// What is done with the messages of all connections.
pub trait Watcher: Send + Sync + 'static {
    /// Sees a request; what it returns is the answer to it, and the target is not asked.
    fn request(&self, connection: u64, message: &[u8]) -> Option<Vec<u8>>;

    /// Sees an answer of the target, before the client does.
    fn answer(&self, connection: u64, message: &[u8]);
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Relay {
    pub address: Address,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// In front of a target.
    pub async fn before(target: &Address, watcher: Arc<impl Watcher>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let target = target.socket();
        let connections = AtomicU64::new(0);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.expect("the target");
                let number = connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, server, number, Arc::clone(&watcher)));
            }
        });
        Self { address: Address::local(port), accepting }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, until either side closes it.
async fn serve(client: TcpStream, server: TcpStream, number: u64, watcher: Arc<impl Watcher>) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("a socket");
    }
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let to_client = Arc::new(Mutex::new(to_client));
    let back = pass_back(from_server, Arc::clone(&to_client), number, Arc::clone(&watcher));
    let back = tokio::spawn(back);
    let _ended = pass_on(from_client, to_server, &to_client, number, &*watcher).await;
    back.abort();
}

async fn pass_on(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    answers: &Mutex<OwnedWriteHalf>,
    number: u64,
    watcher: &impl Watcher,
) -> std::io::Result<()> {
    let mut message = Vec::new();
    loop {
        read(&mut client, &mut message).await?;
        match watcher.request(number, &message) {
            Some(answer) => answers.lock().await.write_all(&answer).await?,
            None => server.write_all(&message).await?,
        }
    }
}

async fn pass_back(
    mut server: OwnedReadHalf,
    client: Arc<Mutex<OwnedWriteHalf>>,
    number: u64,
    watcher: Arc<impl Watcher>,
) {
    let mut message = Vec::new();
    while read(&mut server, &mut message).await.is_ok() {
        watcher.answer(number, &message);
        if client.lock().await.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn read(from: &mut OwnedReadHalf, message: &mut Vec<u8>) -> std::io::Result<()> {
    let length = from.read_u32_le().await?;
    message.clear();
    message.extend(length.to_le_bytes());
    message.resize(usize::try_from(length).expect("a length").max(HEADER), 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(())
}

/// The number by which an answer names its request.
pub fn id(message: &[u8]) -> i32 {
    number(message, 4)
}

/// The request that an answer is for.
pub fn answered_id(message: &[u8]) -> i32 {
    number(message, 8)
}

fn number(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().expect("four"))
}

/// The one section that the driver sends for a command as it is given: flags, its kind (0), the document.
pub fn document(message: &[u8]) -> Option<&RawDocument> {
    if number(message, 12) != OP_MSG || message.get(HEADER + 4) != Some(&0) {
        return None;
    }
    RawDocument::from_bytes(&message[HEADER + 5..]).ok()
}

/// A command that writes.
#[derive(Debug)]
pub struct Writing<'a> {
    pub verb: &'a str,
    pub collection: &'a str,
    pub operations: &'a RawArray,
}

impl<'a> Writing<'a> {
    /// What a command writes into a collection of rows; `None` for another command, and for the state that binleaf keeps.
    pub fn of(command: &'a RawDocument) -> Option<Self> {
        let (name, collection) = command.iter().next()?.ok()?;
        let operations = match name.as_str() {
            "insert" => "documents",
            "update" => "updates",
            "delete" => "deletes",
            _ => return None,
        };
        let collection = collection.as_str()?;
        let operations = command.get_array(operations).ok()?;
        let writing = Self { verb: name.as_str(), collection, operations };
        (!collection.starts_with("_sync_")).then_some(writing)
    }
}

/// An answer as the target would send it.
pub fn answer(request: i32, document: &[u8]) -> Vec<u8> {
    let length = i32::try_from(HEADER + 5 + document.len()).expect("a length");
    let header = [length, 0, request, OP_MSG, 0].map(i32::to_le_bytes).concat();
    [&header[..], &[0], document].concat()
}
