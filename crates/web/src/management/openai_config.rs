//! Open WebUI's own routes for connections, for scripts and clients that know those: one list in, one list
//! out. Inside they are the same services as [`super::connections`]; a key goes in and never comes out.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use gateway::{ArrangeError, ConnectionView, Gateway, Trial, WantedConnection};
use kernel::{Caller, KeyTail, Kind, ManageConnections, Permit, Refusal, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::Live;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{connections::ConnectionSource, settings as stored};
use crate::{
    app::App,
    dialect::Dialect,
    extract::Body,
    inference::OpenAiModels,
    patch::Patch,
    refused::{Answer, Refused},
    table::{Access, Group},
};

/// The setting that the configuration carries along.
const SWITCH: &str = "ENABLE_OPENAI_API";
/// What stands for the hidden part of a key, whatever its length.
const STARS: &str = "********";

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin, routes!(openai_config))
        .route(Access::Admin.fresh(), routes!(update_openai_config))
        .route(Access::Admin, routes!(verify_openai_connection))
}

/// All connections as Open WebUI's clients know them: lists in which the same place is the same connection.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct OpenAiConfig {
    enable_openai_api: bool,
    /// In their order; those of the environment and the demo provider included.
    openai_api_base_urls: Vec<String>,
    openai_api_keys: Vec<MaskedKey>,
    openai_api_keys_metadata: KeysMetadata,
    /// By place, counted from `"0"`.
    openai_api_configs: BTreeMap<String, PlaceConfig>,
    /// Connections may have these base URLs and what is below them.
    openai_allowed_base_urls: Vec<String>,
}

/// What may be shown of a key.
#[derive(Serialize, ToSchema)]
struct MaskedKey {
    has_value: bool,
    /// Stars, and the last four characters of a long key. Empty when there is no key.
    masked: String,
    /// The same key has the same fingerprint on this deployment.
    #[schema(required)]
    fingerprint: Option<String>,
}

/// How keys are kept.
#[derive(Serialize, ToSchema)]
struct KeysMetadata {
    /// Always true.
    persistence_enabled: bool,
    /// Always true: a key is sealed before it is stored.
    encryption_enabled: bool,
    /// How many keys are in the database; those of the environment are not.
    stored_entries: usize,
}

/// One connection beside its URL and key.
#[derive(Serialize, ToSchema)]
struct PlaceConfig {
    enable: bool,
    /// Put before the provider's model names, with a slash; empty for none.
    prefix_id: String,
    /// The same connection on `/api/v1/connections`.
    id: String,
    name: String,
    source: ConnectionSource,
}

/// The connections as they shall be. Entries mean the connection with their base URL, wherever it stands.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct OpenAiConfigUpdate {
    /// Stays when left out.
    enable_openai_api: Option<bool>,
    /// All of them in the order that is wanted: new ones are added, missing ones removed.
    openai_api_base_urls: Vec<String>,
    /// In the order of the base URLs. What is left out stays; what is beyond the last base URL is not read.
    openai_api_keys: Option<GivenKeys>,
    /// By place, counted from `"0"`. What is left out stays, what is not known is not read.
    #[serde(default)]
    #[schema(required = false)]
    openai_api_configs: BTreeMap<String, PlaceChange>,
}

// Untagged, so that what is wrong with it is said without repeating it.
/// Keys by place.
#[derive(Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "the keys must be a list of texts, {\"value\": text}, {\"keep\": true} and null"
)]
enum GivenKeys {
    List(Vec<Option<GivenKey>>),
}

/// What becomes of one key; `null` leaves it alone.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum GivenKey {
    /// The new key; an empty text clears it.
    Text(String),
    /// The same as an object.
    Entry(KeyEntry),
}

/// What becomes of one key. What `GET` shows of it can be sent back and leaves it alone.
#[derive(Deserialize, ToSchema)]
struct KeyEntry {
    /// The new key; an empty text or `null` clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    value: Patch<String>,
    /// True leaves the key alone, false without a value clears it.
    keep: Option<bool>,
}

/// What to change beside URL and key.
#[derive(Default, Deserialize, ToSchema)]
struct PlaceChange {
    enable: Option<bool>,
    /// An empty text or `null` clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    prefix_id: Patch<String>,
}

