//! What Open WebUI's interface keeps about a person: one JSON object, `{"ui": {…}}`.

use axum::{Extension, Json, extract::State};
use kernel::{Caller, Kind, Permission, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::switches;
use crate::{
    app::App,
    dialect::Dialect,
    extract::Body,
    refused::Answer,
    table::{Access, Group},
};

/// The most JSON, in bytes.
const MOST: usize = 256 << 10;
/// Where people keep providers of their own, with their keys.
const DIRECT: &str = "directConnections";
/// The same for servers of tools.
const TOOL_SERVERS: &str = "toolServers";
/// Where they say how they want to be told of things.
const NOTICES: &str = "notifications";

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member, routes!(user_settings))
        .route(Access::Member, routes!(update_user_settings))
}

/// A person's settings of the interface.
#[derive(Serialize, Deserialize, ToSchema)]
struct UserSettings {
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>, required = false)]
    ui: Map<String, Value>,
    /// Further fields, kept as they come.
    #[serde(flatten)]
    #[schema(ignore)]
    rest: Map<String, Value>,
}

/// My settings of the interface. Connections of my own are left out while they are switched off.
#[utoipa::path(get, path = "/api/v1/users/user/settings", tag = "users", responses((status = 200, body = Option<UserSettings>)))]
async fn user_settings(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Option<UserSettings>>> {
    let (person, _) = caller.may_use_workspace()?;
    let stored = store::preferences::of(&app.services().db, &person.user).await.map_err(Refusal::from)?;
    let mut settings: Option<UserSettings> = stored.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(settings) = &mut settings
        && !has_direct_connections(&app)
    {
        settings.ui.remove(DIRECT);
    }
    Ok(Json(settings))
}

/// Change my settings of the interface; each top-level field replaces the stored one. Needs
/// `settings.interface`; connections of one's own need `ENABLE_DIRECT_CONNECTIONS`.
#[utoipa::path(post, path = "/api/v1/users/user/settings/update", tag = "users", request_body = UserSettings,
    responses((status = 200, body = UserSettings), (status = 403, description = "`permission_missing`, `feature_disabled`")))]
async fn update_user_settings(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<UserSettings>,
) -> Answer<Json<UserSettings>> {
    let (person, permit) = caller.may_use_workspace()?;
    let rights = &person.rights;
    rights.require(Permission::SettingsInterface)?;
    if wanted.ui.get(DIRECT).is_some_and(|value| !is_empty(value)) {
        switches::require(has_direct_connections(&app), "ENABLE_DIRECT_CONNECTIONS")?;
    }
    if wanted.ui.get(TOOL_SERVERS).is_some_and(|value| !is_empty(value)) {
        rights.require(Permission::FeaturesDirectToolServers)?;
    }
    let webhook = wanted.ui.get(NOTICES).and_then(|notices| notices.get("webhook_url"));
    if webhook.is_some_and(|value| !is_empty(value)) {
        rights.require(Permission::FeaturesWebhooks)?;
    }
    let services = app.services();
    let stored = store::preferences::of(&services.db, &person.user).await.map_err(Refusal::from)?;
    let mut after: UserSettings = stored
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| UserSettings { ui: Map::new(), rest: Map::new() });
    // Replaced field by field, as at Open WebUI; what is kept but switched off stays for later.
    let kept = after.ui.remove(DIRECT).filter(|_| !has_direct_connections(&app));
    after.ui = wanted.ui;
    after.ui.extend(kept.map(|value| (DIRECT.to_owned(), value)));
    after.rest.extend(wanted.rest);
    let text = serde_json::to_string(&after).map_err(|_| Refusal::internal())?;
    if text.len() > MOST {
        let words = "There are at most 256 KiB of settings.";
        return Err(Refusal::new(Kind::Invalid, "too_large", words).into());
    }
    let now = services.world.now();
    store::preferences::set(&services.db, &person.user, &text, now, &permit).await.map_err(Refusal::from)?;
    if !has_direct_connections(&app) {
        after.ui.remove(DIRECT);
    }
    Ok(Json(after))
}

fn has_direct_connections(app: &App) -> bool {
    app.services().settings.load().settings.enable_direct_connections.value
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
