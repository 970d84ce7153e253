//! Sign-ins of people. The token that proves one is signed elsewhere and never stored.

use kernel::{Session, SessionId, Timestamp, User, UserId};

use crate::{
    StoreError,
    db::Db,
    revision::{self, Topic},
    row::Fields,
    users,
    value::{Value, values},
};

/// Stores a new sign-in. `Orphan` when the account is gone.
pub async fn insert(db: &Db, session: &Session) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    tx.execute(
        "INSERT INTO session (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        values![&session.id, &session.user, session.created_at, session.expires_at],
    )
    .await?;
    tx.commit().await
}

/// A sign-in and whose it is, as of now. Whether it has expired is the caller's to judge.
pub async fn by_id(db: &Db, id: &SessionId) -> Result<Option<(Session, User)>, StoreError> {
    let sql = format!(
        "SELECT session.id, session.account_id, session.created_at, session.expires_at, {}
         FROM session JOIN account ON account.id = session.account_id WHERE session.id = $1",
        users::COLUMNS
    );
    let Some(row) = db.query_one(sql, values![id]).await? else { return Ok(None) };
    let mut fields = row.fields("session");
    let session = session(&mut fields)?;
    fields.enter("account");
    Ok(Some((session, users::user(&mut fields)?)))
}

/// Ends a sign-in; `false` when it was over already.
pub async fn end(db: &Db, id: &SessionId) -> Result<bool, StoreError> {
    Ok(delete(db, "DELETE FROM session WHERE id = $1", values![id]).await? == 1)
}

/// Ends all sign-ins of a person; says how many.
pub async fn end_all_of(db: &Db, user: &UserId) -> Result<u64, StoreError> {
    delete(db, "DELETE FROM session WHERE account_id = $1", values![user]).await
}

/// Forgets the sign-ins that ended by themselves; says how many. Nobody needs to notice, so the
/// revision stays.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    db.execute("DELETE FROM session WHERE expires_at <= $1", values![now]).await
}

async fn delete(db: &Db, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let ended = tx.execute(sql, params).await?;
    tx.commit().await?;
    Ok(ended)
}

fn session(fields: &mut Fields) -> Result<Session, StoreError> {
    Ok(Session {
        id: fields.read()?,
        user: fields.read()?,
        created_at: fields.read()?,
        expires_at: fields.read()?,
    })
}
