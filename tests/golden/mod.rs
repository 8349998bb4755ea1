//! The golden table: one file of values, and what each becomes byte by byte. By every road it must, and the page of the
//! documentation is made from it.

mod keyless;
mod page;
mod roads;
mod table;
mod widths;
