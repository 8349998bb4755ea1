//! Connections to the source: hosts in order, TLS, passwords read anew, a session that is the same everywhere.
//!
//! With several hosts all connections go to one of them, the last that let us in, until it no longer does: two servers
//! are seldom at the same point.
//!
//! The session's settings are part of promise P2: TIMESTAMPs come in UTC, no SQL mode changes an answer, no limit of
//! the server's cuts one short.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{
    error::SourceError,
    password,
    protocol::{self, Connection},
    tls,
};
use crate::config::{SourceConfig, TlsMode};

/// The largest packet that MySQL's protocol has. The server's own `max_allowed_packet` does not bound what a dump
/// thread sends.
pub(super) const LARGEST_PACKET: usize = 1 << 30;

/// How long an idle connection of ours may stay open, in seconds; the server's default, whatever it is set to there.
const IDLE_SECONDS: usize = 28_800;

/// How often the operating system asks whether the other side of a silent connection is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The server does not take the password. MariaDB's ed25519 sends 32 bytes by chance, and where the last of them is zero
/// the driver (0.37.1) leaves it out, so that one login in 256 is denied: seen 9 times in 2000. Another try has other bytes.
const WRONG_PASSWORD: u16 = 1045;

/// The longest that closing waits for connections that are still in use.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What every session begins with, on a new connection and on one that comes back to the pool.
///
/// `net_write_timeout` is how long the server waits for us while we are slow on purpose (its default of a minute would
/// cut the stream under back pressure). MariaDB skips comments with version numbers of MySQL's, and MySQL those that begin
/// with an M. The last two of MySQL's let information_schema tell fresh row counts and the generated invisible primary
/// keys.
const SESSION: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION time_zone = '+00:00', sql_mode = '', autocommit = 1, sql_select_limit = 18446744073709551615, \
     sql_big_selects = 1, wait_timeout = 28800, net_write_timeout = 3600, net_read_timeout = 3600 \
     /*!50708 , max_execution_time = 0 */ /*!80003 , information_schema_stats_expiry = 0 */ \
     /*!80030 , show_gipk_in_create_table_and_information_schema = ON */ /*M!100101 , max_statement_time = 0 */",
];

/// Makes connections to the source. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    config: SourceConfig,
    pool: Mutex<Option<OpenPool>>,
    /// The place in the list of the host that is tried first.
    first: AtomicUsize,
}

/// The pool with what it was made from.
#[derive(Clone)]
struct OpenPool {
    pool: Pool,
    password: SecretString,
    /// The place of its host in the list.
    host: usize,
}

/// What the settings' files and programs said just now.
struct Access {
    password: SecretString,
    tls: Option<SslOpts>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").field("hosts", &self.shared.config.hosts).finish()
    }
}

