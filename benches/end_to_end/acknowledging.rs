//! N: a target that only acknowledges. It stands in front of a real one, answers every insert, update and delete of rows
//! itself without looking at it, and passes everything else on, state documents and heartbeats among it: so what is
//! measured behind it is all but the target's writing.

use std::sync::Arc;

use bson::{RawDocument, doc};
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

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Acknowledging {
    pub address: Address,
    accepting: JoinHandle<()>,
}

impl Acknowledging {
    /// In front of a target.
    pub async fn before(target: &Address) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let target = target.socket();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.expect("the target");
                tokio::spawn(serve(client, server));
            }
        });
        Self { address: Address::local(port), accepting }
    }
}

impl Drop for Acknowledging {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, until either side closes it.
async fn serve(client: TcpStream, server: TcpStream) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("a socket");
    }
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let to_client = Arc::new(Mutex::new(to_client));
    let back = tokio::spawn(pass_back(from_server, Arc::clone(&to_client)));
    let _ended = pass_on(from_client, to_server, &to_client).await;
    back.abort();
}

async fn pass_on(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    answers: &Mutex<OwnedWriteHalf>,
) -> std::io::Result<()> {
    let mut message = Vec::new();
    loop {
        read_message(&mut client, &mut message).await?;
        match acknowledgement(&message) {
            Some(answer) => answers.lock().await.write_all(&answer).await?,
            None => server.write_all(&message).await?,
        }
    }
}

async fn pass_back(mut server: OwnedReadHalf, client: Arc<Mutex<OwnedWriteHalf>>) {
    let mut message = Vec::new();
    while read_message(&mut server, &mut message).await.is_ok() {
        if client.lock().await.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn read_message(from: &mut OwnedReadHalf, message: &mut Vec<u8>) -> std::io::Result<()> {
    let length = from.read_u32_le().await?;
    message.clear();
    message.extend(length.to_le_bytes());
    message.resize(usize::try_from(length).expect("a length").max(HEADER), 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(())
}

/// The answer to a write of rows; `None` for whatever else it is.
fn acknowledgement(message: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| i32::from_le_bytes(message[at..at + 4].try_into().expect("four"));
    // The one section that the driver sends for a command as it is given: flags, its kind (0), the document.
    if number(12) != OP_MSG || message.get(HEADER + 4) != Some(&0) {
        return None;
    }
    let command = RawDocument::from_bytes(&message[HEADER + 5..]).ok()?;
    let (name, collection) = command.iter().next()?.ok()?;
    let operations = match name.as_str() {
        "insert" => "documents",
        "update" => "updates",
        "delete" => "deletes",
        _ => return None,
    };
    if collection.as_str()?.starts_with("_sync_") {
        return None;
    }
    let count = command.get_array(operations).ok()?.into_iter().count();
    let count = i32::try_from(count).expect("a count");
    let answer = bson::serialize_to_vec(&doc! { "n": count, "nModified": count, "ok": 1.0 });
    Some(answered(number(4), &answer.expect("a document")))
}

fn answered(request: i32, document: &[u8]) -> Vec<u8> {
    let length = i32::try_from(HEADER + 5 + document.len()).expect("a length");
    let header = [length, 0, request, OP_MSG, 0].map(i32::to_le_bytes).concat();
    [&header[..], &[0], document].concat()
}
