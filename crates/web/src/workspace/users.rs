//! Accounts, for administrators: Open WebUI's routes and fields. And who else is here, for members.

use std::collections::HashSet;

use axum::{Extension, Json, extract::State};
use gateway::Gateway;
use http::StatusCode;
use identity::{AccountChange, Filter, Identity, Order, Sorting, Standing, Within};
use kernel::{Caller, SessionId, UserId, World, audit::TargetKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::{Asked, At, Body},
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.personal(TargetKind::Account), routes!(list_users))
        .route(Access::Admin.personal(TargetKind::Account), routes!(all_users))
        .route(Access::Member.personal(TargetKind::Account), routes!(search_users))
        .route(Access::Admin.personal(TargetKind::Account), routes!(get_user))
        .route(Access::Admin.fresh(), routes!(delete_user))
        .route(Access::Member.personal(TargetKind::Account), routes!(user_info))
        .route(Access::Admin.human(), routes!(update_user))
        .route(Access::Admin, routes!(end_sessions))
        .route(Access::Admin, routes!(end_session))
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
    /// Whether the person may sign in.
    is_active: bool,
    /// Whether there is a password to sign in with.
    has_password: bool,
    /// Whether something besides the password is asked for at a sign-in.
    second_factor: bool,
    /// The groups whose rights the person has, those above the own ones included.
    group_ids: Vec<String>,
}

impl User {
    /// What administrators see of a person; `holders` are those who have a second factor.
    pub(super) fn of(user: kernel::User, holders: &HashSet<UserId>, identity: &Identity) -> Self {
        let rights = identity.rights_of(&user.id, user.role);
        let last_active_at = user.last_active_at.map_or(user.created_at, |at| at.max(user.created_at));
        Self {
            group_ids: rights.groups().iter().map(ToString::to_string).collect(),
            is_active: user.is_active(),
            has_password: user.password.is_some(),
            second_factor: holders.contains(&user.id),
            id: user.id.to_string(),
            name: user.name,
            email: user.email.as_str().to_owned(),
            role: user.role.into(),
            profile_image_url: user.profile_image_url,
            created_at: user.created_at.seconds(),
            last_active_at: last_active_at.seconds(),
        }
    }
}

/// One page of accounts.
#[derive(Serialize, ToSchema)]
struct UserPage {
    users: Vec<User>,
    /// Of all pages.
    total: u64,
}

/// Which accounts, in which order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UserQuery {
    /// From 1; thirty accounts a page.
    page: Option<u32>,
    /// A part of the name or the address.
    query: Option<String>,
    /// The oldest first when it is left out.
    #[param(inline)]
    order_by: Option<UserOrder>,
    #[param(inline)]
    direction: Option<Direction>,
    role: Option<Role>,
    #[param(inline)]
    state: Option<UserState>,
}

/// By what accounts are sorted.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UserOrder {
    Name,
    Email,
    Role,
    CreatedAt,
    LastActiveAt,
}

/// In which direction.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    Desc,
}

/// Whether the person may sign in.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum UserState {
    Active,
    Deactivated,
}

impl UserQuery {
    fn filter(&self) -> Filter<'_> {
        Filter {
            text: self.query.as_deref(),
            within: Within::NamesAndAddresses,
            role: self.role.map(Into::into),
            standing: self.state.map(|state| match state {
                UserState::Active => Standing::Active,
                UserState::Deactivated => Standing::Deactivated,
            }),
        }
    }

    fn order(&self) -> (Order, Sorting) {
        let order = match self.order_by.unwrap_or(UserOrder::CreatedAt) {
            UserOrder::Name => Order::Name,
            UserOrder::Email => Order::Email,
            UserOrder::Role => Order::Role,
            UserOrder::CreatedAt => Order::Age,
            UserOrder::LastActiveAt => Order::LastActive,
        };
        let sorting = match self.direction.unwrap_or(Direction::Asc) {
            Direction::Asc => Sorting::Ascending,
            Direction::Desc => Sorting::Descending,
        };
        (order, sorting)
    }
}

