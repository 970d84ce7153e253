//! The own password, name and picture.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use identity::{Identity, ProfileChange};
use kernel::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::go_on;
use crate::{
    app::App,
    client::Client,
    dialect::Dialect,
    extract::Body,
    refused::Answer,
    table::{Access, Group},
    workspace::users::Role,
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::SignedIn.human(), routes!(update_password))
        .route(Access::SignedIn.human(), routes!(update_profile))
}

/// A new password, by somebody who knows the old one.
#[derive(Deserialize, ToSchema)]
struct PasswordChange {
    /// The present one.
    password: String,
    new_password: String,
}

/// What others see; what is left out stays.
#[derive(Deserialize, ToSchema)]
struct ProfileForm {
    /// 1 to 100 characters.
    name: Option<String>,
    /// A PNG, JPEG, GIF or WebP data URL, or a path on this server; empty for none.
    profile_image_url: Option<String>,
}

/// The own account as it is now.
#[derive(Serialize, ToSchema)]
struct OwnAccount {
    id: String,
    name: String,
    email: String,
    role: Role,
    /// May be empty.
    profile_image_url: String,
}

/// Change the own password. Every other session ends, and this one goes on under a new token, in the cookie `token`.
#[utoipa::path(post, path = "/api/v1/auths/update/password", tag = "own account", request_body = PasswordChange, responses(
    (status = 200, body = bool, description = "`true`; the cookie `token` is set anew"),
    (status = 400, description = "`wrong_password`, `weak_password`"),
    (status = 403, description = "`feature_disabled`: `ENABLE_PASSWORD_CHANGE_FORM` is off; `password_auth_disabled`; `step_up_required` on an account with a second factor"),
    (status = 429, description = "`too_many_attempts`"),
))]
async fn update_password(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    client: Client,
    Body(form): Body<PasswordChange>,
) -> Answer<impl IntoResponse> {
    let identity = &app.services().identity;
    let view = identity.change_password(form.password.into(), form.new_password.into(), &caller).await?;
    Ok((go_on(&app, &view, client), Json(true)))
}

/// Change what others see.
#[utoipa::path(post, path = "/api/v1/auths/update/profile", tag = "own account", request_body = ProfileForm, responses(
    (status = 200, body = OwnAccount), (status = 400, description = "`invalid_name`, `invalid_picture`"),
))]
async fn update_profile(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Body(form): Body<ProfileForm>,
) -> Answer<Json<OwnAccount>> {
    let change =
        ProfileChange { name: form.name.as_deref(), profile_image_url: form.profile_image_url.as_deref() };
    let user = identity.change_profile(change, &caller).await?;
    Ok(Json(OwnAccount {
        id: user.id.to_string(),
        name: user.name,
        email: user.email.as_str().to_owned(),
        role: user.role.into(),
        profile_image_url: user.profile_image_url,
    }))
}
