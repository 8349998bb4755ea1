//! The compressed protocol (MySQL manual, "Client/Server Protocol", "Compression"; source, `sql-common/net_serv.cc`):
//! between packets and socket stand frames, each of which tells its length, its number, and its length when inflated, 0
//! where it was not worth compressing.
//!
//! What comes is inflated frame by frame, into memory that is as large as the largest of them: at most 16 MiB, which is
//! all that three bytes can say. What is sent is small and goes as it is.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use flate2::{Decompress, FlushDecompress, Status};
use mysql_common::constants::CapabilityFlags;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use zstd::bulk::Decompressor;

use super::packets::Socket;
use crate::source::wire::{Malformed, Wire};

/// The head of a frame: its length, its number, its length inflated.
const HEAD: usize = 7;

/// The bytes read at once.
const BUFFER: usize = 64 << 10;

/// The most that one frame of ours carries, far below what its length could say.
const LARGEST_SENT: usize = 1 << 20;

/// How what comes is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Zstd,
    Zlib,
}

impl Algorithm {
    /// The level that the server is asked to compress with: the fastest that compresses well.
    pub(super) const ZSTD_LEVEL: u8 = 3;

    /// The better one of those that a server offers, if there is any.
    pub(super) fn of(offered: CapabilityFlags) -> Option<Self> {
        [Self::Zstd, Self::Zlib].into_iter().find(|one| offered.contains(one.capability()))
    }

    /// What says that it is meant.
    pub(super) const fn capability(self) -> CapabilityFlags {
        match self {
            Self::Zstd => CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM,
            Self::Zlib => CapabilityFlags::CLIENT_COMPRESS,
        }
    }
}

enum Inflate {
    Zstd(Decompressor<'static>),
    Zlib(Decompress),
}

impl Inflate {
    fn new(algorithm: Algorithm) -> io::Result<Self> {
        Ok(match algorithm {
            Algorithm::Zstd => Self::Zstd(Decompressor::new()?),
            Algorithm::Zlib => Self::Zlib(Decompress::new(true)),
        })
    }

    /// Inflates a frame to just the length that it tells.
    fn frame(&mut self, frame: &[u8], length: usize, plain: &mut Vec<u8>) -> io::Result<()> {
        plain.reserve_exact(length);
        let is_ended = match self {
            Self::Zstd(zstd) => zstd.decompress_to_buffer(frame, plain).is_ok(),
            Self::Zlib(zlib) => {
                zlib.reset(true);
                let status = zlib.decompress_vec(frame, plain, FlushDecompress::Finish);
                matches!(status, Ok(Status::StreamEnd))
            }
        };
        if is_ended && plain.len() == length { Ok(()) } else { Err(broken()) }
    }
}

/// A socket behind which the server compresses.
pub(super) struct Compressed {
    socket: BufReader<Box<dyn Socket>>,
    inflate: Inflate,
    /// The frame that is coming, head and all.
    frame: Vec<u8>,
    plain: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
    /// The frame that is being sent, and how much of it was.
    sending: (Vec<u8>, usize),
    sequence: u8,
}

impl Compressed {
    /// A conversation that is compressed from here on.
    pub(super) fn new(socket: Box<dyn Socket>, algorithm: Algorithm) -> io::Result<Self> {
        Ok(Self {
            socket: BufReader::with_capacity(BUFFER, socket),
            inflate: Inflate::new(algorithm)?,
            frame: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            sending: (Vec::new(), 0),
            sequence: 0,
        })
    }

