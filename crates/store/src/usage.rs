//! The ledger: what every request used and cost, and what each key has spent by it.
//!
//! [`settle`] keeps up with the gateway: many rows per statement, one transaction and one record of the audit log per
//! batch.

mod proof;

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    sync::LazyLock,
};

use kernel::{
    ApiKeyId, KeyId, Money, Permit, ReadUsage, RequestId, Timestamp, TokenCount, UsageId, UsageRecord, UserId,
};

pub use self::proof::{BatchProof, batches, outside_batches};
use crate::{
    StoreError,
    db::{Db, Tx},
    row::Row,
    value::{Value, values},
};

const COLUMNS: &str = "id, request_id, at, endpoint, model, connection_id, key_id, account_id, outcome, status, \
     prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, is_estimated, cost, milliseconds, \
     first_byte_milliseconds, is_stream, error, api_key_id";
/// [`COLUMNS`], and the batch.
const WIDTH: usize = 22;

/// Rows per INSERT. A batch is cut greedily into these sizes, so that three prepared statements serve all.
const SIZES: [usize; 3] = [64, 8, 1];
static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| SIZES.map(insert_of));

/// Writes the rows and adds their cost to their keys' spend, in one transaction. A row whose id is there
/// already changes nothing, so that after an error of unknown outcome the whole batch may be tried again.
pub async fn settle(db: &Db, records: &[UsageRecord]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    let batch = proof::new_batch(&tx.recorder());
    let mut written = Vec::with_capacity(if batch.is_some() { records.len() } else { 0 });
    let mut inserted: HashSet<UsageId> = HashSet::with_capacity(records.len());
    let mut rest = records;
    for (size, insert) in SIZES.iter().zip(INSERTS.iter()) {
        while let Some((chunk, tail)) = rest.split_at_checked(*size) {
            let mut params = Vec::with_capacity(size * WIDTH);
            for record in chunk {
                let begin = params.len();
                push_values(&mut params, record);
                if batch.is_some() {
                    written.push((&record.id, proof::bytes(&params[begin..])));
                }
                params.push(batch.into());
            }
            for row in tx.query(insert.as_str(), params).await? {
                inserted.insert(row.single("usage_record")?);
            }
            rest = tail;
        }
    }
    // An id that stands twice in the batch was inserted once: the first of the two counts.
    let rows = written.into_iter().rev().filter(|(id, _)| inserted.contains(*id)).collect();
    charge(&mut tx, records, inserted).await?;
    if let Some(batch) = batch {
        proof::append(&mut tx, batch, &rows).await?;
    }
    tx.commit().await
}

/// In the order of the keys' ids, so that two batches that settle at once cannot wait for each other.
async fn charge(
    tx: &mut Tx,
    records: &[UsageRecord],
    mut inserted: HashSet<UsageId>,
) -> Result<(), StoreError> {
    let mut keys: BTreeMap<&KeyId, (Money, Timestamp)> = BTreeMap::new();
    for record in records {
        // An id that stands twice in the batch was inserted once: the first of the two counts.
        let (true, Some(key)) = (inserted.remove(&record.id), &record.key) else { continue };
        let (cost, last) = keys.entry(key).or_insert((Money::ZERO, record.at));
        *cost += record.cost.unwrap_or(Money::ZERO);
        *last = record.at.max(*last);
    }
    for (key, (cost, last)) in keys {
        // Saturates like `Money`: a sum that does not fit must not make the ledger refuse its batch.
        let room = Money::MAX - cost;
        tx.execute(
            "UPDATE virtual_key SET spend = CASE WHEN spend > $3 THEN $4 ELSE spend + $2 END,
                 last_used_at = CASE WHEN last_used_at > $5 THEN last_used_at ELSE $5 END WHERE id = $1",
            values![key, cost, room, Money::MAX, last],
        )
        .await?;
    }
    Ok(())
}

fn insert_of(rows: usize) -> String {
    let mut sql = format!("INSERT INTO usage_record ({COLUMNS}, batch) VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=WIDTH {
            let comma = if column == 1 { "" } else { ", " };
            write!(sql, "{comma}${}", row * WIDTH + column).expect("writing to a String cannot fail");
        }
        sql.push(')');
    }
    sql.push_str(" ON CONFLICT (id) DO NOTHING RETURNING id");
    sql
}

/// In the order of [`COLUMNS`].
fn push_values(params: &mut Vec<Value>, record: &UsageRecord) {
    params.extend(values![
        &record.id,
        &record.request,
        record.at,
        record.endpoint,
        &record.model,
        record.connection.as_ref(),
        record.key.as_ref(),
        record.user.as_ref(),
        record.outcome,
        u32::from(record.status),
        record.tokens.prompt,
        record.tokens.cached,
        record.tokens.completion,
        record.tokens.reasoning,
        record.is_estimated,
        record.cost,
        record.milliseconds,
        record.first_byte_milliseconds,
        record.is_stream,
        record.error.as_deref(),
        record.api_key.as_ref(),
    ]);
}

