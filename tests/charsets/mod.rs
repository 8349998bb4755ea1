//! Text in every charset of the server is the server's own UTF-8 in the target, by both roads; what has no character is
//! kept as a dead letter.

mod codes;
mod letters;
mod names;
mod roads;
mod server;
