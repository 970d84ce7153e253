//! The second step of a sign-in, the authenticator app, and recovery codes: Open WebUI's paths and fields.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::StatusCode;
use identity::Identity;
use kernel::{Caller, Denied, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Session, go_on, signed_in, strangers};
use crate::{
    app::App,
    client::{Client, OwnPage},
    dialect::Dialect,
    extract::Body,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Public, routes!(verify))
        .route(Access::Public, routes!(recover))
        .route(Access::SignedIn.human(), routes!(status))
        // Also for people on the way in, who show a challenge token; for all others the handlers ask the policy.
        .route(Access::Public, routes!(start_enrolment))
        .route(Access::Public, routes!(confirm_enrolment))
        .route(Access::SignedIn.fresh(), routes!(renew_codes))
        .route(Access::SignedIn.fresh(), routes!(remove))
}

/// The second step of a sign-in.
#[derive(Deserialize, ToSchema)]
struct SecondStep {
    /// From the first step.
    challenge_token: String,
    /// Six digits of the authenticator app, or a recovery code.
    code: String,
}

/// Who begins to set an authenticator app up.
#[derive(Deserialize, ToSchema)]
struct EnrolmentStart {
    /// From the first step of a sign-in; without it the caller must be signed in.
    #[schema(nullable = false)]
    challenge_token: Option<String>,
}

/// The first code of an authenticator app.
#[derive(Deserialize, ToSchema)]
struct EnrolmentCode {
    /// From the first step of a sign-in; without it the caller must be signed in.
    #[schema(nullable = false)]
    challenge_token: Option<String>,
    /// Six digits.
    code: String,
}

/// What to put into an authenticator app. Shown once.
#[derive(Serialize, ToSchema)]
struct AuthenticatorSeed {
    /// Base 32, to type.
    secret: String,
    /// For a QR code.
    otpauth_url: String,
}

/// Codes that stand in for a lost device, each once. Shown once.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// An authenticator app is in force.
#[derive(Serialize, ToSchema)]
struct Enrolled {
    /// Shown once.
    recovery_codes: Vec<String>,
    /// The session that goes on, under a new token.
    session: Session,
}

/// The second factors of the own account.
#[derive(Serialize, ToSchema)]
struct FactorStatus {
    /// A password alone does not sign in.
    enabled: bool,
    /// There is an authenticator app.
    totp: bool,
    /// How many.
    passkeys: u64,
    recovery_codes_left: u64,
    /// `ENABLE_MFA`: everybody needs one.
    required: bool,
}

/// Finish a sign-in with a code of the authenticator app. A code works once.
#[utoipa::path(post, path = "/api/v1/auths/mfa/verify", tag = "accounts", request_body = SecondStep, responses(
    (status = 200, body = Session, description = "Signed in; the cookie `token` is set"),
    (status = 400, description = "`wrong_code`, `challenge_expired`"),
    (status = 429, description = "`too_many_attempts`: ten within a quarter of an hour; see `Retry-After`"),
))]
async fn verify(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    _: OwnPage,
    client: Client,
    Body(form): Body<SecondStep>,
) -> Answer<impl IntoResponse> {
    let code = Secret::new(form.code);
    let view = app.services().identity.verify_code(&form.challenge_token, &code, &strangers(&caller)).await?;
    Ok(signed_in(&app, &view, client))
}

/// Finish a sign-in with a recovery code, which is used up.
#[utoipa::path(post, path = "/api/v1/auths/mfa/recover", tag = "accounts", request_body = SecondStep, responses(
    (status = 200, body = Session, description = "Signed in; the cookie `token` is set"),
    (status = 400, description = "`wrong_code`, `challenge_expired`"),
    (status = 429, description = "`too_many_attempts`: ten recovery codes within a quarter of an hour; see `Retry-After`"),
))]
async fn recover(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    _: OwnPage,
    client: Client,
    Body(form): Body<SecondStep>,
) -> Answer<impl IntoResponse> {
    let code = Secret::new(form.code);
    let view = app.services().identity.recover(&form.challenge_token, &code, &strangers(&caller)).await?;
    Ok(signed_in(&app, &view, client))
}

