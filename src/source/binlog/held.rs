//! Rows of XA transactions, held back until the transaction is settled.
//!
//! A server logs the rows of an XA transaction when it is prepared; whether they ever count is told by a later
//! transaction. The events are kept as they came, with the plan that reads them, so that they are read as the table was
//! then. All of them together take [`HELD_IN_MEMORY`] at most; what comes beyond goes to a temporary file without a name, one
//! for each transaction, that vanishes with it or with the process. No DDL comes between: the server keeps the tables of
//! a prepared transaction locked, over disconnects and restarts too (seen on 9.7).

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    io::SeekFrom,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter},
};

use super::{
    raw::{Event, EventReader, Header},
    rows::Plan,
    wire::Malformed,
};
use crate::{model::position::Transaction, source::xid::Xid};

/// How many bytes of rows are held in memory, over all transactions.
pub const HELD_IN_MEMORY: usize = 16 << 20;

/// The buffer of a file.
const BUFFER: usize = 64 << 10;

/// The transactions that are prepared and not settled.
#[derive(Debug, Default)]
pub(super) struct Held {
    prepared: HashMap<Xid, Prepared>,
    memory: Memory,
}

/// A transaction that is prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The one that prepared it.
    pub(super) transaction: Arc<Transaction>,
    /// Its rows.
    pub(super) rows: HeldRows,
}

impl Held {
    /// Room for the rows of a transaction that begins.
    pub(super) fn begin(&self) -> HeldRows {
        HeldRows { events: VecDeque::new(), spool: None, memory: self.memory.clone(), bytes: 0 }
    }

    /// Keeps a transaction until it is settled. The server lets no two of one name be open.
    pub(super) fn keep(&mut self, xid: Xid, prepared: Prepared) -> Result<(), Malformed> {
        match self.prepared.insert(xid, prepared) {
            None => Ok(()),
            Some(_) => Err(Malformed("an XA transaction was prepared twice and never ended")),
        }
    }

    /// Gives a transaction out to be settled; `None` where its preparing was not seen.
    pub(super) fn take(&mut self, xid: &Xid) -> Option<Prepared> {
        self.prepared.remove(xid)
    }

    /// Drops all: they come again.
    pub(super) fn forget(&mut self) {
        self.prepared.clear();
    }
}

/// What is in memory of all transactions.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<AtomicUsize>);

impl Memory {
    /// Takes room; false where there is not enough.
    fn take(&self, bytes: usize) -> bool {
        let taken = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= HELD_IN_MEMORY);
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The rows of one transaction: the first in memory, the rest in a file.
pub(super) struct HeldRows {
    events: VecDeque<(Event<'static>, Arc<Plan>)>,
    spool: Option<Spool>,
    memory: Memory,
    /// What is taken of the memory.
    bytes: usize,
}

impl HeldRows {
    /// Holds the rows of an event, which are those of this plan.
    pub(super) async fn push(&mut self, event: Event<'static>, plan: &Arc<Plan>) -> io::Result<()> {
        let size = size(&event);
        if self.spool.is_none() && self.memory.take(size) {
            self.bytes += size;
            self.events.push_back((event, Arc::clone(plan)));
            return Ok(());
        }
        match &mut self.spool {
            Some(spool) => spool.write(&event, plan).await,
            empty => empty.insert(Spool::new()?).write(&event, plan).await,
        }
    }

    /// Gives the rows out, in the order in which they came.
    pub(super) async fn next(&mut self) -> io::Result<Option<(Event<'static>, Arc<Plan>)>> {
        if let Some((event, plan)) = self.events.pop_front() {
            let size = size(&event);
            self.bytes -= size;
            self.memory.give_back(size);
            return Ok(Some((event, plan)));
        }
        match &mut self.spool {
            Some(spool) => spool.read().await,
            None => Ok(None),
        }
    }
}

impl Drop for HeldRows {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

impl fmt::Debug for HeldRows {
    /// Without the rows.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HeldRows").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// What an event takes in memory.
fn size(event: &Event<'_>) -> usize {
    event.data().len() + size_of::<Event<'_>>()
}

/// Events in a file: the place of the plan, the event as in the binlog but for its checksum.
struct Spool {
    stage: Stage,
    plans: Vec<Arc<Plan>>,
    left: u64,
}

enum Stage {
    Writing(BufWriter<File>),
    Reading(BufReader<File>),
}

impl Spool {
    fn new() -> io::Result<Self> {
        let file = File::from_std(tempfile::tempfile()?);
        let stage = Stage::Writing(BufWriter::with_capacity(BUFFER, file));
        Ok(Self { stage, plans: Vec::new(), left: 0 })
    }

