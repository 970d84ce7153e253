//! What people may do beyond their role, in memory: the defaults of the settings, and what their groups add.
//!
//! Nobody asks the database for it on a request. A change is in force when the function that made it returns;
//! other processes notice by the store's revision.

use arc_swap::ArcSwap;
use kernel::{Membership, PermissionSet, Refusal, Rights, Role, UserId};
use store::groups;

use crate::Identity;

/// Who is in which group, as it was last read.
#[derive(Debug, Default)]
pub(crate) struct RightsBook(ArcSwap<Membership>);

impl Identity {
    /// Reads groups and their members anew. Call it at start, and when the store's revision of access has
    /// changed. Until it was called once nobody is in any group.
    pub async fn access_changed(&self) -> Result<(), Refusal> {
        let membership = groups::membership(&self.0.db).await?;
        self.0.rights.0.store(membership.into());
        self.0.living.ring();
        Ok(())
    }

    /// What a person with this role may do at this moment.
    pub fn rights_of(&self, user: &UserId, role: Role) -> Rights {
        let of_groups = self.0.rights.0.load().of(user);
        let permissions = match role {
            Role::Admin => PermissionSet::of_administrators(),
            Role::User => self.default_permissions().or(of_groups.permissions),
            Role::Pending => PermissionSet::NONE,
        };
        of_groups.with_permissions(permissions)
    }

    /// What everybody may do.
    pub fn default_permissions(&self) -> PermissionSet {
        self.0.settings.load().settings.permissions.granted()
    }

    /// Groups and members as they are in memory.
    pub(crate) fn membership(&self) -> std::sync::Arc<Membership> {
        self.0.rights.0.load_full()
    }
}
