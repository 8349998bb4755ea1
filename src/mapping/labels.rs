//! The labels of an ENUM or SET as the payloads of BSON strings: made once for a table, copied for every cell.

use std::sync::Arc;

use super::stamp::Stamp;
use crate::codec::{CellFault, element};

/// All labels of a column, behind the empty one that index 0 stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels(Arc<[Stamp]>);

impl Labels {
    pub(super) fn of(labels: &[String]) -> Self {
        let all = std::iter::once("").chain(labels.iter().map(String::as_str));
        Self(all.map(payload).collect())
    }

    /// The payload of an ENUM's label; they are counted from 1.
    #[inline]
    pub(super) fn payload(&self, index: u16) -> Result<&Stamp, CellFault> {
        self.0.get(usize::from(index)).ok_or(CellFault::OutOfRange)
    }

    /// The payloads of a SET's members: of those labels whose bits are set, the lowest first.
    pub(super) fn members(&self, mask: u64) -> Result<impl Iterator<Item = &Stamp>, CellFault> {
        let labels = self.0.get(1..).unwrap_or_default();
        let beyond = u32::try_from(labels.len()).ok().and_then(|count| mask.checked_shr(count));
        if beyond.unwrap_or(0) != 0 {
            return Err(CellFault::OutOfRange);
        }
        let mut rest = mask;
        Ok(std::iter::from_fn(move || {
            let lowest = usize::try_from(rest.trailing_zeros()).ok()?;
            // Takes the lowest bit away; of no bits there is no label.
            rest &= rest.wrapping_sub(1);
            labels.get(lowest).filter(|_| lowest < 64)
        }))
    }
}

fn payload(label: &str) -> Stamp {
    let mut payload = Vec::with_capacity(label.len() + 5);
    element::string(&mut payload, label.as_bytes());
    Stamp::new(payload)
}

/// The text of a label.
pub(super) fn text(payload: &Stamp) -> &[u8] {
    let payload = payload.bytes();
    payload.get(4..payload.len().saturating_sub(1)).unwrap_or_default()
}
