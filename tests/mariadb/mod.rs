//! MariaDB as a source: what is promised of MySQL holds there too, and its own ways are known.

mod checking;
mod copying;
mod domains;
mod events;
pub mod failover;
mod lost;
mod surviving;
mod versioned;

use crate::support::{Pair, servers};

/// On the MariaDB that all tests share.
pub async fn pair() -> Pair {
    Pair::on(servers::mariadb(), servers::mongodb()).await
}
