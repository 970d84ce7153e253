//! Second factors of people: authenticator apps, recovery codes, tickets that work once, and how often proofs were
//! tried. Seeds arrive sealed, codes and tickets as digests.
//!
//! What works once is used up by one statement with the condition in it, so that of any number of parallel tries, in
//! any number of processes, one succeeds.

use std::{collections::HashSet, time::Duration};

use kernel::{
    Caller, ChangeOwnAccount, ManageUsers, PasskeyId, Permit, Session, SessionId, Timestamp, UserId,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    sessions,
    users::count_of,
    value::{Value, values},
};

/// Proofs that may be tried within [`WINDOW`].
const MOST_TRIES: i64 = 10;
/// From the first try on.
const WINDOW: Duration = Duration::from_mins(15);

/// A ticket that is used by what happens now.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// Of its id.
    pub digest: &'a [u8; 32],
    /// When it ends anyway.
    pub expires_at: Timestamp,
}

/// What a proof uses up.
#[derive(Debug, Clone, Copy)]
pub enum Spend<'a> {
    /// Nothing: it may be shown again, like a password.
    Nothing,
    /// The step of a one-time password.
    TotpStep(i64),
    /// The digest of a recovery code.
    RecoveryCode(&'a [u8; 32]),
    /// One count of a passkey.
    Passkey {
        /// Which one.
        id: &'a PasskeyId,
        /// The count before, against which the proof was checked.
        before: u32,
        /// And after.
        after: u32,
        /// Whether it lives on several devices, as it says now.
        is_backed_up: bool,
    },
}

/// What somebody can sign in with besides a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factors {
    /// An authenticator app.
    pub has_totp: bool,
    /// How many passkeys.
    pub passkeys: u64,
    /// How many recovery codes are left.
    pub recovery_codes: u64,
}

impl Factors {
    /// Whether somebody can take a second step with them. Recovery codes stand in for a factor, and are none.
    pub const fn has_second(self) -> bool {
        self.has_totp || self.passkeys > 0
    }
}

/// The authenticator app of an account.
#[derive(Debug, Clone)]
pub struct Totp {
    /// In force; sealed for `totp.seed` of this account.
    pub seed: Option<Vec<u8>>,
    /// To be confirmed until then; sealed for `totp.pending_seed` of this account.
    pub pending: Option<(Vec<u8>, Timestamp)>,
}

/// What an account has.
pub async fn of(db: &Db, user: &UserId) -> Result<Factors, StoreError> {
    let sql = "SELECT (SELECT COUNT(*) FROM totp WHERE account_id = $1 AND seed IS NOT NULL),
             (SELECT COUNT(*) FROM passkey WHERE account_id = $1),
             (SELECT COUNT(*) FROM recovery_code WHERE account_id = $1)";
    let row = db.query_one(sql, values![user]).await?.ok_or(StoreError::Internal)?;
    let mut fields = row.fields("totp");
    Ok(Factors { has_totp: fields.read()?, passkeys: fields.read()?, recovery_codes: fields.read()? })
}

/// Those of these accounts that have a second factor.
pub async fn holders(db: &Db, users: &[&UserId]) -> Result<HashSet<UserId>, StoreError> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let places: Vec<String> = (1..=users.len()).map(|n| format!("${n}")).collect();
    let places = places.join(", ");
    let sql = format!(
        "SELECT account_id FROM totp WHERE seed IS NOT NULL AND account_id IN ({places})
         UNION SELECT account_id FROM passkey WHERE account_id IN ({places})"
    );
    let rows = db.query(sql, users.iter().map(|user| Value::from(*user)).collect()).await?;
    rows.into_iter().map(|row| row.single("account")).collect()
}

/// The authenticator app of an account, confirmed or not.
pub async fn totp(db: &Db, user: &UserId) -> Result<Option<Totp>, StoreError> {
    let sql = "SELECT account_id, seed, pending_seed, pending_until FROM totp WHERE account_id = $1";
    let Some(row) = db.query_one(sql, values![user]).await? else { return Ok(None) };
    let mut fields = row.fields("totp");
    let _: UserId = fields.read()?;
    let seed = fields.read()?;
    let (pending, until): (Option<Vec<u8>>, Option<Timestamp>) = (fields.read()?, fields.read()?);
    Ok(Some(Totp { seed, pending: pending.zip(until) }))
}

/// Keeps a seed that is to be confirmed. The one in force, if there is one, stays in force; an earlier one that was
/// not confirmed is void.
pub async fn propose_totp(db: &Db, user: &UserId, sealed: &[u8], until: Timestamp) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO totp (account_id, used_step, pending_seed, pending_until) VALUES ($1, 0, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET pending_seed = excluded.pending_seed,
             pending_until = excluded.pending_until",
        values![user, sealed, until],
    )
    .await
    .map(drop)
}