/// Accounts, the oldest first unless asked otherwise, 30 a page.
#[utoipa::path(get, path = "/api/v1/users/", tag = "users", params(UserQuery), responses((status = 200, body = UserPage)))]
async fn list_users(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<UserQuery>,
) -> Answer<Json<UserPage>> {
    let permit = &caller.may_manage_users()?;
    let page = asked.page.unwrap_or(1);
    let (users, total) = identity.users(asked.filter(), asked.order(), page, permit).await?;
    let holders = identity.with_second_factor(&users, permit).await?;
    let listed = users.into_iter().map(|user| User::of(user, &holders, &identity));
    Ok(Json(UserPage { users: listed.collect(), total }))
}

/// A person, as others see them.
#[derive(Serialize, ToSchema)]
struct Colleague {
    id: String,
    name: String,
    /// For administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    role: Role,
}

/// People.
#[derive(Serialize, ToSchema)]
struct ColleaguePage {
    users: Vec<Colleague>,
    /// Of all pages.
    total: u64,
}

impl Colleague {
    fn of(user: kernel::User, seen: Within) -> Self {
        let email = (seen == Within::NamesAndAddresses).then(|| user.email.as_str().to_owned());
        Self { id: user.id.to_string(), name: user.name, email, role: user.role.into() }
    }
}

/// What this caller sees of others.
fn seen_by(caller: &Caller) -> Within {
    if caller.may_manage_users().is_ok() { Within::NamesAndAddresses } else { Within::Names }
}

/// Everybody with an account, oldest first.
#[utoipa::path(get, path = "/api/v1/users/all", tag = "users", responses((status = 200, body = ColleaguePage)))]
async fn all_users(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<ColleaguePage>> {
    let users = identity.all_users(&caller.may_manage_users()?).await?;
    let total = users.len() as u64;
    let seen = seen_by(&caller);
    Ok(Json(ColleaguePage {
        users: users.into_iter().map(|user| Colleague::of(user, seen)).collect(),
        total,
    }))
}

/// Whom to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ColleagueQuery {
    /// From 1; thirty people a page.
    page: Option<u32>,
    /// A part of the name; for administrators of the address, too.
    query: Option<String>,
}

/// People who may sign in, by name, to share something with.
#[utoipa::path(get, path = "/api/v1/users/search", tag = "users", params(ColleagueQuery),
    responses((status = 200, body = ColleaguePage)))]
async fn search_users(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ColleagueQuery>,
) -> Answer<Json<ColleaguePage>> {
    let (_, permit) = caller.may_use_workspace()?;
    let seen = seen_by(&caller);
    let page = asked.page.unwrap_or(1);
    let (users, total) = identity.colleagues(asked.query.as_deref(), seen, page, &permit).await?;
    Ok(Json(ColleaguePage {
        users: users.into_iter().map(|user| Colleague::of(user, seen)).collect(),
        total,
    }))
}

/// One account, with how it is used.
#[derive(Serialize, ToSchema)]
struct UserDetails {
    #[serde(flatten)]
    user: User,
    /// How many sign-ins are not over.
    sessions: u64,
}

