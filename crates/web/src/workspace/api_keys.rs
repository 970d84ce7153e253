//! People's own API keys; Open WebUI's routes for the one key that it knows; and what administrators see of them.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use identity::{Identity, MintedApiKey, WantedChange, WantedLimits};
use kernel::{ApiKeyId, Caller, Denied, Person, Refusal, Timestamp, UserId, World, audit::TargetKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::{At, Body},
    patch::Patch,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member.human(), routes!(list_api_keys))
        .route(Access::Member.fresh(), routes!(create_api_key))
        .route(Access::Member.human().own(), routes!(change_api_key, revoke_api_key))
        .route(Access::Member.human(), routes!(get_default_key, revoke_default_key))
        .route(Access::Member.fresh(), routes!(create_default_key))
        .route(Access::Admin.personal(TargetKind::Account), routes!(list_api_keys_of))
        .route(Access::Admin.human(), routes!(revoke_api_key_of))
}

/// Whether a key works at present.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ApiKeyState {
    Active,
    Expired,
}

/// A person's API key. Empty lists are no limit of their kind. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
struct OwnApiKey {
    id: String,
    name: String,
    /// The first characters of the key.
    prefix: String,
    last_four: String,
    /// `GET /api/models`; `/api/v1/chats/*` with everything below.
    endpoints: Vec<String>,
    /// Names and patterns.
    models: Vec<String>,
    /// Networks.
    addresses: Vec<String>,
    #[schema(required)]
    expires_at: Option<i64>,
    created_at: i64,
    /// To the minute.
    #[schema(required)]
    last_used_at: Option<i64>,
    state: ApiKeyState,
}

impl OwnApiKey {
    fn of(key: kernel::ApiKey, now: Timestamp) -> Self {
        Self {
            state: if key.has_expired(now) { ApiKeyState::Expired } else { ApiKeyState::Active },
            id: key.id.to_string(),
            name: key.name,
            prefix: key.prefix,
            last_four: key.last_four,
            endpoints: key.limits.endpoints.iter().map(ToString::to_string).collect(),
            models: key.limits.models.iter().map(|pattern| pattern.0.clone()).collect(),
            addresses: key.limits.addresses.iter().map(ToString::to_string).collect(),
            expires_at: key.expires_at.map(Timestamp::seconds),
            created_at: key.created_at.seconds(),
            last_used_at: key.last_used_at.map(Timestamp::seconds),
        }
    }
}

/// Keys, newest first.
#[derive(Serialize, ToSchema)]
struct OwnApiKeys {
    items: Vec<OwnApiKey>,
}

impl OwnApiKeys {
    fn of(keys: Vec<kernel::ApiKey>, now: Timestamp) -> Json<Self> {
        Json(Self { items: keys.into_iter().map(|key| OwnApiKey::of(key, now)).collect() })
    }
}

/// A key to be made. Lists that are left out or empty are no limit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    /// 1 to 100 characters.
    name: String,
    /// `GET /api/models`; `/api/v1/chats/*` with everything below.
    #[serde(default)]
    endpoints: Vec<String>,
    /// Names and patterns such as `openai/*`.
    #[serde(default)]
    models: Vec<String>,
    /// Addresses and networks such as `10.20.0.0/16`.
    #[serde(default)]
    addresses: Vec<String>,
    /// Unix seconds; never when it is left out.
    #[serde(default)]
    expires_at: Option<i64>,
}

/// What becomes different. A list that is given replaces the one before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyChanges {
    /// 1 to 100 characters.
    name: Option<String>,
    endpoints: Option<Vec<String>>,
    models: Option<Vec<String>>,
    addresses: Option<Vec<String>>,
    /// Unix seconds; `null` is never.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    expires_at: Patch<i64>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct MadeApiKey {
    /// The key itself, for the only time.
    api_key: String,
    item: OwnApiKey,
}

/// Open WebUI's answer about its one key.
#[derive(Serialize, ToSchema)]
struct DefaultApiKey {
    /// The key itself right after it was made; later only its begin and end.
    api_key: String,
}

fn owner(caller: &Caller) -> Result<&Person, Denied> {
    caller.person().ok_or(Denied::Unauthenticated)
}

