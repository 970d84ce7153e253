//! `/key/generate`, `/key/update`, `/key/delete`, `/key/block`, `/key/unblock`.

use axum::{Extension, Json, extract::State};
use gateway::{Gateway, KeyView, keys::NewKey};
use kernel::{
    Caller, KeyChange, KeyId, Kind, ManageKeys, ModelPattern, Money, Permit, Refusal, Secret, Timestamp,
    UserId, World,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Page, keys::KeyFilter};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{duration, fields::Fields, row, scope};
use crate::{
    dialect::Dialect,
    extract::Body,
    patch::Patch,
    refused::Answer,
    table::{Access, Group},
};

/// The most keys that one request deletes.
const MOST: usize = 100;

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi)
        .route(Access::Management.fresh(), routes!(generate))
        .route(Access::Management.fresh(), routes!(update))
        .route(Access::Management.fresh(), routes!(delete))
        .route(Access::Management, routes!(block))
        .route(Access::Management.fresh(), routes!(unblock))
}

/// What `generate` and `update` have in common.
struct Wishes {
    alias: Option<String>,
    expires_at: Patch<Timestamp>,
    models: Option<Vec<String>>,
    endpoints: Option<Vec<kernel::Endpoint>>,
    max_budget: Patch<Money>,
    is_blocked: Option<bool>,
    spend: Option<Money>,
    user_id: Patch<String>,
    metadata: Option<Map<String, Value>>,
    tags: Option<Vec<String>>,
}

impl Wishes {
    fn take(fields: &mut Fields, now: Timestamp) -> Result<Self, Refusal> {
        scope::check_type(fields.take::<String>("key_type")?.as_deref())?;
        let duration = fields.take::<String>("duration")?;
        let routes = fields.take::<Vec<String>>("allowed_routes")?;
        Ok(Self {
            alias: fields.take("key_alias")?,
            expires_at: duration.map_or(Ok(Patch::Keep), |text| duration::end(&text, now))?,
            models: fields.take("models")?.map(scope::models).transpose()?,
            endpoints: routes.map(|routes| scope::endpoints(&routes)).transpose()?,
            max_budget: fields.dollars("max_budget")?,
            is_blocked: fields.take("blocked")?,
            spend: fields.dollars("spend")?.value(),
            user_id: fields.patch("user_id")?,
            metadata: fields.take("metadata")?,
            tags: fields.take("tags")?,
        })
    }

    /// The metadata after the change, or `None` when it stays. Tags live in it, as at LiteLLM, and so does a
    /// user id that is nobody's account.
    fn metadata(&self, before: &str, foreign_user: &Patch<String>) -> Option<String> {
        if self.metadata.is_none() && self.tags.is_none() && *foreign_user == Patch::Keep {
            return None;
        }
        let old = row::metadata(before);
        let mut metadata = self.metadata.clone().unwrap_or_else(|| old.clone());
        match foreign_user {
            Patch::Set(user) => drop(metadata.insert(row::USER_ID.to_owned(), json!(user))),
            Patch::Clear => drop(metadata.remove(row::USER_ID)),
            Patch::Keep => {
                if let Some(user) = old.get(row::USER_ID) {
                    metadata.insert(row::USER_ID.to_owned(), user.clone());
                }
            }
        }
        if let Some(tags) = &self.tags {
            metadata.insert("tags".to_owned(), json!(tags));
        }
        Some(Value::Object(metadata).to_string())
    }
}

/// Makes a key. Fields as at LiteLLM; a limit that is not kept here is refused by name.
#[utoipa::path(post, path = "/key/generate", operation_id = "litellm_key_generate", tag = "litellm", request_body = serde_json::Value,
    responses((status = 200, description = "LiteLLM's row of the key, with its secret as `key`, this once", body = serde_json::Value)))]