    /// Waits until so much of the frame is here.
    fn poll_frame(&mut self, context: &mut Context<'_>, wanted: usize) -> Poll<io::Result<()>> {
        while self.frame.len() < wanted {
            let mut socket = Pin::new(&mut self.socket);
            let here = ready!(socket.as_mut().poll_fill_buf(context))?;
            if here.is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let part = here.get(..wanted - self.frame.len()).unwrap_or(here);
            self.frame.extend_from_slice(part);
            let count = part.len();
            socket.consume(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the next frame and inflates it.
    fn poll_plain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_frame(context, HEAD))?;
        let Head { length, number, inflated } = Head::read(&self.frame).map_err(|_| broken())?;
        if number != self.sequence {
            return Poll::Ready(Err(broken()));
        }
        ready!(self.poll_frame(context, HEAD + length))?;
        self.sequence = self.sequence.wrapping_add(1);
        self.plain.clear();
        self.taken = 0;
        let body = self.frame.get(HEAD..).unwrap_or_default();
        match inflated {
            0 => self.plain.extend_from_slice(body),
            length => self.inflate.frame(body, length, &mut self.plain)?,
        }
        self.frame.clear();
        Poll::Ready(Ok(()))
    }

    /// Sends what was begun to be sent.
    fn poll_sending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (frame, sent) = &mut self.sending;
        while let Some(left) = frame.get(*sent..).filter(|left| !left.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(context, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *sent += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

struct Head {
    length: usize,
    number: u8,
    /// 0 where the frame is not compressed.
    inflated: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut wire = Wire(bytes);
        let length = wire.u24()? as usize;
        let number = wire.u8()?;
        Ok(Self { length, number, inflated: wire.u24()? as usize })
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a compressed packet is not what it says")
}

impl Socket for Compressed {
    fn begin_command(&mut self) {
        self.sequence = 0;
    }

    fn held(&self) -> usize {
        self.frame.len()
    }

    fn numbers_packets(&self) -> bool {
        false
    }
}

impl AsyncRead for Compressed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.taken == this.plain.len() {
            ready!(this.poll_plain(context))?;
        }
        let here = this.plain.get(this.taken..).unwrap_or_default();
        let here = here.get(..room.remaining()).unwrap_or(here);
        room.put_slice(here);
        this.taken += here.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Compressed {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_sending(context))?;
        let bytes = bytes.get(..LARGEST_SENT).unwrap_or(bytes);
        let [low, middle, high, _] = u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
        let (frame, sent) = &mut this.sending;
        frame.clear();
        *sent = 0;
        frame.extend_from_slice(&[low, middle, high, this.sequence, 0, 0, 0]);
        frame.extend_from_slice(bytes);
        this.sequence = this.sequence.wrapping_add(1);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_sending(context))?;
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_sending(context))?;
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    fn frame(number: u8, inflated: usize, body: &[u8]) -> Vec<u8> {
        let three = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let ([a, b, c, _], [d, e, f, _]) = (three(body.len()), three(inflated));
        [&[a, b, c, number, d, e, f], body].concat()
    }

    fn compress(algorithm: Algorithm, plain: &[u8]) -> Vec<u8> {
        match algorithm {
            Algorithm::Zstd => zstd::bulk::compress(plain, 3).unwrap(),
            Algorithm::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn pair(algorithm: Algorithm) -> (Compressed, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(8 << 20);
        (Compressed::new(Box::new(ours), algorithm).unwrap(), theirs)
    }

    #[tokio::test]
    async fn frames_of_both_kinds_come_out_as_they_went_in() {
        for algorithm in [Algorithm::Zstd, Algorithm::Zlib] {
            let (mut ours, mut theirs) = pair(algorithm);
            let large: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
            let frames = [
                frame(0, large.len(), &compress(algorithm, &large)),
                frame(1, 0, b"as it is"),
                frame(2, 0, b""),
                frame(3, 5, &compress(algorithm, b"short")),
            ];
            theirs.write_all(&frames.concat()).await.unwrap();
            drop(theirs);
            let mut read = vec![0; large.len() + 13];
            ours.read_exact(&mut read).await.unwrap();
            assert!(read == [&large[..], b"as it isshort"].concat());
            let end = ours.read(&mut read).await.unwrap_err();
            assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[tokio::test]
    async fn what_is_not_as_it_says_is_an_error() {
        for algorithm in [Algorithm::Zstd, Algorithm::Zlib] {
            let body = compress(algorithm, b"twelve bytes");
            let wrong = [
                frame(1, 12, &body),
                frame(0, 11, &body),
                frame(0, 13, &body),
                frame(0, 12, &body[..body.len() - 1]),
                frame(0, 12, b"no such thing"),
            ];
            for wrong in wrong {
                let (mut ours, mut theirs) = pair(algorithm);
                theirs.write_all(&wrong).await.unwrap();
                let error = ours.read_u8().await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{algorithm:?} {wrong:?}");
            }
        }
    }

    #[tokio::test]
    async fn commands_are_framed_and_numbered_anew() {
        let (mut ours, mut theirs) = pair(Algorithm::Zlib);
        for text in [&b"first"[..], b"second"] {
            ours.begin_command();
            ours.write_all(text).await.unwrap();
            ours.flush().await.unwrap();
            let expected = frame(0, 0, text);
            let mut read = vec![0; expected.len()];
            theirs.read_exact(&mut read).await.unwrap();
            assert_eq!(read, expected);
        }
        let large = vec![7; LARGEST_SENT + 1];
        ours.begin_command();
        ours.write_all(&large).await.unwrap();
        ours.flush().await.unwrap();
        let expected = [frame(0, 0, &large[1..]), frame(1, 0, &[7])].concat();
        let mut read = vec![0; expected.len()];
        theirs.read_exact(&mut read).await.unwrap();
        assert!(read == expected);
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for algorithm in [Algorithm::Zstd, Algorithm::Zlib] {
                    let (mut ours, mut theirs) = pair(algorithm);
                    theirs.write_all(&bytes).await.unwrap();
                    drop(theirs);
                    let mut rest = Vec::new();
                    let _end = ours.read_to_end(&mut rest).await;
                }
            });
        }
    }
}
