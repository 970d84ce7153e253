//! Virtual keys as administrators handle them: mint, look up, change, revoke.
//!
//! These functions know the database and the key ring only, so that the command line uses the same ones as a
//! running server. [`crate::Gateway`] adds that its own process takes a change over at once; other processes
//! notice it by the store's revision.

use std::collections::HashSet;

use kernel::{
    Endpoint, KeyChange, KeyId, KeyState, Kind, ManageKeys, ModelPattern, Money, Permit, Refusal, Secret,
    Timestamp, UserId, VirtualKey, World, is_hidden,
};
use store::{Db, Page, StoreError, keys::KeyFilter};
use vault::KeyRing;

use crate::admin::AdminError;

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;
/// The most model patterns of one key.
const MOST_MODELS: usize = 100;
/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 256;
/// The most metadata, in bytes of JSON. All keys live in memory.
const MOST_METADATA: usize = 16 * 1024;
/// Shortest and longest secret that somebody may choose, in bytes.
const CHOSEN: std::ops::RangeInclusive<usize> = 20..=256;

/// A key that is to be made.
#[derive(Debug)]
pub struct NewKey {
    /// What to call it; unique among keys that are not revoked when not empty.
    pub name: String,
    /// Whose key it is.
    pub owner: Option<UserId>,
    /// Which models, `*` for any run of characters; empty means all.
    pub models: Vec<String>,
    /// Which endpoints, by name; empty means all.
    pub endpoints: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// The most it may ever spend.
    pub max_budget: Option<Money>,
    /// Stopped from the start.
    pub is_blocked: bool,
    /// A JSON object of the caller's.
    pub metadata: String,
    /// A secret that somebody chose; made here when left out.
    pub secret: Option<Secret<String>>,
}

impl NewKey {
    /// A key of this name without limits.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner: None,
            models: Vec::new(),
            endpoints: Vec::new(),
            expires_at: None,
            max_budget: None,
            is_blocked: false,
            metadata: "{}".to_owned(),
            secret: None,
        }
    }
}

/// A key that was just made, with its secret for the only time.
#[derive(Debug)]
pub struct MintedKey {
    /// For its maker's eyes.
    pub secret: Secret<String>,
    /// What is kept.
    pub key: VirtualKey,
}

/// Makes a key. 400 names the field at fault; 409 when name or secret are taken.
pub async fn mint(
    db: &Db,
    ring: &KeyRing,
    world: &World,
    new: NewKey,
    permit: &Permit<ManageKeys>,
) -> Result<MintedKey, AdminError> {
    let now = world.now();
    let name = checked_name(&new.name)?;
    let models = checked_models(&new.models)?;
    let endpoints = checked_endpoints(&new.endpoints)?;
    check_expiry(new.expires_at, now)?;
    check_metadata(&new.metadata)?;
    check_owner(db, new.owner.as_ref()).await?;
    let (secret, prefix, last_four) = if let Some(secret) = new.secret {
        check_secret(&secret)?;
        let last_four = ring.fingerprint(secret.expose()).last_four;
        (secret, "sk-".to_owned(), last_four)
    } else {
        let issued = vault::virtual_key(world);
        (issued.secret, issued.prefix, issued.last_four)
    };
    let key = VirtualKey {
        id: KeyId::new(world),
        digest: ring.digest_key(secret.expose()),
        prefix,
        last_four,
        name,
        owner: new.owner,
        models,
        endpoints,
        expires_at: new.expires_at,
        max_budget: new.max_budget,
        spend: Money::ZERO,
        is_blocked: new.is_blocked,
        revoked_at: None,
        metadata: new.metadata,
        created_at: now,
        created_by: permit.by().label(),
        updated_at: now,
        last_used_at: None,
    };
    store::keys::insert(db, &key, permit).await.map_err(|error| taken(error, &key.name))?;
    Ok(MintedKey { secret, key })
}