/// One account.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = UserDetails), (status = 404, description = "There is no such account"),
))]
async fn get_user(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<UserDetails>> {
    let permit = &caller.may_manage_users()?;
    let (user, sessions) = identity.user_with_sessions(&id, permit).await?;
    let holders = identity.with_second_factor(std::slice::from_ref(&user), permit).await?;
    Ok(Json(UserDetails { user: User::of(user, &holders, &identity), sessions }))
}

/// A person, as other members see them.
#[utoipa::path(get, path = "/api/v1/users/{id}/info", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = Colleague), (status = 404, description = "There is no such account"),
))]
async fn user_info(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<Colleague>> {
    caller.may_use_workspace()?;
    let user = identity.user(&id).await?.ok_or_else(|| kernel::Refusal::not_found("account"))?;
    Ok(Json(Colleague::of(user, seen_by(&caller))))
}

/// What becomes different; what is left out or `null` stays.
#[derive(Deserialize, ToSchema)]
pub(super) struct UserChange {
    /// A lower one ends every session of the account.
    role: Option<Role>,
    /// 1 to 100 characters.
    name: Option<String>,
    /// In any spelling.
    email: Option<String>,
    /// A PNG, JPEG, GIF or WebP data URL, or a path on this server; empty for none.
    profile_image_url: Option<String>,
    /// A new one; every session of the account ends.
    password: Option<String>,
    /// Whether the person may sign in. `false` ends every session, stops every answer and blocks the virtual keys of
    /// the person at once.
    is_active: Option<bool>,
}

impl UserChange {
    /// Whether it decides who gets in, or what they may do.
    const fn opens_or_closes_a_door(&self) -> bool {
        self.role.is_some() || self.email.is_some() || self.password.is_some() || self.is_active.is_some()
    }
}

/// Change an account. A higher role counts from the person's next request on; a lower one ends every session.
#[utoipa::path(post, path = "/api/v1/users/{id}/update", tag = "users", params(("id" = String, Path)), request_body = UserChange,
    responses(
        (status = 200, body = User),
        (status = 400, description = "`invalid_name`, `invalid_email`, `email_taken`, `invalid_picture`, `weak_password`, or `last_admin`: the last administrator cannot be demoted or deactivated"),
        (status = 403, description = "`step_up_required`: a role, an address, a password and `is_active` need a fresh proof"),
        (status = 404, description = "There is no such account"),
    ))]
async fn update_user(
    State(identity): State<Identity>,
    State(gateway): State<Gateway>,
    State(world): State<World>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
    Body(change): Body<UserChange>,
) -> Answer<Json<User>> {
    let permit = &caller.may_manage_users()?;
    if change.opens_or_closes_a_door() {
        caller.is_freshly_proved(world.now())?;
    }
    let change = AccountChange {
        role: change.role.map(Into::into),
        name: change.name.as_deref(),
        email: change.email.as_deref(),
        profile_image_url: change.profile_image_url.as_deref(),
        // Open WebUI's form sends an empty one for "as it is".
        password: change.password.filter(|password| !password.is_empty()).map(Into::into),
        standing: change.is_active.map(
            |is_active| {
                if is_active { Standing::Active } else { Standing::Deactivated }
            },
        ),
    };
    let user = identity.change(&id, change, permit).await?;
    if !user.is_active() {
        keys_were_blocked(&gateway).await;
    }
    let holders = identity.with_second_factor(std::slice::from_ref(&user), permit).await?;
    Ok(Json(User::of(user, &holders, &identity)))
}

/// The virtual keys of who may not sign in do not work any more, from now on rather than from when it is noticed.
async fn keys_were_blocked(gateway: &Gateway) {
    if let Err(error) = gateway.keys_changed().await {
        // It is tried again when the revision is noticed.
        tracing::warn!(%error, "blocked virtual keys could not be read at once");
    }
}

/// Delete an account with its sessions and chats. Its virtual keys stay, blocked and nobody's; what it used stays in
/// the ledger.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = bool, description = "`true`"),
    (status = 400, description = "`last_admin`, or `own_account`: another administrator has to do it"),
    (status = 404, description = "There is no such account"),
))]
async fn delete_user(
    State(identity): State<Identity>,
    State(gateway): State<Gateway>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<bool>> {
    identity.remove(&id, &caller.may_manage_users()?).await?;
    keys_were_blocked(&gateway).await;
    Ok(Json(true))
}

/// End every session of a person at once.
#[utoipa::path(post, path = "/api/v1/users/{id}/sessions/revoke", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = bool, description = "`true`"), (status = 404, description = "There is no such account"),
))]
async fn end_sessions(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<UserId>,
) -> Answer<Json<bool>> {
    identity.end_sessions(&id, &caller.may_manage_users()?).await?;
    Ok(Json(true))
}

/// End one session of a person at once.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions/{session_id}", tag = "users",
    params(("id" = String, Path), ("session_id" = String, Path)), responses(
        (status = 204, description = "It is over"), (status = 404, description = "There is no such session"),
    ))]
async fn end_session(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At((id, session)): At<(UserId, SessionId)>,
) -> Answer<StatusCode> {
    identity.end_session_of(&id, &session, &caller.may_manage_users()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
