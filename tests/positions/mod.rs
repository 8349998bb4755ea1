//! Where the copy stands in the source's binlog: kept, recognised as lost, or never had.

pub mod fresh;
pub mod lost;
mod without_gtids;
