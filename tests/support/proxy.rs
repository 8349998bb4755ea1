//! A TCP proxy between binleaf and a server that can fail in the ways a network does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use super::servers::Address;

/// What the proxy does to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Connections stay open, nothing passes.
    Stalled,
    /// Nothing is let in.
    Closed,
    /// Bytes pass in small pieces with a wait between them.
    Slow,
}

/// How a standing connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Both ends see an orderly close.
    Cut,
    /// Both ends see a reset.
    Reset,
    /// Half of the next packet passes, then an orderly close.
    HalfPacket,
}

#[derive(Debug, Clone, Copy)]
struct State {
    weather: Weather,
    /// Counts endings: a connection that was opened at a lower number ends.
    generation: u64,
    ending: Ending,
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where binleaf connects to.
    pub address: Address,
    control: watch::Sender<State>,
    connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of a server.
    pub async fn to(server: &Address) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let fair = State { weather: Weather::Fair, generation: 0, ending: Ending::Cut };
        let (control, state) = watch::channel(fair);
        let connections = Arc::new(AtomicU64::new(0));
        let accepting =
            tokio::spawn(accept(listener, server.socket(), state, Arc::clone(&connections)));
        Self { address: Address::local(port), control, connections, accepting }
    }

    /// Ends every standing connection; new ones are let in.
    pub fn end(&self, ending: Ending) {
        self.control.send_modify(|state| {
            state.generation += 1;
            state.ending = ending;
        });
    }

    /// Keeps connections open and lets nothing pass.
    pub fn stall(&self) {
        self.set(Weather::Stalled);
    }

    /// Ends every connection and lets none in.
    pub fn close(&self) {
        self.set(Weather::Closed);
        self.end(Ending::Cut);
    }

    /// Lets bytes pass in drops.
    pub fn slow(&self) {
        self.set(Weather::Slow);
    }

    /// Lets everything pass.
    pub fn fair(&self) {
        self.set(Weather::Fair);
    }

    /// How many connections it has let in.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    fn set(&self, weather: Weather) {
        self.control.send_modify(|state| state.weather = weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.end(Ending::Cut);
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    state: watch::Receiver<State>,
    connections: Arc<AtomicU64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if state.borrow().weather == Weather::Closed {
            continue;
        }
        connections.fetch_add(1, Ordering::Relaxed);
        if let Ok(upstream) = TcpStream::connect(&server).await {
            client.set_nodelay(true).ok();
            upstream.set_nodelay(true).ok();
            tokio::spawn(relay(client, upstream, state.clone()));
        }
    }
}

async fn relay(client: TcpStream, upstream: TcpStream, state: watch::Receiver<State>) {
    let generation = state.borrow().generation;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let up = carry(from_client, to_server, state.clone(), generation);
    let down = carry(from_server, to_client, state, generation);
    // Either direction's end ends both: the halves are dropped together.
    tokio::select! { () = up => {}, () = down => {} }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    generation: u64,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut weather = state.clone();
    loop {
        let read = tokio::select! {
            biased;
            () = ended(&mut state, generation) => None,
            read = from.read(&mut buffer) => Some(read.unwrap_or(0)),
        };
        let length = match read {
            Some(0) => return,
            Some(length) => length,
            None => {
                let state = *state.borrow();
                return end(&mut from, &mut to, state).await;
            }
        };
        let passed = tokio::select! {
            biased;
            () = ended(&mut state, generation) => None,
            written = pass(&mut to, &buffer[..length], &mut weather) => Some(written),
        };
        match passed {
            Some(true) => {}
            Some(false) => return,
            None => {
                let state = *state.borrow();
                return half(&mut to, &buffer[..length], state).await;
            }
        }
    }
}

/// Waits until this connection is to end.
async fn ended(state: &mut watch::Receiver<State>, generation: u64) {
    if state.wait_for(|state| state.generation != generation).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn end(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, state: State) {
    match state.ending {
        Ending::Cut => {}
        Ending::Reset => reset(to),
        Ending::HalfPacket => {
            let mut last = [0; 1024];
            let waited = tokio::time::timeout(Duration::from_millis(200), from.read(&mut last));
            if let Ok(Ok(length)) = waited.await {
                half(to, &last[..length], state).await;
            }
        }
    }
}

async fn half(to: &mut OwnedWriteHalf, bytes: &[u8], state: State) {
    match state.ending {
        Ending::HalfPacket => drop(to.write_all(&bytes[..bytes.len() / 2]).await),
        Ending::Reset => reset(to),
        Ending::Cut => {}
    }
}

/// A closed socket with a linger time of zero sends a reset instead of an orderly end.
fn reset(to: &OwnedWriteHalf) {
    to.as_ref().set_zero_linger().ok();
}

async fn pass(to: &mut OwnedWriteHalf, bytes: &[u8], state: &mut watch::Receiver<State>) -> bool {
    if state.wait_for(|state| state.weather != Weather::Stalled).await.is_err() {
        return false;
    }
    if state.borrow().weather != Weather::Slow {
        return to.write_all(bytes).await.is_ok();
    }
    for drop in bytes.chunks(700) {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if to.write_all(drop).await.is_err() {
            return false;
        }
    }
    true
}
