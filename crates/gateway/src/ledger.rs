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

use crate::{account::Account, keybook::KeyBook};

/// How long a lone row waits for company. It bounds what a killed process forgets.
const LINGER: Duration = Duration::from_millis(15);
/// The most rows in one transaction.
const BATCH: usize = 512;
/// With more rows than this unwritten, new requests are refused.
const BACKLOG: usize = 50_000;
/// What callers hear of a ledger that has ended.
const CLOSED: &str = "the server is shutting down";

/// The way to the ledger's task. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    queue: mpsc::UnboundedSender<Entry>,
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

#[derive(Debug)]
enum Entry {
    Settle(Box<Settlement>),
    Flush(oneshot::Sender<()>),
    Reload(oneshot::Sender<Result<(), StoreError>>),
}

impl Ledger {
    /// Starts the task. It ends after `shutdown` when the queue is empty.
    pub(crate) fn start(
        db: Db,
        keys: Arc<KeyBook>,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (queue, entries) = mpsc::unbounded_channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let writer = Writer { db, keys, backlog: backlog.clone() };
        tasks.spawn(writer.run(entries, shutdown));
        Self { queue, backlog }
    }

    /// Hands over a row. It is written soon, whatever becomes of the request.
    pub(crate) fn settle(&self, settlement: Settlement) {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        if self.queue.send(Entry::Settle(Box::new(settlement))).is_err() {
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
        if self.queue.send(Entry::Flush(done)).is_ok() {
            // An error means the task ended, and it ends only with an empty queue.
            drop(wait.await);
        }
    }

    /// Reads all keys anew after a change.
    pub(crate) async fn reload_keys(&self) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Entry::Reload(done)).is_err() {
            return Err(StoreError::Unavailable(CLOSED));
        }
        wait.await.unwrap_or(Err(StoreError::Unavailable(CLOSED)))
    }
}

struct Writer {
    db: Db,
    keys: Arc<KeyBook>,
    backlog: Arc<AtomicUsize>,
}

impl Writer {
    async fn run(self, mut entries: mpsc::UnboundedReceiver<Entry>, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = entries.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = shutdown.cancelled() => {
                    // Streams are over by now; what is queued is written, then the task ends.
                    entries.close();
                    while entries.recv_many(&mut batch, BATCH).await > 0 {
                        self.handle(&mut batch).await;
                    }
                    return;
                }
            }
            if batch.len() < BATCH && batch.iter().all(|entry| matches!(entry, Entry::Settle(_))) {
                self.wait_for_company(&mut entries, &mut batch).await;
            }
            self.handle(&mut batch).await;
        }
    }

    /// Lets a small batch grow for a moment, unless somebody waits for it.
    async fn wait_for_company(&self, entries: &mut mpsc::UnboundedReceiver<Entry>, batch: &mut Vec<Entry>) {
        let deadline = tokio::time::Instant::now() + LINGER;
        while batch.len() < BATCH {
            match tokio::time::timeout_at(deadline, entries.recv()).await {
                Ok(Some(entry)) => {
                    let is_urgent = !matches!(entry, Entry::Settle(_));
                    batch.push(entry);
                    if is_urgent {
                        return;
                    }
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn handle(&self, batch: &mut Vec<Entry>) {
        let mut settlements = Vec::with_capacity(batch.len());
        let mut waiting = Vec::new();
        for entry in batch.drain(..) {
            match entry {
                Entry::Settle(settlement) => settlements.push(*settlement),
                other => waiting.push(other),
            }
        }
        self.write(settlements).await;
        for entry in waiting {
            // Whoever waits may have gone away; the work is done all the same.
            match entry {
                Entry::Flush(done) => drop(done.send(())),
                Entry::Reload(done) => drop(done.send(self.reload().await)),
                Entry::Settle(_) => {}
            }
        }
    }

    async fn write(&self, settlements: Vec<Settlement>) {
        if settlements.is_empty() {
            return;
        }
        let (records, accounts): (Vec<_>, Vec<_>) =
            settlements.into_iter().map(|settlement| (settlement.record, settlement.account)).unzip();
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
    }

    async fn reload(&self) -> Result<(), StoreError> {
        self.keys.replace(store::keys::all_live(&self.db).await?);
        Ok(())
    }
}