/// Your API keys.
#[utoipa::path(get, path = "/api/v1/auths/api_keys", tag = "accounts", responses((status = 200, body = OwnApiKeys)))]
async fn list_api_keys(
    State(identity): State<Identity>,
    State(world): State<World>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<OwnApiKeys>> {
    Ok(OwnApiKeys::of(identity.api_keys(&owner(&caller)?.user).await?, world.now()))
}

/// Make an API key. It acts for you, within your rights at that moment and within its limits.
#[utoipa::path(post, path = "/api/v1/auths/api_keys", tag = "accounts", request_body = NewApiKey, responses(
    (status = 201, body = MadeApiKey),
    (status = 400, description = "`invalid_name`, `invalid_limit`, `too_many`, `not_in_the_future`"),
    (status = 403, description = "`feature_disabled`, `permission_missing`, `step_up_required`"),
    (status = 409, description = "`too_many`: there are 50 already"),
))]
async fn create_api_key(
    State(identity): State<Identity>,
    State(world): State<World>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewApiKey>,
) -> Answer<(StatusCode, Json<MadeApiKey>)> {
    let limits = WantedLimits {
        endpoints: Some(new.endpoints),
        models: Some(new.models),
        addresses: Some(new.addresses),
    };
    let expires_at = new.expires_at.map(Timestamp::from_seconds);
    let made = identity.make_api_key(owner(&caller)?, &new.name, limits, expires_at, &caller).await?;
    let MintedApiKey { secret, key } = made;
    let made = MadeApiKey { api_key: secret.expose().clone(), item: OwnApiKey::of(key, world.now()) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change an API key of yours. What lets it do more needs a fresh proof that it is you.
#[utoipa::path(patch, path = "/api/v1/auths/api_keys/{id}", tag = "accounts", params(("id" = String, Path)),
    request_body = ApiKeyChanges, responses(
        (status = 200, body = OwnApiKey),
        (status = 400, description = "`invalid_name`, `invalid_limit`, `too_many`, `not_in_the_future`"),
        (status = 403, description = "`step_up_required`"),
        (status = 404, description = "You have no such key"),
    ))]
async fn change_api_key(
    State(identity): State<Identity>,
    State(world): State<World>,
    Extension(caller): Extension<Caller>,
    At(id): At<ApiKeyId>,
    Body(changes): Body<ApiKeyChanges>,
) -> Answer<Json<OwnApiKey>> {
    let ApiKeyChanges { name, endpoints, models, addresses, expires_at } = changes;
    let wanted = WantedChange {
        name,
        limits: WantedLimits { endpoints, models, addresses },
        expires_at: expires_at.map(Timestamp::from_seconds).change(),
    };
    let key = identity.change_api_key(owner(&caller)?, &id, wanted, &caller).await?;
    Ok(Json(OwnApiKey::of(key, world.now())))
}

/// End an API key of yours for ever.
#[utoipa::path(delete, path = "/api/v1/auths/api_keys/{id}", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 204, description = "It is over"), (status = 404, description = "You have no such key"),
))]
async fn revoke_api_key(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<ApiKeyId>,
) -> Answer<StatusCode> {
    identity.revoke_api_key(&owner(&caller)?.user, &id, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The begin and end of your key called `default`, the one that Open WebUI knows.
#[utoipa::path(get, path = "/api/v1/auths/api_key", tag = "accounts", responses(
    (status = 200, body = DefaultApiKey), (status = 404, description = "There is none"),
))]
async fn get_default_key(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<DefaultApiKey>> {
    let keys = identity.default_keys(&owner(&caller)?.user).await?;
    let key = keys.first().ok_or_else(|| Refusal::not_found("API key"))?;
    Ok(Json(DefaultApiKey { api_key: format!("{}****{}", key.prefix, key.last_four) }))
}

/// Make the key called `default`, in place of the one before.
#[utoipa::path(post, path = "/api/v1/auths/api_key", tag = "accounts", responses(
    (status = 200, body = DefaultApiKey),
    (status = 403, description = "`feature_disabled`, `permission_missing`, `step_up_required`"),
    (status = 409, description = "`too_many`: there are 50 already"),
))]
async fn create_default_key(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<DefaultApiKey>> {
    let made = identity.make_default_key(owner(&caller)?, &caller).await?;
    Ok(Json(DefaultApiKey { api_key: made.secret.expose().clone() }))
}

/// End the key called `default`.
#[utoipa::path(delete, path = "/api/v1/auths/api_key", tag = "accounts", responses(
    (status = 200, body = bool, description = "`true`, also when there was none"),
))]
async fn revoke_default_key(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<bool>> {
    let owner = &owner(&caller)?.user;
    for key in identity.default_keys(owner).await? {
        identity.revoke_api_key(owner, &key.id, &caller).await?;
    }
    Ok(Json(true))
}

/// Somebody's API keys, for administrators.
#[utoipa::path(get, path = "/api/v1/users/{id}/api_keys", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = OwnApiKeys),
))]
async fn list_api_keys_of(
    State(identity): State<Identity>,
    State(world): State<World>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<OwnApiKeys>> {
    caller.may_manage_users()?;
    Ok(OwnApiKeys::of(identity.api_keys(&id).await?, world.now()))
}

/// End somebody's API key for ever.
#[utoipa::path(delete, path = "/api/v1/users/{id}/api_keys/{key_id}", tag = "users",
    params(("id" = String, Path), ("key_id" = String, Path)), responses(
        (status = 204, description = "It is over"), (status = 404, description = "There is no such key"),
    ))]
async fn revoke_api_key_of(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At((id, key)): At<(UserId, ApiKeyId)>,
) -> Answer<StatusCode> {
    caller.may_manage_users()?;
    identity.revoke_api_key(&id, &key, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
