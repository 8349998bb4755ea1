//! Exit codes that scripts can rely on.

use crate::model::fault::Class;

/// Done.
pub const DONE: u8 = 0;
/// Failed; `check`: errors were found.
pub const FAILED: u8 = 1;
/// The command line or the settings are wrong.
pub const USAGE: u8 = 2;
/// The source no longer has the saved position: a new snapshot is needed.
pub const POSITION_LOST: u8 = 4;
/// Interrupted twice.
pub const INTERRUPTED: u8 = 130;

/// The code of a fault that ends the program.
#[must_use]
pub const fn code(class: Class) -> u8 {
    match class {
        Class::Config => USAGE,
        Class::PositionLost => POSITION_LOST,
        Class::Transient | Class::Record | Class::Fatal => FAILED,
    }
}