/// The second factors of the caller.
#[utoipa::path(get, path = "/api/v1/auths/mfa/status", tag = "own account", responses((status = 200, body = FactorStatus)))]
async fn status(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<FactorStatus>> {
    let person = caller.person().ok_or(Denied::Unauthenticated)?;
    let status = identity.factor_status(&person.user).await?;
    Ok(Json(FactorStatus {
        enabled: status.is_enabled(),
        totp: status.factors.has_totp,
        passkeys: status.factors.passkeys,
        recovery_codes_left: status.factors.recovery_codes,
        required: status.is_required,
    }))
}

/// Begin to set an authenticator app up. Nothing changes before its first code is confirmed.
#[utoipa::path(post, path = "/api/v1/auths/mfa/enroll/start", tag = "own account", request_body = EnrolmentStart, responses(
    (status = 200, body = AuthenticatorSeed), (status = 400, description = "`challenge_expired`"),
    (status = 403, description = "`step_up_required`"),
))]
async fn start_enrolment(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    _: OwnPage,
    Body(form): Body<EnrolmentStart>,
) -> Answer<Json<AuthenticatorSeed>> {
    let made = identity.start_authenticator(form.challenge_token.as_deref(), &caller).await?;
    Ok(Json(AuthenticatorSeed {
        secret: made.secret.expose().clone(),
        otpauth_url: made.otpauth_url.expose().clone(),
    }))
}

/// Put the authenticator app into force with its first code. Every other session ends, and this one goes on under a
/// new token, in the cookie `token`; somebody on the way in is signed in.
#[utoipa::path(post, path = "/api/v1/auths/mfa/enroll/confirm", tag = "own account", request_body = EnrolmentCode, responses(
    (status = 200, body = Enrolled), (status = 400, description = "`wrong_code`, `nothing_to_confirm`, `challenge_expired`"),
    (status = 429, description = "`too_many_attempts`"),
))]
async fn confirm_enrolment(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    _: OwnPage,
    client: Client,
    Body(form): Body<EnrolmentCode>,
) -> Answer<impl IntoResponse> {
    let code = Secret::new(form.code);
    let identity = &app.services().identity;
    let made = identity.confirm_authenticator(form.challenge_token.as_deref(), &code, &caller).await?;
    let body =
        Enrolled { recovery_codes: shown(&made.recovery_codes), session: Session::from(&made.session) };
    Ok((go_on(&app, &made.session, client), Json(body)))
}

/// Make new recovery codes. The old ones are void, and all other sessions end.
#[utoipa::path(post, path = "/api/v1/auths/mfa/recovery/codes", tag = "own account", responses(
    (status = 200, body = RecoveryCodes), (status = 400, description = "`no_second_factor`"),
    (status = 403, description = "`step_up_required`"),
))]
async fn renew_codes(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<RecoveryCodes>> {
    let codes = identity.renew_recovery_codes(&caller).await?;
    Ok(Json(RecoveryCodes { recovery_codes: shown(&codes) }))
}

/// Take the authenticator app away. Every other session ends, and this one goes on under a new token, in the cookie
/// `token`.
#[utoipa::path(delete, path = "/api/v1/auths/mfa", tag = "own account", responses(
    (status = 204, description = "Taken away"), (status = 400, description = "`no_second_factor`"),
    (status = 403, description = "`step_up_required`"),
))]
async fn remove(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    client: Client,
) -> Answer<impl IntoResponse> {
    let view = app.services().identity.remove_authenticator(&caller).await?;
    Ok((StatusCode::NO_CONTENT, go_on(&app, &view, client)))
}

fn shown(codes: &[Secret<String>]) -> Vec<String> {
    codes.iter().map(|code| code.expose().clone()).collect()
}
