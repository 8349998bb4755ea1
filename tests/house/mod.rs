//! The house's own rules, which no compiler keeps.

mod layering;
