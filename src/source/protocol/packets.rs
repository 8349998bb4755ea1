//! Packets of the client/server protocol (MySQL manual, "Client/Server Protocol", "Packets"): framing, order, bounds.
//!
//! A packet is lent from the buffer that the socket filled, so that a small one costs neither an allocation nor a copy.
//! One that the buffer cannot hold is put together in a buffer of its own that the reader may keep: it grows by what has
//! come, never by what a length says. What is half read stays here, so a read that was given up can be begun again.

use std::{borrow::Cow, io, ops::Range};

use bytes::BufMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// The bytes of the buffer.
const BUFFER: usize = 128 << 10;

/// The head of a frame: three bytes of length and a number.
const HEAD: usize = 4;

/// A frame of this length goes on in another one.
const FULL: usize = 0xFF_FFFF;

/// What a connection is made of: TCP, TLS over it, compression over either.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// The next that is sent is the first packet of a command.
    fn begin_command(&mut self) {}

    /// The bytes that have come and cannot be read before more comes.
    fn held(&self) -> usize {
        0
    }

    /// Whether packets are numbered one by one. Behind compression the frames are, and a packet that begins a burst of the
    /// server's bears its frame's number (MySQL source, `sql-common/net_serv.cc`, `net_flush`).
    fn numbers_packets(&self) -> bool {
        true
    }
}

impl Socket for TcpStream {}

#[cfg(test)]
impl Socket for tokio::io::DuplexStream {}

/// Why no packet comes.
#[derive(Debug, thiserror::Error)]
pub(in crate::source) enum PacketError {
    /// The connection failed or ended.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A packet is not the next one.
    #[error("a packet came out of order")]
    Order,
    /// A packet is larger than the protocol's bound.
    #[error("a packet is larger than 1 GiB")]
    TooLarge,
}

/// A connection as a sequence of packets.
pub(in crate::source) struct Packets {
    socket: Box<dyn Socket>,
    buffer: Box<[u8]>,
    /// What of the buffer has come and was not taken.
    filled: Range<usize>,
    sequence: u8,
    largest: usize,
    large: Option<Large>,
    received: u64,
}

/// A packet that the buffer cannot hold, on its way.
#[derive(Default)]
struct Large {
    bytes: Vec<u8>,
    /// What of the frame is still to come.
    left: usize,
    /// Whether another frame follows.
    goes_on: bool,
}

impl Large {
    const fn is_whole(&self) -> bool {
        self.left == 0 && !self.goes_on
    }
}

