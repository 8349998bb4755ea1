//! Keys of `[source]`.

use std::time::Duration;

use super::{
    Key, Shown, put, show_choice, show_duration, show_list, show_path, show_plain, show_text,
};
use crate::config::{
    address,
    sections::{Config, Secret},
};

/// Waits shorter than this are refused: nothing answers that fast for sure.
const SHORTEST: Duration = Duration::from_millis(1);

/// What is copied, and from where.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "source.url",
        meaning: "Host, port, user, password and database in one, in place of the keys of those names.",
        example: r#""mysql://user@host:3306/shop""#,
        read: |_, given| address::parse_url(given).map(drop),
        show: |_| Shown::Unset,
    },
    Key {
        path: "source.host",
        meaning: "Host name or address of the MySQL server.",
        example: "",
        read: |to, given| {
            let host = address::host(&given.name()?)?;
            to.source.hosts.first_mut().map_or(Ok(()), |first| put(&mut first.0, Ok(host)))
        },
        show: |of| of.source.hosts.first().map_or(Shown::Unset, |first| show_text(&first.0)),
    },
    Key {
        path: "source.port",
        meaning: "Its port.",
        example: "",
        read: |to, given| {
            let port = given.number(1, u16::MAX)?;
            to.source.hosts.first_mut().map_or(Ok(()), |first| put(&mut first.1, Ok(port)))
        },
        show: |of| of.source.hosts.first().map_or(Shown::Unset, |first| show_plain(first.1)),
    },
    Key {
        path: "source.hosts",
        meaning: "Further hosts of the same data, as `host:port`: tried in order after a failure. The stream goes on by GTID.",
        example: "",
        read: |to, given| {
            let more: Result<Vec<_>, _> =
                given.list()?.iter().map(|text| address::host_and_port(text)).collect();
            to.source.hosts.truncate(1);
            to.source.hosts.extend(more?);
            Ok(())
        },
        show: |of| show_list(&more_hosts(of)),
    },
    Key {
        path: "source.user",
        meaning: "User name. It needs SELECT, REPLICATION SLAVE and REPLICATION CLIENT; where XA transactions are used also XA_RECOVER_ADMIN; nothing else.",
        example: "",
        read: |to, given| put(&mut to.source.user, given.name()),
        show: |of| show_text(&of.source.user),
    },
    Key {
        path: "source.password",
        meaning: "Its password. `password_file` and `password_command` keep it out of the file.",
        example: "",
        read: |to, given| put(&mut to.source.password, given.secret().map(Secret::Inline)),
        show: |of| show_secret(&of.source.password),
    },
    Key {
        path: "source.password_file",
        meaning: "A file that holds the password; read again on every reconnect, so that a rotation needs no restart.",
        example: r#""/run/secrets/mysql""#,
        read: |to, given| {
            let path = given.path()?;
            put(&mut to.source.password, path.map(Secret::File).ok_or_else(empty))
        },
        show: |of| match &of.source.password {
            Secret::File(path) => show_path(Some(path)),
            Secret::Inline(_) | Secret::Command(_) => Shown::Unset,
        },
    },
    Key {
        path: "source.password_command",
        meaning: "A program with its arguments that prints the password; run again on every reconnect. No shell is between.",
        example: r#"["vault", "read", "-field=password", "secret/mysql"]"#,
        read: |to, given| {
            let words = given.list()?;
            if words.first().is_none_or(String::is_empty) {
                return Err(empty());
            }
            put(&mut to.source.password, Ok(Secret::Command(words)))
        },
        show: |of| match &of.source.password {
            Secret::Command(words) => show_list(words),
            Secret::Inline(_) | Secret::File(_) => Shown::Unset,
        },
    },
    Key {
        path: "source.database",
        meaning: "The database to copy: a name or a glob.",
        example: "",
        read: |to, given| {
            let name = given.name()?;
            crate::config::given::check_pattern(&name)?;
            put(&mut to.source.databases, Ok(vec![name]))
        },
        show: |of| match of.source.databases.as_slice() {
            [only] => show_text(only),
            _ => Shown::Unset,
        },
    },
    Key {
        path: "source.databases",
        meaning: "Several databases, names or globs, in place of `database`. With more than one, `target.database` must be given.",
        example: r#"["shop", "crm_*"]"#,
        read: |to, given| put(&mut to.source.databases, given.some_patterns()),
        show: |of| match of.source.databases.as_slice() {
            [_] => Shown::Unset,
            databases => show_list(databases),
        },
    },
    Key {
        path: "source.tables",
        meaning: "Tables to copy: names or globs, `table` or `database.table`.",
        example: "",
        read: |to, given| put(&mut to.source.tables, given.some_patterns()),
        show: |of| show_list(&of.source.tables),
    },
    Key {
        path: "source.exclude_tables",
        meaning: "Tables to leave out, in the same form; stronger than `tables`.",
        example: "",
        read: |to, given| put(&mut to.source.exclude_tables, given.patterns()),
        show: |of| show_list(&of.source.exclude_tables),
    },
];

