//! Writes what requests used and cost, many rows in one transaction, so that no answer waits for it.
//!
//! One task owns all writes of spend by this process and also reloads the keys, in between: that is what
//! keeps the money in memory and in the database in step. A database that is away does not lose rows: the
//! task tries again, and [`Ledger::is_behind`] makes the gateway refuse new work before memory fills up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Money, UsageRecord};
use store::{Db, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{UsageSeen, account::Account, keybook::KeyBook};

/// How long a lone row waits for company. It bounds what a killed process forgets.
const LINGER: Duration = Duration::from_millis(15);
/// The most rows in one transaction: more than come in one wait, as each transaction also leaves a record.
const BATCH: usize = 1024;
/// With more rows than this unwritten, new requests are refused.
const BACKLOG: usize = 50_000;
/// What callers hear of a ledger that has ended.
const CLOSED: &str = "the server is shutting down";

/// The way to the ledger's task. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    settlements: mpsc::UnboundedSender<Settlement>,
    orders: mpsc::UnboundedSender<Order>,
    backlog: Arc<AtomicUsize>,
}

/// What one request used, and whose money it was.
#[derive(Debug)]
pub(crate) struct Settlement {
    /// The row to write.
    pub(crate) record: UsageRecord,
    /// Told when the row is written.
    pub(crate) account: Option<Arc<Account>>,
}

/// What somebody waits for.
#[derive(Debug)]
enum Order {
    Flush(oneshot::Sender<()>),
    Reload(oneshot::Sender<Result<(), StoreError>>),
}

impl Ledger {
    /// Starts the task. It ends after `shutdown` when the queue is empty.
    pub(crate) fn start(
        db: Db,
        keys: Arc<KeyBook>,
        usage_seen: UsageSeen,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (settlements, queue) = mpsc::unbounded_channel();
        let (orders, waiting) = mpsc::unbounded_channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let writer = Writer { db, keys, usage_seen, backlog: backlog.clone(), queue };
        tasks.spawn(writer.run(waiting, shutdown));
        Self { settlements, orders, backlog }
    }

    /// Hands over a row. It is written soon, whatever becomes of the request.
    pub(crate) fn settle(&self, settlement: Settlement) {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        if self.settlements.send(settlement).is_err() {
            tracing::error!("a usage row came after the ledger had closed and is lost");
        }
    }

    /// Whether the database is so far behind that new requests must be refused.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > BACKLOG
    }

    /// Waits until everything handed over before is written.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).is_ok() {
            // An error means the task ended, and it ends only with an empty queue.
            drop(wait.await);
        }
    }

    /// Reads all keys anew after a change.
    pub(crate) async fn reload_keys(&self) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Reload(done)).is_err() {
            return Err(StoreError::Unavailable(CLOSED));
        }
        wait.await.unwrap_or(Err(StoreError::Unavailable(CLOSED)))
    }
}

struct Writer {
    db: Db,
    keys: Arc<KeyBook>,
    usage_seen: UsageSeen,
    backlog: Arc<AtomicUsize>,
    queue: mpsc::UnboundedReceiver<Settlement>,
}

impl Writer {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(order) = orders.recv() => self.obey(order).await,
                Some(first) = self.queue.recv() => {
                    // Sleeping, not receiving: a task that waits for the queue is woken for every row, and
                    // that costs more than the row.
                    let order = tokio::select! {
                        () = tokio::time::sleep(LINGER) => None,
                        order = orders.recv() => order,
                    };
                    self.write_with(Some(first)).await;
                    if let Some(order) = order {
                        self.obey(order).await;
                    }
                }
            }
        }
        // Requests are over by now; what is queued is written, then the task ends.
        self.queue.close();
        orders.close();
        self.write_with(None).await;
        while let Some(order) = orders.recv().await {
            self.obey(order).await;
        }
    }

    /// Writes what is queued, then does what somebody waits for. Whoever waits may have gone away; the work is
    /// done all the same.
    async fn obey(&mut self, order: Order) {
        self.write_with(None).await;
        match order {
            Order::Flush(done) => drop(done.send(())),
            Order::Reload(done) => drop(done.send(self.reload().await)),
        }
    }

    /// Writes what is queued at this moment, behind `first`. What comes meanwhile lingers for the next batch: on a
    /// busy server the queue is never empty, and following it would make a transaction of every few rows.
    async fn write_with(&mut self, first: Option<Settlement>) {
        let mut left = self.queue.len();
        let mut batch: Vec<Settlement> = first.into_iter().collect();
        while left > 0 || !batch.is_empty() {
            while left > 0 && batch.len() < BATCH {
                left -= 1;
                batch.extend(self.queue.try_recv().ok());
            }
            if !batch.is_empty() {
                self.write(std::mem::take(&mut batch)).await;
            }
        }
    }

    async fn write(&self, batch: Vec<Settlement>) {
        let (records, accounts): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|settlement| (settlement.record, settlement.account)).unzip();
        let mut pause = Duration::from_millis(50);
        // A row that is already there is ignored, so trying again after a lost answer is safe.
        while let Err(error) = store::usage::settle(&self.db, &records).await {
            tracing::error!(%error, rows = records.len(), "usage could not be written; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        for (record, account) in records.iter().zip(accounts) {
            if let Some(account) = account {
                account.recorded(record.cost.unwrap_or(Money::ZERO));
            }
        }
        self.backlog.fetch_sub(records.len(), Ordering::Relaxed);
        (self.usage_seen)(records);
    }

    async fn reload(&self) -> Result<(), StoreError> {
        self.keys.replace(store::keys::all_live(&self.db).await?);
        Ok(())
    }
}
