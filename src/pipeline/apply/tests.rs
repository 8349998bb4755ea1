//! The loop by itself, between ports that only remember. The clock stands still but where everybody waits, so that a wait
//! that need not be is seen.

use std::sync::Mutex;

use super::*;
use crate::{
    config::Config,
    model::{
        change::{ChangeKind, Image, Origin, RowBlock, RowVisitor, Rows},
        key::{Cursor, SqlValue},
        letter::DeadLetter,
        position::Transaction,
        table::{Column, ColumnType, Key, KeyColumn, TableName, TableSchema},
        value::Value,
        write::{Target, WriteBatch, WriteReport},
    },
    runtime::channel::{self, QueueGauge, Sender},
};

/// A target that takes everything at once, and tells how many operations each batch had, and how many bytes still waited
/// in the channel when it came.
#[derive(Debug, Default)]
struct Taken {
    operations: Mutex<Vec<usize>>,
    behind: Mutex<Vec<usize>>,
    queue: QueueGauge,
}

impl Taken {
    fn of(queue: &QueueGauge) -> Arc<Self> {
        Arc::new(Self { queue: queue.clone(), ..Self::default() })
    }
}

impl Sink for Taken {
    async fn prepare(&self, _: &Target) -> Result<(), Fault> {
        Ok(())
    }

    async fn write(&self, batch: Arc<WriteBatch>) -> Result<WriteReport, Fault> {
        self.operations.lock().unwrap().push(batch.operation_count());
        self.behind.lock().unwrap().push(self.queue.bytes());
        Ok(WriteReport::default())
    }
}

#[derive(Debug)]
struct Nobody;

impl RowReader for Nobody {
    async fn equal_row_left(
        &self,
        _: &TableSchema,
        _: &[SqlValue],
        _: &Transaction,
    ) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn reread(
        &self,
        _: &Arc<TableSchema>,
        _: &[usize],
        _: &Cursor,
        _: Option<&Transaction>,
    ) -> Result<Option<Box<dyn RowBlock>>, Fault> {
        Ok(None)
    }
}

impl Checkpoints for Nobody {
    async fn save(&self, _: &State, _: StatePart) -> Result<(), Fault> {
        Ok(())
    }

    async fn save_tables(&self, _: &[TableRecord]) -> Result<(), Fault> {
        Ok(())
    }

    async fn keep_letters(&self, _: &[DeadLetter]) -> Result<(), Fault> {
        Ok(())
    }

    async fn settle_letters(&self, _: &[LetterKey]) -> Result<(), Fault> {
        Ok(())
    }

    async fn record_schema_change(&self, _: &SchemaRecord) -> Result<(), Fault> {
        Ok(())
    }
}

/// One row that was inserted.
#[derive(Debug)]
struct Inserted(Option<i64>);

impl RowBlock for Inserted {
    fn next_change(&mut self, visitor: &mut dyn RowVisitor) -> Result<Option<ChangeKind>, Fault> {
        let Some(id) = self.0.take() else { return Ok(None) };
        visitor.cell(Image::After, 0, Value::Int(id));
        Ok(Some(ChangeKind::Insert))
    }
}

fn table() -> Arc<TableSchema> {
    let id = Column {
        name: "id".to_owned(),
        kind: ColumnType::Int { bytes: 8, unsigned: false, boolean: false },
        nullable: false,
        generated: false,
        invisible: false,
        on_update_timestamp: false,
    };
    let columns = vec![KeyColumn { column: 0, descending: false }];
    let key = Key { index: "PRIMARY".to_owned(), columns, hidden: false };
    let name = TableName::new("shop", "orders");
    Arc::new(TableSchema { columns: vec![id], key: Some(key), ..TableSchema::named(name) })
}

/// Sends so many rows, each in a message of its own, as the events of small transactions are.
async fn send_rows(sender: &Sender, count: i64) {
    let (table, file) = (table(), Arc::from("binlog.000001"));
    let transaction = Transaction { gtid: None, file, offset: 4, committed_micros: 1 };
    let origin = Origin::Stream(Arc::new(transaction));
    for id in 0..count {
        let rows = Rows {
            table: Arc::clone(&table),
            origin: origin.clone(),
            block: Box::new(Inserted(Some(id))),
            bytes: 100,
        };
        sender.send(Message::Rows(rows)).await.unwrap();
    }
}

fn apply_loop(
    config: &Config,
    receiver: Receiver,
    sink: &Arc<Taken>,
) -> ApplyLoop<Taken, Nobody, Nobody> {
    let settings = Settings {
        batch: config.batch.clone(),
        retry: config.retry.clone(),
        record: config.errors.record,
        checkpoint_interval: config.checkpoint.interval,
        one_lane: HashSet::new(),
        rules: RuleBook::new(config),
        state: State::default(),
        records: Vec::new(),
        letters: Vec::new(),
    };
    let ports =
        Ports { sink: Arc::clone(sink), checkpoints: Arc::new(Nobody), reader: Arc::new(Nobody) };
    let handle = Handle::new(QueueGauge::default(), false, None);
    ApplyLoop::new(ports, settings, receiver, handle, CancellationToken::new())
}

/// More messages than a turn takes, so that a turn ends amid them.
#[tokio::test(start_paused = true)]
async fn rows_that_are_at_hand_never_wait() {
    let queue = QueueGauge::default();
    let (sender, receiver) = channel::bounded(1 << 20, &queue);
    let sink = Taken::of(&queue);
    let count = MESSAGES_A_TURN * 5 / 2;
    send_rows(&sender, i64::try_from(count).unwrap()).await;
    drop(sender);
    let begun = Instant::now();
    apply_loop(&Config::default(), receiver, &sink).run().await.unwrap();
    assert_eq!(sink.operations.lock().unwrap().iter().sum::<usize>(), count);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// On one thread, which the loop could keep for itself until no lane takes any more.
#[tokio::test(start_paused = true)]
async fn what_is_sent_goes_out_before_more_is_mapped() {
    let queue = QueueGauge::default();
    let (sender, receiver) = channel::bounded(1 << 20, &queue);
    let sink = Taken::of(&queue);
    let mut config = Config::default();
    (config.batch.operations, config.batch.lanes) = (200, 2);
    send_rows(&sender, 1000).await;
    drop(sender);
    let all = queue.bytes();
    apply_loop(&config, receiver, &sink).run().await.unwrap();
    // The first lane sends half a batch, and has got half of the rows: some two hundred are mapped then.
    let mapped = 1000 - sink.behind.lock().unwrap()[0] * 1000 / all;
    assert!(mapped < 300, "{mapped} rows were mapped before anything was written");
}
