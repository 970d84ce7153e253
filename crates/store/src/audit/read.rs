//! Reading the chain: a page of it for people, and all of it for its proof.

use std::fmt::Write as _;

use kernel::{Timestamp, audit::Outcome};

use crate::{
    StoreError,
    db::Db,
    row::Row,
    value::{Value, values},
};

const COLUMNS: &str = "seq, id, at, event, outcome, actor_kind, actor_id, target_kind, target_id, address, \
     request_id, body, hash";

/// One stored record, exactly as it is in the table: proving it means comparing `body` with the other columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the chain, from 1 without gaps.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// When; never before the record before it.
    pub at: Timestamp,
    /// A name of [`kernel::audit::Event`].
    pub event: String,
    /// A word of [`kernel::audit::Outcome`].
    pub outcome: String,
    /// `anonymous`, `person`, `program`, `master` or `operator`.
    pub actor_kind: String,
    /// Whose id.
    pub actor_id: Option<String>,
    /// A word of [`kernel::audit::TargetKind`].
    pub target_kind: Option<String>,
    /// Which.
    pub target_id: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which request.
    pub request_id: Option<String>,
    /// The JSON that was sealed.
    pub body: String,
    /// The seal over the previous record's seal and `body`.
    pub hash: [u8; 32],
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records there are.
    pub seq: i64,
    /// The last seal; zeros while there is no record.
    pub hash: [u8; 32],
    /// When the last one was written.
    pub at: Timestamp,
}

/// A signed place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The record it speaks of.
    pub seq: i64,
    /// That record's seal.
    pub hash: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Which records; everything that is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By this actor: the id of a person or a key, or a kind such as `operator` or `anonymous`.
    pub actor: Option<String>,
    /// A whole event name, or its part up to and with the dot (`session.`).
    pub event: Option<String>,
    /// About this target: its id, or its kind.
    pub target: Option<String>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// About this request.
    pub request: Option<String>,
    /// Written at or after.
    pub from: Option<Timestamp>,
    /// Written before.
    pub to: Option<Timestamp>,
    /// Before this record: the next page.
    pub before: Option<i64>,
}

impl Filter {
    /// Put together from fixed pieces, so there are few different statements and no value in any of them.
    fn conditions(&self) -> (String, Vec<Value>) {
        let text = |it: &Option<String>| it.as_ref().map(Value::from);
        let (event, family) = match &self.event {
            // Every name below the dot: '/' is the character after it.
            Some(event) if event.ends_with('.') => {
                (None, Some((Value::from(event), Value::from(format!("{}/", event.trim_end_matches('.'))))))
            }
            Some(event) => (Some(Value::from(event)), None),
            None => (None, None),
        };
        let (family_from, family_to) = family.unzip();
        let pieces: [(&str, Option<Value>); 10] = [
            ("(actor_id = $n OR (actor_id IS NULL AND actor_kind = $n))", text(&self.actor)),
            ("event = $n", event),
            ("event >= $n", family_from),
            ("event < $n", family_to),
            ("(target_id = $n OR target_kind = $n)", text(&self.target)),
            ("outcome = $n", self.outcome.map(Value::from)),
            ("request_id = $n", text(&self.request)),
            ("at >= $n", self.from.map(Value::from)),
            ("at < $n", self.to.map(Value::from)),
            ("seq < $n", self.before.map(Value::from)),
        ];
        let (mut sql, mut params) = ("1 = 1".to_owned(), Vec::new());
        for (piece, value) in pieces {
            if let Some(value) = value {
                params.push(value);
                let piece = piece.replace("$n", &format!("${}", params.len()));
                write!(sql, " AND {piece}").expect("writing to a String cannot fail");
            }
        }
        (sql, params)
    }
}

/// Records that match, newest first, at most `limit` (1 to 1000).
pub async fn list(db: &Db, filter: &Filter, limit: u32) -> Result<Vec<Record>, StoreError> {
    let (matches, mut params) = filter.conditions();
    params.push(limit.clamp(1, 1000).into());
    let limit = params.len();
    let sql = format!("SELECT {COLUMNS} FROM audit_record WHERE {matches} ORDER BY seq DESC LIMIT ${limit}");
    db.query(sql, params).await?.into_iter().map(record).collect()
}

/// The record at this place.
pub async fn by_seq(db: &Db, seq: i64) -> Result<Option<Record>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_record WHERE seq = $1");
    db.query_one(sql, values![seq]).await?.map(record).transpose()
}

/// At most `count` (1 to 1000) records from this place on, oldest first.
pub async fn walk(db: &Db, from: i64, count: u32) -> Result<Vec<Record>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_record WHERE seq >= $1 ORDER BY seq LIMIT $2");
    db.query(sql, values![from, count.clamp(1, 1000)]).await?.into_iter().map(record).collect()
}

/// Where the chain ends.
pub async fn head(db: &Db) -> Result<Head, StoreError> {
    let row = db.query_one("SELECT seq, hash, at FROM audit_head WHERE one = 1", Vec::new()).await?;
    let row = row.ok_or_else(|| StoreError::Damaged { table: "audit_head", id: "1".to_owned() })?;
    let mut fields = row.fields("audit_head");
    let (seq, hash): (i64, Option<[u8; 32]>) = (fields.read()?, fields.read()?);
    Ok(Head { seq, hash: hash.unwrap_or_default(), at: fields.read()? })
}

/// Keeps a signed place. One that is there already stays.
pub async fn add_checkpoint(db: &Db, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { seq, hash, at, signature } = checkpoint;
    db.execute(
        "INSERT INTO audit_checkpoint (seq, hash, at, signature) VALUES ($1, $2, $3, $4)
         ON CONFLICT (seq) DO NOTHING",
        values![*seq, &hash[..], *at, signature.as_slice()],
    )
    .await
    .map(drop)
}

/// All signed places, in order.
pub async fn checkpoints(db: &Db) -> Result<Vec<Checkpoint>, StoreError> {
    let sql = "SELECT seq, hash, at, signature FROM audit_checkpoint ORDER BY seq";
    db.query(sql, Vec::new()).await?.into_iter().map(checkpoint).collect()
}

/// The latest signed place.
pub async fn last_checkpoint(db: &Db) -> Result<Option<Checkpoint>, StoreError> {
    let sql = "SELECT seq, hash, at, signature FROM audit_checkpoint ORDER BY seq DESC LIMIT 1";
    db.query_one(sql, Vec::new()).await?.map(checkpoint).transpose()
}

fn checkpoint(row: Row) -> Result<Checkpoint, StoreError> {
    let mut fields = row.fields("audit_checkpoint");
    Ok(Checkpoint {
        seq: fields.read()?,
        hash: fields.read()?,
        at: fields.read()?,
        signature: fields.read()?,
    })
}

fn record(row: Row) -> Result<Record, StoreError> {
    let mut fields = row.fields("audit_record");
    Ok(Record {
        seq: fields.read()?,
        id: fields.read()?,
        at: fields.read()?,
        event: fields.read()?,
        outcome: fields.read()?,
        actor_kind: fields.read()?,
        actor_id: fields.read()?,
        target_kind: fields.read()?,
        target_id: fields.read()?,
        address: fields.read()?,
        request_id: fields.read()?,
        body: fields.read()?,
        hash: fields.read()?,
    })
}
