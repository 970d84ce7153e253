//! Virtual keys: list, make, change, block, revoke. A secret is answered once, when its key is made.

use axum::{Extension, Json, extract::State};
use gateway::{
    Gateway, KeyView,
    keys::{NewKey, checked_endpoints},
};
use http::StatusCode;
use kernel::{Caller, KeyChange, KeyId, ModelPattern, Money, Refusal, Timestamp, UserId, audit::TargetKind};
use serde::{Deserialize, Serialize};
use store::{Page, keys::KeyFilter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::{Asked, At, Body},
    patch::Patch,
    refused::Answer,
    table::{Access, Group},
};

/// Keys on a page.
const PAGE: u32 = 30;

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.personal(TargetKind::VirtualKey), routes!(list_keys))
        .route(Access::Admin.fresh(), routes!(create_key))
        .route(Access::Admin.personal(TargetKind::VirtualKey), routes!(get_key))
        .route(Access::Admin.fresh(), routes!(update_key, revoke_key))
        .route(Access::Admin, routes!(block_key))
        .route(Access::Admin.fresh(), routes!(unblock_key))
}

/// A virtual key. Times are Unix seconds, money is US dollars.
#[derive(Serialize, ToSchema)]
struct VirtualKey {
    #[schema(value_type = String)]
    id: KeyId,
    name: String,
    /// The first characters of the key.
    prefix: String,
    last_four: String,
    #[schema(required)]
    owner: Option<KeyOwner>,
    /// Names and patterns; empty means all.
    models: Vec<String>,
    /// chat.completions, completions, embeddings, responses, models; empty means all.
    endpoints: Vec<&'static str>,
    #[schema(required)]
    expires_at: Option<i64>,
    #[schema(required)]
    max_budget: Option<f64>,
    spend: f64,
    /// Set aside for requests that are running.
    reserved: f64,
    state: KeyState,
    created_at: i64,
    /// The id of the person who made it, `master` or `operator`.
    created_by: String,
    #[schema(required)]
    last_used_at: Option<i64>,
}

/// What a key is good for at this moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum KeyState {
    /// Works.
    Active,
    /// Stopped for now.
    Blocked,
    /// Its time is over.
    Expired,
    /// Ended for ever.
    Revoked,
}

/// Whose key it is.
#[derive(Serialize, ToSchema)]
struct KeyOwner {
    #[schema(value_type = String)]
    id: UserId,
    name: String,
    email: String,
}

/// A page of keys, newest first.
#[derive(Serialize, ToSchema)]
struct VirtualKeyPage {
    items: Vec<VirtualKey>,
    /// On all pages together.
    total: u64,
}

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeyQuery {
    /// From 1; 30 a page.
    page: Option<u32>,
    /// A part of the name, of the key's first or last characters, or of its owner's name or address.
    query: Option<String>,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVirtualKey {
    /// Unique among keys that are not revoked.
    name: String,
    owner_id: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    endpoints: Vec<String>,
    expires_at: Option<i64>,
    max_budget: Option<f64>,
}

/// What to change; what is left out stays, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VirtualKeyChange {
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    owner_id: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    models: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    endpoints: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    expires_at: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    max_budget: Patch<f64>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct CreatedVirtualKey {
    /// The secret. It is shown this once and kept nowhere.
    key: String,
    item: VirtualKey,
}

impl From<KeyView> for VirtualKey {
    fn from(view: KeyView) -> Self {
        let key = view.key;
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            last_four: key.last_four,
            owner: view.owner.map(|owner| KeyOwner { id: owner.id, name: owner.name, email: owner.email }),
            models: key.models.into_iter().map(|pattern| pattern.0).collect(),
            endpoints: key.endpoints.into_iter().map(kernel::Endpoint::as_str).collect(),
            expires_at: key.expires_at.map(Timestamp::seconds),
            max_budget: key.max_budget.map(Money::dollars),
            spend: view.spend.dollars(),
            reserved: view.reserved.dollars(),
            state: match view.state {
                kernel::KeyState::Active => KeyState::Active,
                kernel::KeyState::Blocked => KeyState::Blocked,
                kernel::KeyState::Expired => KeyState::Expired,
                kernel::KeyState::Revoked => KeyState::Revoked,
            },
            created_at: key.created_at.seconds(),
            created_by: key.created_by,
            last_used_at: key.last_used_at.map(Timestamp::seconds),
        }
    }
}

fn budget(dollars: f64) -> Result<Money, Refusal> {
    Money::from_dollars(dollars)
        .map_err(|why| Refusal::field("max_budget", "invalid_budget", format!("The budget is wrong: {why}.")))
}