impl Connector {
    /// A connector for these settings; connects to nothing yet.
    #[must_use]
    pub fn new(config: SourceConfig) -> Self {
        let (pool, first) = (Mutex::new(None), AtomicUsize::new(0));
        Self { shared: Arc::new(Shared { config, pool, first }) }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &SourceConfig {
        &self.shared.config
    }

    /// A connection of its own, outside the pool: for the stream and for whatever stays open for long.
    ///
    /// # Errors
    /// When no host lets us in.
    pub async fn connect(&self) -> Result<Conn, SourceError> {
        let access = self.access().await?;
        self.on_some_host(|host| self.connect_to(host, &access).boxed())
            .await
            .map(|(_, connection)| connection)
    }

    /// A connection without the driver, for rows and for the binlog.
    pub(super) async fn open(&self) -> Result<Connection, SourceError> {
        let password = self.password().await?;
        let tls = protocol::tls_client(&self.config().tls).await?;
        self.on_some_host(|host| self.open_at(host, &password, tls.clone()).boxed())
            .await
            .map(|(_, connection)| connection)
    }

    /// Tries the hosts in their order; tells the place of the one that served.
    async fn on_some_host<'a, T>(
        &'a self,
        connect: impl Fn(&'a Host) -> BoxFuture<'a, Result<T, SourceError>>,
    ) -> Result<(usize, T), SourceError> {
        let mut failures = Vec::new();
        for (place, host) in self.hosts() {
            match connect(host).await {
                Ok(connected) => {
                    self.shared.first.store(place, Ordering::Relaxed);
                    return Ok((place, connected));
                }
                Err(error) => failures.push(self.at_host(host, error)),
            }
        }
        Err(SourceError::of_hosts(failures))
    }

    /// `preferred` goes on in the clear as in [`Self::log_in`].
    async fn open_at(
        &self,
        host: &Host,
        password: &SecretString,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Connection, SourceError> {
        match self.open_session(host, password, tls).await {
            Err(SourceError::NoTls) if self.may_go_in_the_clear() => {
                self.open_session(host, password, None).await
            }
            answer => answer,
        }
    }

    async fn open_session(
        &self,
        (host, port): &Host,
        password: &SecretString,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Connection, SourceError> {
        let access = protocol::Access {
            host,
            port: *port,
            user: &self.config().user,
            password: password.expose_secret(),
            tls,
            compression: self.config().compression,
            keepalive: KEEPALIVE,
            largest_packet: LARGEST_PACKET,
        };
        let opening = async {
            let mut connection = Connection::open(&access).await?;
            for statement in SESSION {
                connection.run(statement).await?;
            }
            Ok::<_, SourceError>(connection)
        };
        within(self.config().connect_timeout, opening).await
    }

    /// How many hosts there are.
    #[must_use]
    pub fn host_count(&self) -> usize {
        self.config().hosts.len()
    }

    /// Tries the host behind the one that was connected to last first from now on.
    pub fn turn_away(&self) {
        let next = (self.first() + 1) % self.host_count().max(1);
        self.shared.first.store(next, Ordering::Relaxed);
    }

    fn first(&self) -> usize {
        self.shared.first.load(Ordering::Relaxed)
    }

    /// The hosts with their places in the list, in the order in which they are tried.
    fn hosts(&self) -> impl Iterator<Item = (usize, &Host)> {
        let hosts = self.config().hosts.iter().enumerate();
        hosts.clone().skip(self.first()).chain(hosts.take(self.first()))
    }

    /// A connection of the pool; it goes back when it is dropped. Never run a binlog dump on it.
    ///
    /// A pool whose server has gone or whose password no longer works is made anew, from the first host on.
    ///
    /// # Errors
    /// When no host lets us in, or no connection becomes free in time.
    pub async fn pooled(&self) -> Result<Conn, SourceError> {
        let open = self.shared.pool.lock().await.clone();
        let open = open.filter(|open| open.host == self.first());
        let Some(open) = open else { return self.renew_pool(None).await };
        match self.acquire(&open.pool).await {
            Err(SourceError::PoolExhausted(limit)) => Err(SourceError::PoolExhausted(limit)),
            Err(_) => self.renew_pool(Some(&open)).await,
            Ok(connection) => Ok(connection),
        }
    }

    /// Closes the pool. Connections that are in use are waited for, for a few seconds.
    pub async fn close(&self) {
        let Some(open) = self.shared.pool.lock().await.take() else { return };
        match tokio::time::timeout(CLOSE_LIMIT, open.pool.disconnect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "closing the pool of the source"),
            Err(_) => tracing::debug!("connections to the source were still in use at the end"),
        }
    }

    fn at_host(&self, host: &Host, error: SourceError) -> SourceError {
        error.while_connecting(&address(host), &self.config().user)
    }

    async fn access(&self) -> Result<Access, SourceError> {
        let tls = tls::options(&self.config().tls).await?;
        Ok(Access { password: self.password().await?, tls })
    }

    async fn password(&self) -> Result<SecretString, SourceError> {
        let config = self.config();
        password::read(&config.password, config.connect_timeout).await
    }

    /// Tries again where the driver may have spoilt the login.
    async fn connect_to(&self, host: &Host, access: &Access) -> Result<Conn, SourceError> {
        match self.log_in(host, access).await {
            Err(error) if error.code() == Some(WRONG_PASSWORD) => self.log_in(host, access).await,
            answer => answer,
        }
    }

    /// `preferred` goes on in the clear only where the server itself says in its greeting that it has no TLS.
    async fn log_in(&self, host: &Host, access: &Access) -> Result<Conn, SourceError> {
        let limit = self.config().connect_timeout;
        let encrypted = self.options(host, access, access.tls.clone());
        match within(limit, Conn::new(encrypted)).await {
            Err(SourceError::NoTls) if self.may_go_in_the_clear() => {
                within(limit, Conn::new(self.options(host, access, None))).await
            }
            answer => answer,
        }
    }

    fn may_go_in_the_clear(&self) -> bool {
        self.config().tls.mode == TlsMode::Preferred
    }

    async fn acquire(&self, pool: &Pool) -> Result<Conn, SourceError> {
        let limit = self.config().pool.timeout;
        match tokio::time::timeout(limit, pool.get_conn()).await {
            Ok(answer) => Ok(answer?),
            Err(_) if is_full(pool, self.config().pool.max) => {
                Err(SourceError::PoolExhausted(limit))
            }
            Err(_) => Err(SourceError::ConnectTimeout(limit)),
        }
    }

    /// Makes the pool anew unless another caller has done so since `failed` was seen.
    async fn renew_pool(&self, failed: Option<&OpenPool>) -> Result<Conn, SourceError> {
        let mut slot = self.shared.pool.lock().await;
        let access = self.access().await?;
        if let (Some(current), Some(failed)) = (&*slot, failed)
            && !same_pool(current, failed)
            && password::same(&current.password, &access.password)
        {
            let pool = current.pool.clone();
            drop(slot);
            return self.acquire(&pool).await;
        }
        let (host, pool, connection) = self.open_pool(&access).await?;
        *slot = Some(OpenPool { pool, password: access.password, host });
        Ok(connection)
    }

    async fn open_pool(&self, access: &Access) -> Result<(usize, Pool, Conn), SourceError> {
        let open = |host| self.open_pool_at(host, access).boxed();
        let (place, (pool, connection)) = self.on_some_host(open).await?;
        Ok((place, pool, connection))
    }

    async fn open_pool_at(
        &self,
        host: &Host,
        access: &Access,
    ) -> Result<(Pool, Conn), SourceError> {
        let encrypted = || self.options(host, access, access.tls.clone());
        let opened = match self.try_pool(encrypted()).await {
            Err(error) if error.code() == Some(WRONG_PASSWORD) => self.try_pool(encrypted()).await,
            opened => opened,
        };
        match opened {
            Err(SourceError::NoTls) if self.may_go_in_the_clear() => {
                self.try_pool(self.options(host, access, None)).await
            }
            answer => answer,
        }
    }

    async fn try_pool(&self, options: OptsBuilder) -> Result<(Pool, Conn), SourceError> {
        let pool = Pool::new(options.pool_opts(self.pool_options()?));
        let connection = within(self.config().connect_timeout, pool.get_conn()).await?;
        Ok((pool, connection))
    }

    fn pool_options(&self) -> Result<PoolOpts, SourceError> {
        let settings = &self.config().pool;
        let constraints = PoolConstraints::new(settings.min, settings.max).ok_or_else(|| {
            let (min, max) = (settings.min, settings.max);
            SourceError::Setting(format!("source.pool: min ({min}) must not exceed max ({max})"))
        })?;
        Ok(PoolOpts::default()
            .with_constraints(constraints)
            .with_abs_conn_ttl(Some(settings.recycle)))
    }

    /// `prefer_socket` is off, since the driver would leave the encrypted connection for the server's socket.
    fn options(&self, (host, port): &Host, access: &Access, tls: Option<SslOpts>) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname(host.as_str())
            .tcp_port(*port)
            .user(Some(self.config().user.as_str()))
            .pass(Some(access.password.expose_secret()))
            .ssl_opts(tls)
            .prefer_socket(false)
            .max_allowed_packet(Some(LARGEST_PACKET))
            .wait_timeout(Some(IDLE_SECONDS))
            .tcp_keepalive(Some(KEEPALIVE))
            .setup(SESSION.to_vec())
            .connect_attribute("program_name", "binleaf")
    }
}

type Host = (String, u16);

/// Waits for an answer of the source for as long as `limit`.
///
/// A connection whose query was given up is of no further use: drop it.
///
/// # Errors
/// What the driver says, or that the time is over.
pub async fn timed<T, E, F>(limit: Duration, query: F) -> Result<T, SourceError>
where
    SourceError: From<E>,
    F: Future<Output = Result<T, E>>,
{
    match tokio::time::timeout(limit, query).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(SourceError::ReadTimeout(limit)),
    }
}

