//! A server that answers politely until it is asked for the binlog.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use mysql_async::{BinlogStreamRequest, OptsBuilder};

use super::*;

const COM_BINLOG_DUMP: u8 = 0x12;

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

/// What the stream says to such an event, and then to the connection's end.
async fn answer(event: Vec<u8>) -> Result<Event, BinlogError> {
    answer_to(move |client| send(client, 1, &[&[0], &event[..]].concat())).await
}

/// What the stream says to such a binlog's first event, and then to the connection's end.
async fn answer_to(
    binlog: impl FnOnce(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> Result<Event, BinlogError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || serve(&mut listener.accept()?.0, binlog));
    let options = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .prefer_socket(false)
        .max_allowed_packet(Some(crate::source::connect::LARGEST_PACKET))
        .wait_timeout(Some(60));
    let connection = Conn::new(options).await.unwrap();
    let mut stream = connection.get_binlog_stream(BinlogStreamRequest::new(1)).await.unwrap();
    let answer = next_event(&mut stream, Duration::from_secs(60)).await;
    if answer.is_err() {
        // The server may be left with something to send.
        drop(stream);
        drop(server.join().unwrap());
    } else {
        server.join().unwrap().unwrap();
        let end = next_event(&mut stream, Duration::from_secs(60)).await;
        assert!(
            matches!(end, Err(BinlogError::Source(_))),
            "a closed connection is no damage: {end:?}"
        );
    }
    answer
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
    assert_eq!((answer.header().event_type_raw(), answer.data()), (kind::XID, &[7; 8][..]));
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

/// The transport's own readers panic on most of these.
#[tokio::test]
async fn what_contradicts_itself_is_damage() {
    let largest = [0xFF; 8];
    let unknown_compression = [2, 1, 7, 1, 1, 0, 0];
    let endless = [&[2, 1, 0, 3, 9, 0xFE][..], &largest, &[1, 1, 0, 0]].concat();
    let larger_than_it_is = [2, 1, 0, 3, 1, 9, 1, 1, 200, 0, 1];
    for hostile in [
        whole(kind::XID, &[])[..11].to_vec(),
        event(kind::XID, 27, &[7; 4]),
        event(kind::XID, u32::MAX, &[7; 8]),
        whole(kind::FORMAT_DESCRIPTION, &[4]),
        event(kind::FORMAT_DESCRIPTION, 3, &[]),
        whole(kind::TABLE_MAP, &[1; 9]),
        whole(kind::ROTATE, &[1]),
        whole(kind::TRANSACTION_PAYLOAD, &unknown_compression),
        whole(kind::TRANSACTION_PAYLOAD, &endless),
    ] {
        let answer = answer(hostile.clone()).await;
        assert!(matches!(answer, Err(BinlogError::Transport)), "{hostile:?}: {answer:?}");
    }
    // What the transport passes over the payload's own guard recognises.
    assert!(answer(whole(kind::TRANSACTION_PAYLOAD, &larger_than_it_is)).await.is_ok());
}
