//! Virtual keys. What they spend is settled by [`crate::usage`]; every other change raises [`Topic::Keys`] first.

use std::fmt::Write as _;

use kernel::{
    KeyChange, KeyId, KeyState, ManageKeys, Money, Permit, Timestamp, UserId, VirtualKey,
    audit::{Entry, Event},
};

use crate::{
    Page, StoreError, audit,
    db::{Db, Tx},
    page::containing,
    revision::{self, Topic},
    row::{Row, to_json},
    users::count_of,
    value::{Value, values},
};

const COLUMNS: &str = "id, digest, prefix, last_four, name, owner_id, models, endpoints, expires_at, max_budget, \
     spend, is_blocked, revoked_at, metadata, created_at, created_by, updated_at, last_used_at";

/// Adds a key. `Conflict` of `virtual_key.name` when another key that is not revoked has the name, of
/// `virtual_key.digest` when the secret exists already; `Orphan` when the owner does not.
pub async fn insert(db: &Db, key: &VirtualKey, permit: &Permit<ManageKeys>) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    let sql = format!(
        "INSERT INTO virtual_key ({COLUMNS}) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    let params = values![
        &key.id,
        &key.digest[..],
        &key.prefix,
        &key.last_four,
        &key.name,
        key.owner.as_ref(),
        to_json(&key.models),
        to_json(&key.endpoints),
        key.expires_at,
        key.max_budget,
        key.spend,
        key.is_blocked,
        key.revoked_at,
        &key.metadata,
        key.created_at,
        &key.created_by,
        key.updated_at,
        key.last_used_at,
    ];
    tx.execute(sql, params).await?;
    let entry = Entry::done(Event::VirtualKeyMade, permit.by())
        .on(&key.id)
        .with("name", key.name.as_str())
        .with("owner", key.owner.as_ref().map(UserId::as_str));
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}

/// All keys that are not revoked, blocked and expired ones included: what the gateway keeps in memory.
pub async fn all_live(db: &Db) -> Result<Vec<VirtualKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM virtual_key WHERE revoked_at IS NULL");
    db.query(sql, Vec::new()).await?.into_iter().map(key).collect()
}

/// The key with this id, revoked or not.
pub async fn by_id(db: &Db, id: &KeyId) -> Result<Option<VirtualKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM virtual_key WHERE id = $1");
    db.query_one(sql, values![id]).await?.map(key).transpose()
}

/// The key with this keyed digest, revoked or not.
pub async fn by_digest(db: &Db, digest: &[u8; 32]) -> Result<Option<VirtualKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM virtual_key WHERE digest = $1");
    db.query_one(sql, values![&digest[..]]).await?.map(key).transpose()
}

/// Which keys to list; everything that is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// A part of the key's name, prefix, last four characters, or of its owner's name or address; in any case.
    pub text: Option<String>,
    /// Whose.
    pub owner: Option<UserId>,
    /// The exact name.
    pub name: Option<String>,
    /// The state at the given moment.
    pub state: Option<(KeyState, Timestamp)>,
    /// Leave revoked keys out.
    pub only_live: bool,
}

/// Keys that match, newest first; and how many match in all.
pub async fn list(db: &Db, filter: &KeyFilter, page: Page) -> Result<(Vec<VirtualKey>, u64), StoreError> {
    let (matches, mut params) = conditions(filter);
    let count = format!("SELECT COUNT(*) FROM virtual_key WHERE {matches}");
    let total = count_of(db.query_one(count, params.clone()).await?)?;

    params.extend([page.limit(), page.offset()]);
    let (limit, offset) = (params.len() - 1, params.len());
    let sql = format!(
        "SELECT {COLUMNS} FROM virtual_key WHERE {matches} \
         ORDER BY created_at DESC, id DESC LIMIT ${limit} OFFSET ${offset}"
    );
    let keys = db.query(sql, params).await?.into_iter().map(key);
    Ok((keys.collect::<Result<_, _>>()?, total))
}

/// The condition and its parameters. It is put together from fixed pieces, so there are few different
/// statements and no value in any of them.
fn conditions(filter: &KeyFilter) -> (String, Vec<Value>) {
    let (mut sql, mut params) = ("1 = 1".to_owned(), Vec::new());
    let mut and = |condition: &str, value: Option<Value>| {
        params.extend(value);
        let condition = condition.replace("$n", &format!("${}", params.len()));
        write!(sql, " AND {condition}").expect("writing to a String cannot fail");
    };
    if let Some(text) = &filter.text {
        and(
            "(LOWER(name) LIKE $n ESCAPE '!' OR LOWER(prefix) LIKE $n ESCAPE '!'
              OR LOWER(last_four) LIKE $n ESCAPE '!' OR owner_id IN (SELECT account.id FROM account
                  WHERE LOWER(account.name) LIKE $n ESCAPE '!' OR LOWER(account.email) LIKE $n ESCAPE '!'))",
            Some(containing(text).into()),
        );
    }
    if let Some(owner) = &filter.owner {
        and("owner_id = $n", Some(owner.into()));
    }
    if let Some(name) = &filter.name {
        and("name = $n", Some(name.into()));
    }
    if filter.only_live {
        and("revoked_at IS NULL", None);
    }
    match filter.state {
        None => {}
        Some((KeyState::Revoked, _)) => and("revoked_at IS NOT NULL", None),
        Some((KeyState::Blocked, _)) => and("revoked_at IS NULL AND is_blocked = 1", None),
        Some((KeyState::Expired, now)) => {
            and("revoked_at IS NULL AND is_blocked = 0 AND expires_at <= $n", Some(now.into()));
        }
        Some((KeyState::Active, now)) => and(
            "revoked_at IS NULL AND is_blocked = 0 AND (expires_at IS NULL OR expires_at > $n)",
            Some(now.into()),
        ),
    }
    (sql, params)
}

