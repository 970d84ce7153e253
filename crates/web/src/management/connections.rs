//! Connections to providers: list, add, edit, order, remove, try, refresh. A key goes in and never comes out.

use axum::{Extension, Json, extract::State};
use gateway::{ConnectionView, Gateway, Trial};
use http::StatusCode;
use kernel::{BaseUrl, Caller, ConnectionId, KeyTail, ManageConnections, Permit, Secret};
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
        .route(Access::Admin, routes!(list_connections))
        .route(Access::Admin.fresh(), routes!(create_connection))
        .route(Access::Admin, routes!(order_connections))
        .route(Access::Admin, routes!(probe_connection))
        .route(Access::Admin.fresh(), routes!(update_connection, delete_connection))
        .route(Access::Admin, routes!(test_connection))
        .route(Access::Admin, routes!(refresh_connection))
}

/// A connection to a provider. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
struct Connection {
    #[schema(value_type = String)]
    id: ConnectionId,
    name: String,
    base_url: String,
    kind: ConnectionKind,
    source: ConnectionSource,
    enabled: bool,
    /// The first connection that offers a model serves it.
    position: i64,
    /// Put before the provider's model names, with a slash.
    #[schema(required)]
    prefix: Option<String>,
    #[schema(required)]
    key: Option<KeyMark>,
    models: ListedModels,
    created_at: i64,
    updated_at: i64,
}

/// What speaks at the other end.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ConnectionKind {
    /// A provider with OpenAI's API.
    OpenAi,
    /// The demo provider inside the binary.
    Demo,
}

/// Where a connection was configured.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConnectionSource {
    /// By the environment, which wins over anything sent here.
    Environment,
    /// By an administrator.
    Stored,
}

/// What may be shown of a stored secret.
#[derive(Serialize, ToSchema)]
struct KeyMark {
    /// The same secret has the same fingerprint.
    fingerprint: String,
    last_four: String,
}

/// The models that a provider lists.
#[derive(Serialize, ToSchema)]
struct ListedModels {
    count: usize,
    /// When the provider last answered.
    #[schema(required)]
    fetched_at: Option<i64>,
    /// Why the connection cannot be used, or why the last attempt failed.
    #[schema(required)]
    error: Option<String>,
}

/// All connections in their order.
#[derive(Serialize, ToSchema)]
struct ConnectionList {
    items: Vec<Connection>,
    /// Connections may have these base URLs and what is below them.
    allowed_base_urls: Vec<String>,
}

/// A connection to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewConnection {
    /// The provider's name when left out.
    name: Option<String>,
    base_url: String,
    api_key: Option<String>,
    prefix: Option<String>,
    /// True when left out.
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionChange {
    #[schema(nullable = false)]
    name: Option<String>,
    /// Another base URL clears the key unless `api_key` comes with it.
    #[schema(nullable = false)]
    base_url: Option<String>,
    /// `null` clears the key.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    api_key: Patch<String>,
    /// `null` clears the prefix.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    prefix: Patch<String>,
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// The connections in the order that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionOrder {
    /// Those that are not named follow in their old order.
    #[schema(value_type = Vec<String>)]
    ids: Vec<ConnectionId>,
}

/// A base URL and a key to try before they are stored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionProbe {
    base_url: String,
    api_key: Option<String>,
}

/// What came of trying a connection.
#[derive(Serialize, ToSchema)]
struct ConnectionTest {
    ok: bool,
    /// The provider's status, when it answered.
    #[schema(required)]
    status: Option<u16>,
    /// How many models it lists.
    #[schema(required)]
    models: Option<usize>,
    milliseconds: u64,
    /// A sentence for the reader.
    message: String,
}

impl From<kernel::ConnectionSource> for ConnectionSource {
    fn from(source: kernel::ConnectionSource) -> Self {
        match source {
            kernel::ConnectionSource::Environment => Self::Environment,
            kernel::ConnectionSource::Stored => Self::Stored,
        }
    }
}

impl From<ConnectionView> for Connection {
    fn from(view: ConnectionView) -> Self {
        Self {
            id: view.id,
            name: view.name,
            base_url: view.base_url.as_str().to_owned(),
            kind: match view.kind {
                kernel::ConnectionKind::OpenAi => ConnectionKind::OpenAi,
                kernel::ConnectionKind::Demo => ConnectionKind::Demo,
            },
            source: view.source.into(),
            enabled: view.is_enabled,
            position: view.position,
            prefix: view.prefix,
            key: view.key.map(|KeyTail { fingerprint, last_four }| KeyMark { fingerprint, last_four }),
            models: ListedModels {
                count: view.models,
                fetched_at: view.fetched_at.map(kernel::Timestamp::seconds),
                error: view.error,
            },
            created_at: view.created_at.seconds(),
            updated_at: view.updated_at.seconds(),
        }
    }
}