/// A provider to try before it is stored.
#[derive(Deserialize, ToSchema)]
struct OpenAiProbe {
    url: String,
    /// Empty or left out for a provider that needs none.
    key: Option<String>,
    /// Accepted, and not read.
    #[schema(value_type = Option<Value>)]
    #[expect(dead_code, reason = "described for clients that send it")]
    config: Option<Value>,
}

impl From<Option<KeyTail>> for MaskedKey {
    fn from(key: Option<KeyTail>) -> Self {
        let masked = match &key {
            None => String::new(),
            // The tail of a short key is stars already.
            Some(key) if key.last_four.bytes().all(|byte| byte == b'*') => STARS.to_owned(),
            Some(key) => format!("{STARS}{}", key.last_four),
        };
        Self { has_value: key.is_some(), masked, fingerprint: key.map(|key| key.fingerprint) }
    }
}

impl From<&ConnectionView> for PlaceConfig {
    fn from(view: &ConnectionView) -> Self {
        Self {
            enable: view.is_enabled,
            prefix_id: view.prefix.clone().unwrap_or_default(),
            id: view.id.to_string(),
            name: view.name.clone(),
            source: view.source.into(),
        }
    }
}

impl GivenKey {
    fn change(self) -> Patch<String> {
        let value = match self {
            Self::Text(text) => Patch::Set(text),
            Self::Entry(KeyEntry { keep: Some(true), .. }) => Patch::Keep,
            Self::Entry(KeyEntry { keep: Some(false), value: Patch::Keep }) => Patch::Clear,
            Self::Entry(KeyEntry { value, .. }) => value,
        };
        match value {
            Patch::Set(text) if text.trim().is_empty() => Patch::Clear,
            other => other,
        }
    }
}

impl OpenAiConfigUpdate {
    /// The list as the gateway takes it.
    fn wanted(self) -> Vec<WantedConnection> {
        let Self {
            openai_api_base_urls: urls, openai_api_keys: keys, openai_api_configs: mut configs, ..
        } = self;
        let keys = keys.map_or_else(Vec::new, |GivenKeys::List(keys)| keys);
        let mut keys = keys.into_iter();
        let each = urls.into_iter().enumerate().map(|(place, base_url)| {
            let key = keys.next().flatten().map_or(Patch::Keep, GivenKey::change);
            let config = configs.remove(&place.to_string()).unwrap_or_default();
            WantedConnection {
                base_url,
                api_key: key.map(Secret::new).change(),
                prefix: config.prefix_id.change(),
                is_enabled: config.enable,
            }
        });
        each.collect()
    }
}

fn config(app: &App, views: &[ConnectionView], permit: &Permit<ManageConnections>) -> OpenAiConfig {
    let services = app.services();
    let is_stored =
        |view: &&ConnectionView| view.key.is_some() && view.source == kernel::ConnectionSource::Stored;
    let allowed = services.gateway.allowed_base_urls(permit);
    OpenAiConfig {
        enable_openai_api: services.settings.load().settings.enable_openai_api.value,
        openai_api_base_urls: views.iter().map(|view| view.base_url.to_string()).collect(),
        openai_api_keys: views.iter().map(|view| view.key.clone().into()).collect(),
        openai_api_keys_metadata: KeysMetadata {
            persistence_enabled: true,
            encryption_enabled: true,
            stored_entries: views.iter().filter(is_stored).count(),
        },
        openai_api_configs: views
            .iter()
            .enumerate()
            .map(|(place, view)| (place.to_string(), view.into()))
            .collect(),
        openai_allowed_base_urls: allowed.iter().map(ToString::to_string).collect(),
    }
}

/// In the words that Open WebUI's clients know.
fn not_permitted(url: &str, field: String) -> Refusal {
    let words = format!("OpenAI base URL '{}' is not permitted on this deployment.", url.trim());
    Refusal::field(field, "base_url_not_allowed", words)
}

/// A refusal of the gateway with the name that the input has here.
fn renamed(refusal: Refusal, url: &str, name: impl Fn(&str) -> String) -> Refusal {
    let field = refusal.field.as_deref().map(name);
    match field {
        Some(field) if refusal.code == "base_url_not_allowed" => not_permitted(url, field),
        field => Refusal { field: field.map(Into::into), ..refusal },
    }
}

