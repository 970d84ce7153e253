//! Groups of people, what they add to the permissions of their members, and who is in which.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{GroupId, Permission, PermissionSet, PermissionTree, Refusal, Timestamp, UserId};

/// A group. Its members have what it gives, and what the groups above it give.
#[derive(Debug, Clone)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// Who made it, unless the account is gone.
    pub creator: Option<UserId>,
    /// The group above it.
    pub parent: Option<GroupId>,
    /// Unique, 1 to 100 characters.
    pub name: String,
    /// At most 1000 characters.
    pub description: String,
    /// What it decides about permissions; only what it allows counts.
    pub permissions: Option<PermissionTree>,
    /// Further fields of Open WebUI's, a JSON object.
    pub data: String,
    /// The same.
    pub meta: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it changed; members do not count.
    pub updated_at: Timestamp,
}

/// What a person has beyond the role, at this moment. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// What the person may do.
    pub permissions: PermissionSet,
    /// The person's groups, those above them included, sorted.
    groups: Arc<[GroupId]>,
}

impl Default for Rights {
    fn default() -> Self {
        Self { permissions: PermissionSet::NONE, groups: Arc::new([]) }
    }
}

impl Rights {
    /// Rights with these permissions and groups.
    pub fn new(permissions: PermissionSet, mut groups: Vec<GroupId>) -> Self {
        groups.sort();
        groups.dedup();
        Self { permissions, groups: groups.into() }
    }

    /// The same groups with other permissions.
    #[must_use]
    pub fn with_permissions(&self, permissions: PermissionSet) -> Self {
        Self { permissions, groups: self.groups.clone() }
    }

    /// The groups, those above the person's own included.
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// Whether the person is in the group, or in one below it.
    pub fn is_in(&self, group: &GroupId) -> bool {
        self.groups.binary_search(group).is_ok()
    }

    /// Nothing when the permission is there, else the refusal that names it.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        self.permissions.require(permission)
    }
}

/// A group as far as rights go.
#[derive(Debug, Clone)]
pub struct GroupRights {
    /// Which.
    pub id: GroupId,
    /// The group above it.
    pub parent: Option<GroupId>,
    /// What it allows.
    pub permissions: PermissionSet,
}

/// Who is in which group. Read as a whole, replaced as a whole.
#[derive(Debug, Default)]
pub struct Membership {
    groups: HashMap<GroupId, GroupRights>,
    /// What groups give to each member, parents included.
    members: HashMap<UserId, Rights>,
}

impl Membership {
    /// Puts groups and their direct members together.
    pub fn new(groups: Vec<GroupRights>, direct: Vec<(UserId, GroupId)>) -> Self {
        let groups: HashMap<GroupId, GroupRights> =
            groups.into_iter().map(|group| (group.id.clone(), group)).collect();
        let mut own: HashMap<UserId, Vec<GroupId>> = HashMap::new();
        for (user, group) in direct {
            own.entry(user).or_default().push(group);
        }
        let mut book = Self { groups, members: HashMap::new() };
        book.members = own
            .into_iter()
            .map(|(user, direct)| {
                let all: Vec<GroupId> = direct.iter().flat_map(|group| book.line(group)).collect();
                let permissions = all
                    .iter()
                    .filter_map(|group| book.groups.get(group))
                    .fold(PermissionSet::NONE, |sum, group| sum.or(group.permissions));
                (user, Rights::new(permissions, all))
            })
            .collect();
        book
    }

    /// What the groups of a person give; nothing for somebody in none.
    pub fn of(&self, user: &UserId) -> Rights {
        self.members.get(user).cloned().unwrap_or_default()
    }

    /// What a group allows by itself.
    pub fn permissions_of(&self, group: &GroupId) -> PermissionSet {
        self.groups.get(group).map(|group| group.permissions).unwrap_or_default()
    }

    /// The group and those above it. A circle, which nobody can make, would end where it began.
    pub fn line(&self, group: &GroupId) -> Vec<GroupId> {
        let (mut line, mut seen) = (Vec::new(), HashSet::new());
        let mut next = self.groups.get(group);
        while let Some(group) = next {
            if !seen.insert(&group.id) {
                break;
            }
            line.push(group.id.clone());
            next = group.parent.as_ref().and_then(|parent| self.groups.get(parent));
        }
        line
    }

    /// The groups that hang below this one, at any depth.
    pub fn below(&self, group: &GroupId) -> Vec<GroupId> {
        let hangs = |id: &&GroupId| *id != group && self.line(id).contains(group);
        self.groups.keys().filter(hangs).cloned().collect()
    }

    /// Whether `group` may hang below `parent`: not when the parent is the group itself or hangs below it.
    pub fn may_hang(&self, group: &GroupId, parent: &GroupId) -> bool {
        !self.line(parent).contains(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> GroupId {
        text.parse().unwrap()
    }

    fn group(name: &str, parent: Option<&str>, permissions: &[Permission]) -> GroupRights {
        let permissions = permissions.iter().copied().collect();
        GroupRights { id: id(name), parent: parent.map(id), permissions }
    }

    fn house() -> Membership {
        let groups = vec![
            group("staff", None, &[Permission::ChatShare]),
            group("desk", Some("staff"), &[Permission::ChatExport]),
            group("guests", None, &[Permission::FeaturesApiKeys]),
        ];
        let ada: UserId = "ada".parse().unwrap();
        Membership::new(groups, vec![(ada, id("desk"))])
    }

    #[test]
    fn a_member_has_what_the_group_and_those_above_it_give_and_nothing_else() {
        let ada = house().of(&"ada".parse().unwrap());
        assert!(ada.is_in(&id("desk")) && ada.is_in(&id("staff")) && !ada.is_in(&id("guests")));
        let has: Vec<_> = ada.permissions.iter().collect();
        assert_eq!(has, [Permission::ChatShare, Permission::ChatExport]);
        assert_eq!(house().of(&"bob".parse().unwrap()), Rights::default());
    }

    #[test]
    fn no_group_hangs_below_itself() {
        let house = house();
        assert!(!house.may_hang(&id("staff"), &id("staff")));
        assert!(!house.may_hang(&id("staff"), &id("desk")));
        assert!(house.may_hang(&id("desk"), &id("guests")));
    }

    #[test]
    fn a_circle_ends() {
        let groups = vec![group("a", Some("b"), &[]), group("b", Some("a"), &[])];
        assert_eq!(Membership::new(groups, Vec::new()).line(&id("a")), [id("a"), id("b")]);
    }
}