impl From<Trial> for ConnectionTest {
    fn from(trial: Trial) -> Self {
        Self {
            ok: trial.models.is_ok(),
            status: trial.status,
            milliseconds: u64::try_from(trial.took.as_millis()).unwrap_or(u64::MAX),
            message: trial.message(),
            models: trial.models.ok().map(|models| models.len()),
        }
    }
}

fn list(gateway: &Gateway, views: Vec<ConnectionView>, permit: &Permit<ManageConnections>) -> ConnectionList {
    let allowed = gateway.allowed_base_urls(permit);
    ConnectionList {
        items: views.into_iter().map(Connection::from).collect(),
        allowed_base_urls: allowed.iter().map(BaseUrl::as_str).map(str::to_owned).collect(),
    }
}

/// All connections in their order.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections",
    responses((status = 200, body = ConnectionList)))]
async fn list_connections(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
) -> Answer<Json<ConnectionList>> {
    let permit = &caller.may_manage_connections()?;
    let views = gateway.list_connections(permit).await?;
    Ok(Json(list(&gateway, views, permit)))
}

/// Adds a connection and asks it for its models. 400 `base_url_not_allowed`, 409 `duplicate_connection`.
#[utoipa::path(post, path = "/api/v1/connections", tag = "connections", request_body = NewConnection,
    responses((status = 201, body = Connection)))]
async fn create_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(new): Body<NewConnection>,
) -> Answer<(StatusCode, Json<Connection>)> {
    let permit = &caller.may_manage_connections()?;
    let new = gateway::NewConnection {
        name: new.name,
        base_url: new.base_url,
        api_key: new.api_key.map(Secret::new),
        prefix: new.prefix,
        is_enabled: new.enabled,
    };
    Ok((StatusCode::CREATED, Json(gateway.add_connection(new, permit).await?.into())))
}

/// Changes a connection. 409 `set_by_environment` for what the environment decides.
#[utoipa::path(patch, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = ConnectionChange, responses((status = 200, body = Connection)))]
async fn update_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<ConnectionId>,
    Body(change): Body<ConnectionChange>,
) -> Answer<Json<Connection>> {
    let permit = &caller.may_manage_connections()?;
    let change = gateway::ConnectionChange {
        name: change.name,
        base_url: change.base_url,
        api_key: change.api_key.map(Secret::new).change(),
        prefix: change.prefix.change(),
        is_enabled: change.enabled,
    };
    Ok(Json(gateway.change_connection(&id, change, permit).await?.into()))
}

/// Removes a connection. 409 `set_by_environment` for one that the environment names.
#[utoipa::path(delete, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 204, description = "Removed")))]
async fn delete_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<ConnectionId>,
) -> Answer<StatusCode> {
    gateway.remove_connection(&id, &caller.may_manage_connections()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the connections into another order.
#[utoipa::path(post, path = "/api/v1/connections/order", tag = "connections", request_body = ConnectionOrder,
    responses((status = 200, body = ConnectionList)))]
async fn order_connections(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(order): Body<ConnectionOrder>,
) -> Answer<Json<ConnectionList>> {
    let permit = &caller.may_manage_connections()?;
    let views = gateway.order_connections(&order.ids, permit).await?;
    Ok(Json(list(&gateway, views, permit)))
}

/// Tries a base URL and a key before they are stored, by asking for the models.
#[utoipa::path(post, path = "/api/v1/connections/test", tag = "connections", request_body = ConnectionProbe,
    responses((status = 200, body = ConnectionTest)))]
async fn probe_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(probe): Body<ConnectionProbe>,
) -> Answer<Json<ConnectionTest>> {
    let permit = &caller.may_manage_connections()?;
    let key = probe.api_key.map(Secret::new);
    Ok(Json(gateway.try_base_url(&probe.base_url, key, permit).await?.into()))
}

/// Tries a connection as it is stored.
#[utoipa::path(post, path = "/api/v1/connections/{id}/test", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionTest)))]
async fn test_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<ConnectionId>,
) -> Answer<Json<ConnectionTest>> {
    Ok(Json(gateway.try_connection(&id, &caller.may_manage_connections()?).await?.into()))
}

/// Asks the provider for its models now. A provider that fails keeps the list it had; `models.error` says why.
#[utoipa::path(post, path = "/api/v1/connections/{id}/refresh", tag = "connections",
    params(("id" = String, Path)), responses((status = 200, body = Connection)))]
async fn refresh_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    At(id): At<ConnectionId>,
) -> Answer<Json<Connection>> {
    Ok(Json(gateway.refresh_connection(&id, &caller.may_manage_connections()?).await?.into()))
}