fn refused(error: ArrangeError, urls: &[String]) -> Refused {
    match error {
        ArrangeError::Other(error) => error.into(),
        ArrangeError::Entry { place, refusal } => {
            let url = urls.get(place).map(String::as_str).unwrap_or_default();
            let name = |field: &str| match field {
                "api_key" => format!("OPENAI_API_KEYS[{place}]"),
                "prefix" => format!("OPENAI_API_CONFIGS.{place}.prefix_id"),
                _ => format!("OPENAI_API_BASE_URLS[{place}]"),
            };
            renamed(refusal, url, name).into()
        }
    }
}

/// The setting as it is to be stored; none when it is in force already. 409 when the environment sets another.
fn switch(settings: &Live, wanted: Option<bool>) -> Result<Option<(&'static str, Option<String>)>, Refusal> {
    let loaded = settings.load();
    let is_other = |wanted: &bool| *wanted != loaded.settings.enable_openai_api.value;
    let Some(wanted) = wanted.filter(is_other) else { return Ok(None) };
    let text = loaded.settings.storable(SWITCH, &Value::Bool(wanted));
    text.map(|text| Some((SWITCH, text))).map_err(|problem| stored::refusal(&problem, SWITCH))
}

/// All connections in Open WebUI's shape; of keys only what may be shown.
#[utoipa::path(get, path = "/openai/config", tag = "connections", responses((status = 200, body = OpenAiConfig)))]
async fn openai_config(caller: Extension<Caller>, State(app): State<App>) -> Answer<Json<OpenAiConfig>> {
    let permit = &caller.may_manage_connections()?;
    let views = app.services().gateway.list_connections(permit).await?;
    Ok(Json(config(&app, &views, permit)))
}

/// Takes over the whole list of connections, or nothing of it. A key stays with its base URL, wherever that
/// stands in the list. 400 `base_url_not_allowed`; 409 `set_by_environment` for a list that leaves out a
/// connection of the environment or changes its key, `duplicate_connection` for one that names a base URL
/// twice without telling them apart by `prefix_id`.
#[utoipa::path(post, path = "/openai/config/update", tag = "connections", request_body = OpenAiConfigUpdate,
    responses((status = 200, body = OpenAiConfig)))]
async fn update_openai_config(
    caller: Extension<Caller>,
    State(app): State<App>,
    Body(update): Body<OpenAiConfigUpdate>,
) -> Answer<Json<OpenAiConfig>> {
    let permit = &caller.may_manage_connections()?;
    let may_set = caller.may_manage_settings()?;
    let services = app.services();
    let switch = switch(&services.settings, update.enable_openai_api)?;
    let urls = update.openai_api_base_urls.clone();
    let arranged = services.gateway.arrange_connections(update.wanted(), permit).await;
    let views = arranged.map_err(|error| refused(error, &urls))?;
    if let Some(change) = switch {
        let now = services.world.now();
        stored::store_together(&services.db, &services.settings, &[change], now, &may_set).await?;
    }
    Ok(Json(config(&app, &views, permit)))
}

/// Tries a base URL and a key by asking for the models, and answers what the provider lists. 400 when the URL
/// is not allowed or the provider does not take the key, 502 when it fails.
#[utoipa::path(post, path = "/openai/verify", tag = "connections", request_body = OpenAiProbe,
    responses((status = 200, body = OpenAiModels)))]
async fn verify_openai_connection(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(probe): Body<OpenAiProbe>,
) -> Answer<Json<OpenAiModels>> {
    let permit = &caller.may_manage_connections()?;
    let key = probe.key.filter(|key| !key.trim().is_empty()).map(Secret::new);
    let tried = gateway.try_base_url(&probe.url, key, permit).await;
    let Trial { models, status, .. } = tried.map_err(|error| {
        let name = |field: &str| if field == "api_key" { "key" } else { "url" }.to_owned();
        renamed(error.into(), &probe.url, name)
    })?;
    let models = models.map_err(|why| match status {
        // Its 401 passed on would say that the administrator's own session is at fault.
        Some(401 | 403) => Refusal::field("key", "provider_auth_error", why),
        Some(200..=299) => Refusal::new(Kind::BadGateway, "provider_bad_answer", why),
        Some(_) => Refusal::new(Kind::BadGateway, "provider_error", why),
        None => Refusal::new(Kind::BadGateway, "provider_unreachable", why),
    })?;
    Ok(Json(models.into_iter().map(Into::into).collect()))
}