async fn within<T, E, F>(limit: Duration, connecting: F) -> Result<T, SourceError>
where
    SourceError: From<E>,
    F: Future<Output = Result<T, E>>,
{
    match tokio::time::timeout(limit, connecting).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(SourceError::ConnectTimeout(limit)),
    }
}

/// The server that a connection leads to, as `host:port`.
#[must_use]
pub fn address_of(connection: &Conn) -> String {
    let options: &Opts = connection.opts();
    format!("{}:{}", options.ip_or_hostname(), options.tcp_port())
}

fn address((host, port): &Host) -> String {
    format!("{host}:{port}")
}

fn is_full(pool: &Pool, max: usize) -> bool {
    pool.metrics().connections_in_use.load(Ordering::Relaxed) >= max
}

/// Two handles of one pool share its numbers.
fn same_pool(one: &OpenPool, other: &OpenPool) -> bool {
    Arc::ptr_eq(&one.pool.metrics(), &other.pool.metrics())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_tried_in_their_order_from_the_last_that_served() {
        let hosts = ["a", "b", "c"].map(|name| (name.to_owned(), 3306)).to_vec();
        let connector = Connector::new(SourceConfig { hosts, ..SourceConfig::default() });
        let order = || connector.hosts().map(|(_, host)| host.0.as_str()).collect::<String>();
        assert_eq!(order(), "abc");
        connector.turn_away();
        assert_eq!(order(), "bca");
        connector.turn_away();
        connector.turn_away();
        assert_eq!(order(), "abc");
    }
}
