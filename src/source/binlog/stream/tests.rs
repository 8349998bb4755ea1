//! A server that answers politely until it is asked for the binlog.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use mysql_async::{BinlogStreamRequest, OptsBuilder};

use super::*;

const COM_BINLOG_DUMP: u8 = 0x12;

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

/// Lets anybody in, agrees to every command, and sends this event as the first one of its binlog.
fn serve(client: &mut TcpStream, event: &[u8]) -> std::io::Result<()> {
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
            return send(client, 1, &[&[0], event].concat());
        }
        send(client, sequence + 1, &AGREED)?;
    }
}

/// What the stream says to such an event, and then to the connection's end.
async fn answer(event: Vec<u8>) -> Result<Event, BinlogError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || serve(&mut listener.accept()?.0, &event));
    let options = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 24))
        .wait_timeout(Some(60));
    let connection = Conn::new(options).await.unwrap();
    let mut stream = connection.get_binlog_stream(BinlogStreamRequest::new(1)).await.unwrap();
    let answer = next_event(&mut stream, Duration::from_secs(60)).await;
    server.join().unwrap().unwrap();
    if answer.is_ok() {
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
