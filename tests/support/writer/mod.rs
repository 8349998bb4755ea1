//! A seeded writer of random changes: single and multi-row statements, transactions of several tables, key updates,
//! rollbacks, savepoints. The seed is printed; `TEST_SEED` repeats a run.

mod statements;
mod values;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use mysql_async::{Conn, Error, prelude::Queryable};
use tokio::task::JoinHandle;

use super::{
    comparer::table::{self, Table},
    databases::Source,
};

/// A key that is taken, a value too large for what a trigger copies it to, a lock that was not had, a deadlock, numbers
/// that are used up (and the same in MariaDB's number).
const TOLERATED: [u16; 6] = [1062, 1264, 1205, 1213, 1467, 167];

/// The server ends: as good as a lost connection.
const SHUTDOWN: u16 = 1053;

/// What was committed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Rows that the server says were changed.
    pub changes: u64,
    pub transactions: u64,
    pub rollbacks: u64,
}

/// A writer over all tables of a database.
#[derive(Debug)]
pub struct Writer {
    source: Source,
    tables: Vec<Table>,
    random: Rng,
    written: Written,
    /// What every session begins with.
    session: Option<String>,
}

impl Writer {
    /// Over all tables that there are now.
    pub async fn over(source: &Source) -> Self {
        let seed = match std::env::var("TEST_SEED") {
            Ok(seed) => seed.parse().expect("TEST_SEED is a number"),
            Err(_) => fastrand::u64(..),
        };
        println!("the writer's seed: TEST_SEED={seed}");
        Self {
            source: source.clone(),
            tables: table::all(source).await,
            random: Rng::with_seed(seed),
            written: Written::default(),
            session: None,
        }
    }

    /// Begins every session with this statement.
    pub fn with_session(mut self, statement: &str) -> Self {
        self.session = Some(statement.to_owned());
        self
    }

    /// Leaves a table alone.
    pub fn sparing(mut self, table: &str) -> Self {
        self.tables.retain(|known| known.name != table);
        self
    }

    /// Writes at least this many changes.
    pub async fn changes(&mut self, count: u64) -> Written {
        let end = self.written.changes + count;
        let mut conn = self.connect().await;
        while self.written.changes < end {
            self.transaction(&mut conn).await.expect("the source stays");
        }
        conn.disconnect().await.expect("a clean end");
        self.written
    }

    /// Goes on writing in the background, also over restarts of the source.
    pub fn keep_writing(self) -> Running {
        let orders = Arc::new(Orders::default());
        let task = tokio::spawn(write_until_told(self, Arc::clone(&orders)));
        Running { orders, task }
    }

    async fn connect(&self) -> Conn {
        self.try_connect().await.expect("the source answers")
    }

    async fn try_connect(&self) -> Result<Conn, Error> {
        let mut conn = self.source.try_connect(Some(self.source.database.clone())).await?;
        conn.query_drop("SET foreign_key_checks = 0, innodb_lock_wait_timeout = 5").await?;
        if let Some(statement) = &self.session {
            conn.query_drop(statement).await?;
        }
        Ok(conn)
    }

    /// One transaction of one to six statements; a third are single statements that commit themselves.
    async fn transaction(&mut self, conn: &mut Conn) -> Result<(), Error> {
        self.written.transactions += 1;
        if self.random.u8(..) < 85 {
            self.written.changes += self.statement(conn).await?;
            return Ok(());
        }
        conn.query_drop("BEGIN").await?;
        let mut changes = 0;
        for _ in 0..self.random.usize(1..=6) {
            changes += self.step(conn).await?;
        }
        if self.random.u8(..) < 35 {
            self.written.rollbacks += 1;
            return conn.query_drop("ROLLBACK").await;
        }
        conn.query_drop("COMMIT").await?;
        self.written.changes += changes;
        Ok(())
    }

    /// A statement inside a transaction, now and then taken back to a savepoint.
    async fn step(&mut self, conn: &mut Conn) -> Result<u64, Error> {
        if self.random.u8(..) > 25 {
            return self.statement(conn).await;
        }
        conn.query_drop("SAVEPOINT here").await?;
        self.statement(conn).await?;
        self.written.rollbacks += 1;
        conn.query_drop("ROLLBACK TO SAVEPOINT here").await.map(|()| 0)
    }

    /// One statement; what the server may refuse changes nothing.
    async fn statement(&mut self, conn: &mut Conn) -> Result<u64, Error> {
        let index = self.random.usize(..self.tables.len());
        let statement = statements::any(&self.tables[index], &mut self.random);
        match conn.query_drop(&statement).await {
            Ok(()) => Ok(conn.affected_rows()),
            Err(Error::Server(error)) if TOLERATED.contains(&error.code) => Ok(0),
            Err(Error::Server(error)) if error.code != SHUTDOWN => panic!("{error}: {statement}"),
            Err(error) => Err(error),
        }
    }
}

/// What a running writer is told.
#[derive(Debug, Default)]
struct Orders {
    stop: AtomicBool,
    pause: AtomicBool,
    paused: AtomicBool,
}

/// A writer in the background.
#[derive(Debug)]
pub struct Running {
    orders: Arc<Orders>,
    task: JoinHandle<Written>,
}

impl Running {
    /// Waits until nothing is being written.
    pub async fn pause(&self) {
        self.orders.pause.store(true, Ordering::SeqCst);
        while !self.orders.paused.load(Ordering::SeqCst) {
            assert!(!self.task.is_finished(), "the writer has failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn resume(&self) {
        self.orders.pause.store(false, Ordering::SeqCst);
    }

    /// Waits until nothing is being written any more.
    pub async fn finish(self) -> Written {
        self.orders.stop.store(true, Ordering::SeqCst);
        self.task.await.expect("the writer works")
    }
}

/// Breathes between transactions: the target takes fewer changes a second than the source.
async fn write_until_told(mut writer: Writer, orders: Arc<Orders>) -> Written {
    let mut connection = None;
    while !orders.stop.load(Ordering::SeqCst) {
        let pause = orders.pause.load(Ordering::SeqCst);
        orders.paused.store(pause, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(4)).await;
        if pause {
            continue;
        }
        connection = match connection {
            None => writer.try_connect().await.ok(),
            Some(mut conn) => writer.transaction(&mut conn).await.is_ok().then_some(conn),
        };
    }
    writer.written
}
