//! What the UI needs to know before and after sign-in.

use axum::{Extension, Json, extract::State};
use gateway::Asker;
use kernel::{Caller, Role};
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
    /// `DEFAULT_MODELS`: what a new chat uses, separated by commas; of these the ones that this person may use. Only
    /// told to people who are signed in and not pending.
    #[schema(required)]
    default_models: Option<String>,
    default_locale: &'static str,
    /// What people see who wait for an administrator. Only told to signed-in people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ui: Option<Overlay>,
    /// The built-in demo provider is on. Only told to signed-in people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    demo: Option<bool>,
}

/// What people see who wait, in the operator's words; `null` for ours.
#[derive(Serialize, ToSchema)]
struct Overlay {
    #[schema(required)]
    pending_user_overlay_title: Option<String>,
    #[schema(required)]
    pending_user_overlay_content: Option<String>,
}

/// What is possible.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the switches of Open WebUI's answer, one by one"
)]
struct Features {
    auth: bool,
    /// Somebody without an account may make one.
    enable_signup: bool,
    /// People sign in with address and password.
    enable_login_form: bool,
    /// A proxy in front says who somebody is: signing in takes an empty request.
    auth_trusted_header: bool,
    /// People change their own password.
    enable_password_change_form: bool,
    /// New passwords must follow rules of this installation.
    enable_password_validation: bool,
    /// Chats may be shared by link. Only told to signed-in people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enable_community_sharing: Option<bool>,
    /// This person may make API keys and use them. Only told to signed-in people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enable_api_keys: Option<bool>,
}

/// The running version.
#[utoipa::path(get, path = "/api/version", tag = "operations", responses((status = 200, body = Version)))]
async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}

/// Those of these models that the caller may use; a name that is not told cannot be tried.
fn usable(app: &App, caller: &Caller, names: &str) -> Option<String> {
    let person = caller.person().filter(|person| person.role != Role::Pending)?;
    let may_use = |name: &&str| {
        person.credential_reaches(name)
            && app.services().gateway.model_access(Asker::from(person), name).is_some()
    };
    let usable: Vec<&str> = names.split(',').map(str::trim).filter(may_use).collect();
    (!usable.is_empty()).then(|| usable.join(","))
}

/// What the UI needs before sign-in.
#[utoipa::path(get, path = "/api/config", tag = "operations", responses((status = 200, body = AppConfig)))]
async fn config(State(app): State<App>, Extension(caller): Extension<Caller>) -> Answer<Json<AppConfig>> {
    let services = app.services();
    let onboarding = !services.identity.has_accounts().await?;
    let enable_signup = services.identity.is_sign_up_open().await?;
    let person = caller.person();
    let demo = person.map(|_| services.gateway.has_demo());
    let loaded = services.settings.load();
    let settings = &loaded.settings;
    let has_passwords = settings.enable_password_auth.value;
    let is_vouched = loaded.trusted_headers.is_some();
    let features = Features {
        auth: true,
        enable_signup,
        enable_login_form: has_passwords && settings.enable_login_form.value && !is_vouched,
        auth_trusted_header: is_vouched,
        enable_password_change_form: has_passwords && settings.enable_password_change_form.value,
        enable_password_validation: settings.enable_password_validation.value,
        enable_community_sharing: person.map(|_| settings.enable_community_sharing.value),
        enable_api_keys: person.map(|person| services.identity.may_have_api_keys(&person.user, person.role)),
    };
    Ok(Json(AppConfig {
        status: true,
        name: settings.webui_name.value.clone(),
        onboarding,
        features,
        default_models: settings
            .default_models
            .value
            .as_deref()
            .and_then(|names| usable(&app, &caller, names)),
        default_locale: "en-US",
        ui: person.map(|_| Overlay {
            pending_user_overlay_title: settings.pending_user_overlay_title.value.clone(),
            pending_user_overlay_content: settings.pending_user_overlay_content.value.clone(),
        }),
        demo,
    }))
}
