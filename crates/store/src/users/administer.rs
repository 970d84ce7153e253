//! Changes of an account by somebody else, and its end. The house is never left without an administrator who can
//! sign in.

use kernel::{
    Caller, Email, ManageUsers, Permit, Role, Timestamp, User, UserId,
    audit::{Entry, Event},
};

use super::{COLUMNS, count_of, one};
use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    value::values,
};

/// Whether the owner of an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Active,
    /// Not until an administrator switches the account on again.
    Deactivated,
}

impl Standing {
    const fn of(user: &User) -> Self {
        if user.is_active() { Self::Active } else { Self::Deactivated }
    }
}

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// What the person may do at large. A lower one ends all sessions.
    pub role: Option<Role>,
    /// As shown to others.
    pub name: Option<String>,
    /// Canonical; a taken one is `Conflict` of `account.email`.
    pub email: Option<Email>,
    /// A URL or data URL of the picture, or empty.
    pub profile_image_url: Option<String>,
    /// The digest of a new password. Whoever knew the old one is out: all sessions end.
    pub password: Option<String>,
    /// Deactivation ends all sessions and blocks the virtual keys that the person holds.
    pub standing: Option<Standing>,
}

/// How a change ended.
#[derive(Debug, Clone)]
pub enum Changed {
    /// The account as it is now.
    Done(User),
    /// Refused: nobody could administrate any more.
    LastAdmin,
    /// There is no such account.
    Missing,
}

/// How a removal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The account is gone.
    Done,
    /// Refused: nobody could administrate any more.
    LastAdmin,
    /// There is no such account.
    Missing,
}

/// Changes an account, also when two administrators change each other's at the same moment. What does not differ is
/// no change and leaves no record.
pub async fn change(
    db: &Db,
    id: &UserId,
    change: UserChange,
    now: Timestamp,
    permit: &Permit<ManageUsers>,
) -> Result<Changed, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let Some(before) = find(&mut tx, id).await? else { return Ok(Changed::Missing) };
    let change = change.differing_from(&before);
    let keeps_administrating = change.role.is_none() && change.standing != Some(Standing::Deactivated);
    if !keeps_administrating && is_last_admin(&mut tx, &before).await? {
        return Ok(Changed::LastAdmin);
    }
    let Some(entry) = change.entry(&before, permit.by()) else { return Ok(Changed::Done(before)) };
    let (standing, ends_sessions) = (change.standing, change.ends_sessions(&before));
    let after = change.applied_to(before, now);
    update(&mut tx, &after).await?;
    let entry = if ends_sessions {
        let ended = tx.execute("DELETE FROM session WHERE account_id = $1", values![id]).await?;
        entry.with("sessions_ended", ended)
    } else {
        entry
    };
    let entry = if standing == Some(Standing::Deactivated) {
        entry.with("virtual_keys_blocked", block_keys(&mut tx, id, now).await?)
    } else {
        entry
    };
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Changed::Done(after))
}

impl UserChange {
    /// The part of it that changes anything.
    fn differing_from(self, before: &User) -> Self {
        Self {
            role: self.role.filter(|role| *role != before.role),
            name: self.name.filter(|name| *name != before.name),
            email: self.email.filter(|email| *email != before.email),
            profile_image_url: self.profile_image_url.filter(|url| *url != before.profile_image_url),
            password: self.password,
            standing: self.standing.filter(|standing| *standing != Standing::of(before)),
        }
    }

    /// Whether whoever is signed in has to sign in again: what was signed in with, or by, is not good any more.
    fn ends_sessions(&self, before: &User) -> bool {
        self.password.is_some()
            || self.standing == Some(Standing::Deactivated)
            || self.role.is_some_and(|role| role < before.role)
    }

