//! Hosts, ports and connection strings. No reason given here repeats what it refuses: it may hold a password.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    given::Given,
    keys::{Shown, quoted},
};

const DEFAULT_PORT: u16 = 3306;

/// What `source.url` says.
pub(super) struct SourceUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
}

/// Reads `mysql://user:password@host:port/database`.
pub(super) fn parse_url(given: &Given) -> Result<SourceUrl, String> {
    const EXPECTED: &str = "mysql://user[:password]@host:port/database is expected, with special signs of the password percent-encoded";
    let url = Url::parse(&given.text()?).map_err(|_| EXPECTED)?;
    if !matches!(url.scheme(), "mysql" | "mariadb") {
        return Err(EXPECTED.to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("parameters behind ? are not read: use the keys of [source]".to_owned());
    }
    let name = url.host_str().ok_or(EXPECTED)?;
    let database = percent_decode(url.path().trim_start_matches('/'))?;
    if database.contains('/') {
        return Err(EXPECTED.to_owned());
    }
    Ok(SourceUrl {
        host: host(name)?,
        port: url.port().unwrap_or(DEFAULT_PORT),
        user: filled(percent_decode(url.username())?),
        password: url.password().map(percent_decode).transpose()?.and_then(filled),
        database: filled(database),
    })
}

/// Takes `http://…` and `https://…`.
pub(super) fn http(text: String) -> Result<String, String> {
    let is_one = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match Url::parse(&text) {
        Ok(url) if is_one(&url) => Ok(text),
        _ => Err("https://host or http://host is expected".to_owned()),
    }
}

/// Reads a host's name or address.
pub(super) fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let is_address = bare.parse::<IpAddr>().is_ok();
    let is_name = !bare.is_empty()
        && !bare.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || "/@:[]?#,".contains(letter)
        });
    if is_address || is_name {
        return Ok(bare.to_owned());
    }
    Err("a host name or an address is expected, without port and scheme".to_owned())
}

/// Reads `host:port`, `host`, or `[v6]:port`.
pub(super) fn host_and_port(text: &str) -> Result<(String, u16), String> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text.to_owned(), DEFAULT_PORT));
    }
    match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            let port = port.parse().ok().filter(|port| *port > 0);
            Ok((host(name)?, port.ok_or("host:port is expected")?))
        }
        _ => Ok((host(text)?, DEFAULT_PORT)),
    }
}

/// Writes `host:port`.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Reads the address that HTTP listens on; empty is none.
pub(super) fn listen(text: String) -> Result<String, String> {
    let fits = match text.rsplit_once(':') {
        Some((name, port)) => {
            port.parse::<u16>().is_ok()
                && host(name).is_ok()
                && (!name.contains(':') || name.starts_with('['))
        }
        None => text.is_empty(),
    };
    if fits {
        return Ok(text);
    }
    Err("\"address:port\" such as \"127.0.0.1:8080\" is expected, or \"\" for none".to_owned())
}

/// Whether only this machine reaches an address that [`listen`] took.
pub(super) fn is_loopback(listen: &str) -> bool {
    let name = listen.rsplit_once(':').map_or(listen, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Checks as much of a MongoDB connection string as tells it from something else; the driver reads the rest.
pub(super) fn target_uri(given: &Given) -> Result<SecretString, String> {
    let text = given.text()?;
    let rest = text.strip_prefix("mongodb://").or_else(|| text.strip_prefix("mongodb+srv://"));
    match rest {
        Some(rest) if !hosts_of(rest).is_empty() => Ok(SecretString::from(text)),
        _ => Err("mongodb://host:port or mongodb+srv://host is expected".to_owned()),
    }
}

/// A connection string without credentials is no secret.
pub(super) fn show_target_uri(uri: &SecretString) -> Shown {
    let uri = uri.expose_secret();
    // Options hold secrets too: a passphrase of a key file, a token of a proxy.
    if uri.contains('@') || uri.to_ascii_lowercase().contains("password") {
        return Shown::Hidden;
    }
    Shown::Value(quoted(uri))
}

fn hosts_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn percent_decode(text: &str) -> Result<String, String> {
    const BROKEN: &str = "a percent sign in it is not followed by two hexadecimal digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, behind) = behind.split_at_checked(2).ok_or(BROKEN)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BROKEN)?);
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| BROKEN.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn only_addresses_of_the_web_are_posted_to() {
        for url in ["https://hooks.example/T0/B0?x=1", "http://127.0.0.1:9000"] {
            assert_eq!(http(url.to_owned()).as_deref(), Ok(url));
        }
        for url in ["", "hooks.example", "ftp://hunter2", "https://"] {
            assert!(!http(url.to_owned()).unwrap_err().contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_source_url_is_taken_apart() {
        let url = parse_url(&text("mysql://me:p%40ss%25@db.example:3307/shop")).ok().unwrap();
        assert_eq!((url.host.as_str(), url.port), ("db.example", 3307));
        assert_eq!(url.user.as_deref(), Some("me"));
        assert_eq!(url.password.as_deref(), Some("p@ss%"));
        assert_eq!(url.database.as_deref(), Some("shop"));
        let url = parse_url(&text("mysql://[::1]")).ok().unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 3306));
        assert!(url.user.is_none() && url.password.is_none() && url.database.is_none());
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for wrong in [
            "postgres://u:hunter2@h/d",
            "mysql://u:hunter2@h/d?ssl-mode=REQUIRED",
            "mysql://u:hunter2@h:99999/d",
            "u:hunter2@h",
            "mysql://u:hunter2%4@h/d",
            "mysql://u:hunter2@h/a/b",
        ] {
            let reason = parse_url(&text(wrong)).err().unwrap();
            assert!(!reason.contains("hunter2"), "{reason}");
            assert!(target_uri(&text(wrong)).is_err());
        }
        assert!(target_uri(&text("mongodb+srv://u:p@cluster0.example.net/?w=1")).is_ok());
        assert!(target_uri(&text("mongodb://")).is_err());
        assert!(target_uri(&text("mongodb://u:p@/shop")).is_err());
    }

    #[test]
    fn hosts_with_and_without_port() {
        let pair = |name: &str, port| Ok((name.to_owned(), port));
        assert_eq!(host_and_port("db2:3307"), pair("db2", 3307));
        assert_eq!(host_and_port("db2"), pair("db2", 3306));
        assert_eq!(host_and_port("[::1]:3307"), pair("::1", 3307));
        assert_eq!(host_and_port("::1"), pair("::1", 3306));
        for wrong in ["", ":3306", "db2:0", "db2:x", "mysql://db2", "u@db2:1"] {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
        assert_eq!(join("::1", 1), "[::1]:1");
    }

    #[test]
    fn loopback_is_recognised() {
        for own in ["127.0.0.1:8080", "[::1]:8080", "localhost:1", "127.9.9.9:0"] {
            assert!(listen(own.to_owned()).is_ok() && is_loopback(own), "{own}");
        }
        for open in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:1", "box:8080"] {
            assert!(listen(open.to_owned()).is_ok() && !is_loopback(open), "{open}");
        }
        for wrong in ["8080", ":8080", "::1:8080", "127.0.0.1:99999", "http://x:1"] {
            assert!(listen(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
