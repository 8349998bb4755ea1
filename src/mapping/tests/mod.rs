//! Rows to documents, verified by reading them back with the bson crate.

pub(in crate::mapping) mod fixture;
mod golden;
mod keys;
mod options;
mod partial;
mod rejected;
mod reverse;
mod rules;