impl std::fmt::Debug for Packets {
    /// Without what is in them.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Packets").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Packets {
    /// The packets of a connection, none of them larger than `largest` bytes.
    pub(super) fn new(socket: Box<dyn Socket>, largest: usize) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { socket, buffer, filled: 0..0, sequence: 0, largest, large: None, received: 0 }
    }

    /// The same conversation over another socket made of this one. Nothing of it may have come already.
    pub(super) async fn over<F>(self, secure: impl FnOnce(Box<dyn Socket>) -> F) -> io::Result<Self>
    where
        F: Future<Output = io::Result<Box<dyn Socket>>>,
    {
        if !self.filled.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server spoke before the TLS handshake",
            ));
        }
        Ok(Self { socket: secure(self.socket).await?, ..self })
    }

    /// Whether the next packet is here already.
    pub(in crate::source) fn has_next(&self) -> bool {
        match &self.large {
            Some(large) => large.is_whole(),
            None => self.head().is_some_and(|(length, _)| HEAD + length <= self.filled.len()),
        }
    }

    /// The next packet's payload. May be given up and begun again.
    pub(in crate::source) async fn next(&mut self) -> Result<Cow<'_, [u8]>, PacketError> {
        if !self.has_next() {
            self.wait().await?;
        }
        self.take()
    }

    /// Waits for the next packet. May be given up and begun again.
    pub(in crate::source) async fn wait(&mut self) -> Result<(), PacketError> {
        while !self.has_next() {
            if self.large.is_some() {
                self.go_on_with_large().await?;
                continue;
            }
            let length = self.next_length().await?;
            if HEAD + length > self.buffer.len() {
                self.begin_frame(length, Vec::new())?;
            } else if !self.has_next() {
                self.fill().await?;
            }
        }
        Ok(())
    }

    /// The payload of a packet that is here.
    pub(in crate::source) fn take(&mut self) -> Result<Cow<'_, [u8]>, PacketError> {
        if let Some(large) = self.large.take_if(|large| large.is_whole()) {
            return Ok(Cow::Owned(large.bytes));
        }
        match self.head() {
            Some((length, number)) if self.is_due(number) && self.has_next() => {
                let start = self.filled.start + HEAD;
                self.taken(HEAD + length);
                self.sequence = self.sequence.wrapping_add(1);
                let payload = self.buffer.get(start..start + length);
                Ok(Cow::Borrowed(payload.unwrap_or_default()))
            }
            _ => Err(PacketError::Order),
        }
    }

    /// What changes with every byte that comes.
    pub(in crate::source) fn received(&self) -> u64 {
        self.received + self.socket.held() as u64
    }

    /// Sends the first packet of a new command.
    pub(super) async fn command(&mut self, payload: &[u8]) -> io::Result<()> {
        self.sequence = 0;
        self.socket.begin_command();
        self.send(payload).await
    }

    /// Sends a packet.
    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut rest = payload;
        loop {
            let (frame, behind) = rest.split_at(rest.len().min(FULL));
            let [low, middle, high, _] = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
            let head = [low, middle, high, self.sequence];
            self.sequence = self.sequence.wrapping_add(1);
            self.socket.write_all(&[&head, frame].concat()).await?;
            if frame.len() < FULL {
                return self.socket.flush().await;
            }
            rest = behind;
        }
    }

    /// Closes the sending side.
    pub(super) async fn shut_down(mut self) -> io::Result<()> {
        self.socket.shutdown().await
    }

    /// The next frame's length and number.
    fn head(&self) -> Option<(usize, u8)> {
        let [low, middle, high, number] = *self.buffer.get(self.filled.clone())?.first_chunk()?;
        let length = u32::from_le_bytes([low, middle, high, 0]);
        Some((usize::try_from(length).ok()?, number))
    }

    fn is_due(&self, number: u8) -> bool {
        number == self.sequence || !self.socket.numbers_packets()
    }

    /// Waits for the next frame's head; it stays in the buffer.
    async fn next_length(&mut self) -> Result<usize, PacketError> {
        loop {
            match self.head() {
                Some((length, number)) if self.is_due(number) => return Ok(length),
                Some(_) => return Err(PacketError::Order),
                None => self.fill().await?,
            }
        }
    }

    const fn taken(&mut self, bytes: usize) {
        self.filled.start += bytes;
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.filled.start > 0 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        let room = self.buffer.get_mut(self.filled.end..).unwrap_or_default();
        match self.socket.read(room).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.filled.end += count;
                self.received += count as u64;
                Ok(())
            }
        }
    }

    /// Begins a frame of a packet that is put together in a buffer of its own.
    fn begin_frame(&mut self, length: usize, mut bytes: Vec<u8>) -> Result<(), PacketError> {
        if bytes.len() + length > self.largest {
            return Err(PacketError::TooLarge);
        }
        self.taken(HEAD);
        self.sequence = self.sequence.wrapping_add(1);
        bytes.reserve(length);
        self.large = Some(Large { bytes, left: length, goes_on: length == FULL });
        Ok(())
    }

    async fn go_on_with_large(&mut self) -> Result<(), PacketError> {
        self.rest_of_frame().await?;
        if self.large.as_ref().is_some_and(|large| large.goes_on) {
            let length = self.next_length().await?;
            let bytes = self.large.take().unwrap_or_default().bytes;
            self.begin_frame(length, bytes)?;
        }
        Ok(())
    }

    /// Takes what is in the buffer, and the rest from the socket without a detour.
    async fn rest_of_frame(&mut self) -> io::Result<()> {
        let Some(large) = &mut self.large else { return Ok(()) };
        let here = self.buffer.get(self.filled.clone()).unwrap_or_default();
        let here = here.get(..large.left).unwrap_or(here);
        large.bytes.extend_from_slice(here);
        large.left -= here.len();
        self.filled.start += here.len();
        while large.left > 0 {
            let mut room = (&mut large.bytes).limit(large.left);
            match self.socket.read_buf(&mut room).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    large.left -= count;
                    self.received += count as u64;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packets of these lengths as a server sends them, numbered from 0.
    fn sent(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut number = 0_u8;
        for length in lengths {
            let mut left = *length;
            loop {
                let frame = left.min(FULL);
                let [low, middle, high, _] = u32::try_from(frame).unwrap().to_le_bytes();
                bytes.extend([low, middle, high, number]);
                bytes.resize(bytes.len() + frame, number);
                number = number.wrapping_add(1);
                left -= frame;
                if frame < FULL {
                    break;
                }
            }
        }
        bytes
    }

    fn packets(bytes: Vec<u8>, step: usize) -> Packets {
        let (ours, mut theirs) = tokio::io::duplex(step);
        crate::runtime::tasks::spawn(async move { theirs.write_all(&bytes).await });
        Packets::new(Box::new(ours), 64 << 20)
    }

    #[tokio::test]
    async fn packets_of_any_size_come_whole() {
        for (lengths, step) in [
            (vec![0, 1, 100, BUFFER - HEAD, BUFFER, 5], 1000),
            (vec![FULL - 1, FULL, FULL + 1, 2 * FULL, 3], 1 << 20),
        ] {
            let mut packets = packets(sent(&lengths), step);
            for length in lengths {
                assert_eq!(packets.next().await.unwrap().len(), length);
            }
            let end = packets.next().await.unwrap_err();
            assert!(
                matches!(end, PacketError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof)
            );
        }
    }

    #[tokio::test]
    async fn a_read_that_was_given_up_loses_nothing() {
        let lengths = [10, BUFFER * 3, FULL + 5, 1];
        let (ours, mut theirs) = tokio::io::duplex(64 << 20);
        let mut packets = Packets::new(Box::new(ours), 64 << 20);
        let bytes = sent(&lengths);
        let mut pieces = bytes.chunks(50_000);
        for length in lengths {
            let got = loop {
                match futures_util::poll!(Box::pin(packets.next())) {
                    std::task::Poll::Ready(packet) => break packet.unwrap().len(),
                    std::task::Poll::Pending => {
                        theirs.write_all(pieces.next().unwrap()).await.unwrap();
                    }
                }
            };
            assert_eq!(got, length);
        }
    }

    #[tokio::test]
    async fn what_is_out_of_order_or_too_large_is_an_error() {
        let mut bytes = sent(&[3, 3]);
        bytes[10] = 7;
        let mut doubled = packets(bytes, 100);
        assert_eq!(doubled.next().await.unwrap().len(), 3);
        assert!(matches!(doubled.next().await, Err(PacketError::Order)));
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        crate::runtime::tasks::spawn(async move { theirs.write_all(&sent(&[2 * FULL])).await });
        let mut packets = Packets::new(Box::new(ours), FULL + 1);
        assert!(matches!(packets.next().await, Err(PacketError::TooLarge)));
    }

    #[tokio::test]
    async fn it_is_known_whether_the_next_packet_is_here() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut packets = Packets::new(Box::new(ours), 64 << 20);
        let bytes = sent(&[3, 3]);
        theirs.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
        assert!(!packets.has_next());
        packets.next().await.unwrap();
        assert!(!packets.has_next());
        theirs.write_all(&bytes[bytes.len() - 1..]).await.unwrap();
        packets.fill().await.unwrap();
        assert!(packets.has_next());
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let mut packets = packets(bytes, 50);
                while packets.next().await.is_ok() {}
            });
        }
    }
}
