//! Greeting, TLS and authentication (MySQL manual, "Client/Server Protocol", "Connection Phase").
//!
//! The plugins' arithmetic is `mysql_common`'s. The nonce is taken as the server sent it: of the plugins only those with
//! twenty bytes have a zero behind them.

use std::{borrow::Cow, collections::HashMap, io, panic, sync::Arc};

use mysql_common::{
    constants::CapabilityFlags,
    crypto,
    packets::{AuthPlugin, HandshakeResponse, SslRequest},
    proto::MySerialize,
};

use super::{
    Access,
    answer::Answer,
    bytes_of,
    compressed::{Algorithm, Compressed},
    packets::{PacketError, Packets, Socket},
    tls,
};
use crate::source::{
    error::SourceError,
    wire::{Malformed, Wire},
};

/// utf8mb4_general_ci, which servers of all ages know.
const UTF8MB4: u8 = 45;

/// The bytes of a nonce that has a zero behind it.
const NONCE: usize = 20;

/// Logs in on a connection that has just been opened.
pub(super) async fn log_in(
    mut packets: Packets,
    access: &Access<'_>,
) -> Result<Packets, SourceError> {
    let greeting = Greeting::read(&next(&mut packets).await?)?;
    let is_secure = access.tls.is_some();
    let algorithm = Algorithm::of(greeting.capabilities).filter(|_| access.compression);
    let wanted =
        wanted(is_secure) | algorithm.map_or(CapabilityFlags::empty(), Algorithm::capability);
    if is_secure && !greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
        return Err(SourceError::NoTls);
    }
    let capabilities = greeting.capabilities & wanted;
    let largest = u32::try_from(access.largest_packet).unwrap_or(u32::MAX);
    if let Some(client) = &access.tls {
        send(&mut packets, &SslRequest::new(capabilities, largest, UTF8MB4)).await?;
        let client = Arc::clone(client);
        packets = packets
            .over(|socket| tls::secure(socket, client, access.host))
            .await
            .map_err(SourceError::of_io)?;
    }
    let mut proof = Proof::new(greeting.plugin, greeting.nonce, access.password, is_secure);
    let attributes = [("_client_name", "binleaf"), ("program_name", "binleaf")];
    let attributes: HashMap<_, _> =
        attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let response = HandshakeResponse::new(
        Some(proof.first()),
        (8, 0, 0),
        Some(access.user.as_bytes()),
        None::<&[u8]>,
        Some(proof.plugin.borrow()),
        capabilities,
        Some(attributes).filter(|_| capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS)),
        largest,
    );
    let mut response = bytes_of(&response);
    if algorithm == Some(Algorithm::Zstd) {
        response.push(Algorithm::ZSTD_LEVEL);
    }
    packets.send(&response).await.map_err(SourceError::of_io)?;
    convince(&mut packets, &mut proof).await?;
    match algorithm {
        None => Ok(packets),
        Some(algorithm) => compress(packets, algorithm).await.map_err(SourceError::of_io),
    }
}

/// Goes on compressed.
async fn compress(packets: Packets, algorithm: Algorithm) -> io::Result<Packets> {
    tracing::debug!(?algorithm, "what comes is compressed");
    let over = |socket| {
        let compressed = Compressed::new(socket, algorithm);
        std::future::ready(compressed.map(|socket| -> Box<dyn Socket> { Box::new(socket) }))
    };
    packets.over(over).await
}

/// Answers until the server is convinced.
async fn convince(packets: &mut Packets, proof: &mut Proof<'_>) -> Result<(), SourceError> {
    /// A login has a handful; a server that never comes to an end is none.
    const MOST_ROUNDS: usize = 8;
    for _ in 0..MOST_ROUNDS {
        let packet = next(packets).await?.into_owned();
        match proof.answer(&packet)? {
            Reply::Welcome => return Ok(()),
            Reply::Wait => {}
            Reply::Send(bytes) => packets.send(&bytes).await.map_err(SourceError::of_io)?,
        }
    }
    Err(unexpected())
}

async fn next(packets: &mut Packets) -> Result<Cow<'_, [u8]>, SourceError> {
    packets.next().await.map_err(SourceError::from)
}

async fn send(packets: &mut Packets, message: &impl MySerialize) -> Result<(), SourceError> {
    packets.send(&bytes_of(message)).await.map_err(SourceError::of_io)
}

fn unexpected() -> SourceError {
    SourceError::Protocol("the login did not go by the protocol".to_owned())
}

impl From<PacketError> for SourceError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Io(error) => Self::of_io(error),
            other => Self::Protocol(other.to_string()),
        }
    }
}

/// What is asked of the server: results as they were before EOF packets were dropped, so that a row is told from the end
/// of rows by its first byte; one statement at a time; no notes about the session.
fn wanted(is_secure: bool) -> CapabilityFlags {
    let mut wanted = CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PS_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    wanted.set(CapabilityFlags::CLIENT_SSL, is_secure);
    wanted
}

