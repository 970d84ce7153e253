//! Bodies of answers that are kept with a record of the audit log. They come after the record, so each has a seal of
//! its own; refuses to know how it is made.

use crate::{StoreError, db::Db, row::Row, value::values};

/// One kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The record it belongs to.
    pub seq: i64,
    /// Its status.
    pub status: u16,
    /// The beginning of its body, without secrets.
    pub body: String,
    /// Over all of these.
    pub seal: [u8; 32],
}

/// Keeps an answer. One that is there already stays.
pub async fn add(db: &Db, seq: i64, status: u16, body: &str, seal: &[u8; 32]) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO audit_response (seq, status, body, seal) VALUES ($1, $2, $3, $4)
         ON CONFLICT (seq) DO NOTHING",
        values![seq, i64::from(status), body, &seal[..]],
    )
    .await
    .map(drop)
}

/// The answer that belongs to a record, if it is kept.
pub async fn find(db: &Db, seq: i64) -> Result<Option<Response>, StoreError> {
    let sql = "SELECT seq, status, body, seal FROM audit_response WHERE seq = $1";
    db.query_one(sql, values![seq]).await?.map(response).transpose()
}

/// At most `count` (1 to 1000) answers from this record on, in order.
pub async fn walk(db: &Db, from: i64, count: u32) -> Result<Vec<Response>, StoreError> {
    let sql = "SELECT seq, status, body, seal FROM audit_response WHERE seq >= $1 ORDER BY seq LIMIT $2";
    db.query(sql, values![from, count.clamp(1, 1000)]).await?.into_iter().map(response).collect()
}

fn response(row: Row) -> Result<Response, StoreError> {
    let mut fields = row.fields("audit_response");
    Ok(Response { seq: fields.read()?, status: fields.read()?, body: fields.read()?, seal: fields.read()? })
}
