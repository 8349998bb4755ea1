//! The page at `/`: how it is answered, and what its files may hold. What it shows and does is tried in a browser, by
//! `dev/dashboard` and the tests in `browser`.

mod answers;
mod files;
