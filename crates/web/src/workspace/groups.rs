//! Groups: Open WebUI's routes and fields.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use identity::{GroupForm, Identity, MemberKind};
use kernel::{Caller, Denied, GroupId, PermissionTree, Refusal, User as Account, UserId, audit::TargetKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::groups::CountedGroup;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::users::{Role, User};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{Asked, At, Body},
    patch::Patch,
    refused::Answer,
    table::{Access, Group as Routes},
};

pub(super) fn routes() -> Routes {
    Routes::new(Dialect::Workspace)
        .route(Access::Member, routes!(list_groups))
        .route(Access::Member, routes!(group_info))
        .route(Access::Admin.fresh(), routes!(create_group))
        .route(Access::Admin, routes!(get_group))
        .route(Access::Admin.personal(TargetKind::Group), routes!(export_group))
        .route(Access::Admin.personal(TargetKind::Group), routes!(list_group_users))
        .route(Access::Admin.fresh(), routes!(update_group))
        .route(Access::Admin.fresh(), routes!(add_group_users))
        .route(Access::Admin.fresh(), routes!(remove_group_users))
        .route(Access::Admin.fresh(), routes!(delete_group))
        .route(Access::Admin.personal(TargetKind::Group), routes!(list_group_members))
        .route(Access::Admin, routes!(preview_group))
        .route(Access::Member, routes!(my_groups))
        .route(Access::Admin.personal(TargetKind::Account), routes!(groups_of_user))
}

/// A permission tree: `{"chat":{"delete":true}}`. What is not named is not decided.
type Tree = BTreeMap<String, BTreeMap<String, bool>>;

/// A group of people. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
pub(super) struct Group {
    id: String,
    /// Who made it; empty when the account is gone.
    user_id: String,
    /// The group above it.
    #[schema(required)]
    parent_group_id: Option<String>,
    name: String,
    description: String,
    /// What it decides; only what it allows counts.
    #[schema(required, value_type = Option<Tree>)]
    permissions: Option<PermissionTree>,
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    data: Map<String, Value>,
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    meta: Map<String, Value>,
    created_at: i64,
    updated_at: i64,
    /// Its direct members.
    member_count: u64,
}

impl From<CountedGroup> for Group {
    fn from(counted: CountedGroup) -> Self {
        let CountedGroup { group, members } = counted;
        let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            id: group.id.to_string(),
            user_id: group.creator.map(|user| user.to_string()).unwrap_or_default(),
            parent_group_id: group.parent.map(|parent| parent.to_string()),
            name: group.name,
            description: group.description,
            permissions: group.permissions,
            data: json(&group.data),
            meta: json(&group.meta),
            created_at: group.created_at.seconds(),
            updated_at: group.updated_at.seconds(),
            member_count: members,
        }
    }
}

/// A group as its members see it.
#[derive(Serialize, ToSchema)]
struct GroupInfo {
    id: String,
    name: String,
    description: String,
    member_count: u64,
}

/// A group with the ids of its direct members.
#[derive(Serialize, ToSchema)]
struct GroupExport {
    #[serde(flatten)]
    group: Group,
    user_ids: Vec<String>,
}

/// A new group.
#[derive(Deserialize, ToSchema)]
struct NewGroup {
    /// 1 to 100 characters, unique.
    name: String,
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(required = false)]
    description: String,
    #[serde(default)]
    #[schema(value_type = Option<Tree>)]
    permissions: Option<PermissionTree>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent_group_id: Option<GroupId>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    meta: Option<Map<String, Value>>,
}

/// What becomes different; what is left out stays.
#[derive(Deserialize, ToSchema)]
struct GroupUpdate {
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    description: Option<String>,
    /// Replaces the tree; `null` decides nothing.
    #[serde(default)]
    #[schema(value_type = Option<Tree>)]
    permissions: Patch<PermissionTree>,
    /// `null` hangs it nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent_group_id: Patch<GroupId>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    meta: Option<Map<String, Value>>,
}

/// People by their ids. Ids of nobody are left out.
#[derive(Deserialize, ToSchema)]
struct UserIds {
    /// At most 5000; left out or null is nobody.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    user_ids: Option<Vec<UserId>>,
}

/// A person in a group.
#[derive(Serialize, ToSchema)]
struct GroupUser {
    id: String,
    name: String,
    email: String,
    role: Role,
}

impl From<Account> for GroupUser {
    fn from(user: Account) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name,
            email: user.email.as_str().to_owned(),
            role: user.role.into(),
        }
    }
}

/// Thirty members a page, and how many there are.
#[derive(Serialize, ToSchema)]
struct GroupMembers {
    users: Vec<User>,
    total: u64,
}

/// What the members of a group have by it, and by the groups above it.
#[derive(Serialize, ToSchema)]
struct GroupPreview {
    group: Group,
    /// From the group to the top.
    line: Vec<GroupInfo>,
    /// What the defaults and the whole line allow together.
    #[schema(value_type = Tree)]
    permissions: PermissionTree,
    /// Direct and inherited.
    effective_member_count: u64,
}

