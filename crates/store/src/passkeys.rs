//! Passkeys of people. What is stored of one is public; only its authenticator can sign.

use kernel::{
    ChangeOwnAccount, Passkey, PasskeyId, Permit, Session, SessionId, UserId,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::Db,
    factors::{self, Used},
    row::{Fields, Row},
    sessions,
    value::values,
};

const COLUMNS: &str = "id, account_id, name, credential, public_key, sign_count, aaguid, is_backup_eligible, \
     is_backed_up, created_at, last_used_at";

/// How a new passkey was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is stored.
    Added,
    /// Nothing happened: the ticket was used already, or the session is over.
    Outdated,
}

/// Stores a new passkey. The session goes on as `session`, all others of the person end. One that is known already,
/// whosever it is, is `Conflict` of `passkey.credential`.
pub async fn insert(
    db: &Db,
    passkey: &Passkey,
    ticket: Used<'_>,
    (old, session): (&SessionId, &Session),
    permit: &Permit<ChangeOwnAccount>,
) -> Result<Added, StoreError> {
    let mut tx = factors::begin(db).await?;
    if !factors::use_ticket(&mut tx, ticket).await? {
        return Ok(Added::Outdated);
    }
    tx.execute(
        format!("INSERT INTO passkey ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
        values![
            &passkey.id,
            &passkey.user,
            &passkey.name,
            passkey.credential.as_slice(),
            passkey.public_key.as_slice(),
            passkey.sign_count,
            passkey.aaguid.as_slice(),
            passkey.is_backup_eligible,
            passkey.is_backed_up,
            passkey.created_at,
            passkey.last_used_at,
        ],
    )
    .await?;
    let Some(ended) = sessions::replace_all(&mut tx, old, session).await? else { return Ok(Added::Outdated) };
    let entry = Entry::done(Event::PasskeyAdded, permit.by()).on(&passkey.id).with("sessions_ended", ended);
    audit::append(&mut tx, &entry.with("backed_up", passkey.is_backed_up)).await?;
    tx.commit().await?;
    Ok(Added::Added)
}

/// The passkeys of a person, oldest first.
pub async fn of(db: &Db, user: &UserId) -> Result<Vec<Passkey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM passkey WHERE account_id = $1 ORDER BY created_at, id");
    db.query(sql, values![user]).await?.into_iter().map(passkey).collect()
}

/// The passkey that an authenticator calls this.
pub async fn by_credential(db: &Db, credential: &[u8]) -> Result<Option<Passkey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM passkey WHERE credential = $1");
    db.query_one(sql, values![credential]).await?.map(passkey).transpose()
}

/// Renames a passkey of this person; `None` when they have none of this id.
pub async fn rename(
    db: &Db,
    user: &UserId,
    id: &PasskeyId,
    name: &str,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<Option<Passkey>, StoreError> {
    let mut tx = db.begin().await?;
    let sql = format!("UPDATE passkey SET name = $3 WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}");
    let Some(row) = tx.query_one(sql, values![user, id, name]).await? else { return Ok(None) };
    audit::append(&mut tx, &Entry::done(Event::PasskeyChanged, permit.by()).on(id).changed(["name"])).await?;
    tx.commit().await?;
    passkey(row).map(Some)
}

/// Removes a passkey, and with the last factor the recovery codes. The session goes on as `session`, all others of the
/// person end. `false`, and nothing happened, when they have none of this id or the session is over.
pub async fn remove(
    db: &Db,
    id: &PasskeyId,
    (old, session): (&SessionId, &Session),
    permit: &Permit<ChangeOwnAccount>,
) -> Result<bool, StoreError> {
    let mut tx = factors::begin(db).await?;
    let sql = "DELETE FROM passkey WHERE account_id = $1 AND id = $2";
    if tx.execute(sql, values![&session.user, id]).await? == 0 {
        return Ok(false);
    }
    factors::drop_useless_codes(&mut tx, &session.user).await?;
    let Some(ended) = sessions::replace_all(&mut tx, old, session).await? else { return Ok(false) };
    let entry = Entry::done(Event::PasskeyRemoved, permit.by()).on(id).with("sessions_ended", ended);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

fn passkey(row: Row) -> Result<Passkey, StoreError> {
    let fields: &mut Fields = &mut row.fields("passkey");
    Ok(Passkey {
        id: fields.read()?,
        user: fields.read()?,
        name: fields.read()?,
        credential: fields.read()?,
        public_key: fields.read()?,
        sign_count: fields.read()?,
        aaguid: fields.read()?,
        is_backup_eligible: fields.read()?,
        is_backed_up: fields.read()?,
        created_at: fields.read()?,
        last_used_at: fields.read()?,
    })
}
