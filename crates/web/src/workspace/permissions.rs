//! What people may do: the defaults for everybody, one's own rights, and "what can this person do, and why".

use axum::{Extension, Json, extract::State};
use gateway::{Asker, Gateway, ModelReason};
use identity::{Because, Identity, MemberKind};
use kernel::{
    Caller, Denied, Permission, PermissionSet, PermissionTree, Reason, Refusal, UserId, audit::TargetKind,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::groups::CountedGroup;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::App,
    dialect::Dialect,
    extract::{At, Body},
    management::settings as change_settings,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member, routes!(my_permissions))
        .route(Access::Admin, routes!(default_permissions))
        .route(Access::Admin.fresh(), routes!(update_default_permissions))
        .route(Access::Admin, routes!(built_in_permissions))
        .route(Access::Admin.personal(TargetKind::Account), routes!(access_of_user))
}

/// Open WebUI's permission tree: `{"chat":{"delete":true}}`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = BTreeMap<String, BTreeMap<String, bool>>)]
pub(super) struct Permissions(pub(super) PermissionTree);

/// What I may do at this moment.
#[utoipa::path(get, path = "/api/v1/users/permissions", tag = "permissions", responses((status = 200, body = Permissions)))]
async fn my_permissions(Extension(caller): Extension<Caller>) -> Answer<Json<Permissions>> {
    let person = caller.person().ok_or(Denied::NotPermitted)?;
    Ok(Json(Permissions(person.rights.permissions.tree())))
}

/// What everybody may do unless a group gives more: the settings `USER_PERMISSIONS_...` that are in force.
#[utoipa::path(get, path = "/api/v1/users/default/permissions", tag = "permissions", responses((status = 200, body = Permissions)))]
async fn default_permissions(State(identity): State<Identity>) -> Json<Permissions> {
    Json(Permissions(identity.default_permissions().tree()))
}

/// What they are when nobody decides anything.
#[utoipa::path(get, path = "/api/v1/users/default/permissions/defaults", tag = "permissions", responses((status = 200, body = Permissions)))]
async fn built_in_permissions() -> Json<Permissions> {
    let built_in: PermissionSet = Permission::ALL.iter().copied().filter(|it| it.default()).collect();
    Json(Permissions(built_in.tree()))
}

/// Change what everybody may do; what is left out stays. In force at everybody's next request. 409
/// `set_by_environment` for what the environment decides.
#[utoipa::path(post, path = "/api/v1/users/default/permissions", tag = "permissions", request_body = Permissions, responses((status = 200, body = Permissions)))]
async fn update_default_permissions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(Permissions(wanted)): Body<Permissions>,
) -> Answer<Json<Permissions>> {
    let permit = caller.may_manage_settings()?;
    let services = app.services();
    let _alone = app.change_settings().await;
    let in_force = services.identity.default_permissions();
    let mut changes = Vec::new();
    for (permission, answer) in wanted.iter().filter(|(it, answer)| in_force.has(*it) != *answer) {
        let name = permission.variable();
        let text = services.settings.load().settings.storable(name, &Value::Bool(answer));
        changes.push((name, text.map_err(|problem| change_settings::refusal(&problem, permission.path()))?));
    }
    if !changes.is_empty() {
        change_settings::store_together(
            &services.db,
            &services.settings,
            &changes,
            services.world.now(),
            &permit,
        )
        .await?;
    }
    Ok(Json(Permissions(services.identity.default_permissions().tree())))
}

/// What a person may do, and why.
#[derive(Serialize, ToSchema)]
struct UserAccess {
    /// In the order of the tree.
    permissions: Vec<PermissionAnswer>,
    /// The person's groups, those above them included.
    groups: Vec<NamedGroup>,
    /// Every model on offer, whether or not the person sees it.
    models: Vec<ModelAnswer>,
}

/// One permission.
#[derive(Serialize, ToSchema)]
struct PermissionAnswer {
    /// For example `chat.delete`.
    path: &'static str,
    /// What it lets people do.
    meaning: &'static str,
    allowed: bool,
    /// Everything that would give it alone; `default` or `environment` when nothing does.
    because: Vec<Cause>,
}