    async fn write(&mut self, event: &Event<'_>, plan: &Arc<Plan>) -> io::Result<()> {
        let place = self.place_of(plan)?;
        let Stage::Writing(file) = &mut self.stage else { return Err(misused()) };
        file.write_u32_le(place).await?;
        file.write_all(&event.plain_header()).await?;
        file.write_all(event.data()).await?;
        self.left += 1;
        Ok(())
    }

    /// Statements of one table follow each other, so that the plan is found at the end.
    fn place_of(&mut self, plan: &Arc<Plan>) -> io::Result<u32> {
        let known = self.plans.iter().rposition(|known| Arc::ptr_eq(known, plan));
        let place = known.unwrap_or_else(|| {
            self.plans.push(Arc::clone(plan));
            self.plans.len() - 1
        });
        u32::try_from(place).map_err(io::Error::other)
    }

    async fn read(&mut self) -> io::Result<Option<(Event<'static>, Arc<Plan>)>> {
        if self.left == 0 {
            return Ok(None);
        }
        let Self { stage, plans, left } = self;
        if let Stage::Writing(written) = stage {
            written.flush().await?;
            let mut file = written.get_ref().try_clone().await?;
            file.seek(SeekFrom::Start(0)).await?;
            *stage = Stage::Reading(BufReader::with_capacity(BUFFER, file));
        }
        let Stage::Reading(file) = stage else { return Err(misused()) };
        let place = file.read_u32_le().await?;
        let plan = usize::try_from(place).ok().and_then(|place| plans.get(place));
        let event = read_event(file).await?;
        *left -= 1;
        Ok(Some((event, Arc::clone(plan.ok_or_else(misused)?))))
    }
}

fn misused() -> io::Error {
    io::Error::other("the temporary file does not hold what was written")
}

async fn read_event(file: &mut BufReader<File>) -> io::Result<Event<'static>> {
    let mut bytes = vec![0; Header::LEN];
    file.read_exact(&mut bytes).await?;
    let size = bytes.get(Header::SIZE).and_then(|size| size.try_into().ok());
    let size = usize::try_from(size.map_or(0, u32::from_le_bytes)).map_err(io::Error::other)?;
    if size < bytes.len() {
        return Err(misused());
    }
    bytes.resize(size, 0);
    file.read_exact(bytes.get_mut(Header::LEN..).unwrap_or_default()).await?;
    EventReader::read_plain(bytes).map_err(|_| misused())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::table::{TableName, TableSchema},
        source::binlog::{event::kind, fixture::event_of, table_map::Dialect},
    };

    fn plan(table: &str) -> Arc<Plan> {
        let schema = Arc::new(TableSchema::named(TableName::new("shop", table)));
        Arc::new(Plan::new(schema, (Box::default(), None), Dialect::Mysql))
    }

    fn event(number: u32, bytes: usize) -> Event<'static> {
        let mut body = number.to_le_bytes().to_vec();
        body.resize(bytes, 7);
        event_of(kind::WRITE_ROWS, number, &body)
    }

    #[tokio::test]
    async fn rows_come_back_in_their_order_from_memory_and_file() {
        let held = Held::default();
        let plans = [plan("a"), plan("b")];
        let mut rows = held.begin();
        for number in 0..60 {
            let plan = &plans[usize::from(number % 3 == 0)];
            rows.push(event(number, 1 << 20), plan).await.unwrap();
        }
        let taken = held.memory.0.load(Ordering::Relaxed);
        assert!(taken > HELD_IN_MEMORY / 2 && taken <= HELD_IN_MEMORY, "{taken}");
        assert!(rows.events.len() < 17 && rows.spool.is_some());
        for number in 0..60 {
            let (event, plan) = rows.next().await.unwrap().unwrap();
            let expected = self::event(number, 1 << 20);
            assert_eq!((event.data(), event.header()), (expected.data(), expected.header()));
            assert!(Arc::ptr_eq(&plan, &plans[usize::from(number % 3 == 0)]));
        }
        assert!(rows.next().await.unwrap().is_none());
        assert_eq!(held.memory.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_memory_is_one_for_all_and_comes_back() {
        let held = Held::default();
        let (mut first, mut second) = (held.begin(), held.begin());
        first.push(event(1, HELD_IN_MEMORY - 4096), &plan("a")).await.unwrap();
        second.push(event(2, 8192), &plan("a")).await.unwrap();
        assert!(first.spool.is_none() && second.spool.is_some());
        drop(first);
        assert_eq!(held.memory.0.load(Ordering::Relaxed), 0);
        // What has begun to go to a file goes on there, or the order would be lost.
        second.push(event(3, 10), &plan("a")).await.unwrap();
        assert!(second.events.is_empty());
        for number in [2, 3] {
            assert_eq!(second.next().await.unwrap().unwrap().0.header().log_pos, number);
        }
    }
}