async fn generate(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    State(world): State<World>,
    Body(mut fields): Body<Fields>,
) -> Answer<Json<Value>> {
    let permit = &caller.may_manage_keys()?;
    let wishes = Wishes::take(&mut fields, world.now())?;
    let secret = fields.take::<String>("key")?.map(Secret::new);
    fields.finish()?;
    if wishes.spend.is_some_and(|spend| spend != Money::ZERO) {
        let words = "A new key has spent nothing. Set its spend with /key/update.";
        return Err(Refusal::field("spend", "unsupported_field", words).into());
    }
    let user = user(&gateway, wishes.user_id.clone(), permit).await?;
    let new = NewKey {
        name: wishes.alias.clone().unwrap_or_default(),
        metadata: wishes.metadata("{}", &user.foreign).unwrap_or_else(|| "{}".to_owned()),
        owner: user.account.value(),
        models: wishes.models.unwrap_or_default(),
        endpoints: wishes
            .endpoints
            .unwrap_or_default()
            .into_iter()
            .map(|it| it.as_str().to_owned())
            .collect(),
        expires_at: wishes.expires_at.value(),
        max_budget: wishes.max_budget.value(),
        is_blocked: wishes.is_blocked.unwrap_or(false),
        secret,
    };
    let made = gateway.mint_key(new, permit).await;
    let (secret, view) = made.map_err(|error| in_litellms_words(error.into()))?;
    let mut answer = row::row(&view);
    answer.insert("key".to_owned(), json!(secret.expose()));
    answer.insert("token_id".to_owned(), json!(view.key.id.as_str()));
    answer.insert("updated_by".to_owned(), json!(view.key.created_by));
    answer.insert("tags".to_owned(), json!(wishes.tags));
    Ok(Json(Value::Object(answer)))
}

/// Changes a key that is named by its secret, its token or its alias. Fields as at LiteLLM.
#[utoipa::path(post, path = "/key/update", operation_id = "litellm_key_update", tag = "litellm", request_body = serde_json::Value,
    responses((status = 200, description = "LiteLLM's row of the key, and `key` as it was sent", body = serde_json::Value)))]
async fn update(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    State(world): State<World>,
    Body(mut fields): Body<Fields>,
) -> Answer<Json<Value>> {
    let permit = &caller.may_manage_keys()?;
    let key = fields.take::<String>("key")?;
    let wishes = Wishes::take(&mut fields, world.now())?;
    fields.finish()?;
    let before = match (&key, &wishes.alias) {
        (Some(key), _) => live_key(&gateway, key, permit).await?,
        (None, Some(alias)) => key_called(&gateway, alias, permit).await?,
        (None, None) => {
            let words = "Name the key to change: key is its secret or its token.";
            return Err(Refusal::field("key", "missing_field", words).into());
        }
    };
    let user = user(&gateway, wishes.user_id.clone(), permit).await?;
    let change = KeyChange {
        metadata: wishes.metadata(&before.key.metadata, &user.foreign),
        name: wishes.alias,
        owner: user.account.change(),
        models: wishes.models.map(|models| models.into_iter().map(ModelPattern).collect()),
        endpoints: wishes.endpoints,
        expires_at: wishes.expires_at.change(),
        max_budget: wishes.max_budget.change(),
        spend: wishes.spend,
        is_blocked: wishes.is_blocked,
    };
    let changed = gateway.change_key(&before.key.id, change, permit).await;
    let view = changed.map_err(|error| in_litellms_words(error.into()))?;
    let mut answer = row::row(&view);
    answer.insert("key".to_owned(), json!(key.as_deref().unwrap_or(view.key.id.as_str())));
    Ok(Json(Value::Object(answer)))
}

/// Which keys to delete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeysToDelete {
    /// Secrets or tokens.
    #[serde(default)]
    keys: Option<Vec<String>>,
    #[serde(default)]
    key_aliases: Option<Vec<String>>,
}

/// Ends keys for ever: all that are named, or none when one of them is not there.
#[utoipa::path(post, path = "/key/delete", operation_id = "litellm_key_delete", tag = "litellm", request_body = KeysToDelete,
    responses((status = 200, description = "`{\"deleted_keys\": [...]}`, as they were sent", body = serde_json::Value)))]
async fn delete(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(asked): Body<KeysToDelete>,
) -> Answer<Json<Value>> {
    let permit = &caller.may_manage_keys()?;
    let (keys, aliases) = (asked.keys.unwrap_or_default(), asked.key_aliases.unwrap_or_default());
    let count = keys.len() + aliases.len();
    if count == 0 || count > MOST {
        let words = "Name 1 to 100 keys, in keys by secret or token, or in key_aliases.";
        return Err(Refusal::field("keys", "missing_field", words).into());
    }
    let mut found: Vec<KeyId> = Vec::new();
    for key in &keys {
        found.push(live_key(&gateway, key, permit).await?.key.id);
    }
    for alias in &aliases {
        found.push(key_called(&gateway, alias, permit).await?.key.id);
    }
    found.sort();
    found.dedup();
    for id in &found {
        gateway.revoke_key(id, permit).await?;
    }
    Ok(Json(json!({ "deleted_keys": keys.into_iter().chain(aliases).collect::<Vec<_>>() })))
}