fn owner(id: &str) -> Result<UserId, Refusal> {
    id.parse().map_err(|_| Refusal::field("owner_id", "unknown_owner", "There is no account with this id."))
}

fn named(name: &str) -> Result<String, Refusal> {
    if name.trim().is_empty() {
        let words = "Give the key a name that says who or what uses it.";
        return Err(Refusal::field("name", "invalid_name", words));
    }
    Ok(name.to_owned())
}

impl NewVirtualKey {
    fn read(self) -> Result<NewKey, Refusal> {
        Ok(NewKey {
            owner: self.owner_id.as_deref().map(owner).transpose()?,
            models: self.models,
            endpoints: self.endpoints,
            expires_at: self.expires_at.map(Timestamp::from_seconds),
            max_budget: self.max_budget.map(budget).transpose()?,
            ..NewKey::named(named(&self.name)?)
        })
    }
}

impl VirtualKeyChange {
    fn read(self) -> Result<KeyChange, Refusal> {
        let patterns = |models: Vec<String>| models.into_iter().map(ModelPattern).collect();
        Ok(KeyChange {
            name: self.name.as_deref().map(named).transpose()?,
            owner: self.owner_id.read(|id| owner(&id))?.change(),
            models: self.models.or_empty().map(patterns),
            endpoints: self.endpoints.or_empty().map(|names| checked_endpoints(&names)).transpose()?,
            expires_at: self.expires_at.map(Timestamp::from_seconds).change(),
            max_budget: self.max_budget.read(budget)?.change(),
            ..KeyChange::default()
        })
    }
}

/// Keys, newest first.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(KeyQuery),
    responses((status = 200, body = VirtualKeyPage)))]
async fn list_keys(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Asked(query): Asked<KeyQuery>,
) -> Answer<Json<VirtualKeyPage>> {
    let permit = &caller.may_manage_keys()?;
    let text = query.query.filter(|text| !text.trim().is_empty());
    let filter = KeyFilter { text, ..KeyFilter::default() };
    let page = Page::new(query.page.unwrap_or(1), PAGE);
    let (views, total) = gateway.list_keys(&filter, page, permit).await?;
    Ok(Json(VirtualKeyPage { items: views.into_iter().map(VirtualKey::from).collect(), total }))
}

/// Makes a key and answers its secret, this once. 400 names the field at fault, 409 `name_taken`.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = NewVirtualKey,
    responses((status = 201, body = CreatedVirtualKey)))]
async fn create_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(new): Body<NewVirtualKey>,
) -> Answer<(StatusCode, Json<CreatedVirtualKey>)> {
    let permit = &caller.may_manage_keys()?;
    let (secret, view) = gateway.mint_key(new.read()?, permit).await?;
    let created = CreatedVirtualKey { key: secret.expose().clone(), item: view.into() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// One key.
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = VirtualKey)))]
async fn get_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<KeyId>,
) -> Answer<Json<VirtualKey>> {
    Ok(Json(gateway.key(&id, &caller.may_manage_keys()?).await?.into()))
}

/// Changes a key. Effective at once. 409 `key_revoked` for one that was revoked.
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    request_body = VirtualKeyChange, responses((status = 200, body = VirtualKey)))]
async fn update_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<KeyId>,
    Body(change): Body<VirtualKeyChange>,
) -> Answer<Json<VirtualKey>> {
    let permit = &caller.may_manage_keys()?;
    Ok(Json(gateway.change_key(&id, change.read()?, permit).await?.into()))
}

/// Ends a key for ever. The next request with it is refused.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204, description = "Revoked")))]
async fn revoke_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<KeyId>,
) -> Answer<StatusCode> {
    gateway.revoke_key(&id, &caller.may_manage_keys()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a key until it is unblocked.
#[utoipa::path(post, path = "/api/v1/keys/{id}/block", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = VirtualKey)))]
async fn block_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<KeyId>,
) -> Answer<Json<VirtualKey>> {
    let change = KeyChange { is_blocked: Some(true), ..KeyChange::default() };
    Ok(Json(gateway.change_key(&id, change, &caller.may_manage_keys()?).await?.into()))
}

/// Lets a blocked key work again.
#[utoipa::path(post, path = "/api/v1/keys/{id}/unblock", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = VirtualKey)))]
async fn unblock_key(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<KeyId>,
) -> Answer<Json<VirtualKey>> {
    let change = KeyChange { is_blocked: Some(false), ..KeyChange::default() };
    Ok(Json(gateway.change_key(&id, change, &caller.may_manage_keys()?).await?.into()))
}
