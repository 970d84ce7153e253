//! Where a person is signed in and with what, for administrators who help out.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use identity::Identity;
use kernel::{Caller, UserId, audit::TargetKind};
use utoipa_axum::routes;

use super::auths::sessions::{SignedInSession, SignedInSessions};
use crate::{
    dialect::Dialect,
    extract::At,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.personal(TargetKind::Account), routes!(sessions_of_user))
        .route(Access::Admin.fresh(), routes!(reset_second_factor))
}

/// Where a person is signed in, the last used place first.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = SignedInSessions), (status = 404, description = "There is no such account"),
))]
async fn sessions_of_user(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<SignedInSessions>> {
    let sessions = identity.sessions_of(&id, &caller.may_manage_users()?).await?;
    let items = sessions
        .into_iter()
        .map(|session| SignedInSession::of(session, caller.person().and_then(|person| person.session())))
        .collect();
    Ok(Json(SignedInSessions { items }))
}

/// Take every second factor of a person away, and end every session: for somebody who lost their devices. Nothing
/// happens when there is none.
#[utoipa::path(post, path = "/api/v1/users/{id}/second-factor/reset", tag = "users", params(("id" = String, Path)), responses(
    (status = 204, description = "The password alone signs in now"), (status = 404, description = "There is no such account"),
))]
async fn reset_second_factor(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<StatusCode> {
    identity.reset_factors(&id, &caller.may_manage_users()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