/// Keys that match, newest first; and how many match in all.
pub async fn list(
    db: &Db,
    filter: &KeyFilter,
    page: Page,
    _: &Permit<ManageKeys>,
) -> Result<(Vec<VirtualKey>, u64), AdminError> {
    Ok(store::keys::list(db, filter, page).await?)
}

/// The key with this id, revoked or not. 404 when there is none.
pub async fn by_id(db: &Db, id: &KeyId, _: &Permit<ManageKeys>) -> Result<VirtualKey, AdminError> {
    Ok(store::keys::by_id(db, id).await?.ok_or_else(no_such_key)?)
}

/// The key that somebody names by its secret (`sk-...`) or by its id. 404 when there is none.
pub async fn by_secret_or_id(
    db: &Db,
    ring: &KeyRing,
    named: &str,
    _: &Permit<ManageKeys>,
) -> Result<VirtualKey, AdminError> {
    let found = if named.starts_with("sk-") {
        store::keys::by_digest(db, &ring.digest_key(named)).await?
    } else {
        match named.parse() {
            Ok(id) => store::keys::by_id(db, &id).await?,
            Err(_) => None,
        }
    };
    Ok(found.ok_or_else(no_such_key)?)
}

/// Changes a key and returns it as it is now. 404 when there is none, 409 when it was revoked.
pub async fn change(
    db: &Db,
    id: &KeyId,
    mut change: KeyChange,
    now: Timestamp,
    permit: &Permit<ManageKeys>,
) -> Result<VirtualKey, AdminError> {
    let before = store::keys::by_id(db, id).await?.ok_or_else(no_such_key)?;
    if before.revoked_at.is_some() {
        return Err(revoked(id).into());
    }
    if let Some(name) = &mut change.name {
        *name = checked_name(name)?;
    }
    if let Some(models) = &mut change.models {
        let texts: Vec<String> = models.drain(..).map(|pattern| pattern.0).collect();
        *models = checked_models(&texts)?;
    }
    if let Some(expires_at) = change.expires_at
        && expires_at != before.expires_at
    {
        check_expiry(expires_at, now)?;
    }
    if let Some(metadata) = &change.metadata {
        check_metadata(metadata)?;
    }
    if let Some(owner) = &change.owner
        && *owner != before.owner
    {
        check_owner(db, owner.as_ref()).await?;
    }
    let name = change.name.clone().unwrap_or_default();
    let changed = store::keys::apply(db, id, change, now, permit).await;
    Ok(changed.map_err(|error| taken(error, &name))?.ok_or_else(|| revoked(id))?)
}

/// Ends a key for ever. 404 when there is none, 409 when that was done before.
pub async fn revoke(
    db: &Db,
    id: &KeyId,
    now: Timestamp,
    permit: &Permit<ManageKeys>,
) -> Result<(), AdminError> {
    if store::keys::revoke(db, id, now, permit).await? {
        return Ok(());
    }
    store::keys::by_id(db, id).await?.ok_or_else(no_such_key)?;
    Err(revoked(id).into())
}

/// The word on the wire.
pub const fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Blocked => "blocked",
        KeyState::Expired => "expired",
        KeyState::Revoked => "revoked",
    }
}

