//! Who may see and use which model, beyond what a virtual key lists. In memory: the hot path asks nobody.
//!
//! A model about which nobody decided follows `DEFAULT_MODEL_ACCESS`; one about which an administrator did is
//! for those whom its grants name. A virtual key that belongs to a person reaches what its own list names *and*
//! its owner may use: handing somebody a key cannot give more than the person has.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use kernel::{Grant, Kind, Person, Reason, Refusal, Resource, Rights, Role, UserId, Want, Who, decide};
use settings::ModelAccess;

use crate::{Gateway, Payer, admin::AdminError};

/// What was decided, as it was last read.
#[derive(Debug, Default)]
pub(crate) struct AccessBook(ArcSwap<Snapshot>);

#[derive(Debug, Default)]
struct Snapshot {
    /// By the public name of the model.
    decisions: HashMap<String, Vec<Grant>>,
    /// The owners of virtual keys, with their groups.
    owners: HashMap<UserId, Owner>,
}

#[derive(Debug)]
struct Owner {
    role: Role,
    rights: Rights,
}

/// Somebody who wants to use models.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Who.
    pub user: &'a UserId,
    /// As of now.
    pub role: Role,
    /// The groups count.
    pub rights: &'a Rights,
}

/// Why somebody may use a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelReason {
    /// `BYPASS_MODEL_ACCESS_CONTROL`.
    Bypass,
    /// Administrators may use every model.
    Admin,
    /// Nobody decided about it, and the default is everybody.
    Default,
    /// A grant.
    Grant(Reason),
}

impl<'a> From<&'a Person> for Asker<'a> {
    fn from(person: &'a Person) -> Self {
        Self { user: &person.user, role: person.role, rights: &person.rights }
    }
}

impl Gateway {
    /// Reads grants and the owners of keys anew. Call it when the store's revision of access, identity or keys
    /// has changed.
    pub async fn access_changed(&self) -> Result<(), AdminError> {
        self.read_access().await?;
        self.0.news.send_replace(());
        Ok(())
    }

    /// The same, while something else is about to change and to be heard of.
    pub(crate) async fn read_access(&self) -> Result<(), AdminError> {
        let inner = &*self.0;
        let decisions = store::grants::all(&inner.db, Resource::Model).await?;
        let membership = store::groups::membership(&inner.db).await?;
        let owners = store::grants::key_owners(&inner.db).await?;
        let owner = |(user, role)| {
            let rights = membership.of(&user);
            (user, Owner { role, rights })
        };
        let owners = owners.into_iter().map(owner).collect();
        inner.access.0.store(Snapshot { decisions, owners }.into());
        Ok(())
    }

    /// Whether this person may use a model, and why; `None` when not.
    pub fn model_access(&self, asker: Asker<'_>, model: &str) -> Option<ModelReason> {
        let rules = Rules::of(self);
        if let Some(reason) = rules.passes(asker.role) {
            return Some(reason);
        }
        rules.judge(asker, self.0.access.0.load().decisions.get(model).map(Vec::as_slice))
    }

    /// Whether this person may use a model that was decided about like this; `None` when not.
    pub fn model_access_by(&self, asker: Asker<'_>, decision: Option<&[Grant]>) -> Option<ModelReason> {
        let rules = Rules::of(self);
        rules.passes(asker.role).or_else(|| rules.judge(asker, decision))
    }

    /// Whether whoever pays may see and use the model, as far as grants go.
    pub fn may_reach(&self, payer: &Payer, model: &str) -> bool {
        self.reach_of(payer, |asker| self.model_access(asker, model).is_some())
    }

    /// Whether whoever pays may see and use every model there is.
    pub(crate) fn may_reach_all(&self, payer: &Payer) -> bool {
        let rules = Rules::of(self);
        self.reach_of(payer, |asker| {
            let snapshot = self.0.access.0.load();
            rules.passes(asker.role).is_some()
                || rules.default == ModelAccess::Everyone
                    && snapshot.decisions.values().all(|grants| rules.judge(asker, Some(grants)).is_some())
        })
    }

    /// Nobody but people, and what belongs to them, is limited by grants.
    fn reach_of(&self, payer: &Payer, may: impl Fn(Asker<'_>) -> bool) -> bool {
        match payer {
            Payer::Caller(caller) => match caller.who() {
                Who::Person(person) => may(person.into()),
                Who::Master | Who::Operator => true,
                Who::Anonymous | Who::Program(_) => false,
            },
            Payer::Key(held) => held.key.owner.as_ref().is_none_or(|owner| {
                let snapshot = self.0.access.0.load();
                // An owner who is not known (yet), or who waits for approval, has nothing to hand on.
                let known = snapshot.owners.get(owner).filter(|it| it.role != Role::Pending);
                known.is_some_and(|it| may(Asker { user: owner, role: it.role, rights: &it.rights }))
            }),
        }
    }
}

/// What the settings say at one moment.
#[derive(Debug, Clone, Copy)]
struct Rules {
    default: ModelAccess,
    bypasses_all: bool,
    bypasses_admins: bool,
}

impl Rules {
    fn of(gateway: &Gateway) -> Self {
        let loaded = gateway.0.settings.load();
        let settings = &loaded.settings;
        Self {
            default: settings.default_model_access.value,
            bypasses_all: settings.bypass_model_access_control.value,
            bypasses_admins: settings.bypass_admin_access_control.value,
        }
    }

    const fn passes(self, role: Role) -> Option<ModelReason> {
        match role {
            _ if self.bypasses_all => Some(ModelReason::Bypass),
            Role::Admin if self.bypasses_admins => Some(ModelReason::Admin),
            _ => None,
        }
    }

    fn judge(self, asker: Asker<'_>, decision: Option<&[Grant]>) -> Option<ModelReason> {
        match (decision, self.default) {
            (Some(grants), _) => {
                decide(asker.user, asker.rights, None, grants, Want::Read).map(ModelReason::Grant)
            }
            (None, ModelAccess::Everyone) => Some(ModelReason::Default),
            (None, ModelAccess::Private) => None,
        }
    }
}

/// 404 in the same words for a model that is not there and for one that is not for this caller.
pub(crate) fn no_such_model(name: &str) -> Refusal {
    let words = format!(
        "The model '{name}' does not exist or is not offered here. List /v1/models to see which are."
    );
    Refusal { field: Some("model".into()), ..Refusal::new(Kind::NotFound, "model_not_found", words) }
}
