//! What stands around the program where it is installed: supervisors and manual pages.

mod manual;
mod settings;
mod supervised;
