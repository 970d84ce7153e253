//! What the UI needs to know before and after sign-in.

use axum::{Extension, Json, extract::State};
use kernel::Caller;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::App,
    dialect::Dialect,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Public, routes!(version))
        .route(Access::Public, routes!(config))
}

/// The running version.
#[derive(Serialize, ToSchema)]
struct Version {
    version: &'static str,
}

/// What the UI needs to show its first page. Strangers learn neither version nor providers from it.
#[derive(Serialize, ToSchema)]
struct AppConfig {
    /// Always `true`: the process serves.
    status: bool,
    /// `WEBUI_NAME`.
    name: String,
    /// No account exists yet: the first sign-up creates the administrator.
    onboarding: bool,
    features: Features,
    /// `DEFAULT_MODELS`: what a new chat uses, separated by commas.
    #[schema(required)]
    default_models: Option<String>,
    default_locale: &'static str,
    /// The built-in demo provider is on. Only told to signed-in people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    demo: Option<bool>,
}

/// What is possible.
#[derive(Serialize, ToSchema)]
struct Features {
    auth: bool,
    /// Somebody without an account may make one.
    enable_signup: bool,
    enable_login_form: bool,
}

/// The running version.
#[utoipa::path(get, path = "/api/version", tag = "operations", responses((status = 200, body = Version)))]
async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}

/// What the UI needs before sign-in.
#[utoipa::path(get, path = "/api/config", tag = "operations", responses((status = 200, body = AppConfig)))]
async fn config(State(app): State<App>, Extension(caller): Extension<Caller>) -> Answer<Json<AppConfig>> {
    let services = app.services();
    let onboarding = !services.identity.has_accounts().await?;
    let enable_signup = onboarding || services.identity.is_sign_up_open().await?;
    let demo = caller.person().map(|_| services.gateway.has_demo());
    let loaded = services.settings.load();
    let settings = &loaded.settings;
    Ok(Json(AppConfig {
        status: true,
        name: settings.webui_name.value.clone(),
        onboarding,
        features: Features { auth: true, enable_signup, enable_login_form: true },
        default_models: settings.default_models.value.clone(),
        default_locale: "en-US",
        demo,
    }))
}