/// Changes a key and returns it as it is now; `None` when there is no such key or it is revoked. The
/// spend is written only when the change names it, so that nothing settled meanwhile is lost. What does not
/// differ is no change.
pub async fn apply(
    db: &Db,
    id: &KeyId,
    change: KeyChange,
    now: Timestamp,
    permit: &Permit<ManageKeys>,
) -> Result<Option<VirtualKey>, StoreError> {
    let mut tx = begin(db).await?;
    let sql = format!("SELECT {COLUMNS} FROM virtual_key WHERE id = $1 AND revoked_at IS NULL");
    let Some(row) = tx.query_one(sql, values![id]).await? else { return Ok(None) };
    let before = key(row)?;
    let Some(entry) = entry_of(&before, &change, permit) else { return Ok(Some(before)) };
    if let Some(spend) = change.spend {
        tx.execute("UPDATE virtual_key SET spend = $2 WHERE id = $1", values![id, spend]).await?;
    }
    let sql = format!(
        "UPDATE virtual_key SET name = $2, owner_id = $3, models = $4, endpoints = $5, expires_at = $6,
             max_budget = $7, is_blocked = $8, metadata = $9, updated_at = $10 WHERE id = $1 RETURNING {COLUMNS}"
    );
    let params = values![
        id,
        change.name.unwrap_or(before.name),
        change.owner.unwrap_or(before.owner).as_ref(),
        to_json(&change.models.unwrap_or(before.models)),
        to_json(&change.endpoints.unwrap_or(before.endpoints)),
        change.expires_at.unwrap_or(before.expires_at),
        change.max_budget.unwrap_or(before.max_budget),
        change.is_blocked.unwrap_or(before.is_blocked),
        change.metadata.unwrap_or(before.metadata),
        now,
    ];
    let after = tx.query_one(sql, params).await?.map(key).transpose()?;
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(after)
}

/// What to say of a change; none when nothing differs.
fn entry_of(before: &VirtualKey, change: &KeyChange, permit: &Permit<ManageKeys>) -> Option<Entry> {
    fn differs<T: PartialEq>(new: Option<&T>, old: &T) -> bool {
        new.is_some_and(|new| new != old)
    }
    let is_blocked = change.is_blocked.filter(|is_blocked| *is_blocked != before.is_blocked);
    let fields = [
        ("name", differs(change.name.as_ref(), &before.name)),
        ("owner", differs(change.owner.as_ref(), &before.owner)),
        ("models", differs(change.models.as_ref(), &before.models)),
        ("endpoints", differs(change.endpoints.as_ref(), &before.endpoints)),
        ("expires_at", differs(change.expires_at.as_ref(), &before.expires_at)),
        ("max_budget", differs(change.max_budget.as_ref(), &before.max_budget)),
        ("spend", change.spend.is_some()),
        ("blocked", is_blocked.is_some()),
        ("metadata", differs(change.metadata.as_ref(), &before.metadata)),
    ];
    let changed: Vec<&str> =
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
    let event = match (changed.as_slice(), is_blocked) {
        ([], _) => return None,
        (["blocked"], Some(true)) => Event::VirtualKeyBlocked,
        (["blocked"], _) => Event::VirtualKeyUnblocked,
        _ => Event::VirtualKeyChanged,
    };
    Some(Entry::done(event, permit.by()).on(&before.id).changed(changed))
}

/// Ends a key for ever; `false` when there is no such key or it was revoked already.
pub async fn revoke(
    db: &Db,
    id: &KeyId,
    now: Timestamp,
    permit: &Permit<ManageKeys>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "UPDATE virtual_key SET revoked_at = $2, updated_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    if tx.execute(sql, values![id, now]).await? == 0 {
        return Ok(false);
    }
    audit::append(&mut tx, &Entry::done(Event::VirtualKeyRevoked, permit.by()).on(id)).await?;
    tx.commit().await?;
    Ok(true)
}

/// What a key has spent and settled.
pub async fn spend_of(db: &Db, id: &KeyId) -> Result<Option<Money>, StoreError> {
    let row = db.query_one("SELECT spend FROM virtual_key WHERE id = $1", values![id]).await?;
    row.map(|row| row.single("virtual_key")).transpose()
}

/// What every key that is not revoked has spent and settled, for a process that shares keys with others.
pub async fn spend_of_live(db: &Db) -> Result<Vec<(KeyId, Money)>, StoreError> {
    let rows = db.query("SELECT id, spend FROM virtual_key WHERE revoked_at IS NULL", Vec::new()).await?;
    rows.into_iter()
        .map(|row| {
            let mut fields = row.fields("virtual_key");
            Ok((fields.read()?, fields.read()?))
        })
        .collect()
}

async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Keys).await?;
    Ok(tx)
}

fn key(row: Row) -> Result<VirtualKey, StoreError> {
    let mut fields = row.fields("virtual_key");
    Ok(VirtualKey {
        id: fields.read()?,
        digest: fields.read()?,
        prefix: fields.read()?,
        last_four: fields.read()?,
        name: fields.read()?,
        owner: fields.read()?,
        models: fields.json()?,
        endpoints: fields.json()?,
        expires_at: fields.read()?,
        max_budget: fields.read()?,
        spend: fields.read()?,
        is_blocked: fields.read()?,
        revoked_at: fields.read()?,
        metadata: fields.read()?,
        created_at: fields.read()?,
        created_by: fields.read()?,
        updated_at: fields.read()?,
        last_used_at: fields.read()?,
    })
}