    /// The record; `None` when nothing changes. Its event is the weightiest of what changes, the rest stands in it.
    fn entry(&self, before: &User, by: &Caller) -> Option<Entry> {
        let parts = [
            self.standing.map(|standing| match standing {
                Standing::Deactivated => ("is_active", Event::AccountDeactivated),
                Standing::Active => ("is_active", Event::AccountReactivated),
            }),
            self.role.map(|_| ("role", Event::AccountRoleChanged)),
            self.password.as_ref().map(|_| ("password", Event::PasswordReset)),
            self.email.as_ref().map(|_| ("email", Event::AccountChanged)),
            self.name.as_ref().map(|_| ("name", Event::AccountChanged)),
            self.profile_image_url.as_ref().map(|_| ("profile_image_url", Event::AccountChanged)),
        ];
        let (_, event) = parts.iter().flatten().next()?;
        let names = parts.iter().flatten().map(|(name, _)| *name);
        let mut entry = Entry::done(*event, by).on(&before.id).changed(names);
        if let Some(role) = self.role {
            entry = entry.with("role_before", before.role.as_str()).with("role", role.as_str());
        }
        if let Some(email) = &self.email {
            entry = entry.with("email_before", before.email.as_str()).with("email", email.as_str());
        }
        Some(entry)
    }

    fn applied_to(self, before: User, now: Timestamp) -> User {
        User {
            role: self.role.unwrap_or(before.role),
            name: self.name.unwrap_or(before.name),
            email: self.email.unwrap_or(before.email),
            profile_image_url: self.profile_image_url.unwrap_or(before.profile_image_url),
            password: self.password.or(before.password),
            deactivated_at: match self.standing {
                None => before.deactivated_at,
                Some(Standing::Active) => None,
                Some(Standing::Deactivated) => Some(now),
            },
            updated_at: now,
            id: before.id,
            created_at: before.created_at,
            last_active_at: before.last_active_at,
        }
    }
}

async fn update(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE account SET role = $2, name = $3, email = $4, profile_image_url = $5, password = $6,
             deactivated_at = $7, updated_at = $8 WHERE id = $1",
        values![
            &user.id,
            user.role,
            &user.name,
            &user.email,
            &user.profile_image_url,
            user.password.as_deref(),
            user.deactivated_at,
            user.updated_at,
        ],
    )
    .await
    .map(drop)
}

/// Removes an account with its sessions and chats. Its virtual keys stay, blocked and nobody's, and so does what it
/// used.
pub async fn remove(
    db: &Db,
    id: &UserId,
    now: Timestamp,
    permit: &Permit<ManageUsers>,
) -> Result<Removed, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let Some(user) = find(&mut tx, id).await? else { return Ok(Removed::Missing) };
    if is_last_admin(&mut tx, &user).await? {
        return Ok(Removed::LastAdmin);
    }
    let chats = "SELECT COUNT(*) FROM chat WHERE account_id = $1";
    let chats = count_of(tx.query_one(chats, values![id]).await?)?;
    let blocked = block_keys(&mut tx, id, now).await?;
    // The rest goes or is set free by what the tables say about their references.
    tx.execute("DELETE FROM account WHERE id = $1", values![id]).await?;
    let entry = Entry::done(Event::AccountDeleted, permit.by())
        .on(id)
        .with("email", user.email.as_str())
        .with("role", user.role.as_str())
        .with("chats_deleted", chats)
        .with("virtual_keys_blocked", blocked);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Removed::Done)
}

/// A person who may not sign in must not go on with a key in hand.
async fn block_keys(tx: &mut Tx, owner: &UserId, now: Timestamp) -> Result<u64, StoreError> {
    revision::bump(tx, Topic::Keys).await?;
    let sql = "UPDATE virtual_key SET is_blocked = 1, updated_at = $2
         WHERE owner_id = $1 AND is_blocked = 0 AND revoked_at IS NULL";
    tx.execute(sql, values![owner, now]).await
}

pub(super) async fn find(tx: &mut Tx, id: &UserId) -> Result<Option<User>, StoreError> {
    one(tx.query_one(format!("SELECT {COLUMNS} FROM account WHERE id = $1"), values![id]).await?)
}

/// Whether nobody else can administrate. The topic's lock is held, so nobody else finds out the same meanwhile.
pub(super) async fn is_last_admin(tx: &mut Tx, user: &User) -> Result<bool, StoreError> {
    if user.role != Role::Admin || !user.is_active() {
        return Ok(false);
    }
    let other = "SELECT id FROM account WHERE role = 'admin' AND deactivated_at IS NULL AND id <> $1 LIMIT 1";
    Ok(tx.query_one(other, values![&user.id]).await?.is_none())
}