/// One model.
#[derive(Serialize, ToSchema)]
struct ModelAnswer {
    id: String,
    name: String,
    allowed: bool,
    because: Vec<Cause>,
}

/// What decides.
#[derive(Serialize, ToSchema)]
struct Cause {
    kind: CauseKind,
    /// The group that gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group: Option<NamedGroup>,
}

/// Kinds of causes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CauseKind {
    /// The role.
    Admin,
    /// What holds for everybody about whom nobody decided: a stored setting, or what is built in.
    Default,
    /// The environment decides for everybody.
    Environment,
    /// A group gives it.
    Group,
    /// A grant names the person.
    Grant,
    /// A grant names everybody.
    Everybody,
    /// `BYPASS_MODEL_ACCESS_CONTROL`.
    Bypass,
}

/// A group.
#[derive(Clone, Serialize, ToSchema)]
struct NamedGroup {
    id: String,
    name: String,
}

/// What a person may do, and why.
#[utoipa::path(get, path = "/api/v1/users/{id}/access", tag = "permissions", params(("id" = String, Path)),
    responses((status = 200, body = UserAccess), (status = 404, description = "There is no such account")))]
async fn access_of_user(
    State(identity): State<Identity>,
    State(gateway): State<Gateway>,
    At(id): At<UserId>,
) -> Answer<Json<UserAccess>> {
    let user = identity.user(&id).await?.ok_or_else(|| Refusal::not_found("account"))?;
    let groups = Names(identity.groups_of(&id, MemberKind::Effective).await?);
    let rights = identity.rights_of(&id, user.role);
    let asker = Asker { user: &id, role: user.role, rights: &rights };
    let catalog = gateway.settled_catalog().await;
    let model = |target: &std::sync::Arc<gateway::Target>| {
        // Whoever waits for approval uses nothing, whatever would be theirs.
        let waits = user.role == kernel::Role::Pending;
        let reason = gateway.model_access(asker, &target.public_id).filter(|_| !waits);
        ModelAnswer {
            id: target.public_id.clone(),
            name: target.name.clone(),
            allowed: reason.is_some(),
            because: reason.map(|reason| groups.model_cause(reason)).into_iter().collect(),
        }
    };
    let permission = |answer: identity::Answer| PermissionAnswer {
        path: answer.permission.path(),
        meaning: answer.permission.meaning(),
        allowed: answer.is_allowed,
        because: answer.because.into_iter().map(|because| groups.cause(because)).collect(),
    };
    Ok(Json(UserAccess {
        permissions: identity.explain(&id, user.role).into_iter().map(permission).collect(),
        models: catalog.offered().map(model).collect(),
        groups: groups.0.iter().map(|it| groups.named(&it.group.id)).collect(),
    }))
}

/// The groups that can be a cause, for their names.
struct Names(Vec<CountedGroup>);

impl Names {
    fn named(&self, id: &kernel::GroupId) -> NamedGroup {
        let known = self.0.iter().find(|it| it.group.id == *id);
        NamedGroup { id: id.to_string(), name: known.map(|it| it.group.name.clone()).unwrap_or_default() }
    }

    fn cause(&self, because: Because) -> Cause {
        match because {
            Because::Admin => Cause::plain(CauseKind::Admin),
            Because::Default => Cause::plain(CauseKind::Default),
            Because::Environment => Cause::plain(CauseKind::Environment),
            Because::Group(id) => Cause { kind: CauseKind::Group, group: Some(self.named(&id)) },
        }
    }

    fn model_cause(&self, reason: ModelReason) -> Cause {
        match reason {
            ModelReason::Bypass => Cause::plain(CauseKind::Bypass),
            ModelReason::Admin => Cause::plain(CauseKind::Admin),
            ModelReason::Default => Cause::plain(CauseKind::Default),
            ModelReason::Grant(Reason::Everybody) => Cause::plain(CauseKind::Everybody),
            ModelReason::Grant(Reason::Owner | Reason::Person) => Cause::plain(CauseKind::Grant),
            ModelReason::Grant(Reason::Group(id)) => self.cause(Because::Group(id)),
        }
    }
}

impl Cause {
    const fn plain(kind: CauseKind) -> Self {
        Self { kind, group: None }
    }
}
