//! Where the copy stands in the source's binlog: kept, recognised as lost, or never had.

mod fresh;
mod lost;
mod without_gtids;
