//! The two families of servers that tests run against, where their words differ.

use std::collections::BTreeMap;

use mysql_async::{Conn, OptsBuilder, prelude::Queryable};

use super::{
    servers::Spawned,
    servers::{self, Address},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Mysql,
    Mariadb,
}

impl Flavour {
    /// That of the server at an address.
    pub async fn of(address: &Address) -> Self {
        let options = OptsBuilder::default()
            .ip_or_hostname(address.host.clone())
            .tcp_port(address.port)
            .user(Some("root"))
            .pass(Some(address.password.clone()))
            .prefer_socket(false);
        let mut conn = Conn::new(options).await.expect("the source answers");
        let version: Option<String> =
            conn.query_first("SELECT VERSION()").await.expect("a version");
        conn.disconnect().await.expect("a clean end");
        match version.expect("a version").contains("MariaDB") {
            true => Self::Mariadb,
            false => Self::Mysql,
        }
    }

    /// The server of this family that all tests share.
    pub fn shared(self) -> Address {
        match self {
            Self::Mysql => servers::mysql(),
            Self::Mariadb => servers::mariadb(),
        }
    }

    /// A server of this family for one test.
    pub async fn spawned(self) -> Spawned {
        match self {
            Self::Mysql => Spawned::mysql(&[]).await,
            Self::Mariadb => Spawned::mariadb(&[]).await,
        }
    }

    pub const fn binlog_status(self) -> &'static str {
        match self {
            Self::Mysql => "SHOW BINARY LOG STATUS",
            Self::Mariadb => "SHOW MASTER STATUS",
        }
    }
}

/// Whether a position of MariaDB's is at or behind another in every domain.
pub fn is_as_far(whole: &str, part: &str) -> bool {
    let (whole, part) = (domains(whole), domains(part));
    part.iter().all(|(domain, number)| whole.get(domain).is_some_and(|reached| reached >= number))
}

fn domains(text: &str) -> BTreeMap<String, u64> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let domain = |part: &str| {
        let fields: Vec<&str> = part.split('-').collect();
        (fields[0].to_owned(), fields[2].parse().expect("a number"))
    };
    parts.map(domain).collect()
}

#[test]
fn positions_are_compared_by_domain() {
    assert!(is_as_far("0-1-42,1-7-3", "1-9-3"));
    assert!(is_as_far("0-1-42", ""));
    assert!(!is_as_far("0-1-42,1-7-3", "0-1-43"));
    assert!(!is_as_far("0-1-42", "1-1-1"));
}
