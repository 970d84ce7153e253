//! Sign-ins of people. The token that proves one is signed elsewhere and never stored.

use kernel::{
    Caller, ChangeOwnAccount, Permit, Session, SessionId, SignInMethod, Timestamp, User, UserId,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    factors::{self, Spend, Used},
    revision::{self, Topic},
    row::Fields,
    users,
    value::{Value, values},
};

/// What a sign-in rests on. All of it must still hold at the moment at which the session is stored.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The digest of the password as it was when it was checked, or when the account was looked at.
    pub password: Option<&'a str>,
    /// The second step, when there was one.
    pub second: Option<SecondStep<'a>>,
}

/// What was shown beside a password, or instead of one.
#[derive(Debug, Clone, Copy)]
pub struct SecondStep<'a> {
    /// The ticket that this step was bound to; it works once.
    pub ticket: Used<'a>,
    /// What is used up by it.
    pub spend: Spend<'a>,
}

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The session is stored.
    Begun,
    /// Nothing happened: the account is gone or was switched off, its password is another one since it was checked, or
    /// it has a second factor by now.
    Outdated,
    /// Nothing happened: the ticket or the proof was used already.
    Spent,
}

/// Stores a new sign-in of the person that `by` is.
pub async fn insert(
    db: &Db,
    session: &Session,
    grounds: Grounds<'_>,
    by: &Caller,
) -> Result<Begun, StoreError> {
    let mut tx = begin(db).await?;
    let stand = stand(&mut tx, session, grounds).await?;
    if stand != Begun::Begun {
        return Ok(stand);
    }
    insert_row(&mut tx, session).await?;
    let mut entry = begun_by(Entry::done(Event::SessionStarted, by).on(&session.id), session, by);
    if let Some(SecondStep { spend: Spend::RecoveryCode(_), .. }) = grounds.second {
        let left = factors::codes_left(&mut tx, &session.user).await?;
        entry = entry.with("factor", "recovery_code").with("codes_left", left);
    }
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Begun::Begun)
}

/// Says in a record how a session began, and which proxy spoke for the person, if one did.
pub(crate) fn begun_by(entry: Entry, session: &Session, by: &Caller) -> Entry {
    let entry = entry.with("method", session.method.as_str());
    if session.method != SignInMethod::TrustedHeader {
        return entry;
    }
    entry.with("vouched_by", by.request().peer().map(|peer| peer.to_string()))
}

/// Begins a session and ends all others of the person; says how many ended. `None`, and then nothing may be committed,
/// when its grounds do not hold. The record is the caller's to write.
pub(crate) async fn begin_alone(
    tx: &mut Tx,
    session: &Session,
    grounds: Grounds<'_>,
) -> Result<Option<u64>, StoreError> {
    if stand(tx, session, grounds).await? != Begun::Begun {
        return Ok(None);
    }
    let others = tx.execute("DELETE FROM session WHERE account_id = $1", values![&session.user]).await?;
    insert_row(tx, session).await?;
    Ok(Some(others))
}

/// Whether the grounds of a sign-in hold now. What works once is used up by asking.
async fn stand(tx: &mut Tx, session: &Session, grounds: Grounds<'_>) -> Result<Begun, StoreError> {
    let sql = "SELECT password FROM account WHERE id = $1 AND deactivated_at IS NULL";
    let row = tx.query_one(sql, values![&session.user]).await?;
    let password = row.map(|row| row.single::<Option<String>>("account")).transpose()?;
    if password.as_ref().map(Option::as_deref) != Some(grounds.password) {
        return Ok(Begun::Outdated);
    }
    let Some(SecondStep { ticket, spend }) = grounds.second else {
        // A factor that was set up since the password was looked at ended all sessions; this one must not outlive it.
        let needs_more = session.method == SignInMethod::Password;
        let is_too_little = needs_more && factors::has_factor(tx, &session.user).await?;
        return Ok(if is_too_little { Begun::Outdated } else { Begun::Begun });
    };
    let is_new = factors::use_ticket(tx, ticket).await?;
    let is_spent = !is_new || !factors::spend(tx, &session.user, spend, session.created_at).await?;
    Ok(if is_spent { Begun::Spent } else { Begun::Begun })
}

pub(crate) async fn insert_row(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO session (id, account_id, method, created_at, expires_at, address, device, last_used_at,
             proved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            &session.id,
            &session.user,
            session.method,
            session.created_at,
            session.expires_at,
            &session.address,
            &session.device,
            session.last_used_at,
            session.proved_at,
        ],
    )
    .await
    .map(drop)
}