/// Which members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MemberQuery {
    /// `direct` (the default), `inherited` (from the groups below it), or `effective` (both).
    #[param(inline)]
    membership: Option<Membership>,
    /// A part of the name or the address.
    query: Option<String>,
    /// From 1; thirty members a page.
    page: Option<u32>,
}

/// Which groups.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GroupQuery {
    /// Also the groups above the direct ones.
    include_inherited: Option<bool>,
}

/// Which members of a group are meant.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Membership {
    Direct,
    Inherited,
    Effective,
}

impl From<Membership> for MemberKind {
    fn from(kind: Membership) -> Self {
        match kind {
            Membership::Direct => Self::Direct,
            Membership::Inherited => Self::Inherited,
            Membership::Effective => Self::Effective,
        }
    }
}

impl GroupQuery {
    fn kind(&self) -> MemberKind {
        if self.include_inherited.unwrap_or(false) { MemberKind::Effective } else { MemberKind::Direct }
    }
}

fn on_wire(groups: Vec<CountedGroup>) -> Vec<Group> {
    groups.into_iter().map(Group::from).collect()
}

fn info(counted: CountedGroup) -> GroupInfo {
    let CountedGroup { group, members } = counted;
    GroupInfo {
        id: group.id.to_string(),
        name: group.name,
        description: group.description,
        member_count: members,
    }
}

/// All groups, for administrators; one's own, for others.
#[utoipa::path(get, path = "/api/v1/groups/", tag = "groups", responses((status = 200, body = [Group])))]
async fn list_groups(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Vec<Group>>> {
    if caller.may_manage_groups().is_ok() {
        return Ok(Json(on_wire(identity.groups().await?)));
    }
    let person = caller.person().ok_or(Denied::NotPermitted)?;
    let mut groups = on_wire(identity.groups_of(&person.user, MemberKind::Direct).await?);
    // What a group decides and who made it is for those who administrate.
    for group in &mut groups {
        group.permissions = None;
        group.user_id.clear();
        group.data.clear();
        group.meta.clear();
    }
    Ok(Json(groups))
}

/// A group of one's own; any, for administrators.
#[utoipa::path(get, path = "/api/v1/groups/id/{id}/info", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = GroupInfo)))]
async fn group_info(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
) -> Answer<Json<GroupInfo>> {
    let is_in = caller.person().is_some_and(|person| person.rights.is_in(&id));
    if !is_in && caller.may_manage_groups().is_err() {
        return Err(Refusal::not_found("group").into());
    }
    Ok(Json(info(identity.group(&id).await?)))
}

/// Make a group. 409 `name_taken`; 400 `invalid_name`, `invalid_parent`.
#[utoipa::path(post, path = "/api/v1/groups/create", tag = "groups", request_body = NewGroup, responses((status = 200, body = Group)))]
async fn create_group(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewGroup>,
) -> Answer<Json<Group>> {
    let form = GroupForm {
        name: Some(new.name),
        description: Some(new.description),
        permissions: Some(new.permissions),
        parent: Some(new.parent_group_id),
        data: new.data,
        meta: new.meta,
    };
    let group = app.services().identity.create_group(form, &caller.may_manage_groups()?).await?;
    Ok(Json(group.into()))
}

/// One group.
#[utoipa::path(get, path = "/api/v1/groups/id/{id}", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = Group)))]
async fn get_group(State(identity): State<Identity>, At(id): At<GroupId>) -> Answer<Json<Group>> {
    Ok(Json(identity.group(&id).await?.into()))
}

/// A group with the ids of its members.
#[utoipa::path(get, path = "/api/v1/groups/id/{id}/export", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = GroupExport)))]
async fn export_group(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
) -> Answer<Json<GroupExport>> {
    let permit = caller.may_manage_groups()?;
    let group = identity.group(&id).await?.into();
    let (people, _) = identity.members(&id, MemberKind::Direct, None, None, &permit).await?;
    let user_ids = people.into_iter().map(|user| user.id.to_string()).collect();
    Ok(Json(GroupExport { group, user_ids }))
}

/// The direct members, by name.
#[utoipa::path(post, path = "/api/v1/groups/id/{id}/users", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = [GroupUser])))]
async fn list_group_users(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
) -> Answer<Json<Vec<GroupUser>>> {
    let permit = caller.may_manage_groups()?;
    let (people, _) = identity.members(&id, MemberKind::Direct, None, None, &permit).await?;
    Ok(Json(people.into_iter().map(GroupUser::from).collect()))
}

/// Members by name, thirty a page.
#[utoipa::path(get, path = "/api/v1/groups/id/{id}/members", tag = "groups", params(("id" = String, Path), MemberQuery), responses((status = 200, body = GroupMembers)))]
async fn list_group_members(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
    Asked(asked): Asked<MemberQuery>,
) -> Answer<Json<GroupMembers>> {
    let kind = asked.membership.map_or(MemberKind::Direct, MemberKind::from);
    let page = Some(asked.page.unwrap_or(1));
    let permit = caller.may_manage_groups()?;
    let (people, total) = identity.members(&id, kind, asked.query.as_deref(), page, &permit).await?;
    let holders = identity.with_second_factor(&people, &caller.may_manage_users()?).await?;
    Ok(Json(GroupMembers {
        users: people.into_iter().map(|user| User::of(user, &holders, &identity)).collect(),
        total,
    }))
}

/// Change a group. In force at its members' next requests.
#[utoipa::path(post, path = "/api/v1/groups/id/{id}/update", tag = "groups", params(("id" = String, Path)), request_body = GroupUpdate,
    responses((status = 200, body = Group), (status = 400, description = "`circle`: the parent hangs below the group")))]
