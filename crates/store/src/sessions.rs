//! Sign-ins of people. The token that proves one is signed elsewhere and never stored.

use kernel::{
    Caller, Session, SessionId, Timestamp, User, UserId,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    row::Fields,
    users,
    value::{Value, values},
};

/// Stores a new sign-in of the person that `by` is, and `method` says how they proved it, e.g. `password`.
/// `Orphan` when the account is gone; `false`, and nothing happened, when its password is no longer
/// `proved_password` or it was switched off: somebody did that while the password was being checked.
pub async fn insert(
    db: &Db,
    session: &Session,
    proved_password: Option<&str>,
    method: &str,
    by: &Caller,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "SELECT password, deactivated_at FROM account WHERE id = $1";
    let row = tx.query_one(sql, values![&session.user]).await?.ok_or(StoreError::Orphan)?;
    let mut fields = row.fields("account");
    let (password, deactivated_at): (Option<String>, Option<Timestamp>) = (fields.read()?, fields.read()?);
    if password.as_deref() != proved_password || deactivated_at.is_some() {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO session (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        values![&session.id, &session.user, session.created_at, session.expires_at],
    )
    .await?;
    let entry = Entry::done(Event::SessionStarted, by).on(&session.id).with("method", method);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// A sign-in and whose it is, as of now; none of an account that was switched off. Whether it has expired is the caller's to judge.
pub async fn by_id(db: &Db, id: &SessionId) -> Result<Option<(Session, User)>, StoreError> {
    let sql = format!(
        "SELECT session.id, session.account_id, session.created_at, session.expires_at, {}
         FROM session JOIN account ON account.id = session.account_id
         WHERE session.id = $1 AND account.deactivated_at IS NULL",
        users::COLUMNS
    );
    let Some(row) = db.query_one(sql, values![id]).await? else { return Ok(None) };
    let mut fields = row.fields("session");
    let session = session(&mut fields)?;
    fields.enter("account");
    Ok(Some((session, users::user(&mut fields)?)))
}

/// Ends a sign-in; `false` when it was over already.
pub async fn end(db: &Db, id: &SessionId, by: &Caller) -> Result<bool, StoreError> {
    let entry = Entry::done(Event::SessionEnded, by).on(id);
    Ok(delete(db, "DELETE FROM session WHERE id = $1", values![id], entry).await? == 1)
}

/// Ends all sign-ins of a person; says how many.
pub async fn end_all_of(db: &Db, user: &UserId, by: &Caller) -> Result<u64, StoreError> {
    let entry = Entry::done(Event::SessionEndedAll, by).on(user);
    delete(db, "DELETE FROM session WHERE account_id = $1", values![user], entry).await
}

/// Forgets the sign-ins that ended by themselves; says how many. Nobody needs to notice, so the
/// revision stays.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    db.execute("DELETE FROM session WHERE expires_at <= $1", values![now]).await
}

/// What ends nothing changes nothing, and leaves no record.
async fn delete(db: &Db, sql: &'static str, params: Vec<Value>, entry: Entry) -> Result<u64, StoreError> {
    let mut tx = begin(db).await?;
    let ended = tx.execute(sql, params).await?;
    if ended > 0 {
        audit::append(&mut tx, &entry.with("sessions_ended", ended)).await?;
        tx.commit().await?;
    }
    Ok(ended)
}

async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    Ok(tx)
}

fn session(fields: &mut Fields) -> Result<Session, StoreError> {
    Ok(Session {
        id: fields.read()?,
        user: fields.read()?,
        created_at: fields.read()?,
        expires_at: fields.read()?,
    })
}