/// What the server says first.
struct Greeting {
    capabilities: CapabilityFlags,
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
}

impl Greeting {
    fn read(packet: &[u8]) -> Result<Self, SourceError> {
        if Answer::of(packet) == Answer::Refused {
            return Err(Answer::refusal(packet));
        }
        Self::parse(packet).map_err(|_| unexpected())
    }

    /// The protocol's version, the server's, a thread's number, the nonce's first part, what the server is capable of in
    /// two parts with a charset and a state between them, the nonce's length, the rest of the nonce, the plugin.
    fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        const VERSION: u8 = 10;
        const FIRST: usize = 8;
        let mut wire = Wire(packet);
        if wire.u8()? != VERSION {
            return Err(Malformed("a greeting of another protocol"));
        }
        until_zero(&mut wire);
        wire.u32()?;
        let mut nonce = wire.take(FIRST)?.to_vec();
        wire.u8()?;
        let low = wire.u16()?;
        wire.take(3)?;
        let capabilities = u32::from(low) | u32::from(wire.u16()?) << 16;
        wire.take(11)?;
        nonce.extend_from_slice(wire.take(NONCE - FIRST)?);
        wire.u8()?;
        let plugin = match AuthPlugin::from_bytes(until_zero(&mut wire)) {
            AuthPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
            // Whatever the account has, the server asks for it behind the first answer.
            _ => AuthPlugin::MysqlNativePassword,
        };
        let capabilities = CapabilityFlags::from_bits_truncate(capabilities);
        Ok(Self { capabilities, plugin, nonce })
    }
}

fn until_zero<'p>(wire: &mut Wire<'p>) -> &'p [u8] {
    let mut parts = wire.0.splitn(2, |byte| *byte == 0);
    let text = parts.next().unwrap_or_default();
    wire.0 = parts.next().unwrap_or_default();
    text
}

/// What to say next.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Welcome,
    Wait,
    Send(Vec<u8>),
}

/// The proof that the password is known.
struct Proof<'p> {
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
    password: &'p str,
    is_secure: bool,
    has_switched: bool,
    /// The server was asked for its key.
    asked_key: bool,
}

impl<'p> Proof<'p> {
    const fn new(
        plugin: AuthPlugin<'static>,
        nonce: Vec<u8>,
        password: &'p str,
        is_secure: bool,
    ) -> Self {
        Self { plugin, nonce, password, is_secure, has_switched: false, asked_key: false }
    }

    /// The plugin's first words. Parsec waits for the server's.
    fn first(&self) -> Vec<u8> {
        match self.plugin {
            AuthPlugin::MariadbParsec { .. } => Vec::new(),
            _ => self.data(),
        }
    }

    fn data(&self) -> Vec<u8> {
        let data = self.plugin.gen_data(Some(self.password), &self.nonce);
        data.map_or_else(Vec::new, |data| bytes_of(&data))
    }

    fn answer(&mut self, packet: &[u8]) -> Result<Reply, SourceError> {
        match (Answer::of(packet), packet.split_first()) {
            (Answer::Agreed, _) => Ok(Reply::Welcome),
            (Answer::Refused, _) => Err(Answer::refusal(packet)),
            (_, Some((0xFE, request))) if !self.has_switched => self.switch(request),
            (_, Some((0x01, more))) => self.more(more),
            // MariaDB's first releases of it did not mark what follows as more data.
            (_, Some(_)) if matches!(self.plugin, AuthPlugin::MariadbParsec { .. }) => {
                self.more(packet)
            }
            _ => Err(unexpected()),
        }
    }

    /// The account has another plugin than the server's default.
    fn switch(&mut self, request: &[u8]) -> Result<Reply, SourceError> {
        self.has_switched = true;
        let mut wire = Wire(request);
        let (name, data) = (until_zero(&mut wire), wire.0);
        self.plugin = AuthPlugin::from_bytes(name).into_owned();
        self.nonce = match data {
            [nonce @ .., 0] if nonce.len() == NONCE => nonce.to_vec(),
            nonce => nonce.to_vec(),
        };
        match &self.plugin {
            AuthPlugin::MysqlNativePassword
            | AuthPlugin::CachingSha2Password
            | AuthPlugin::Ed25519
            | AuthPlugin::MariadbParsec { .. } => Ok(Reply::Send(self.first())),
            AuthPlugin::MysqlOldPassword | AuthPlugin::MysqlClearPassword => {
                Err(SourceError::AuthPlugin(String::from_utf8_lossy(name).into_owned()))
            }
            AuthPlugin::Other(name) => {
                Err(SourceError::AuthPlugin(String::from_utf8_lossy(name).into_owned()))
            }
        }
    }

