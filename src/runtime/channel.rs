//! The channel between source and apply loop, bounded in bytes (promise P5).
//!
//! Messages travel in groups: a wake-up and a place in the channel cost more than a small transaction. Who sends one
//! message sends a group of one; an [`Outbox`] holds messages back while more are at hand, never while its owner waits.
//!
//! A group counts from the moment it is sent until the apply loop has taken the last row of it: its share of the bound is
//! given back when its last [`Envelope`] is dropped. A group larger than the whole bound takes all of it, so that one
//! event always fits; nothing else is then in the channel.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::model::change::Message;

/// The unit in which the bound is counted: a permit is a KiB, since a semaphore counts to 2^29 only on 32-bit machines.
const UNIT_BYTES: usize = 1024;

/// The most groups on their way; small ones take more than their bytes.
const GROUP_BOUND: usize = 1024;

/// What a message holds beside its rows, in bytes.
const MESSAGE_BYTES: usize = 256;

/// A group is sent when it is this large, in bytes.
const FULL_GROUP: usize = 64 << 10;

/// A sender that found the channel full goes on when this part of it is free again.
const WAKE_SHARE: usize = 8;

/// The other end is gone.
#[derive(Debug, thiserror::Error)]
#[error("the channel is closed")]
pub struct Closed;

/// A message; the last one of a group has the group's share of the bound.
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

/// What a group takes of the bound, given back on drop.
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

/// Messages that travel together.
#[derive(Debug)]
struct Group {
    messages: Vec<Message>,
    share: Share,
}

/// The source's end. Cloned for every worker.
#[derive(Debug, Clone)]
pub struct Sender {
    groups: mpsc::Sender<Group>,
    room: Arc<Semaphore>,
    units: usize,
    queued: Arc<AtomicUsize>,
}

/// The apply loop's end.
#[derive(Debug)]
pub struct Receiver {
    groups: mpsc::Receiver<Group>,
    /// What is left of the group that was taken last.
    open: std::vec::IntoIter<Message>,
    share: Option<Share>,
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
    let (sender, receiver) = mpsc::channel(GROUP_BOUND);
    let queued = Arc::clone(&gauge.queued);
    (
        Sender { groups: sender, room: Arc::new(Semaphore::new(units)), units, queued },
        Receiver { groups: receiver, open: Vec::new().into_iter(), share: None },
    )
}

impl Sender {
    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// [`Closed`] when the apply loop is gone.
    pub async fn send(&self, message: Message) -> Result<(), Closed> {
        let bytes = held_bytes(&message);
        self.send_group(vec![message], bytes).await
    }

    async fn send_group(&self, messages: Vec<Message>, bytes: usize) -> Result<(), Closed> {
        let share = self.reserve(bytes).await?;
        self.groups.send(Group { messages, share }).await.map_err(|_| Closed)
    }

    async fn reserve(&self, bytes: usize) -> Result<Share, Closed> {
        let units = bytes.div_ceil(UNIT_BYTES).clamp(1, self.units);
        let permit = match Arc::clone(&self.room).try_acquire_many_owned(count(units)) {
            Ok(permit) => permit,
            Err(_) => self.wait_for_room(units).await?,
        };
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        Ok(Share { bytes, queued: Arc::clone(&self.queued), _permit: permit })
    }
}

/// What a message holds in memory.
fn held_bytes(message: &Message) -> usize {
    let rows = if let Message::Rows(rows) = message { rows.bytes } else { 0 };
    rows.saturating_add(MESSAGE_BYTES)
}

/// Messages that wait for company.
#[derive(Debug)]
pub struct Outbox {
    sender: Sender,
    messages: Vec<Message>,
    bytes: usize,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub const fn new(sender: Sender) -> Self {
        Self { sender, messages: Vec::new(), bytes: 0 }
    }

    /// Adds a message.
    pub fn put(&mut self, message: Message) {
        self.bytes = self.bytes.saturating_add(held_bytes(&message));
        self.messages.push(message);
    }

    /// Whether there is enough for a group.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.bytes >= FULL_GROUP
    }

    /// Sends what there is, waiting for room. To be called when it is full, and before waiting for anything
    /// else. After a full group the thread is given to whoever waits for it: a reader that always finds bytes in its
    /// socket would otherwise keep it until the channel is full.
    ///
    /// # Errors
    /// [`Closed`] when the apply loop is gone.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let was_full = self.is_full();
        let room = Vec::with_capacity(self.messages.len());
        let messages = std::mem::replace(&mut self.messages, room);
        self.sender.send_group(messages, std::mem::take(&mut self.bytes)).await?;
        if was_full {
            tokio::task::yield_now().await;
        }
        Ok(())
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
        loop {
            if let Some(envelope) = self.take() {
                return Some(envelope);
            }
            let group = self.groups.recv().await?;
            self.open(group);
        }
    }

    /// The next message, if there is one already.
    pub fn try_recv(&mut self) -> Option<Envelope> {
        if self.open.len() == 0 {
            let group = self.groups.try_recv().ok()?;
            self.open(group);
        }
        self.take()
    }

    /// Whether no message is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.len() == 0 && self.groups.is_empty()
    }

    fn open(&mut self, group: Group) {
        self.open = group.messages.into_iter();
        self.share = Some(group.share);
    }

    /// The share goes with the last message.
    fn take(&mut self) -> Option<Envelope> {
        let message = self.open.next()?;
        let share = if self.open.len() == 0 { self.share.take() } else { None };
        Some(Envelope { message, share })
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
        assert_eq!(gauge.bytes(), 6 * UNIT_BYTES + MESSAGE_BYTES);
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
        assert_eq!(gauge.bytes(), 1 + MESSAGE_BYTES);
    }

    #[tokio::test]
    async fn a_closed_channel_is_an_error_not_a_hang() {
        let (sender, receiver) = bounded(UNIT_BYTES, &QueueGauge::default());
        drop(receiver);
        assert!(sender.send(rows(1)).await.is_err());
    }

    #[tokio::test]
    async fn an_outbox_keeps_the_order_and_gives_the_room_back_behind_its_last_message() {
        let gauge = QueueGauge::default();
        let (sender, mut receiver) = bounded(1 << 20, &gauge);
        let mut outbox = Outbox::new(sender);
        outbox.put(rows(1));
        outbox.put(rows(2));
        assert!(receiver.try_recv().is_none() && receiver.is_empty(), "they wait for company");
        outbox.flush().await.unwrap();
        outbox.put(rows(FULL_GROUP));
        assert!(outbox.is_full());
        outbox.flush().await.unwrap();
        for expected in [1, 2, FULL_GROUP] {
            let Message::Rows(rows) = receiver.try_recv().unwrap().message else { panic!() };
            assert_eq!(rows.bytes, expected);
            assert_eq!(gauge.bytes() == 0, expected == FULL_GROUP);
        }
        assert!(receiver.is_empty());
    }
}
