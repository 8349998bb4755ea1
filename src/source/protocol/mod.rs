//! A connection of our own to the source, for what must be fast: rows of the first copy, and the binlog.
//!
//! The driver gives each cell and each packet an allocation, copies a packet several times, and inflates a compressed
//! transaction as large as it says it is before anybody can look. Here packets are lent from the socket's buffer and
//! decoded where they lie. Everything that is asked now and then still goes by the driver's pool.

mod answer;
mod compressed;
mod login;
mod packets;
mod rows;
mod tls;

use std::{borrow::Cow, sync::Arc, time::Duration};

use mysql_async::Row;
use mysql_common::{io::ParseBuf, packets::Column, proto::MySerialize, row::new_row, value::Value};
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

pub(in crate::source) use self::{
    answer::Answer,
    packets::{PacketError, Packets},
    rows::{Rows, Statement},
    tls::client as tls_client,
};
use super::{ask::Ask, error::SourceError, wire::Wire};

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_CLOSE: u8 = 0x19;

/// Where to connect, and as whom.
#[derive(Debug)]
pub(in crate::source) struct Access<'a> {
    pub(in crate::source) host: &'a str,
    pub(in crate::source) port: u16,
    pub(in crate::source) user: &'a str,
    pub(in crate::source) password: &'a str,
    pub(in crate::source) tls: Option<Arc<ClientConfig>>,
    /// Whether what comes is to be compressed, where the server can.
    pub(in crate::source) compression: bool,
    /// How often the operating system asks whether the other side is still there.
    pub(in crate::source) keepalive: Duration,
    /// The largest packet, in bytes.
    pub(in crate::source) largest_packet: usize,
}

/// A session. One that was left in the middle of an answer is of no further use: drop it, which closes it at once.
#[derive(Debug)]
pub(in crate::source) struct Connection {
    packets: Packets,
    /// An answer is being read.
    is_busy: bool,
}

impl Connection {
    /// Connects and logs in.
    pub(in crate::source) async fn open(access: &Access<'_>) -> Result<Self, SourceError> {
        let socket = TcpStream::connect((access.host, access.port)).await;
        let socket = socket.map_err(SourceError::Io)?;
        socket.set_nodelay(true).map_err(SourceError::Io)?;
        let keepalive = TcpKeepalive::new().with_time(access.keepalive);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive).map_err(SourceError::Io)?;
        let packets = Packets::new(Box::new(socket), access.largest_packet);
        let packets = login::log_in(packets, access).await?;
        Ok(Self { packets, is_busy: false })
    }

    /// Runs a statement, whatever rows it answers with.
    pub(in crate::source) async fn run(&mut self, sql: &str) -> Result<(), SourceError> {
        self.ask(sql).await.map(drop)
    }

    /// Has the server prepare a statement without parameters.
    pub(in crate::source) async fn prepare(&mut self, sql: &str) -> Result<Statement, SourceError> {
        self.command(COM_STMT_PREPARE, sql.as_bytes()).await?;
        let (id, column_count, parameter_count) = self.take_prepared().await?;
        if parameter_count > 0 {
            self.columns(parameter_count.into()).await?;
        }
        let columns = match column_count {
            0 => Vec::new(),
            count => self.columns(count.into()).await?,
        };
        self.is_busy = false;
        Ok(Statement { id, columns })
    }

    /// Has a prepared statement run; its rows are then to be read to their end.
    pub(in crate::source) async fn execute(
        &mut self,
        statement: &Statement,
    ) -> Result<Rows<'_>, SourceError> {
        let [a, b, c, d] = statement.id.to_le_bytes();
        // No cursor, once.
        self.command(COM_STMT_EXECUTE, &[a, b, c, d, 0, 1, 0, 0, 0]).await?;
        match self.column_count().await? {
            0 => self.is_busy = false,
            count => drop(self.columns(count).await?),
        }
        Ok(Rows::new(&mut self.packets, &mut self.is_busy))
    }

    /// Lets go of a prepared statement. The server does not answer.
    pub(in crate::source) async fn close(
        &mut self,
        statement: Statement,
    ) -> Result<(), SourceError> {
        self.command(COM_STMT_CLOSE, &statement.id.to_le_bytes()).await?;
        self.is_busy = false;
        Ok(())
    }

    /// Sends a whole command whose answer the caller reads; the session serves nothing else from then on.
    pub(in crate::source) async fn hand_over(
        mut self,
        command: &[u8],
    ) -> Result<Packets, SourceError> {
        self.send(command).await?;
        Ok(self.packets)
    }

    /// Sends a whole command that the server agrees to.
    pub(in crate::source) async fn agree(&mut self, command: &[u8]) -> Result<(), SourceError> {
        self.send(command).await?;
        self.answer().await?;
        self.is_busy = false;
        Ok(())
    }

    /// Says goodbye.
    pub(in crate::source) async fn quit(mut self) -> Result<(), SourceError> {
        self.command(COM_QUIT, &[]).await?;
        self.packets.shut_down().await.map_err(SourceError::of_io)
    }

    async fn command(&mut self, command: u8, body: &[u8]) -> Result<(), SourceError> {
        self.send(&[&[command], body].concat()).await
    }

    async fn send(&mut self, command: &[u8]) -> Result<(), SourceError> {
        if std::mem::replace(&mut self.is_busy, true) {
            return Err(protocol("an answer was not read to its end"));
        }
        self.packets.command(command).await.map_err(SourceError::of_io)
    }

    /// The first packet of an answer; with a refusal the answer is at its end.
    async fn answer(&mut self) -> Result<Cow<'_, [u8]>, SourceError> {
        let packet = self.packets.next().await?;
        if let Err(refused) = answer::agreed(&packet) {
            self.is_busy = false;
            return Err(refused);
        }
        Ok(packet)
    }

    async fn take_prepared(&mut self) -> Result<(u32, u16, u16), SourceError> {
        let packet = self.answer().await?;
        let mut wire = Wire(&packet);
        let head = wire.u8().and_then(|_| Ok((wire.u32()?, wire.u16()?, wire.u16()?)));
        head.map_err(|_| protocol("a prepared statement without a number"))
    }

    /// How many columns an answer has; none where there are no rows.
    async fn column_count(&mut self) -> Result<usize, SourceError> {
        let packet = self.answer().await?;
        Wire(&packet).length().map_err(|_| protocol("an answer without a number of columns"))
    }

    async fn columns(&mut self, count: usize) -> Result<Vec<Column>, SourceError> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = self.packets.next().await?;
            columns.push(column(&packet)?);
        }
        match Answer::of(&self.packets.next().await?) {
            Answer::End => Ok(columns),
            _ => Err(protocol("columns without an end")),
        }
    }
}

