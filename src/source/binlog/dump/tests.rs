//! A server that answers politely until it is asked for the binlog.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    model::position::Position,
    source::{
        binlog::{
            event::kind,
            request::{self, Replica},
        },
        protocol::{Access, Connection},
    },
};

const COM_BINLOG_DUMP: u8 = 0x12;

/// The longest silence.
const SILENCE: Duration = Duration::from_secs(2);

/// What is as long as this goes on in another packet.
const LONGEST_PACKET: usize = 0xFF_FFFF;

/// Sends a packet.
fn send(client: &mut TcpStream, sequence: u8, packet: &[u8]) -> std::io::Result<()> {
    let [low, middle, high, _] = u32::try_from(packet.len()).unwrap().to_le_bytes();
    client.write_all(&[&[low, middle, high, sequence], packet].concat())
}

/// Reads a packet: its number and its first byte.
fn receive(client: &mut TcpStream) -> std::io::Result<(u8, u8)> {
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    let mut packet = vec![0; usize::from(u16::from_le_bytes([head[0], head[1]]))];
    client.read_exact(&mut packet)?;
    Ok((head[3], packet[0]))
}

/// Lets anybody in, agrees to every command, and lets this send its binlog.
fn serve(
    client: &mut TcpStream,
    binlog: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
) -> std::io::Result<()> {
    const AGREED: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];
    let plugin = b"mysql_native_password\0";
    let greeting = [
        &[10][..],
        b"8.0.0\0",
        &[1, 0, 0, 0],
        &[b'x'; 8],
        &[0, 0x01, 0xA2, 45, 2, 0, 0x08, 0, 21],
        &[0; 10],
        &[b'x'; 12],
        &[0],
        plugin,
    ];
    send(client, 0, &greeting.concat())?;
    loop {
        let (sequence, command) = receive(client)?;
        if sequence == 0 && command == COM_BINLOG_DUMP {
            return binlog(client);
        }
        send(client, sequence + 1, &AGREED)?;
    }
}

/// Sends an event of such a size in as many packets as it takes, each filled with its number from 0.
fn send_huge(client: &mut TcpStream, size: usize) -> std::io::Result<()> {
    let head = event(kind::WRITE_ROWS, u32::try_from(size).unwrap(), &[]);
    let mut left = 1 + size;
    for number in 0.. {
        let mut packet = vec![number; left.min(LONGEST_PACKET)];
        if number == 0 {
            packet[..=head.len()].copy_from_slice(&[&[0], &head[..]].concat());
        }
        send(client, number + 1, &packet)?;
        left -= packet.len();
        if packet.len() < LONGEST_PACKET {
            break;
        }
    }
    Ok(())
}

/// What comes of such an event, and then of the connection's end.
async fn answer(event: Vec<u8>) -> Result<Event<'static>, BinlogError> {
    answer_to(move |client| send(client, 1, &[&[0], &event[..]].concat())).await
}

/// What comes of such a binlog's first event, and then of the connection's end.
async fn answer_to(
    binlog: impl FnOnce(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> Result<Event<'static>, BinlogError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || serve(&mut listener.accept()?.0, binlog));
    let access = Access {
        host: "127.0.0.1",
        port,
        user: "somebody",
        password: "",
        tls: None,
        compression: false,
        keepalive: SILENCE,
        largest_packet: crate::source::connect::LARGEST_PACKET,
    };
    let connection = Connection::open(&access).await.unwrap();
    let by_file = Position { file: "b.1".to_owned(), offset: 4, ..Position::default() };
    let mut dump = request::dump(connection, &Replica::new(1), &by_file).await.unwrap();
    let answer = next(&mut dump).await;
    if answer.is_err() {
        // The server may be left with something to send.
        drop(dump);
        drop(server.join().unwrap());
    } else {
        server.join().unwrap().unwrap();
        let end = next(&mut dump).await;
        assert!(
            matches!(end, Err(BinlogError::Source(_))),
            "a closed connection is no damage: {end:?}"
        );
    }
    answer
}

async fn next(dump: &mut Dump) -> Result<Event<'static>, BinlogError> {
    dump.wait(SILENCE).await?;
    dump.take().map(Event::into_owned)
}

/// An event with a size of its own choice.
fn event(kind: u8, size: u32, body: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, 0, kind, 1, 0, 0, 0], &size.to_le_bytes()[..], &[0; 6], body].concat()
}

/// An event of the size that it says.
fn whole(kind: u8, body: &[u8]) -> Vec<u8> {
    event(kind, u32::try_from(19 + body.len()).unwrap(), body)
}

#[tokio::test]
async fn a_whole_event_comes_through() {
    let answer = answer(whole(kind::XID, &[7; 8])).await.unwrap();
    assert_eq!((answer.header().kind, answer.data()), (kind::XID, &[7; 8][..]));
}

/// The protocol's largest, which no server writes of its own accord.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_gibibyte_comes_through() {
    let size = (1 << 30) - 1;
    let event = answer_to(move |client| send_huge(client, size)).await.unwrap();
    let head = 20;
    assert_eq!(event.data().len(), size - 19);
    let (first, rest) = event.data().split_at(LONGEST_PACKET - head);
    for (number, packet) in (0..).zip(std::iter::once(first).chain(rest.chunks(LONGEST_PACKET))) {
        assert!(packet == vec![number; packet.len()], "packet {number}");
    }
    drop(event);
    let larger = answer_to(move |client| send_huge(client, size + 1)).await;
    assert!(matches!(larger, Err(BinlogError::PacketTooLarge)), "{larger:?}");
}

#[tokio::test]
async fn what_contradicts_itself_is_damage() {
    for hostile in [
        whole(kind::XID, &[])[..11].to_vec(),
        event(kind::XID, 27, &[7; 4]),
        event(kind::XID, u32::MAX, &[7; 8]),
        event(kind::XID, 3, &[]),
        whole(kind::FORMAT_DESCRIPTION, &[4]),
        event(kind::FORMAT_DESCRIPTION, 3, &[]),
        Vec::new(),
    ] {
        let answer = answer(hostile.clone()).await;
        assert!(matches!(answer, Err(BinlogError::Transport)), "{hostile:?}: {answer:?}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words() {
    let refused = answer_to(|client| send(client, 1, b"\xFF\xD4\x04#HY000purged")).await;
    let Err(BinlogError::Refused(told)) = refused else { panic!("{refused:?}") };
    assert_eq!((told.code, told.message.as_str()), (1236, "purged"));
    let ended = answer_to(|client| send(client, 1, &[0xFE, 0, 0, 0, 0])).await;
    assert!(matches!(ended, Err(BinlogError::Ended)), "{ended:?}");
}

/// One that takes longer than a silence may last is no silence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_event_on_a_slow_line_comes_through() {
    const PIECES: usize = 8;
    let body = vec![7; 4 << 20];
    let sent = whole(kind::WRITE_ROWS, &body);
    let event = answer_to(move |client| {
        let packet = [&[0], &sent[..]].concat();
        let [low, middle, high, _] = u32::try_from(packet.len()).unwrap().to_le_bytes();
        client.write_all(&[low, middle, high, 1])?;
        for piece in packet.chunks(packet.len() / PIECES) {
            std::thread::sleep(SILENCE * 2 / u32::try_from(PIECES).unwrap());
            client.write_all(piece)?;
        }
        Ok(())
    });
    assert_eq!(event.await.unwrap().data().len(), body.len());
    let silent = answer_to(|_| {
        std::thread::sleep(SILENCE * 2);
        Ok(())
    });
    assert!(matches!(silent.await, Err(BinlogError::Silent(_))));
}