/// Reads the names of endpoints. 400 when one is not known.
pub fn checked_endpoints(names: &[String]) -> Result<Vec<Endpoint>, Refusal> {
    let mut seen = HashSet::new();
    let mut endpoints = Vec::new();
    for name in names {
        let Some(endpoint) = Endpoint::parse(name) else {
            let known: Vec<&str> = Endpoint::ALL.iter().map(|endpoint| endpoint.as_str()).collect();
            let words = format!("Each endpoint must be one of {}.", known.join(", "));
            return Err(Refusal::field("endpoints", "unknown_endpoint", words));
        };
        if seen.insert(endpoint) {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

fn checked_models(patterns: &[String]) -> Result<Vec<ModelPattern>, Refusal> {
    if patterns.len() > MOST_MODELS {
        return Err(Refusal::field(
            "models",
            "too_many",
            "A key may list at most 100 models; use * for many at once.",
        ));
    }
    let mut seen = HashSet::new();
    let mut models = Vec::new();
    for pattern in patterns.iter().map(|pattern| pattern.trim()) {
        let fits = (1..=LONGEST_PATTERN).contains(&pattern.len()) && !pattern.chars().any(is_hidden);
        if !fits {
            let words = "Each model must be a name or a pattern such as openai/*, of 1 to 256 bytes.";
            return Err(Refusal::field("models", "invalid_model_pattern", words));
        }
        if seen.insert(pattern) {
            models.push(ModelPattern(pattern.to_owned()));
        }
    }
    Ok(models)
}

/// A key may have no name.
fn checked_name(text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    kernel::plain_line(text, LONGEST_NAME).ok_or_else(|| {
        let words = "The name must have at most 100 characters, and none that are invisible or change the direction of text.";
        Refusal::field("name", "invalid_name", words)
    })
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    match expires_at {
        Some(end) if end <= now => {
            let words = "The expiry must be in the future. To stop a key now, block or revoke it.";
            Err(Refusal::field("expires_at", "not_in_the_future", words))
        }
        Some(end) if end > Timestamp::LATEST => {
            let words = "The expiry must be before the year 10000, in Unix seconds. Leave it out for none.";
            Err(Refusal::field("expires_at", "invalid_expiry", words))
        }
        _ => Ok(()),
    }
}

fn check_metadata(json: &str) -> Result<(), Refusal> {
    if json.len() > MOST_METADATA {
        return Err(Refusal::field("metadata", "too_large", "The metadata must have at most 16384 bytes."));
    }
    Ok(())
}

async fn check_owner(db: &Db, owner: Option<&UserId>) -> Result<(), AdminError> {
    match owner {
        Some(owner) if store::users::by_id(db, owner).await?.is_none() => Err(unknown_owner().into()),
        _ => Ok(()),
    }
}

/// A secret that somebody chose: long enough and of a kind that every client can send.
fn check_secret(secret: &Secret<String>) -> Result<(), Refusal> {
    let text = secret.expose();
    let is_sendable = text.bytes().all(|b| b.is_ascii_graphic());
    if text.starts_with("sk-") && CHOSEN.contains(&text.len()) && is_sendable {
        return Ok(());
    }
    let words = "A key of your own must begin with sk-, have 20 to 256 characters and no spaces. Leave it out to get \
         a random one.";
    Err(Refusal::field("key", "invalid_key", words))
}

fn taken(error: StoreError, name: &str) -> AdminError {
    if error.is_conflict_of("virtual_key", "name") {
        let words =
            format!("There is a key named '{name}' already. Choose another name, or revoke that key.");
        let refusal = Refusal::new(Kind::Conflict, "name_taken", words);
        return Refusal { field: Some("name".into()), ..refusal }.into();
    }
    if error.is_conflict_of("virtual_key", "digest") {
        return key_taken().into();
    }
    match error {
        StoreError::Orphan => unknown_owner().into(),
        other => other.into(),
    }
}

/// In the same words whether the secret is that of a key, live or revoked, or the master key.
pub(crate) fn key_taken() -> Refusal {
    let refusal = Refusal::new(Kind::Conflict, "key_taken", "This key cannot be used. Choose another one.");
    Refusal { field: Some("key".into()), ..refusal }
}

fn unknown_owner() -> Refusal {
    Refusal::field("owner_id", "unknown_owner", "There is no account with this id.")
}

fn no_such_key() -> Refusal {
    Refusal::new(Kind::NotFound, "key_not_found", "There is no such key.")
}

fn revoked(id: &KeyId) -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "key_revoked",
        format!("The key {id} was revoked. There is no way back; make a new one."),
    )
}
