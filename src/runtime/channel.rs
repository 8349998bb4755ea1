//! The channel between source and apply loop, bounded in bytes (promise P5).
//!
//! A block counts from the moment it is sent until the apply loop has taken its last row: its share of the bound is
//! given back when the [`Envelope`] is dropped. A block larger than the whole bound takes all of it, so that one event
//! always fits; nothing else is then in the channel.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::model::change::Message;

/// The unit in which the bound is counted: a permit is a KiB, since a semaphore counts to 2^29 only on 32-bit machines.
const UNIT_BYTES: usize = 1024;

/// Messages without rows are counted by number only.
const MESSAGE_BOUND: usize = 4096;

/// A sender that found the channel full goes on when this part of it is free again.
const WAKE_SHARE: usize = 8;

/// The other end is gone.
#[derive(Debug, thiserror::Error)]
#[error("the channel is closed")]
pub struct Closed;

/// A message with its share of the bound.
#[derive(Debug)]
pub struct Envelope {
    /// The message.
    pub message: Message,
    share: Option<Share>,
}

impl Envelope {
    /// Takes the message out; the share stays with the returned guard.
    #[must_use]
    pub fn open(self) -> (Message, Option<Share>) {
        (self.message, self.share)
    }
}

/// What a block takes of the bound, given back on drop.
#[derive(Debug)]
pub struct Share {
    bytes: usize,
    queued: Arc<AtomicUsize>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.queued.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The source's end. Cloned for every worker.
#[derive(Debug, Clone)]
pub struct Sender {
    messages: mpsc::Sender<Envelope>,
    room: Arc<Semaphore>,
    units: usize,
    queued: Arc<AtomicUsize>,
}

/// The apply loop's end.
#[derive(Debug)]
pub struct Receiver {
    messages: mpsc::Receiver<Envelope>,
}

/// How many bytes wait in the channel, for status and metrics.
#[derive(Debug, Clone, Default)]
pub struct QueueGauge {
    queued: Arc<AtomicUsize>,
}

impl QueueGauge {
    /// Bytes sent and not yet taken.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

/// Makes a channel that holds at most `bytes` of rows and shows in the gauge how many it holds.
#[must_use]
pub fn bounded(bytes: usize, gauge: &QueueGauge) -> (Sender, Receiver) {
    let units = bytes.div_ceil(UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
    let (sender, receiver) = mpsc::channel(MESSAGE_BOUND);
    let queued = Arc::clone(&gauge.queued);
    (
        Sender { messages: sender, room: Arc::new(Semaphore::new(units)), units, queued },
        Receiver { messages: receiver },
    )
}

impl Sender {
    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// [`Closed`] when the apply loop is gone.
    pub async fn send(&self, message: Message) -> Result<(), Closed> {
        let bytes = if let Message::Rows(rows) = &message { Some(rows.bytes) } else { None };
        let share = self.reserve(bytes).await?;
        self.messages.send(Envelope { message, share }).await.map_err(|_| Closed)
    }

    /// Takes the share of a message's rows; a message without rows needs none.
    async fn reserve(&self, bytes: Option<usize>) -> Result<Option<Share>, Closed> {
        let Some(bytes) = bytes else { return Ok(None) };
        let units = bytes.div_ceil(UNIT_BYTES).clamp(1, self.units);
        let permit = match Arc::clone(&self.room).try_acquire_many_owned(count(units)) {
            Ok(permit) => permit,
            Err(_) => self.wait_for_room(units).await?,
        };
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        Ok(Some(Share { bytes, queued: Arc::clone(&self.queued), _permit: permit }))
    }
}

impl Sender {
    /// Waits until there is room for more than the one message: else a full channel would wake its sender for every
    /// message that is taken.
    async fn wait_for_room(&self, units: usize) -> Result<OwnedSemaphorePermit, Closed> {
        let wanted = units.max(self.units / WAKE_SHARE);
        let room = Arc::clone(&self.room).acquire_many_owned(count(wanted));
        let mut permit = room.await.map_err(|_| Closed)?;
        drop(permit.split(wanted - units));
        Ok(permit)
    }
}

fn count(units: usize) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}

impl Receiver {
    /// The next message; `None` once every sender is gone and the channel is empty. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Envelope> {
        self.messages.recv().await
    }

    /// The next message, if there is one already.
    pub fn try_recv(&mut self) -> Option<Envelope> {
        self.messages.try_recv().ok()
    }

    /// Whether no message is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        change::{ChangeKind, Origin, RowBlock, RowVisitor, Rows},
        fault::Fault,
        table::{TableName, TableSchema},
    };

    #[derive(Debug)]
    struct Nothing;

    impl RowBlock for Nothing {
        fn next_change(
            &mut self,
            _visitor: &mut dyn RowVisitor,
        ) -> Result<Option<ChangeKind>, Fault> {
            Ok(None)
        }
    }

    fn rows(bytes: usize) -> Message {
        let table = TableSchema::named(TableName::new("shop", "orders"));
        Message::Rows(Rows {
            table: Arc::new(table),
            origin: Origin::Snapshot,
            block: Box::new(Nothing),
            bytes,
        })
    }

    #[tokio::test]
    async fn a_full_channel_makes_the_sender_wait_until_rows_are_taken() {
        let gauge = QueueGauge::default();
        let (sender, mut receiver) = bounded(8 * UNIT_BYTES, &gauge);
        sender.send(rows(6 * UNIT_BYTES)).await.unwrap();
        let mut second = Box::pin(sender.send(rows(6 * UNIT_BYTES)));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        let envelope = receiver.recv().await.unwrap();
        assert!(
            futures_util::poll!(second.as_mut()).is_pending(),
            "taken but not yet mapped: still counted"
        );
        drop(envelope);
        second.await.unwrap();
        assert_eq!(gauge.bytes(), 6 * UNIT_BYTES);
    }

    #[tokio::test]
    async fn a_block_larger_than_the_bound_passes_alone() {
        let gauge = QueueGauge::default();
        let (sender, mut receiver) = bounded(UNIT_BYTES, &gauge);
        sender.send(rows(50 * UNIT_BYTES)).await.unwrap();
        let mut second = Box::pin(sender.send(rows(1)));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(receiver.recv().await);
        second.await.unwrap();
        assert_eq!(gauge.bytes(), 1);
    }

    #[tokio::test]
    async fn a_closed_channel_is_an_error_not_a_hang() {
        let (sender, receiver) = bounded(UNIT_BYTES, &QueueGauge::default());
        drop(receiver);
        assert!(sender.send(rows(1)).await.is_err());
    }
}
