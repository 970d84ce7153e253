//! Accounts of people. Every change raises [`Topic::Identity`] first, which also keeps changes apart.

use kernel::{
    Caller, Email, ManageUsers, Permit, Role, Timestamp, User, UserId, Who,
    audit::{Entry, Event},
};

use crate::{
    Page, StoreError, audit,
    db::{Db, Tx},
    page::containing,
    revision::{self, Topic},
    row::{Fields, Row},
    settings,
    value::{Value, values},
};

/// An account that asks to be made. The role is decided here.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Who.
    pub id: UserId,
    /// Canonical and unique.
    pub email: Email,
    /// As shown to others.
    pub name: String,
    /// A URL or data URL of the picture, or empty.
    pub profile_image_url: String,
    /// The digest of the password in PHC format.
    pub password: Option<String>,
    /// When it is made.
    pub at: Timestamp,
}

/// Who may have an account once there is one. The first account is always made, and it always stores
/// `ENABLE_SIGNUP=false` in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// Everybody.
    Welcome,
    /// Everybody unless the stored setting `ENABLE_SIGNUP` is `false`.
    UnlessClosed,
    /// Nobody.
    Refused,
}

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// What the person may do at large.
    pub role: Option<Role>,
    /// As shown to others.
    pub name: Option<String>,
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

/// The setting that the first account stores.
const ENABLE_SIGNUP: &str = "ENABLE_SIGNUP";

pub(crate) const COLUMNS: &str = "account.id, account.email, account.name, account.role, \
     account.profile_image_url, account.password, account.created_at, account.updated_at, account.last_active_at";

/// Makes the account: an administrator if it is the very first, else with the default role; `None` when
/// `later` lets nobody in. Under any number of parallel calls exactly one is the first, and the others
/// already see what it stored. A taken e-mail is `Conflict` of `account.email`.
pub async fn insert_first_or_next(
    db: &Db,
    new: NewUser,
    default_role: Role,
    later: Later,
    by: &Caller,
) -> Result<Option<User>, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let is_first = tx.query_one("SELECT id FROM account LIMIT 1", Vec::new()).await?.is_none();
    if !is_first && is_closed(&mut tx, later).await? {
        return Ok(None);
    }
    let user = User {
        id: new.id,
        email: new.email,
        name: new.name,
        role: if is_first { Role::Admin } else { default_role },
        profile_image_url: new.profile_image_url,
        password: new.password,
        created_at: new.at,
        updated_at: new.at,
        last_active_at: None,
    };
    insert_row(&mut tx, &user).await?;
    if is_first {
        revision::bump(&mut tx, Topic::Settings).await?;
        settings::put(&mut tx, ENABLE_SIGNUP, "false", new.at).await?;
    }
    let event = if *by.who() == Who::Anonymous { Event::AccountSignedUp } else { Event::AccountMade };
    let entry = made(Entry::done(event, by), &user);
    let entry = if is_first { entry.with("closed_sign_up", true) } else { entry };
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Some(user))
}

fn made(entry: Entry, user: &User) -> Entry {
    entry.on(&user.id).with("email", user.email.as_str()).with("role", user.role.as_str())
}

async fn is_closed(tx: &mut Tx, later: Later) -> Result<bool, StoreError> {
    match later {
        Later::Welcome => Ok(false),
        Later::Refused => Ok(true),
        Later::UnlessClosed => {
            let sql = "SELECT value FROM setting WHERE name = $1";
            let stored = tx.query_one(sql, values![ENABLE_SIGNUP]).await?;
            let stored = stored.map(|row| row.single::<String>("setting")).transpose()?;
            Ok(stored.is_some_and(|value| value == "false"))
        }
    }
}

/// Makes an account with the role it has. A taken e-mail is `Conflict` of `account.email`.
pub async fn insert(db: &Db, user: &User, permit: &Permit<ManageUsers>) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    insert_row(&mut tx, user).await?;
    audit::append(&mut tx, &made(Entry::done(Event::AccountMade, permit.by()), user)).await?;
    tx.commit().await
}

async fn insert_row(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO account (id, email, name, role, profile_image_url, password, created_at, updated_at,
             last_active_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            &user.id,
            &user.email,
            &user.name,
            user.role,
            &user.profile_image_url,
            user.password.as_deref(),
            user.created_at,
            user.updated_at,
            user.last_active_at,
        ],
    )
    .await
    .map(drop)
}

/// The account with this id.
pub async fn by_id(db: &Db, id: &UserId) -> Result<Option<User>, StoreError> {
    one(db.query_one(format!("SELECT {COLUMNS} FROM account WHERE id = $1"), values![id]).await?)
}

/// The account with this e-mail address.
pub async fn by_email(db: &Db, email: &Email) -> Result<Option<User>, StoreError> {
    one(db.query_one(format!("SELECT {COLUMNS} FROM account WHERE email = $1"), values![email]).await?)
}

/// The oldest administrator, whom people who wait may ask.
pub async fn first_admin(db: &Db) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE role = 'admin' ORDER BY created_at, id LIMIT 1");
    one(db.query_one(sql, Vec::new()).await?)
}

