//! Who may see and change a model: Open WebUI's routes for the grants of models.

use axum::{Extension, Json, extract::State};
use gateway::{Asker, Gateway, Target};
use kernel::{Caller, Denied, Grant, Kind, Permission, Person, Principal, Refusal, Want, decide};
use serde::{Deserialize, Serialize};
use store::{Db, grants::Decision};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::{Asked, Body},
    refused::Answer,
    table::{Access, Group},
};

/// The most grants of one resource.
const MOST_GRANTS: usize = 500;

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member, routes!(get_model))
        .route(Access::Member.fresh(), routes!(update_model_access))
}

/// Which model.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ModelQuery {
    /// Its public name.
    id: String,
}

/// A model, and who may use it.
#[derive(Serialize, ToSchema)]
struct ModelAccess {
    id: String,
    name: String,
    /// Whether I may change it.
    write_access: bool,
    /// Who may see and change it; null when nobody decided, and `DEFAULT_MODEL_ACCESS` counts. Only told to
    /// those who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AccessGrant>>)]
    #[expect(clippy::option_option, reason = "not told, undecided and decided are three answers")]
    access_grants: Option<Option<Vec<AccessGrant>>>,
}

/// What a decision about a model is.
#[derive(Deserialize, ToSchema)]
struct ModelAccessChange {
    /// The public name of the model.
    id: String,
    /// Exactly these from now on. An empty list is for administrators alone; null takes the decision back.
    #[schema(required)]
    access_grants: Option<Vec<AccessGrant>>,
}

/// One grant.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct AccessGrant {
    principal_type: PrincipalType,
    /// A person or a group; `*` with `user` is everybody who is signed in.
    principal_id: String,
    permission: GrantPermission,
}

/// Whom a grant can name.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PrincipalType {
    User,
    Group,
}

/// What a grant lets do. To write implies to read; to read never implies to write.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GrantPermission {
    Read,
    Write,
}

impl From<&Grant> for AccessGrant {
    fn from(grant: &Grant) -> Self {
        let (kind, id) = grant.principal.parts();
        Self {
            principal_type: if kind == "group" { PrincipalType::Group } else { PrincipalType::User },
            principal_id: id.to_owned(),
            permission: match grant.want {
                Want::Read => GrantPermission::Read,
                Want::Write => GrantPermission::Write,
            },
        }
    }
}

impl AccessGrant {
    fn read(&self, index: usize) -> Result<Grant, Refusal> {
        let kind = match self.principal_type {
            PrincipalType::User => "user",
            PrincipalType::Group => "group",
        };
        let principal = Principal::parse(kind, &self.principal_id).ok_or_else(|| unknown_principal(index))?;
        let want = match self.permission {
            GrantPermission::Read => Want::Read,
            GrantPermission::Write => Want::Write,
        };
        Ok(Grant { principal, want })
    }
}

fn unknown_principal(index: usize) -> Refusal {
    let field = format!("access_grants[{index}].principal_id");
    Refusal::field(field, "unknown_principal", "There is no such person or group.")
}

/// One model, and who may use it.
#[utoipa::path(get, path = "/api/v1/models/model", tag = "models", params(ModelQuery),
    responses((status = 200, body = ModelAccess), (status = 404, description = "There is no such model, or it is not for you")))]
async fn get_model(
    State(gateway): State<Gateway>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ModelQuery>,
) -> Answer<Json<ModelAccess>> {
    let person = caller.person().ok_or(Denied::NotPermitted)?;
    let target = seen(&gateway, &caller, person, &asked.id).await?;
    let decision = gateway.model_decision(&asked.id).await?;
    Ok(Json(shown(&caller, person, &target, decision.as_deref())))
}

/// Decide who may see and change a model: administrators, and people with the permission `workspace.models`
/// whom a grant lets write. In force at the next request.
#[utoipa::path(post, path = "/api/v1/models/model/access/update", tag = "models", request_body = ModelAccessChange,
    responses(
        (status = 200, body = ModelAccess),
        (status = 400, description = "`unknown_principal`, `too_many`"),
        (status = 403, description = "`permission_missing`, `grant_missing`"),
        (status = 404, description = "There is no such model, or it is not for you"),
        (status = 409, description = "`changed_meanwhile`"),
    ))]