/// How the connections are made.
pub(super) const CONNECTION_KEYS: &[Key] = &[
    Key {
        path: "source.charset",
        meaning: "Charset of the sessions that read names and settings. Data is read in each column's own charset, whatever this says.",
        example: "",
        read: |to, given| put(&mut to.source.charset, given.name().and_then(charset)),
        show: |of| show_text(&of.source.charset),
    },
    Key {
        path: "source.server_id",
        meaning: "The replica id to register with, which no other replica of the source may have. 0 derives one from host name, process and start time.",
        example: "",
        read: |to, given| put(&mut to.source.server_id, given.number(0, u32::MAX)),
        show: |of| show_plain(of.source.server_id),
    },
    Key {
        path: "source.tls.mode",
        meaning: "`disabled`, `preferred` (encrypted where the server can), `required`, `verify-ca` (a trusted certificate) or `verify-identity` (that, made out to the host's name). Only the last two tell the server from an impostor.",
        example: "",
        read: |to, given| put(&mut to.source.tls.mode, given.choice()),
        show: |of| show_choice(of.source.tls.mode),
    },
    Key {
        path: "source.tls.ca_file",
        meaning: "Certificates to trust, as PEM; without it the well-known authorities.",
        example: r#""/etc/binleaf/mysql-ca.pem""#,
        read: |to, given| put(&mut to.source.tls.ca_file, given.path()),
        show: |of| show_path(of.source.tls.ca_file.as_ref()),
    },
    Key {
        path: "source.tls.cert_file",
        meaning: "The client's certificate, as PEM; together with `key_file`.",
        example: r#""/etc/binleaf/client-cert.pem""#,
        read: |to, given| put(&mut to.source.tls.cert_file, given.path()),
        show: |of| show_path(of.source.tls.cert_file.as_ref()),
    },
    Key {
        path: "source.tls.key_file",
        meaning: "The client's key, as PEM; together with `cert_file`.",
        example: r#""/etc/binleaf/client-key.pem""#,
        read: |to, given| put(&mut to.source.tls.key_file, given.path()),
        show: |of| show_path(of.source.tls.key_file.as_ref()),
    },
    Key {
        path: "source.compression",
        meaning: "Rows and binlog come compressed (zstd, or zlib where the server has no zstd): for slow lines, at the price of processor time on both sides.",
        example: "",
        read: |to, given| put(&mut to.source.compression, given.switch()),
        show: |of| show_plain(of.source.compression),
    },
    Key {
        path: "source.connect_timeout",
        meaning: "The longest that connecting to one host takes.",
        example: "",
        read: |to, given| put(&mut to.source.connect_timeout, given.duration(SHORTEST)),
        show: |of| show_duration(of.source.connect_timeout),
    },
    Key {
        path: "source.read_timeout",
        meaning: "The longest that the answer to a query takes to begin.",
        example: "",
        read: |to, given| put(&mut to.source.read_timeout, given.duration(SHORTEST)),
        show: |of| show_duration(of.source.read_timeout),
    },
    Key {
        path: "source.write_timeout",
        meaning: "The longest that sending a query takes.",
        example: "",
        read: |to, given| put(&mut to.source.write_timeout, given.duration(SHORTEST)),
        show: |of| show_duration(of.source.write_timeout),
    },
    Key {
        path: "source.heartbeat",
        meaning: "How often a source without changes says that it is there. A stream that is silent for three of these is reconnected.",
        example: "",
        read: |to, given| put(&mut to.source.heartbeat, given.duration(Duration::from_millis(100))),
        show: |of| show_duration(of.source.heartbeat),
    },
    Key {
        path: "source.pool.min",
        meaning: "Connections kept open.",
        example: "",
        read: |to, given| put(&mut to.source.pool.min, given.number(0, 1000)),
        show: |of| show_plain(of.source.pool.min),
    },
    Key {
        path: "source.pool.max",
        meaning: "The most connections; at least two more than `snapshot.workers`.",
        example: "",
        read: |to, given| put(&mut to.source.pool.max, given.number(1, 1000)),
        show: |of| show_plain(of.source.pool.max),
    },
    Key {
        path: "source.pool.timeout",
        meaning: "The longest wait for a free connection.",
        example: "",
        read: |to, given| put(&mut to.source.pool.timeout, given.duration(SHORTEST)),
        show: |of| show_duration(of.source.pool.timeout),
    },
    Key {
        path: "source.pool.recycle",
        meaning: "A connection older than this is replaced by a new one.",
        example: "",
        read: |to, given| put(&mut to.source.pool.recycle, given.duration(Duration::from_secs(1))),
        show: |of| show_duration(of.source.pool.recycle),
    },
];

/// What can be told of a secret.
pub(super) fn show_secret(secret: &Secret) -> Shown {
    use secrecy::ExposeSecret;
    match secret {
        Secret::Inline(text) if text.expose_secret().is_empty() => show_text(""),
        Secret::Inline(_) => Shown::Hidden,
        Secret::File(_) | Secret::Command(_) => Shown::Unset,
    }
}

fn more_hosts(of: &Config) -> Vec<String> {
    of.source.hosts.iter().skip(1).map(|(host, port)| address::join(host, *port)).collect()
}

fn charset(name: String) -> Result<String, String> {
    let fits = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if fits {
        Ok(name)
    } else {
        Err("the name of a charset such as utf8mb4 is expected".to_owned())
    }
}

fn empty() -> String {
    "it must not be empty".to_owned()
}