    fn more(&mut self, data: &[u8]) -> Result<Reply, SourceError> {
        const KNOWN: &[u8] = &[3];
        const WHOLE: &[u8] = &[4];
        match &mut self.plugin {
            AuthPlugin::CachingSha2Password if self.asked_key => self.encrypted(data),
            AuthPlugin::CachingSha2Password if data == KNOWN => Ok(Reply::Wait),
            AuthPlugin::CachingSha2Password if data == WHOLE => Ok(Reply::Send(self.whole())),
            plugin @ AuthPlugin::MariadbParsec { .. } => {
                plugin.read_add_data(data).ok_or_else(unexpected)?;
                Ok(Reply::Send(self.data()))
            }
            _ => Err(unexpected()),
        }
    }

    /// The password itself where nobody can read along, else the question for the server's key.
    fn whole(&mut self) -> Vec<u8> {
        const ASK_KEY: u8 = 2;
        if self.is_secure {
            return self.terminated();
        }
        self.asked_key = true;
        vec![ASK_KEY]
    }

    fn terminated(&self) -> Vec<u8> {
        [self.password.as_bytes(), &[0]].concat()
    }

    /// The password for the server's eyes. `mysql_common` panics on what is no key.
    fn encrypted(&self, key: &[u8]) -> Result<Reply, SourceError> {
        let masks = self.nonce.iter().cycle();
        let masked: Vec<u8> =
            self.terminated().iter().zip(masks).map(|(byte, mask)| byte ^ mask).collect();
        let sealed = panic::catch_unwind(|| crypto::encrypt(&masked, key));
        sealed.map(Reply::Send).map_err(|_| unexpected())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proof(plugin: AuthPlugin<'static>, is_secure: bool) -> Proof<'static> {
        Proof::new(plugin, vec![7; NONCE], "secret", is_secure)
    }

    fn switch_to(name: &str, data: &[u8]) -> Vec<u8> {
        [&[0xFE], name.as_bytes(), &[0], data].concat()
    }

    #[test]
    fn a_switch_is_followed_once_and_to_known_plugins_only() {
        let nonce = [&[9; NONCE][..], &[0]].concat();
        let mut native = proof(AuthPlugin::CachingSha2Password, true);
        let reply = native.answer(&switch_to("mysql_native_password", &nonce)).unwrap();
        assert!(matches!(reply, Reply::Send(bytes) if bytes.len() == 20));
        assert_eq!(native.nonce, [9; NONCE]);
        assert!(native.answer(&switch_to("mysql_native_password", &nonce)).is_err());
        for name in ["mysql_clear_password", "mysql_old_password", "authentication_ldap_simple"] {
            let refused =
                proof(AuthPlugin::CachingSha2Password, true).answer(&switch_to(name, &nonce));
            assert!(matches!(refused, Err(SourceError::AuthPlugin(told)) if told == name));
        }
    }

    /// The driver cuts it off.
    #[test]
    fn a_nonce_of_ed25519_that_ends_in_zero_is_kept_whole() {
        let nonce = [&[9; 31][..], &[0]].concat();
        let mut proof = proof(AuthPlugin::MysqlNativePassword, true);
        let reply = proof.answer(&switch_to("client_ed25519", &nonce)).unwrap();
        assert!(matches!(reply, Reply::Send(bytes) if bytes.len() == 64));
        assert_eq!(proof.nonce, nonce);
    }

    #[test]
    fn the_password_itself_is_sent_over_tls_only() {
        let mut secure = proof(AuthPlugin::CachingSha2Password, true);
        assert_eq!(secure.answer(&[1, 4]).unwrap(), Reply::Send(b"secret\0".to_vec()));
        let mut open = proof(AuthPlugin::CachingSha2Password, false);
        assert_eq!(open.answer(&[1, 4]).unwrap(), Reply::Send(vec![2]));
        assert!(open.answer(b"\x01no key").is_err());
        assert_eq!(open.answer(&[0]).unwrap(), Reply::Welcome);
    }

    #[test]
    fn an_empty_password_is_proved_by_nothing() {
        let nonce = vec![7; NONCE];
        let empty = Proof::new(AuthPlugin::CachingSha2Password, nonce, "", true);
        assert!(empty.first().is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(
            packet in proptest::collection::vec(any::<u8>(), 0..120),
            more in proptest::collection::vec(any::<u8>(), 0..60),
            is_secure in any::<bool>(),
        ) {
            let is_greeting = Greeting::read(&packet).is_ok();
            prop_assert!(!is_greeting || packet.len() > 40);
            for name in ["caching_sha2_password", "client_ed25519", "parsec", "mysql_native_password"] {
                let mut proof = proof(AuthPlugin::MysqlNativePassword, is_secure);
                let _first = proof.answer(&switch_to(name, &packet));
                let _second = proof.answer(&more);
                let _third = proof.answer(&[&[1], &more[..]].concat());
            }
        }
    }
}
