//! XA transactions: prepared before and settled after whatever can happen in between.

mod copy;
mod large;
mod mariadb;
mod session;
mod stages;
mod without_gtids;
