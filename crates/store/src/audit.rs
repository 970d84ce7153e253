//! The audit log: one record for each change, in the same transaction, chained by seals.
//!
//! A mutation calls [`append`] as its last statement before the commit: the row of the head is the lock of the
//! chain, and whoever holds it keeps all other writers waiting. What is no change (a refused sign-in, a denial, a
//! look at personal data) is written by [`record`]. Refuses to know what may be read by whom.

mod body;
mod read;
mod repeated;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, Ordering},
};

use kernel::{
    AuditId, Timestamp, World,
    audit::{Entry, Level, Sealer},
};

pub use self::read::{
    Checkpoint, Filter, Head, Record, add_checkpoint, by_seq, checkpoints, head, last_checkpoint, list, walk,
};
use self::repeated::Repeated;
pub use self::repeated::Which;
use crate::{
    StoreError,
    db::{Db, Tx},
    value::values,
};

/// What records are made with. Cheap to clone; clones share the level.
#[derive(Clone)]
pub struct Recorder(Arc<Parts>);

struct Parts {
    world: World,
    sealer: OnceLock<Arc<dyn Sealer>>,
    level: AtomicU8,
    repeated: Repeated,
}

impl Recorder {
    /// Records with this clock, these dice and this sealer.
    pub fn new(world: World, sealer: Arc<dyn Sealer>, level: Level) -> Self {
        let recorder = Self::locked(world, level);
        recorder.unlock(sealer);
        recorder
    }

    /// Records with this clock and these dice, once it is given a sealer. Until then nothing that leaves a record
    /// can be changed: the sealer's key is read from the database that this recorder belongs to.
    pub fn locked(world: World, level: Level) -> Self {
        Self(Arc::new(Parts {
            world,
            sealer: OnceLock::new(),
            level: AtomicU8::new(level as u8),
            repeated: Repeated::default(),
        }))
    }

    /// Gives the sealer. It is given once: a second one is ignored.
    pub fn unlock(&self, sealer: Arc<dyn Sealer>) {
        drop(self.0.sealer.set(sealer));
    }

    /// How much is kept from now on, by every handle to the same database in this process.
    pub fn set_level(&self, level: Level) {
        self.0.level.store(level as u8, Ordering::Relaxed);
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    /// The seal over the previous one and these bytes.
    pub(crate) fn seal(&self, previous: &[u8; 32], bytes: &[u8]) -> Result<[u8; 32], StoreError> {
        let sealer = self.0.sealer.get().ok_or(StoreError::Internal)?;
        Ok(sealer.seal_record(previous, bytes))
    }

    /// How much is kept.
    pub fn level(&self) -> Level {
        let stored = self.0.level.load(Ordering::Relaxed);
        Level::ALL.iter().copied().find(|level| *level as u8 == stored).unwrap_or(Level::Metadata)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({})", self.level().as_str())
    }
}

/// Writes the record of what this transaction did. The last statement before the commit. When it fails, nothing
/// else in the transaction happens, and the error is [`StoreError::Unavailable`] whatever the cause: a change that
/// cannot be recorded is refused for now.
pub async fn append(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    match append_next(tx, entry).await {
        Ok(()) => Ok(()),
        Err(error @ StoreError::Unavailable(_)) => Err(error),
        Err(error) => {
            tracing::error!(%error, "the audit log cannot be continued, so nothing is changed; see wardroom audit verify");
            Err(StoreError::Unavailable("the audit log cannot be continued"))
        }
    }
}

async fn append_next(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    let recorder = tx.recorder();
    let level = recorder.level();
    if level == Level::None || is_left_out(entry) {
        return Ok(());
    }
    // An UPDATE and not a SELECT: from here to the commit the chain is ours.
    let sql = "UPDATE audit_head SET seq = seq + 1 WHERE one = 1 RETURNING seq, hash, at";
    let row = tx.query_one(sql, Vec::new()).await?;
    let row = row.ok_or_else(|| StoreError::Damaged { table: "audit_head", id: "1".to_owned() })?;
    let mut fields = row.fields("audit_head");
    let (seq, previous): (i64, Option<[u8; 32]>) = (fields.read()?, fields.read()?);
    let last: Timestamp = fields.read()?;

    // A clock that was set back must not make the log look reordered.
    let at = recorder.0.world.now().max(last);
    let id = AuditId::new(&recorder.0.world);
    let body = body::canonical(entry, level, seq, &id, at);
    let hash = recorder.seal(&previous.unwrap_or_default(), body.as_bytes())?;
    let (actor_kind, actor_id) = body::actor(&entry.caller);
    let request = entry.caller.request();
    tx.execute(
        "INSERT INTO audit_record (seq, id, at, event, outcome, actor_kind, actor_id, target_kind, target_id,
             address, request_id, body, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values![
            seq,
            &id,
            at,
            entry.event,
            entry.outcome,
            actor_kind,
            actor_id,
            entry.target.as_ref().map(|target| target.kind),
            entry.target.as_ref().map(|target| &target.id),
            request.address().map(|address| address.to_string()),
            request.id(),
            body,
            &hash[..],
        ],
    )
    .await?;
    tx.execute("UPDATE audit_head SET hash = $1, at = $2 WHERE one = 1", values![&hash[..], at]).await?;
    request.note_record();
    Ok(())
}

/// Writes a record of what changes nothing. What strangers are refused beyond a bound is counted instead;
/// [`tell_repeated`] writes it.
pub async fn record(db: &Db, entry: &Entry) -> Result<(), StoreError> {
    let recorder = db.recorder();
    if recorder.level() == Level::None || is_left_out(entry) {
        return Ok(());
    }
    if recorder.0.repeated.counts(entry, recorder.0.world.now()) {
        entry.caller.request().note_record();
        return Ok(());
    }
    let mut tx = db.begin().await?;
    append(&mut tx, entry).await?;
    tx.commit().await
}

/// Writes what was counted of strangers' refusals: one record for each source. Call it now and then, and with
/// [`Which::All`] at the end. What cannot be written is counted on.
pub async fn tell_repeated(db: &Db, which: Which) -> Result<(), StoreError> {
    let recorder = db.recorder();
    let counted = recorder.0.repeated.take(which, recorder.0.world.now());
    if counted.is_empty() {
        return Ok(());
    }
    let (entries, taken): (Vec<Entry>, Vec<_>) = counted.into_iter().unzip();
    let told = async {
        let mut tx = db.begin().await?;
        for entry in &entries {
            append(&mut tx, entry).await?;
        }
        tx.commit().await
    };
    let told = told.await;
    if told.is_err() {
        recorder.0.repeated.give_back(taken);
    }
    told
}

/// Whether the operator's lists of paths keep it out of the log. What is left out counts as recorded all the same:
/// nothing else is to be written in its place.
fn is_left_out(entry: &Entry) -> bool {
    let is_left_out = entry.event.may_be_left_out() && entry.caller.request().is_left_out();
    if is_left_out {
        entry.caller.request().note_record();
    }
    is_left_out
}
