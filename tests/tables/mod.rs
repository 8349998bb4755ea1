//! What tells rows apart: keys of every kind, made ones, and none.

mod keyless;
mod keys;
mod object_id;