/// A seed that its owner has just confirmed with a code.
#[derive(Debug, Clone, Copy)]
pub struct Confirmed<'a> {
    /// The proposal as it was read.
    pub pending: &'a [u8],
    /// The same seed, sealed for `totp.seed`.
    pub seed: &'a [u8],
    /// Whose code confirmed it; it does not count again.
    pub step: i64,
    /// Digests of the new recovery codes; the old ones are void.
    pub codes: &'a [[u8; 32]],
    /// The session that begins with it, with the time of the change.
    pub session: &'a Session,
}

/// How the session goes on after a change of what somebody signs in with.
#[derive(Debug, Clone, Copy)]
pub enum Onward<'a> {
    /// From this one into the new one; all others end.
    From(&'a SessionId),
    /// It only begins now: the factor was set up on the way in. All others end.
    In(sessions::Grounds<'a>),
}

/// Puts a confirmed seed into force. `false`, and nothing happened, when the proposal is another one since, or the
/// session or the way in does not stand any more.
pub async fn confirm_totp(
    db: &Db,
    confirmed: Confirmed<'_>,
    onward: Onward<'_>,
    by: &Caller,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let Confirmed { pending, seed, step, codes, session } = confirmed;
    // Whoever is on the way in has shown a password only: it must not replace what its owner set up meanwhile.
    if matches!(onward, Onward::In(_)) && has_factor(&mut tx, &session.user).await? {
        return Ok(false);
    }
    let changed = tx
        .execute(
            "UPDATE totp SET seed = $3, used_step = $4, added_at = $5, pending_seed = NULL, pending_until = NULL
             WHERE account_id = $1 AND pending_seed = $2",
            values![&session.user, pending, seed, step, session.created_at],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    put_codes(&mut tx, &session.user, codes, session.created_at).await?;
    let ended = match onward {
        Onward::From(old) => sessions::replace_all(&mut tx, old, session).await?,
        Onward::In(grounds) => sessions::begin_alone(&mut tx, session, grounds).await?,
    };
    let Some(ended) = ended else { return Ok(false) };
    let mut entry = Entry::done(Event::FactorAdded, by)
        .on(&session.user)
        .with("factor", "totp")
        .with("sessions_ended", ended);
    if let Onward::In(_) = onward {
        // One event: the factor is what let them in.
        entry = entry.with("session", session.id.as_str()).with("method", session.method.as_str());
    }
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes the authenticator app away, and with the last factor the recovery codes. The session goes on as `session`,
/// all others end. `false`, and nothing happened, when there is none or the session is over.
pub async fn remove_totp(
    db: &Db,
    old: &SessionId,
    session: &Session,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "DELETE FROM totp WHERE account_id = $1 AND seed IS NOT NULL";
    let removed = tx.execute(sql, values![&session.user]).await?;
    drop_useless_codes(&mut tx, &session.user).await?;
    let ended = sessions::replace_all(&mut tx, old, session).await?;
    let Some(ended) = ended.filter(|_| removed == 1) else { return Ok(false) };
    let entry = Entry::done(Event::FactorRemoved, permit.by()).on(&session.user).with("factor", "totp");
    audit::append(&mut tx, &entry.with("sessions_ended", ended)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Replaces the recovery codes, and ends all sessions but `kept`. `false`, and nothing happened, when there is no factor
/// to recover.
pub async fn replace_codes(
    db: &Db,
    user: &UserId,
    kept: &SessionId,
    codes: &[[u8; 32]],
    now: Timestamp,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    if !has_factor(&mut tx, user).await? {
        return Ok(false);
    }
    put_codes(&mut tx, user, codes, now).await?;
    let others = "DELETE FROM session WHERE account_id = $1 AND id <> $2";
    let ended = tx.execute(others, values![user, kept]).await?;
    let entry = Entry::done(Event::RecoveryCodesMade, permit.by()).on(user).with("codes", codes.len());
    audit::append(&mut tx, &entry.with("sessions_ended", ended)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes away everything besides the password, and ends all sessions: for somebody who lost their devices. `false`,
/// and nothing happened, when there is nothing to take away.
pub async fn reset(db: &Db, user: &UserId, permit: &Permit<ManageUsers>) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let mut removed = 0;
    for table in ["totp", "passkey", "recovery_code", "proof_try"] {
        removed += tx.execute(format!("DELETE FROM {table} WHERE account_id = $1"), values![user]).await?;
    }
    if removed == 0 {
        return Ok(false);
    }
    let ended = tx.execute("DELETE FROM session WHERE account_id = $1", values![user]).await?;
    let entry = Entry::done(Event::FactorRemoved, permit.by()).on(user).with("factor", "all");
    audit::append(&mut tx, &entry.with("sessions_ended", ended)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Counts a try to prove something, before it is looked at. How long to wait, when there were too many: of any number
/// of parallel ones, in any number of processes, ten pass within a quarter of an hour.
pub async fn count_try(db: &Db, user: &UserId, now: Timestamp) -> Result<Option<Duration>, StoreError> {
    let window = i64::try_from(WINDOW.as_micros()).unwrap_or(i64::MAX);
    let over = Timestamp::from_micros(now.micros().saturating_sub(window));
    let mut tx = db.begin().await?;
    let counted = tx
        .query_one(
            "INSERT INTO proof_try (account_id, began_at, tries) VALUES ($1, $2, 1)
             ON CONFLICT (account_id) DO UPDATE SET
                 tries = CASE WHEN proof_try.began_at <= $3 THEN 1 ELSE proof_try.tries + 1 END,
                 began_at = CASE WHEN proof_try.began_at <= $3 THEN excluded.began_at ELSE proof_try.began_at END
             WHERE proof_try.began_at <= $3 OR proof_try.tries < $4
             RETURNING tries",
            values![user, now, over, MOST_TRIES],
        )
        .await?;
    if counted.is_some() {
        tx.commit().await?;
        return Ok(None);
    }
    let row = tx.query_one("SELECT began_at FROM proof_try WHERE account_id = $1", values![user]).await?;
    let began: Timestamp = row.map(|row| row.single("proof_try")).transpose()?.unwrap_or(now);
    Ok(Some(WINDOW.saturating_sub(now.since(began)).max(Duration::from_secs(1))))
}

/// Takes a counted try back: what was shown was right but used already, which guesses nothing.
pub async fn take_back_try(db: &Db, user: &UserId) -> Result<(), StoreError> {
    let sql = "UPDATE proof_try SET tries = tries - 1 WHERE account_id = $1 AND tries > 0";
    db.execute(sql, values![user]).await.map(drop)
}

/// Forgets used tickets that would not count any more; says how many.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    db.execute("DELETE FROM used_ticket WHERE expires_at <= $1", values![now]).await
}

/// Uses a ticket; `false` when it was used already.
pub(crate) async fn use_ticket(tx: &mut Tx, ticket: Used<'_>) -> Result<bool, StoreError> {
    let sql = "INSERT INTO used_ticket (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    Ok(tx.execute(sql, values![&ticket.digest[..], ticket.expires_at]).await? == 1)
}

/// Uses a proof up, and forgets what was tried before it; `false` when it was used already.
pub(crate) async fn spend(
    tx: &mut Tx,
    user: &UserId,
    spend: Spend<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let count = match spend {
        Spend::Nothing => 1,
        Spend::TotpStep(step) => {
            let sql = "UPDATE totp SET used_step = $2
                 WHERE account_id = $1 AND used_step < $2 AND seed IS NOT NULL";
            tx.execute(sql, values![user, step]).await?
        }
        Spend::RecoveryCode(digest) => {
            let sql = "DELETE FROM recovery_code WHERE account_id = $1 AND digest = $2";
            tx.execute(sql, values![user, &digest[..]]).await?
        }
        Spend::Passkey { id, before, after, is_backed_up } => {
            let sql = "UPDATE passkey SET sign_count = $4, is_backed_up = $5, last_used_at = $6
                 WHERE account_id = $1 AND id = $2 AND sign_count = $3";
            tx.execute(sql, values![user, id, before, after, is_backed_up, now]).await?
        }
    };
    if count == 1 {
        forget_tries(tx, user).await?;
    }
    Ok(count == 1)
}

/// The owner is there: what was tried before does not count any more.
pub(crate) async fn forget_tries(tx: &mut Tx, user: &UserId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM proof_try WHERE account_id = $1", values![user]).await.map(drop)
}

/// How many recovery codes are left.
pub(crate) async fn codes_left(tx: &mut Tx, user: &UserId) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1";
    count_of(tx.query_one(sql, values![user]).await?)
}

/// Recovery codes without a factor would recover nothing.
pub(crate) async fn drop_useless_codes(tx: &mut Tx, user: &UserId) -> Result<(), StoreError> {
    if !has_factor(tx, user).await? {
        tx.execute("DELETE FROM recovery_code WHERE account_id = $1", values![user]).await?;
    }
    Ok(())
}

/// Begins a change of identities, and keeps other ones waiting.
pub(crate) async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    Ok(tx)
}

pub(crate) async fn has_factor(tx: &mut Tx, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT account_id FROM totp WHERE account_id = $1 AND seed IS NOT NULL
         UNION ALL SELECT account_id FROM passkey WHERE account_id = $1 LIMIT 1";
    Ok(tx.query_one(sql, values![user]).await?.is_some())
}

async fn put_codes(tx: &mut Tx, user: &UserId, codes: &[[u8; 32]], at: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM recovery_code WHERE account_id = $1", values![user]).await?;
    for digest in codes {
        let sql = "INSERT INTO recovery_code (digest, account_id, made_at) VALUES ($1, $2, $3)";
        tx.execute(sql, values![&digest[..], user, at]).await?;
    }
    Ok(())
}
