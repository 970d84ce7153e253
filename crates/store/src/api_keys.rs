//! People's API keys. Every change raises [`Topic::ApiKeys`] first.

use kernel::{
    ApiKey, ApiKeyId, ApiKeyLimits, Caller, Network, Timestamp, UserId,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    row::{Fields, to_json},
    users::count_of,
    value::values,
};

const COLUMNS: &str = "api_key.id, api_key.account_id, api_key.digest, api_key.prefix, api_key.last_four, api_key.name, \
     api_key.endpoints, api_key.models, api_key.addresses, api_key.expires_at, api_key.created_at, api_key.last_used_at";

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyChange {
    /// What its owner calls it.
    pub name: Option<String>,
    /// What it is limited to.
    pub limits: Option<ApiKeyLimits>,
    /// When it stops working.
    pub expires_at: Option<Option<Timestamp>>,
}

/// Adds a key, in place of the owner's keys in `instead_of`; `false`, and nothing happened, when the owner has `most` already. `Orphan`
/// when the account is gone.
pub async fn insert(
    db: &Db,
    key: &ApiKey,
    instead_of: &[ApiKeyId],
    most: u64,
    by: &Caller,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "INSERT INTO api_key (id, account_id, digest, prefix, last_four, name, endpoints, models, addresses, \
         expires_at, created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL)";
    let params = values![
        &key.id,
        &key.owner,
        &key.digest[..],
        &key.prefix,
        &key.last_four,
        &key.name,
        to_json(&key.limits.endpoints),
        to_json(&key.limits.models[..]),
        addresses(&key.limits),
        key.expires_at,
        key.created_at,
    ];
    // First the new one, which needs the account, then the old ones, which go with it: in the order in which an
    // account that is deleted takes its keys along, so that neither waits for the other.
    tx.execute(sql, params).await?;
    for old in instead_of {
        let sql = "DELETE FROM api_key WHERE id = $1 AND account_id = $2";
        tx.execute(sql, values![old, &key.owner]).await?;
    }
    let count = "SELECT COUNT(*) FROM api_key WHERE account_id = $1";
    if count_of(tx.query_one(count, values![&key.owner]).await?)? > most {
        return Ok(false);
    }
    let entry = Entry::done(Event::ApiKeyMade, by).on(&key.id).with("name", key.name.as_str());
    audit::append(&mut tx, &entry.with("replaced", instead_of.len() as u64)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Keys of a person, newest first.
pub async fn of(db: &Db, owner: &UserId) -> Result<Vec<ApiKey>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM api_key WHERE account_id = $1 ORDER BY created_at DESC, id DESC");
    let rows = db.query(sql, values![owner]).await?;
    rows.into_iter().map(|row| key(&mut row.fields("api_key"))).collect()
}

/// A key of this person.
pub async fn by_id(db: &Db, owner: &UserId, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = $1 AND account_id = $2");
    let row = db.query_one(sql, values![id, owner]).await?;
    row.map(|row| key(&mut row.fields("api_key"))).transpose()
}

/// Every key: what is kept in memory.
pub async fn all(db: &Db) -> Result<Vec<ApiKey>, StoreError> {
    let rows = db.query(format!("SELECT {COLUMNS} FROM api_key"), Vec::new()).await?;
    rows.into_iter().map(|row| key(&mut row.fields("api_key"))).collect()
}

/// A key, whosever it is: for memory, never for an answer.
pub async fn find(db: &Db, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    let row = db.query_one(format!("SELECT {COLUMNS} FROM api_key WHERE id = $1"), values![id]).await?;
    row.map(|row| key(&mut row.fields("api_key"))).transpose()
}

/// Changes a key and returns it as it is now; `None` when this person has no such key. `allows` looks at the key
/// as it is and as it would be, before anything is written.
pub async fn change<E: From<StoreError>>(
    db: &Db,
    owner: &UserId,
    id: &ApiKeyId,
    change: ApiKeyChange,
    allows: impl FnOnce(&ApiKey, &ApiKey) -> Result<(), E>,
    by: &Caller,
) -> Result<Option<ApiKey>, E> {
    // Raising the revision takes its row, so that two changes come one after the other.
    let mut tx = begin(db).await?;
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = $1 AND account_id = $2");
    let Some(row) = tx.query_one(sql, values![id, owner]).await? else { return Ok(None) };
    let before = key(&mut row.fields("api_key"))?;
    let after = ApiKey {
        name: change.name.unwrap_or_else(|| before.name.clone()),
        limits: change.limits.unwrap_or_else(|| before.limits.clone()),
        expires_at: change.expires_at.unwrap_or(before.expires_at),
        ..before.clone()
    };
    allows(&before, &after)?;
    let sql = "UPDATE api_key SET name = $2, endpoints = $3, models = $4, addresses = $5, expires_at = $6 WHERE id = $1";
    let params = values![
        id,
        &after.name,
        to_json(&after.limits.endpoints),
        to_json(&after.limits.models[..]),
        addresses(&after.limits),
        after.expires_at,
    ];
    tx.execute(sql, params).await?;
    let different = [
        ("name", before.name != after.name),
        ("endpoints", before.limits.endpoints != after.limits.endpoints),
        ("models", before.limits.models != after.limits.models),
        ("addresses", before.limits.addresses != after.limits.addresses),
        ("expires_at", before.expires_at != after.expires_at),
    ];
    let names = different.into_iter().filter_map(|(name, is_different)| is_different.then_some(name));
    audit::append(&mut tx, &Entry::done(Event::ApiKeyChanged, by).on(id).changed(names)).await?;
    tx.commit().await?;
    Ok(Some(after))
}

/// Ends a key of this person for ever; `false` when they have no such key.
pub async fn revoke(db: &Db, owner: &UserId, id: &ApiKeyId, by: &Caller) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "DELETE FROM api_key WHERE id = $1 AND account_id = $2";
    if tx.execute(sql, values![id, owner]).await? == 0 {
        return Ok(false);
    }
    let entry = Entry::done(Event::ApiKeyRevoked, by).on(id).with("owner", owner.as_str());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Notes that a key was used. Nobody needs to notice, so the revision stays.
pub async fn touch(db: &Db, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
    let sql =
        "UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    db.execute(sql, values![id, at]).await.map(drop)
}

async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::ApiKeys).await?;
    Ok(tx)
}

fn addresses(limits: &ApiKeyLimits) -> String {
    to_json(&limits.addresses.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn key(fields: &mut Fields) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: fields.read()?,
        owner: fields.read()?,
        digest: fields.read()?,
        prefix: fields.read()?,
        last_four: fields.read()?,
        name: fields.read()?,
        limits: ApiKeyLimits {
            endpoints: fields.json()?,
            models: fields.json::<Vec<_>>()?.into(),
            addresses: {
                let texts: Vec<String> = fields.json()?;
                let networks = texts.iter().map(|text| Network::parse(text));
                networks.collect::<Option<_>>().ok_or_else(|| fields.damaged())?
            },
        },
        expires_at: fields.read()?,
        created_at: fields.read()?,
        last_used_at: fields.read()?,
    })
}
