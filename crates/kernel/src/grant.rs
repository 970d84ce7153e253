//! Grants: who may see or change one resource, e.g. a model, beyond what roles and permissions say.
//!
//! To read never implies to write; to write implies to read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupId, Rights, UserId};

/// What a grant lets its principal do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// See and use.
    Read,
    /// Change, and see and use as well.
    Write,
}

impl Want {
    /// The word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Reads [`Want::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|want| want.as_str() == text)
    }
}

/// Whom a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// Everybody who is signed in and not pending: `user` with the id `*`.
    Everybody,
    /// One person.
    User(UserId),
    /// The members of a group, those of the groups below it included.
    Group(GroupId),
}

impl Principal {
    /// The words in the database and on the wire: type and id.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Everybody => ("user", "*"),
            Self::User(user) => ("user", user.as_str()),
            Self::Group(group) => ("group", group.as_str()),
        }
    }

    /// Reads [`Principal::parts`].
    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        match (kind, id) {
            ("user", "*") => Some(Self::Everybody),
            ("user", id) => id.parse().ok().map(Self::User),
            ("group", id) => id.parse().ok().map(Self::Group),
            _ => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind}:{id}")
    }
}

/// One grant of one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// For whom.
    pub principal: Principal,
    /// To do what.
    pub want: Want,
}

/// What kind of thing a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A model, by its public name.
    Model,
}

impl Resource {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
        }
    }
}

/// Why somebody may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is theirs.
    Owner,
    /// A grant names the person.
    Person,
    /// A grant names a group that the person is in.
    Group(GroupId),
    /// A grant names everybody.
    Everybody,
}

/// Whether a person may do this to a resource, and why; `None` when not. Roles and bypasses are asked before.
pub fn decide(
    user: &UserId,
    rights: &Rights,
    owner: Option<&UserId>,
    grants: &[Grant],
    want: Want,
) -> Option<Reason> {
    if owner == Some(user) {
        return Some(Reason::Owner);
    }
    let fitting = || grants.iter().filter(|grant| grant.want >= want);
    fitting()
        .find(|grant| matches!(&grant.principal, Principal::User(named) if named == user))
        .map(|_| Reason::Person)
        .or_else(|| {
            fitting().find_map(|grant| match &grant.principal {
                Principal::Group(group) if rights.is_in(group) => Some(Reason::Group(group.clone())),
                _ => None,
            })
        })
        .or_else(|| {
            fitting().find(|grant| grant.principal == Principal::Everybody).map(|_| Reason::Everybody)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PermissionSet;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    fn grant(kind: &str, id: &str, want: Want) -> Grant {
        Grant { principal: Principal::parse(kind, id).unwrap(), want }
    }

    fn asks(grants: &[Grant], want: Want) -> Option<Reason> {
        let rights = Rights::new(PermissionSet::NONE, vec!["staff".parse().unwrap()]);
        decide(&user("ada"), &rights, Some(&user("owner")), grants, want)
    }

    #[test]
    fn without_a_grant_only_the_owner_may() {
        assert_eq!(asks(&[], Want::Read), None);
        let owner = decide(&user("owner"), &Rights::default(), Some(&user("owner")), &[], Want::Write);
        assert_eq!(owner, Some(Reason::Owner));
    }

    #[test]
    fn to_read_never_implies_to_write_and_to_write_implies_to_read() {
        for (kind, id) in [("user", "ada"), ("group", "staff"), ("user", "*")] {
            let (read, write) = ([grant(kind, id, Want::Read)], [grant(kind, id, Want::Write)]);
            assert!(asks(&read, Want::Read).is_some(), "{kind}:{id}");
            assert_eq!(asks(&read, Want::Write), None, "{kind}:{id}");
            assert!(asks(&write, Want::Read).is_some(), "{kind}:{id}");
            assert!(asks(&write, Want::Write).is_some(), "{kind}:{id}");
        }
    }

    #[test]
    fn what_is_granted_to_others_is_granted_to_others() {
        let others = [grant("user", "bob", Want::Write), grant("group", "managers", Want::Write)];
        assert_eq!(asks(&others, Want::Read), None);
    }

    #[test]
    fn a_person_called_like_a_group_is_not_in_it() {
        assert_eq!(
            asks(&[grant("user", "staff", Want::Read), grant("group", "ada", Want::Read)], Want::Read),
            None
        );
    }

    #[test]
    fn nobody_else_is_a_principal() {
        for (kind, id) in [("anyone", "*"), ("group", "*"), ("user", ""), ("user", "a b"), ("", "ada")] {
            assert_eq!(Principal::parse(kind, id), None, "{kind}:{id}");
        }
    }
}
