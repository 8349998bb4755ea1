//! What the scenarios are told with. Shares no code with the program: it is driven through its command line, its
//! settings file, its HTTP routes and the documents that it writes.

pub mod binleaf;
pub mod comparer;
pub mod databases;
pub mod evidence;
pub mod flavour;
pub mod http;
pub mod launch;
pub mod logs;
pub mod metrics;
pub mod mysqlbinlog;
pub mod ports;
pub mod proxy;
pub mod sakila;
pub mod servers;
pub mod writer;

pub use self::{
    binleaf::{Binleaf, Ended},
    comparer::Comparison,
    databases::{CANARY, Pair},
    launch::{Launch, quoted},
    logs::Log,
    proxy::Proxy,
    servers::Spawned,
    writer::Writer,
};
