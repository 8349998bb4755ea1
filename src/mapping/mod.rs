//! A row's cells straight into the bytes of a BSON document.
//!
//! What a table's rows become is decided once a table version ([`Plan`], from the settings' [`RuleBook`]); a row is then
//! appended cell by cell ([`RowMapper`]) with no allocation of its own. Pure and synchronous: no driver, no runtime, no
//! clock. The same row gives the same bytes, whichever decoder showed its cells (promise P2).

mod cell;
mod codec;
mod issue;
mod labels;
mod merge;
mod name;
mod operand;
mod plan;
mod reverse;
mod row;
mod rules;
mod side;
mod stamp;
mod told;

#[cfg(test)]
mod tests;

pub use issue::{PlanIssue, Problem, shared_collections, unmappable};
pub use merge::merge;
pub use operand::operand;
pub use plan::Plan;
pub use row::{Mapped, RowFault, RowMapper, Visitor};
pub use rules::{RuleBook, TableRules, TypeRules};