async fn update_model_access(
    State(gateway): State<Gateway>,
    State(db): State<Db>,
    Extension(caller): Extension<Caller>,
    Body(change): Body<ModelAccessChange>,
) -> Answer<Json<ModelAccess>> {
    let person = caller.person().ok_or(Denied::NotPermitted)?;
    let target = seen(&gateway, &caller, person, &change.id).await?;
    let before = gateway.model_decision(&change.id).await?;
    let permit =
        caller.may_change_grants(Permission::WorkspaceModels, before.as_deref().unwrap_or_default())?;
    let wanted = match &change.access_grants {
        Some(grants) => Some(read(&db, grants).await?),
        None => None,
    };
    if !person.is_admin() {
        may_hand_on(person, before.as_deref(), wanted.as_deref())?;
    }
    let decision = Decision { before: before.as_deref(), after: wanted.as_deref() };
    if !gateway.decide_about_model(&change.id, decision, &permit).await? {
        let words =
            "Somebody else decided about this model at the same moment. Look at it again, and try again.";
        return Err(Refusal::new(Kind::Conflict, "changed_meanwhile", words).into());
    }
    Ok(Json(shown(&caller, person, &target, wanted.as_deref())))
}

/// The model, for somebody who may see it. Administrators see every model when it is about who may.
async fn seen(
    gateway: &Gateway,
    caller: &Caller,
    person: &Person,
    id: &str,
) -> Result<std::sync::Arc<Target>, Refusal> {
    let missing = || Refusal::not_found("model");
    let target = gateway.settled_catalog().await.find(id).ok_or_else(missing)?;
    let is_granted =
        caller.may_manage_connections().is_ok() || gateway.model_access(Asker::from(person), id).is_some();
    let may_see = is_granted && person.credential_reaches(id);
    may_see.then_some(target).ok_or_else(missing)
}

fn shown(caller: &Caller, person: &Person, target: &Target, grants: Option<&[Grant]>) -> ModelAccess {
    let write_access =
        caller.may_change_grants(Permission::WorkspaceModels, grants.unwrap_or_default()).is_ok();
    let is_writer = write_access
        || decide(&person.user, &person.rights, None, grants.unwrap_or_default(), Want::Write).is_some();
    ModelAccess {
        id: target.public_id.clone(),
        name: target.name.clone(),
        write_access,
        access_grants: is_writer.then(|| grants.map(|grants| grants.iter().map(AccessGrant::from).collect())),
    }
}

/// Grants to people and groups that exist.
async fn read(db: &Db, sent: &[AccessGrant]) -> Result<Vec<Grant>, Refusal> {
    if sent.len() > MOST_GRANTS {
        let words = "A model has at most 500 grants. Make a group of the people.";
        return Err(Refusal::field("access_grants", "too_many", words));
    }
    let mut grants = Vec::with_capacity(sent.len());
    for (index, grant) in sent.iter().enumerate() {
        let grant = grant.read(index)?;
        let exists = match &grant.principal {
            Principal::Everybody => true,
            Principal::User(user) => store::users::by_id(db, user).await?.is_some(),
            Principal::Group(group) => store::groups::by_id(db, group).await?.is_some(),
        };
        if !exists {
            return Err(unknown_principal(index));
        }
        grants.push(grant);
    }
    grants.sort();
    grants.dedup();
    Ok(grants)
}

/// Whether somebody who does not administrate may hand on what is new in these grants.
fn may_hand_on(person: &Person, before: Option<&[Grant]>, wanted: Option<&[Grant]>) -> Result<(), Refusal> {
    let Some(wanted) = wanted else {
        let words = "Only an administrator can leave it to DEFAULT_MODEL_ACCESS who may use a model.";
        return Err(Refusal::new(Kind::Forbidden, "grant_missing", words));
    };
    let known = before.unwrap_or_default();
    for grant in wanted.iter().filter(|grant| !known.contains(grant)) {
        let needed: &[Permission] = match &grant.principal {
            Principal::Everybody => &[Permission::SharingPublicModels],
            Principal::User(_) => &[Permission::SharingModels, Permission::AccessGrantsAllowUsers],
            Principal::Group(_) => &[Permission::SharingModels, Permission::AccessGrantsAllowGroups],
        };
        needed.iter().try_for_each(|permission| person.rights.require(*permission))?;
    }
    Ok(())
}