/// Which rows of the ledger; everything that is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    /// Paid by this key.
    pub key: Option<KeyId>,
    /// Asked by this person or with a key of this person.
    pub user: Option<UserId>,
    /// Asked by a person with this API key.
    pub api_key: Option<ApiKeyId>,
    /// For this model, by its public name.
    pub model: Option<String>,
    /// Of this request.
    pub request: Option<RequestId>,
    /// Older than this row: the next page.
    pub before: Option<UsageId>,
    /// Arrived at or after.
    pub since: Option<Timestamp>,
    /// Arrived before.
    pub until: Option<Timestamp>,
}

impl UsageFilter {
    /// Put together from fixed pieces, so there are few different statements and no value in any of them.
    fn conditions(&self) -> (String, Vec<Value>) {
        let pieces: [(&str, Option<Value>); 8] = [
            ("key_id =", self.key.as_ref().map(Value::from)),
            ("account_id =", self.user.as_ref().map(Value::from)),
            ("api_key_id =", self.api_key.as_ref().map(Value::from)),
            ("model =", self.model.as_ref().map(Value::from)),
            ("request_id =", self.request.as_ref().map(Value::from)),
            ("id <", self.before.as_ref().map(Value::from)),
            ("at >=", self.since.map(Value::from)),
            ("at <", self.until.map(Value::from)),
        ];
        let (mut sql, mut params) = ("1 = 1".to_owned(), Vec::new());
        for (piece, value) in pieces {
            if let Some(value) = value {
                params.push(value);
                write!(sql, " AND {piece} ${}", params.len()).expect("writing to a String cannot fail");
            }
        }
        (sql, params)
    }
}

/// Rows that match, newest first, at most `limit` (1 to 1000).
pub async fn list(
    db: &Db,
    filter: &UsageFilter,
    limit: u32,
    _: &Permit<ReadUsage>,
) -> Result<Vec<UsageRecord>, StoreError> {
    let (matches, mut params) = filter.conditions();
    params.push(limit.clamp(1, 1000).into());
    let limit = params.len();
    let sql = format!("SELECT {COLUMNS} FROM usage_record WHERE {matches} ORDER BY id DESC LIMIT ${limit}");
    db.query(sql, params).await?.into_iter().map(record).collect()
}

/// What one key used in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTotal {
    /// Which key; none for requests of people and of the master key.
    pub key: Option<KeyId>,
    /// How many requests.
    pub requests: u64,
    /// Their tokens.
    pub tokens: TokenCount,
    /// What those with a known price cost.
    pub cost: Money,
}

/// The most that one row adds to a total: a million dollars, or a quadrillion tokens.
const CAP: i64 = 1_000_000_000_000_000;

/// Totals by key of the rows that match, the most expensive first.
pub async fn totals_by_key(
    db: &Db,
    filter: &UsageFilter,
    _: &Permit<ReadUsage>,
) -> Result<Vec<KeyTotal>, StoreError> {
    let (matches, params) = filter.conditions();
    // PostgreSQL sums BIGINT to NUMERIC, hence the casts. A single absurd row, say of a provider that
    // claims 2^63 tokens, must not make the sum overflow and hide all others, hence the cap.
    let sum = |column: &str| {
        format!("CAST(COALESCE(SUM(CASE WHEN {column} > {CAP} THEN {CAP} ELSE {column} END), 0) AS BIGINT)")
    };
    let sql = format!(
        "SELECT key_id, COUNT(*), {}, {}, {}, {}, {} AS total FROM usage_record WHERE {matches} \
         GROUP BY key_id ORDER BY total DESC, key_id",
        sum("prompt_tokens"),
        sum("cached_tokens"),
        sum("completion_tokens"),
        sum("reasoning_tokens"),
        sum("cost"),
    );
    let total = |row: Row| {
        let mut fields = row.fields("usage_record");
        Ok(KeyTotal {
            key: fields.read()?,
            requests: fields.read()?,
            tokens: TokenCount {
                prompt: fields.read()?,
                cached: fields.read()?,
                completion: fields.read()?,
                reasoning: fields.read()?,
            },
            cost: fields.read()?,
        })
    };
    db.query(sql, params).await?.into_iter().map(total).collect()
}

fn record(row: Row) -> Result<UsageRecord, StoreError> {
    let mut fields = row.fields("usage_record");
    Ok(UsageRecord {
        id: fields.read()?,
        request: fields.read()?,
        at: fields.read()?,
        endpoint: fields.read()?,
        model: fields.read()?,
        connection: fields.read()?,
        key: fields.read()?,
        user: fields.read()?,
        outcome: fields.read()?,
        status: fields.read()?,
        tokens: TokenCount {
            prompt: fields.read()?,
            cached: fields.read()?,
            completion: fields.read()?,
            reasoning: fields.read()?,
        },
        is_estimated: fields.read()?,
        cost: fields.read()?,
        milliseconds: fields.read()?,
        first_byte_milliseconds: fields.read()?,
        is_stream: fields.read()?,
        error: fields.read()?,
        api_key: fields.read()?,
    })
}