/// How many accounts there are.
pub async fn count(db: &Db) -> Result<u64, StoreError> {
    count_of(db.query_one("SELECT COUNT(*) FROM account", Vec::new()).await?)
}

/// Accounts, oldest first, whose name or address contains the text; and how many there are in all.
pub async fn list(db: &Db, text: Option<&str>, page: Page) -> Result<(Vec<User>, u64), StoreError> {
    const MATCHES: &str = "(LOWER(name) LIKE $1 ESCAPE '!' OR LOWER(email) LIKE $1 ESCAPE '!')";
    let pattern = containing(text.unwrap_or_default());
    let count = format!("SELECT COUNT(*) FROM account WHERE {MATCHES}");
    let total = count_of(db.query_one(count, values![&pattern]).await?)?;
    let rows = db
        .query(
            format!(
                "SELECT {COLUMNS} FROM account WHERE {MATCHES} ORDER BY created_at, id LIMIT $2 OFFSET $3"
            ),
            vec![Value::from(&pattern), page.limit(), page.offset()],
        )
        .await?;
    let users = rows.into_iter().map(|row| user(&mut row.fields("account")));
    Ok((users.collect::<Result<_, _>>()?, total))
}

/// Changes an account, but never leaves the house without an administrator, also when two administrators
/// demote each other at the same moment. What does not differ is no change and leaves no record.
pub async fn change(
    db: &Db,
    id: &UserId,
    change: UserChange,
    now: Timestamp,
    permit: &Permit<ManageUsers>,
) -> Result<Changed, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let row = tx.query_one(format!("SELECT {COLUMNS} FROM account WHERE id = $1"), values![id]).await?;
    let Some(before) = one(row)? else { return Ok(Changed::Missing) };
    let role = change.role.filter(|role| *role != before.role);
    let name = change.name.filter(|name| *name != before.name);
    if before.role == Role::Admin && role.is_some() {
        let other = "SELECT id FROM account WHERE role = 'admin' AND id <> $1 LIMIT 1";
        if tx.query_one(other, values![id]).await?.is_none() {
            return Ok(Changed::LastAdmin);
        }
    }
    let names = [role.map(|_| "role"), name.as_ref().map(|_| "name")];
    let Some(first) = names.into_iter().flatten().next() else { return Ok(Changed::Done(before)) };
    let event = if first == "role" { Event::AccountRoleChanged } else { Event::AccountChanged };
    let mut entry = Entry::done(event, permit.by()).on(id).changed(names.into_iter().flatten());
    if let Some(role) = role {
        entry = entry.with("role_before", before.role.as_str()).with("role", role.as_str());
    }
    let user = User {
        role: role.unwrap_or(before.role),
        name: name.unwrap_or(before.name),
        updated_at: now,
        ..before
    };
    let sql = "UPDATE account SET role = $2, name = $3, updated_at = $4 WHERE id = $1";
    tx.execute(sql, values![id, user.role, &user.name, now]).await?;
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Changed::Done(user))
}

/// Changes the password (PHC digest) and ends all sessions of the account: whoever knew the old one is
/// out. `false` when there is no such account.
pub async fn set_password(
    db: &Db,
    id: &UserId,
    digest: &str,
    now: Timestamp,
    permit: &Permit<ManageUsers>,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let sql = "UPDATE account SET password = $2, updated_at = $3 WHERE id = $1";
    if tx.execute(sql, values![id, digest, now]).await? == 0 {
        return Ok(false);
    }
    let ended = tx.execute("DELETE FROM session WHERE account_id = $1", values![id]).await?;
    let entry = Entry::done(Event::PasswordReset, permit.by()).on(id).with("sessions_ended", ended);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Notes that the person is here; writes at most once a minute and does not count as a change.
pub async fn touch(db: &Db, id: &UserId, now: Timestamp) -> Result<(), StoreError> {
    let a_minute_ago = Timestamp::from_micros(now.micros().saturating_sub(60_000_000));
    db.execute(
        "UPDATE account SET last_active_at = $2
         WHERE id = $1 AND (last_active_at IS NULL OR last_active_at <= $3)",
        values![id, now, a_minute_ago],
    )
    .await
    .map(drop)
}

fn one(row: Option<Row>) -> Result<Option<User>, StoreError> {
    row.map(|row| user(&mut row.fields("account"))).transpose()
}

pub(crate) fn count_of(row: Option<Row>) -> Result<u64, StoreError> {
    row.ok_or(StoreError::Internal)?.single("count")
}

/// Reads [`COLUMNS`].
pub(crate) fn user(fields: &mut Fields) -> Result<User, StoreError> {
    Ok(User {
        id: fields.read()?,
        email: fields.read()?,
        name: fields.read()?,
        role: fields.read()?,
        profile_image_url: fields.read()?,
        password: fields.read()?,
        created_at: fields.read()?,
        updated_at: fields.read()?,
        last_active_at: fields.read()?,
    })
}
