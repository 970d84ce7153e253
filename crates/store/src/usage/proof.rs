//! Proof that the ledger is as it was written: each batch leaves one record of the audit log with a digest over
//! its rows.

use std::collections::BTreeMap;

use super::COLUMNS;
use crate::{
    StoreError,
    audit::{self, Recorder},
    db::{Db, Tx},
    value::{Value, values},
};
use kernel::{
    Caller, Timestamp, UsageId,
    audit::{Entry, Event, Level},
};

/// Before a row's bytes, so that no digest can pass for the seal of a record.
const PURPOSE: &[u8] = b"usage-row ";

/// A number for a batch, none where nothing is recorded. Random: two processes must not take the same one.
pub(super) fn new_batch(recorder: &Recorder) -> Option<i64> {
    let number = || i64::from_le_bytes(recorder.world().bytes::<8>()) & i64::MAX;
    (recorder.level() > Level::None).then(number)
}

/// Records the rows of one batch, each as its [`bytes`], in the order of their ids. A batch that was written before, and
/// is tried again because the answer was lost, has none and leaves no second record.
pub(super) async fn append(
    tx: &mut Tx,
    batch: i64,
    rows: &BTreeMap<&UsageId, Vec<u8>>,
) -> Result<(), StoreError> {
    let (Some((first, _)), Some((last, _))) = (rows.first_key_value(), rows.last_key_value()) else {
        return Ok(());
    };
    let recorder = tx.recorder();
    let digest = rows.values().try_fold([0; 32], |digest, row| recorder.seal(&digest, row))?;
    let entry = Entry::done(Event::UsageRecorded, &Caller::operator())
        .with("batch", batch)
        .with("count", rows.len())
        .with("first", first.as_str())
        .with("last", last.as_str())
        .with("digest", hex(&digest));
    audit::append(tx, &entry).await
}

/// What the rows of one batch add up to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchProof {
    /// How many rows there are.
    pub count: u64,
    /// In hexadecimal, as `detail.digest` of the record has it.
    pub digest: String,
}

/// All batches as the ledger has them now, to be compared with their records. Reads the whole ledger; rows from
/// before there was an audit log belong to no batch.
pub async fn batches(db: &Db) -> Result<BTreeMap<i64, BatchProof>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, batch FROM usage_record WHERE id > $1 AND batch IS NOT NULL ORDER BY id LIMIT 1000"
    );
    let mut all: BTreeMap<i64, (u64, [u8; 32])> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let rows = db.query(sql.clone(), values![&after]).await?;
        let is_last = rows.len() < 1000;
        for row in rows {
            let mut columns = row.0;
            let damaged = || StoreError::Damaged { table: "usage_record", id: after.clone() };
            let Some(Value::Int(batch)) = columns.pop() else { return Err(damaged()) };
            let Some(Value::Text(id)) = columns.first() else { return Err(damaged()) };
            let id = id.clone();
            let (count, digest) = all.entry(batch).or_default();
            *count += 1;
            *digest = db.recorder().seal(digest, &bytes(&columns))?;
            after = id;
        }
        if is_last {
            break;
        }
    }
    let proof = |(count, digest): (u64, [u8; 32])| BatchProof { count, digest: hex(&digest) };
    Ok(all.into_iter().map(|(batch, sums)| (batch, proof(sums))).collect())
}

/// How many rows of requests at or after this moment belong to no batch.
pub async fn outside_batches(db: &Db, since: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM usage_record WHERE batch IS NULL AND at >= $1";
    let row = db.query_one(sql, values![since]).await?;
    let count = row.map(|row| row.single::<i64>("usage_record")).transpose()?.unwrap_or_default();
    Ok(u64::try_from(count).unwrap_or_default())
}

/// One row as its columns are stored, for a digest. Each column says its kind and its length, so that no two rows have
/// the same bytes.
pub(super) fn bytes(columns: &[Value]) -> Vec<u8> {
    // Rows from before there was a column for the API key have none of it in their digest.
    let columns = match columns {
        [former @ .., Value::Null] => former,
        all => all,
    };
    let mut row = Vec::with_capacity(512);
    row.extend_from_slice(PURPOSE);
    for column in columns {
        let (kind, bytes): (u8, &[u8]) = match column {
            Value::Null => (b'-', &[]),
            Value::Int(number) => (b'i', &number.to_be_bytes()),
            Value::Text(text) => (b't', text.as_bytes()),
            Value::Bytes(bytes) => (b'b', bytes),
        };
        row.push(kind);
        row.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        row.extend_from_slice(bytes);
    }
    row
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