/// Which key.
#[derive(Deserialize, ToSchema)]
struct OneKey {
    /// Its secret or its token.
    key: String,
}

/// Stops a key until it is unblocked.
#[utoipa::path(post, path = "/key/block", operation_id = "litellm_key_block", tag = "litellm", request_body = OneKey,
    responses((status = 200, description = "LiteLLM's row of the key", body = serde_json::Value)))]
async fn block(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(asked): Body<OneKey>,
) -> Answer<Json<Value>> {
    let change = KeyChange { is_blocked: Some(true), ..KeyChange::default() };
    set(&gateway, &asked.key, change, &caller.may_manage_keys()?).await
}

/// Lets a blocked key work again.
#[utoipa::path(post, path = "/key/unblock", operation_id = "litellm_key_unblock", tag = "litellm", request_body = OneKey,
    responses((status = 200, description = "LiteLLM's row of the key", body = serde_json::Value)))]
async fn unblock(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(asked): Body<OneKey>,
) -> Answer<Json<Value>> {
    let change = KeyChange { is_blocked: Some(false), ..KeyChange::default() };
    set(&gateway, &asked.key, change, &caller.may_manage_keys()?).await
}

async fn set(
    gateway: &Gateway,
    named: &str,
    change: KeyChange,
    permit: &Permit<ManageKeys>,
) -> Answer<Json<Value>> {
    let before = live_key(gateway, named, permit).await?;
    let view = gateway.change_key(&before.key.id, change, permit).await?;
    Ok(Json(Value::Object(row::row(&view))))
}

/// The key with this secret or token; a deleted one is not there.
pub(super) async fn live_key(
    gateway: &Gateway,
    named: &str,
    permit: &Permit<ManageKeys>,
) -> Result<KeyView, Refusal> {
    let view = gateway.key_by_secret_or_id(named, permit).await?;
    if view.key.revoked_at.is_some() { Err(not_found()) } else { Ok(view) }
}

/// The key with this alias.
async fn key_called(gateway: &Gateway, alias: &str, permit: &Permit<ManageKeys>) -> Result<KeyView, Refusal> {
    let filter = KeyFilter { name: Some(alias.to_owned()), only_live: true, ..KeyFilter::default() };
    let (mut found, _) = gateway.list_keys(&filter, Page::new(1, 1), permit).await?;
    // Keys without an alias have the empty one, all of them.
    if alias.is_empty() { Err(not_found()) } else { found.pop().ok_or_else(not_found) }
}

fn not_found() -> Refusal {
    Refusal::new(Kind::NotFound, "key_not_found", "There is no such key.")
}

/// Whose key: an account of ours, or a name from elsewhere that is kept as an annotation.
struct User {
    account: Patch<UserId>,
    foreign: Patch<String>,
}

async fn user(gateway: &Gateway, named: Patch<String>, permit: &Permit<ManageKeys>) -> Result<User, Refusal> {
    let named = match named {
        Patch::Keep => return Ok(User { account: Patch::Keep, foreign: Patch::Keep }),
        Patch::Clear => return Ok(User { account: Patch::Clear, foreign: Patch::Clear }),
        Patch::Set(named) => named,
    };
    if let Ok(id) = named.parse::<UserId>()
        && gateway.is_account(&id, permit).await?
    {
        return Ok(User { account: Patch::Set(id), foreign: Patch::Clear });
    }
    if !(1..=256).contains(&named.chars().count()) {
        let words = "The user_id must have 1 to 256 characters. Send null for a key that is nobody's.";
        return Err(Refusal::field("user_id", "invalid_user_id", words));
    }
    Ok(User { account: Patch::Clear, foreign: Patch::Set(named) })
}

/// Our refusals name our fields; LiteLLM's clients know others, and 400 for an alias that is taken.
fn in_litellms_words(refusal: Refusal) -> Refusal {
    let field = match refusal.field.as_deref() {
        Some("name") => "key_alias",
        Some("owner_id") => "user_id",
        Some("expires_at") => "duration",
        Some("endpoints") => "allowed_routes",
        _ => return refusal,
    };
    let kind = if refusal.kind == Kind::Conflict { Kind::Invalid } else { refusal.kind };
    Refusal { kind, field: Some(field.into()), ..refusal }
}