impl Ask for Connection {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, SourceError> {
        self.command(COM_QUERY, sql.as_bytes()).await?;
        let count = self.column_count().await?;
        if count == 0 {
            self.is_busy = false;
            return Ok(Vec::new());
        }
        let columns: Arc<[Column]> = self.columns(count).await?.into();
        let mut answer = Vec::new();
        let mut rows = Rows::new(&mut self.packets, &mut self.is_busy);
        while let Some(packet) = rows.next().await? {
            answer.push(text_row(&packet, &columns)?);
        }
        Ok(answer)
    }
}

fn column(packet: &[u8]) -> Result<Column, SourceError> {
    ParseBuf(packet).parse(()).map_err(|_| protocol("a column that is not one"))
}

/// A row of the text protocol: texts, or NULL.
fn text_row(packet: &[u8], columns: &Arc<[Column]>) -> Result<Row, SourceError> {
    const NULL: u8 = 0xFB;
    let mut wire = Wire(packet);
    let cells = columns.iter().map(|_| match wire.0.first() {
        Some(&NULL) => wire.u8().map(|_| Value::NULL),
        _ => wire.lenenc_bytes().map(|bytes| Value::Bytes(bytes.to_vec())),
    });
    let cells = cells.collect::<Result<Vec<_>, _>>();
    let cells = cells.map_err(|_| protocol("a row that is not one"))?;
    Ok(new_row(cells, Arc::clone(columns)))
}

fn protocol(what: &str) -> SourceError {
    SourceError::Protocol(what.to_owned())
}

/// A message of the protocol as it is sent.
pub(in crate::source) fn bytes_of(message: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(packet in proptest::collection::vec(any::<u8>(), 0..80)) {
            let columns: Arc<[Column]> = column(&packet).into_iter().collect();
            prop_assert!(columns.is_empty() || packet.len() > 12);
            let _row = text_row(&packet, &columns);
        }

        /// As a server sends them, with one byte changed.
        #[test]
        fn a_damaged_column_causes_no_panic(place in 0_usize..40, byte in any::<u8>()) {
            let head = b"\x03def\x01d\x01t\x01t\x02id\x02id";
            let tail: &[u8] = &[0x0C, 0x3F, 0, 11, 0, 0, 0, 3, 3, 0x42, 0, 0, 0];
            let mut packet = [&head[..], tail].concat();
            let whole = column(&packet).unwrap();
            prop_assert_eq!(whole.name_ref(), b"id");
            if let Some(slot) = packet.get_mut(place) {
                *slot = byte;
            }
            let _column = column(&packet);
        }
    }
}
