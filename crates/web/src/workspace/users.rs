//! Accounts, for administrators: Open WebUI's routes and fields.

use axum::{Extension, Json, extract::State};
use identity::{AccountChange, Identity};
use kernel::{Caller, UserId, audit::TargetKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use workspace::Workspace;

use crate::{
    dialect::Dialect,
    extract::{Asked, At, Body},
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.personal(TargetKind::Account), routes!(list_users))
        .route(Access::Admin.fresh(), routes!(update_user))
}

/// What a person may do at large.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Chats and administers.
    Admin,
    /// Chats.
    User,
    /// Waits for an administrator.
    Pending,
}

impl From<kernel::Role> for Role {
    fn from(role: kernel::Role) -> Self {
        match role {
            kernel::Role::Admin => Self::Admin,
            kernel::Role::User => Self::User,
            kernel::Role::Pending => Self::Pending,
        }
    }
}

impl From<Role> for kernel::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::User => Self::User,
            Role::Pending => Self::Pending,
        }
    }
}

/// A person with an account. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    id: String,
    name: String,
    email: String,
    role: Role,
    /// May be empty.
    profile_image_url: String,
    created_at: i64,
    /// To the minute; when the account was made, for somebody who was never seen.
    last_active_at: i64,
}

impl From<kernel::User> for User {
    fn from(user: kernel::User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name,
            email: user.email.as_str().to_owned(),
            role: user.role.into(),
            profile_image_url: user.profile_image_url,
            created_at: user.created_at.seconds(),
            last_active_at: user
                .last_active_at
                .map_or(user.created_at, |at| at.max(user.created_at))
                .seconds(),
        }
    }
}

/// One page of accounts.
#[derive(Serialize, ToSchema)]
pub(super) struct UserPage {
    users: Vec<User>,
    /// Of all pages.
    total: u64,
}

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UserQuery {
    /// From 1; thirty accounts a page.
    page: Option<u32>,
    /// A part of the name or the address.
    query: Option<String>,
}

/// What becomes different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    role: Option<Role>,
    /// 1 to 100 characters.
    name: Option<String>,
}

/// Accounts, oldest first, 30 a page.
#[utoipa::path(get, path = "/api/v1/users/", tag = "users", params(UserQuery), responses((status = 200, body = UserPage)))]
async fn list_users(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<UserQuery>,
) -> Answer<Json<UserPage>> {
    let permit = &caller.may_manage_users()?;
    let (users, total) = identity.users(asked.query.as_deref(), asked.page.unwrap_or(1), permit).await?;
    Ok(Json(UserPage { users: users.into_iter().map(User::from).collect(), total }))
}

/// Change a role or a name. A role counts from the person's next request on.
#[utoipa::path(post, path = "/api/v1/users/{id}/update", tag = "users", params(("id" = String, Path)), request_body = UserChange,
    responses(
        (status = 200, body = User),
        (status = 400, description = "`invalid_name`, or `last_admin`: the last administrator cannot be demoted"),
        (status = 404, description = "There is no such account"),
    ))]
async fn update_user(
    State(identity): State<Identity>,
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
    Body(change): Body<UserChange>,
) -> Answer<Json<User>> {
    let permit = &caller.may_manage_users()?;
    let change = AccountChange { role: change.role.map(Into::into), name: change.name.as_deref() };
    let user = identity.change(&id, change, permit).await?;
    if user.role == kernel::Role::Pending {
        workspace.stop_everything_of(&user.id);
    }
    Ok(Json(user.into()))
}
