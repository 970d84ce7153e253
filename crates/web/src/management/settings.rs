//! Settings: what is in force and where it comes from, and what administrators store.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use kernel::{Caller, Kind, ManageSettings, Permit, Refusal, Secret};
use serde::Serialize;
use serde_json::Value;
use settings::{Live, Problem, Row, Source};
use store::Db;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::App,
    dialect::Dialect,
    extract::{Body, each_once},
    refused::{Answer, Refused},
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin, routes!(list_settings))
        .route(Access::Admin.fresh(), routes!(update_settings))
}

/// One setting.
#[derive(Serialize, ToSchema)]
struct Setting {
    /// The environment variable.
    name: &'static str,
    /// In force; of a secret the fingerprint.
    #[schema(value_type = Value)]
    value: Value,
    source: SettingSource,
    /// It cannot be stored at present, e.g. because the environment sets it.
    locked: bool,
    /// When nobody sets it.
    #[schema(value_type = Value)]
    default: Value,
    /// What it is for.
    doc: String,
    /// The heading of the manual under which it stands.
    group: &'static str,
    secret: bool,
    /// A change takes effect at the next start.
    needs_restart: bool,
    /// `boolean`, `number`, `duration`, `size`, `choice`, `text`, `secret` or `prices`.
    kind: &'static str,
    /// The words of a `choice`.
    choices: Vec<&'static str>,
}

/// Where a value comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SettingSource {
    /// Nobody sets it.
    Default,
    /// The environment or the `.env` file.
    Environment,
    /// An administrator stored it.
    Stored,
}

/// All settings.
#[derive(Serialize, ToSchema)]
struct SettingList {
    items: Vec<Setting>,
}

/// Settings by name; `null` forgets what was stored.
#[derive(serde::Deserialize, ToSchema)]
#[serde(transparent)]
struct SettingChanges(#[serde(deserialize_with = "each_once")] BTreeMap<String, Value>);

impl From<Row> for Setting {
    fn from(row: Row) -> Self {
        Self {
            name: row.name,
            value: row.value,
            source: match row.source {
                Source::Default => SettingSource::Default,
                Source::Environment(_) | Source::File(_) => SettingSource::Environment,
                Source::Stored => SettingSource::Stored,
            },
            locked: row.is_locked,
            default: row.default,
            doc: row.doc,
            group: row.group,
            secret: row.is_secret,
            needs_restart: row.needs_restart,
            kind: row.kind,
            choices: row.choices.to_vec(),
        }
    }
}

fn list(app: &App) -> SettingList {
    let services = app.services();
    let fingerprint =
        |secret: &Secret<String>| Value::String(services.gateway.fingerprint(secret).fingerprint);
    let rows = services.settings.load().settings.rows(&fingerprint);
    SettingList { items: rows.into_iter().map(Setting::from).collect() }
}

pub(crate) fn refusal(problem: &Problem, field: &str) -> Refusal {
    let (kind, code) = match problem {
        Problem::Locked(_) => (Kind::Conflict, "set_by_environment"),
        Problem::EnvironmentOnly(_) => (Kind::Conflict, "environment_only"),
        Problem::Unknown { .. } => (Kind::Invalid, "unknown_setting"),
        _ => (Kind::Invalid, "invalid_setting"),
    };
    Refusal { field: Some(field.to_owned().into()), ..Refusal::new(kind, code, format!("{problem}.")) }
}

/// All settings with the value in force.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", responses((status = 200, body = SettingList)))]
async fn list_settings(caller: Extension<Caller>, State(app): State<App>) -> Answer<Json<SettingList>> {
    caller.may_manage_settings()?;
    Ok(Json(list(&app)))
}

/// Stores settings, all of them or none. 409 `set_by_environment` for one that the environment sets,
/// `environment_only` for one that may only be set there.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "settings", request_body = SettingChanges,
    responses((status = 200, body = SettingList)))]
async fn update_settings(
    caller: Extension<Caller>,
    State(app): State<App>,
    Body(SettingChanges(asked)): Body<SettingChanges>,
) -> Answer<Json<SettingList>> {
    let permit = &caller.may_manage_settings()?;
    let services = app.services();
    let mut changes = Vec::with_capacity(asked.len());
    for (name, value) in &asked {
        let text = services.settings.load().settings.storable(name, value);
        changes.push((name.as_str(), text.map_err(|problem| refusal(&problem, name))?));
    }
    let _alone = app.change_settings().await;
    store_together(&services.db, &services.settings, &changes, services.world.now(), permit).await?;
    Ok(Json(list(&app)))
}

/// Settings that are right one by one may be wrong together, so they are tried together before they are stored.
pub(crate) async fn store_together(
    db: &Db,
    live: &Live,
    changes: &[(&str, Option<String>)],
    now: kernel::Timestamp,
    permit: &Permit<ManageSettings>,
) -> Result<(), Refused> {
    let before = store::settings::all(db).await.map_err(Refusal::from)?;
    let mut after = before.clone();
    for (name, text) in changes {
        match text {
            Some(text) => after.insert((*name).to_owned(), text.clone()),
            None => after.remove(*name),
        };
    }
    live.replace_stored(&after).map_err(|problems| {
        let words: Vec<String> = problems.iter().map(|problem| format!("{problem}.")).collect();
        Refusal::new(Kind::Invalid, "invalid_setting", words.join(" "))
    })?;
    let rows: Vec<(&str, Option<&str>)> =
        changes.iter().map(|(name, text)| (*name, text.as_deref())).collect();
    if let Err(error) = store::settings::apply(db, &rows, now, permit).await {
        if live.replace_stored(&before).is_err() {
            tracing::error!("the settings that were in force before a failed change no longer fit together");
        }
        return Err(Refusal::from(error).into());
    }
    Ok(())
}
