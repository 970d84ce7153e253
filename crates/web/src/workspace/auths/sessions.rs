//! Where somebody is signed in, and ending it.

use axum::{
    Extension, Json,
    extract::State,
    response::{AppendHeaders, IntoResponse},
};
use http::{StatusCode, header::SET_COOKIE};
use identity::Identity;
use kernel::{Caller, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::App,
    client::Client,
    dialect::Dialect,
    extract::{At, Body},
    refused::Answer,
    table::{Access, Group},
    workspace::cookie,
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::SignedIn.human(), routes!(list_sessions))
        .route(Access::SignedIn.human().own(), routes!(end_own_session))
        .route(Access::SignedIn.human(), routes!(sign_out_everywhere))
}

/// One place where somebody is signed in. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInSession {
    id: String,
    created_at: i64,
    /// To the minute.
    last_used_at: i64,
    /// `null` when it has no end.
    #[schema(required)]
    expires_at: Option<i64>,
    /// The address it began from; may be empty.
    address: String,
    /// A few words, e.g. `Firefox on Linux`; may be empty.
    device: String,
    /// The session that asks.
    current: bool,
}

impl SignedInSession {
    /// For its owner, who asks from the session `current`, or for an administrator.
    pub(crate) fn of(session: kernel::Session, current: Option<&SessionId>) -> Self {
        Self {
            current: current == Some(&session.id),
            id: session.id.to_string(),
            created_at: session.created_at.seconds(),
            last_used_at: session.last_used_at.max(session.created_at).seconds(),
            expires_at: session.expires_at.map(kernel::Timestamp::seconds),
            address: session.address,
            device: session.device,
        }
    }
}

/// The places where somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInSessions {
    pub(crate) items: Vec<SignedInSession>,
}

/// Which sessions end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignOutEverywhere {
    /// Leave this one.
    #[serde(default)]
    keep_current: bool,
}

/// How many ended.
#[derive(Serialize, ToSchema)]
struct SignedOut {
    status: bool,
    ended: u64,
}

/// Where the caller is signed in, the last used place first.
#[utoipa::path(get, path = "/api/v1/auths/sessions", tag = "own account", responses((status = 200, body = SignedInSessions)))]
async fn list_sessions(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<SignedInSessions>> {
    let (sessions, current) = identity.own_sessions(&caller).await?;
    let items = sessions.into_iter().map(|session| SignedInSession::of(session, Some(&current))).collect();
    Ok(Json(SignedInSessions { items }))
}

/// End one of the own sessions, at once and everywhere.
#[utoipa::path(delete, path = "/api/v1/auths/sessions/{id}", tag = "own account", params(("id" = String, Path)),
    responses((status = 204, description = "Ended"), (status = 404, description = "The caller has no such session")))]
async fn end_own_session(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<SessionId>,
) -> Answer<StatusCode> {
    identity.end_own_session(&id, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all sessions of the caller, and what runs for them; or all but this one.
#[utoipa::path(post, path = "/api/v1/auths/signout/all", tag = "own account", request_body = SignOutEverywhere,
    responses((status = 200, body = SignedOut)))]
async fn sign_out_everywhere(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    client: Client,
    Body(form): Body<SignOutEverywhere>,
) -> Answer<impl IntoResponse> {
    let services = app.services();
    if form.keep_current {
        let ended = services.identity.end_other_sessions(&caller).await?;
        return Ok(Json(SignedOut { status: true, ended }).into_response());
    }
    let ended = services.identity.end_every_session(&caller).await?;
    let cleared = cookie::clear(services.settings.load().cookie, client);
    Ok((AppendHeaders([(SET_COOKIE, cleared)]), Json(SignedOut { status: true, ended })).into_response())
}
