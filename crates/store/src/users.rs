//! Accounts of people. Every change raises [`Topic::Identity`] first, which also keeps changes apart.

mod administer;
mod find;
mod vouched;

use kernel::{
    Caller, ChangeOwnAccount, Email, GroupId, ManageUsers, Permit, Role, Session, Timestamp, User, UserId,
    Who,
    audit::{Entry, Event},
};

pub use self::{
    administer::{Changed, Removed, Standing, UserChange, change, remove},
    find::{Filter, Order, Sorting, Within, count_sessions, list},
    vouched::{Taken, Vouched, take_vouched},
};
use crate::{
    StoreError, audit,
    db::{Db, Tx},
    groups,
    revision::{self, Topic},
    row::{Fields, Row},
    sessions, settings,
    value::values,
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
    /// The group it is put into, unless there is none of this id.
    pub group: Option<GroupId>,
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

/// The setting that the first account stores.
const ENABLE_SIGNUP: &str = "ENABLE_SIGNUP";

pub(crate) const COLUMNS: &str = "account.id, account.email, account.name, account.role, \
     account.profile_image_url, account.password, account.created_at, account.updated_at, account.last_active_at, \
     account.deactivated_at";

/// The sign-in that begins together with an account.
#[derive(Clone, Copy)]
pub struct FirstSession<'a> {
    /// Of the person who gets the account.
    pub session: &'a Session,
    /// That person, making this request.
    pub owner: &'a (dyn Fn(&User) -> Caller + Sync),
}

/// Makes the account: an administrator if it is the very first, else with the default role; `None` when
/// `later` lets nobody in. Under any number of parallel calls exactly one is the first, and the others
/// already see what it stored. A taken e-mail is `Conflict` of `account.email`. Its owner may be signed in with it,
/// which is one event: the record names the session.
pub async fn insert_first_or_next(
    db: &Db,
    new: NewUser,
    default_role: Role,
    later: Later,
    by: &Caller,
    first: Option<FirstSession<'_>>,
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
        deactivated_at: None,
    };
    insert_row(&mut tx, &user).await?;
    if is_first {
        revision::bump(&mut tx, Topic::Settings).await?;
        settings::put(&mut tx, ENABLE_SIGNUP, "false", new.at).await?;
    }
    let event = if *by.who() == Who::Anonymous { Event::AccountSignedUp } else { Event::AccountMade };
    let entry = match first {
        None => made(Entry::done(event, by), &user),
        Some(FirstSession { session, owner }) => {
            sessions::insert_row(&mut tx, session).await?;
            let entry = made(Entry::done(event, &owner(&user)), &user);
            sessions::begun_by(entry.with("session", session.id.as_str()), session, by)
        }
    };
    let entry = if is_first { entry.with("closed_sign_up", true) } else { entry };
    let entry = join(&mut tx, &user, new.group.as_ref(), entry).await?;
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

/// Makes an account with the role it has, and puts it into the group, if there is one of this id. A taken e-mail is
/// `Conflict` of `account.email`.
pub async fn insert(
    db: &Db,
    user: &User,
    group: Option<&GroupId>,
    permit: &Permit<ManageUsers>,
) -> Result<(), StoreError> {
    insert_as(Event::AccountMade, db, user, group, permit).await
}

/// The same for an account from a list.
pub async fn import(
    db: &Db,
    user: &User,
    group: Option<&GroupId>,
    permit: &Permit<ManageUsers>,
) -> Result<(), StoreError> {
    insert_as(Event::AccountImported, db, user, group, permit).await
}

async fn insert_as(
    event: Event,
    db: &Db,
    user: &User,
    group: Option<&GroupId>,
    permit: &Permit<ManageUsers>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    insert_row(&mut tx, user).await?;
    let entry = made(Entry::done(event, permit.by()), user);
    let entry = join(&mut tx, user, group, entry).await?;
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}

/// Puts a new account into its group, and says so in its record.
async fn join(tx: &mut Tx, user: &User, group: Option<&GroupId>, entry: Entry) -> Result<Entry, StoreError> {
    let Some(group) = group else { return Ok(entry) };
    let has_joined = groups::join(tx, group, &user.id, user.created_at).await?;
    Ok(if has_joined { entry.with("group", group.as_str()) } else { entry })
}

async fn insert_row(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO account (id, email, name, role, profile_image_url, password, created_at, updated_at,
             last_active_at, deactivated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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
            user.deactivated_at,
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
    let sql = format!(
        "SELECT {COLUMNS} FROM account WHERE role = 'admin' AND deactivated_at IS NULL
         ORDER BY created_at, id LIMIT 1"
    );
    one(db.query_one(sql, Vec::new()).await?)
}

/// How many accounts there are.
pub async fn count(db: &Db) -> Result<u64, StoreError> {
    count_of(db.query_one("SELECT COUNT(*) FROM account", Vec::new()).await?)
}

/// Changes what a person shows of themselves; what is `None` stays. `None` when the account is gone.
pub async fn set_profile(
    db: &Db,
    id: &UserId,
    name: Option<&str>,
    picture: Option<&str>,
    now: Timestamp,
    permit: &Permit<ChangeOwnAccount>,
) -> Result<Option<User>, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let sql = format!(
        "UPDATE account SET name = COALESCE($2, name), profile_image_url = COALESCE($3, profile_image_url),
             updated_at = $4 WHERE id = $1 RETURNING {}",
        COLUMNS.replace("account.", "")
    );
    let Some(changed) = one(tx.query_one(sql, values![id, name, picture, now]).await?)? else {
        return Ok(None);
    };
    let names = [name.map(|_| "name"), picture.map(|_| "profile_image_url")];
    let entry = Entry::done(Event::ProfileChanged, permit.by()).on(id).changed(names.into_iter().flatten());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(Some(changed))
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

/// Puts a better digest of the same password in the place of the old one, unless that has changed meanwhile. It is
/// no change to its owner: the record is the sign-in's that made it possible.
pub async fn refine_password(db: &Db, id: &UserId, before: &str, after: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE account SET password = $3 WHERE id = $1 AND password = $2";
    Ok(db.execute(sql, values![id, before, after]).await? == 1)
}

/// The greatest cost among the bcrypt digests of all accounts; `None` when there is none.
pub async fn costliest_bcrypt(db: &Db) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT MAX(SUBSTR(password, 5, 2)) FROM account WHERE SUBSTR(password, 1, 2) = $1";
    let row = db.query_one(sql, values!["$2"]).await?.ok_or(StoreError::Internal)?;
    let cost = row.single::<Option<String>>("account")?;
    Ok(cost.and_then(|cost| cost.parse().ok()))
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
        deactivated_at: fields.read()?,
    })
}