/// Puts `new` in the place of the session `old`, and ends all others of the person: the last step of a change of
/// what they sign in with. How many others ended; `None` when `old` is over, and then nothing may be committed.
pub(crate) async fn replace_all(
    tx: &mut Tx,
    old: &SessionId,
    new: &Session,
) -> Result<Option<u64>, StoreError> {
    let own = "DELETE FROM session WHERE id = $1 AND account_id = $2";
    if tx.execute(own, values![old, &new.user]).await? == 0 {
        return Ok(None);
    }
    let others = tx.execute("DELETE FROM session WHERE account_id = $1", values![&new.user]).await?;
    insert_row(tx, new).await?;
    factors::forget_tries(tx, &new.user).await?;
    Ok(Some(others))
}

/// Sets the password (PHC digest) that the owner of this session chose, who knew the one with the digest `former`.
/// Ends all other sessions, and goes on in `new`. `None`, and nothing happened, when the password is another one
/// since it was checked, or the session is over.
pub async fn change_password(
    db: &Db,
    old: &SessionId,
    new: &Session,
    former: &str,
    digest: &str,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<Option<u64>, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "UPDATE account SET password = $3, updated_at = $4 WHERE id = $1 AND password = $2";
    let changed = tx.execute(sql, values![&new.user, former, digest, new.proved_at]).await?;
    let Some(ended) = replace_all(&mut tx, old, new).await?.filter(|_| changed == 1) else { return Ok(None) };
    let entry = Entry::done(Event::PasswordChanged, permit.by()).on(&new.user).with("sessions_ended", ended);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Some(ended))
}

/// Notes that the owner of a session proved to be there. `false`, and nothing happened, when the session is over or
/// what proves it was used already.
pub async fn confirm(
    db: &Db,
    id: &SessionId,
    at: Timestamp,
    proof: Confirmation<'_>,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let Some(person) = permit.by().person() else { return Ok(false) };
    let is_new = match proof.ticket {
        Some(ticket) => factors::use_ticket(&mut tx, ticket).await?,
        None => true,
    };
    if !is_new || !factors::spend(&mut tx, &person.user, proof.spend, at).await? {
        return Ok(false);
    }
    let sql = "UPDATE session SET proved_at = $3 WHERE id = $1 AND account_id = $2";
    if tx.execute(sql, values![id, &person.user, at]).await? == 0 {
        return Ok(false);
    }
    let entry = Entry::done(Event::SessionConfirmed, permit.by()).on(id).with("method", proof.method);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// How the owner of a session proved to be there.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// A word for the audit log: `password`, `totp` or `passkey`.
    pub method: &'static str,
    /// The ticket that it was bound to.
    pub ticket: Option<Used<'a>>,
    /// What is used up by it.
    pub spend: Spend<'a>,
}

const COLUMNS: &str = "session.id, session.account_id, session.method, session.created_at, session.expires_at, \
     session.address, session.device, session.last_used_at, session.proved_at";

/// A sign-in and whose it is, as of now; none of an account that was switched off. Whether it has expired is the
/// caller's to judge.
pub async fn by_id(db: &Db, id: &SessionId) -> Result<Option<(Session, User)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {}
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

/// The sign-ins of a person that are not over, the last used one first.
pub async fn of(db: &Db, user: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE account_id = $1 AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY last_used_at DESC, id DESC"
    );
    let rows = db.query(sql, values![user, now]).await?;
    rows.into_iter().map(|row| session(&mut row.fields("session"))).collect()
}

/// Notes when sessions were last used. No change in the sense of the revision or the audit log.
pub async fn touch(db: &Db, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    for (id, at) in used {
        let sql = "UPDATE session SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2";
        tx.execute(sql, values![id, *at]).await?;
    }
    tx.commit().await
}

/// Ends a sign-in; `false` when it was over already.
pub async fn end(db: &Db, id: &SessionId, by: &Caller) -> Result<bool, StoreError> {
    let entry = Entry::done(Event::SessionEnded, by).on(id);
    Ok(delete(db, "DELETE FROM session WHERE id = $1", values![id], entry).await? == 1)
}

/// Ends one sign-in of this person; `false` when they have none of this id.
pub async fn end_of(db: &Db, user: &UserId, id: &SessionId, by: &Caller) -> Result<bool, StoreError> {
    let entry = Entry::done(Event::SessionEnded, by).on(id);
    let sql = "DELETE FROM session WHERE id = $1 AND account_id = $2";
    Ok(delete(db, sql, values![id, user], entry).await? == 1)
}

/// Ends all sign-ins of a person but this one; says how many.
pub async fn end_others_of(db: &Db, user: &UserId, kept: &SessionId, by: &Caller) -> Result<u64, StoreError> {
    let entry = Entry::done(Event::SessionEndedAll, by).on(user).with("kept", kept.as_str());
    delete(db, "DELETE FROM session WHERE account_id = $1 AND id <> $2", values![user, kept], entry).await
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
        method: fields.read()?,
        created_at: fields.read()?,
        expires_at: fields.read()?,
        address: fields.read()?,
        device: fields.read()?,
        last_used_at: fields.read()?,
        proved_at: fields.read()?,
    })
}