async fn update_group(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
    Body(change): Body<GroupUpdate>,
) -> Answer<Json<Group>> {
    let form = GroupForm {
        name: change.name,
        description: change.description,
        permissions: change.permissions.change(),
        parent: change.parent_group_id.change(),
        data: change.data,
        meta: change.meta,
    };
    let group = app.services().identity.change_group(&id, form, &caller.may_manage_groups()?).await?;
    app.access_changed().await?;
    Ok(Json(group.into()))
}

/// Take people in. In force at their next requests.
#[utoipa::path(post, path = "/api/v1/groups/id/{id}/users/add", tag = "groups", params(("id" = String, Path)), request_body = UserIds, responses((status = 200, body = Group)))]
async fn add_group_users(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
    Body(people): Body<UserIds>,
) -> Answer<Json<Group>> {
    let permit = caller.may_manage_groups()?;
    let group =
        app.services().identity.add_members(&id, &people.user_ids.unwrap_or_default(), &permit).await?;
    app.access_changed().await?;
    Ok(Json(group.into()))
}

/// Let people go. In force at their next requests.
#[utoipa::path(post, path = "/api/v1/groups/id/{id}/users/remove", tag = "groups", params(("id" = String, Path)), request_body = UserIds, responses((status = 200, body = Group)))]
async fn remove_group_users(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
    Body(people): Body<UserIds>,
) -> Answer<Json<Group>> {
    let permit = caller.may_manage_groups()?;
    let group =
        app.services().identity.remove_members(&id, &people.user_ids.unwrap_or_default(), &permit).await?;
    app.access_changed().await?;
    Ok(Json(group.into()))
}

/// Delete a group. What was granted to it is granted to nobody.
#[utoipa::path(delete, path = "/api/v1/groups/id/{id}/delete", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = bool, content_type = "application/json")))]
async fn delete_group(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
) -> Answer<Json<bool>> {
    app.services().identity.delete_group(&id, &caller.may_manage_groups()?).await?;
    app.access_changed().await?;
    Ok(Json(true))
}

/// What membership in a group means.
#[utoipa::path(get, path = "/api/v1/groups/id/{id}/preview", tag = "groups", params(("id" = String, Path)), responses((status = 200, body = GroupPreview)))]
async fn preview_group(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<GroupId>,
) -> Answer<Json<GroupPreview>> {
    let permit = caller.may_manage_groups()?;
    let group = identity.group(&id).await?;
    let line = identity.line_of(&id).await?;
    let granted = line.iter().filter_map(|it| it.group.permissions.as_ref());
    let permissions = granted.fold(identity.default_permissions(), |sum, tree| sum.or(tree.granted())).tree();
    let (_, effective_member_count) =
        identity.members(&id, MemberKind::Effective, None, Some(1), &permit).await?;
    let line = line.into_iter().map(info).collect();
    Ok(Json(GroupPreview { group: group.into(), line, permissions, effective_member_count }))
}

/// My groups.
#[utoipa::path(get, path = "/api/v1/users/groups", tag = "groups", params(GroupQuery), responses((status = 200, body = [GroupInfo])))]
async fn my_groups(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<GroupQuery>,
) -> Answer<Json<Vec<GroupInfo>>> {
    let person = caller.person().ok_or(Denied::NotPermitted)?;
    let groups = identity.groups_of(&person.user, asked.kind()).await?;
    Ok(Json(groups.into_iter().map(info).collect()))
}

/// The groups of a person.
#[utoipa::path(get, path = "/api/v1/users/{id}/groups", tag = "groups", params(("id" = String, Path), GroupQuery), responses((status = 200, body = [Group])))]
async fn groups_of_user(
    State(identity): State<Identity>,
    At(id): At<UserId>,
    Asked(asked): Asked<GroupQuery>,
) -> Answer<Json<Vec<Group>>> {
    identity.user(&id).await?.ok_or_else(|| Refusal::not_found("account"))?;
    Ok(Json(on_wire(identity.groups_of(&id, asked.kind()).await?)))
}
