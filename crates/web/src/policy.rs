//! What a route asks of its caller before anything of it runs.

use kernel::{Caller, Denied, Role, Timestamp, Who, audit::TargetKind};

/// Who may use a route at all. What they may do there is asked again, object by object, in the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Every signed-in person, pending ones included.
    SignedIn,
    /// People with the role user or admin.
    Member,
    /// Administrators.
    Admin,
    /// The master key, or an administrator.
    Management,
    /// The same, and programs with a virtual key, which may ask about that key alone.
    KeyHolder,
    /// Whoever may use a model: a virtual key, the master key, or a member.
    Inference,
}

impl Access {
    const fn words(self) -> &'static str {
        match self {
            Self::Public => "everybody",
            Self::SignedIn => "signed-in people, also pending ones",
            Self::Member => "people with the role user or admin",
            Self::Admin => "administrators",
            Self::Management => "administrators and the master key",
            Self::KeyHolder => "administrators, the master key, a virtual key about itself",
            Self::Inference => "virtual keys, the master key, people with the role user or admin",
        }
    }

    fn admits(self, caller: &Caller) -> Result<(), Denied> {
        let role = caller.person().map(|person| person.role);
        let is_admitted = match self {
            Self::Public => true,
            Self::SignedIn => role.is_some(),
            Self::Member => matches!(role, Some(Role::User | Role::Admin)),
            Self::Admin => role == Some(Role::Admin),
            Self::Management => role == Some(Role::Admin) || matches!(caller.who(), Who::Master),
            Self::KeyHolder => {
                role == Some(Role::Admin) || matches!(caller.who(), Who::Program(_) | Who::Master)
            }
            Self::Inference => {
                matches!(role, Some(Role::User | Role::Admin))
                    || matches!(caller.who(), Who::Program(_) | Who::Master)
            }
        };
        match caller.who() {
            _ if is_admitted => Ok(()),
            Who::Anonymous => Err(Denied::Unauthenticated),
            _ => Err(Denied::NotPermitted),
        }
    }
}

/// How present the caller has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A program will do.
    Any,
    /// A person who signed in; no API key.
    Session,
    /// A person who proved within the last minutes that it is them.
    Fresh,
}

/// Whose are the objects that the path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// Whoever may use the route may use all of them.
    Everybodys,
    /// The caller's. Another person's is answered exactly like a missing one.
    Own,
}

/// Who may use a route, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) access: Access,
    pub(crate) presence: Presence,
    pub(crate) objects: Objects,
    /// What kind of personal data it shows to administrators; each look at it leaves a record.
    pub(crate) personal: Option<TargetKind>,
}

impl From<Access> for Policy {
    fn from(access: Access) -> Self {
        Self { access, presence: Presence::Any, objects: Objects::Everybodys, personal: None }
    }
}

impl Access {
    /// Only with a sign-in, not with an API key.
    pub(crate) fn human(self) -> Policy {
        Policy::from(self).human()
    }

    /// Only shortly after a proof of presence: a sign-in or a step-up.
    pub(crate) fn fresh(self) -> Policy {
        Policy::from(self).fresh()
    }

    /// For the caller's own objects.
    pub(crate) fn own(self) -> Policy {
        Policy::from(self).own()
    }

    /// Shows personal data of this kind to administrators: each look at it leaves a record of `data.read`, about
    /// the object that the path names.
    pub(crate) fn personal(self, kind: TargetKind) -> Policy {
        Policy { personal: Some(kind), ..Policy::from(self) }
    }
}

impl Policy {
    /// See [`Access::human`].
    pub(crate) const fn human(self) -> Self {
        Self { presence: Presence::Session, ..self }
    }

    /// See [`Access::fresh`].
    pub(crate) const fn fresh(self) -> Self {
        Self { presence: Presence::Fresh, ..self }
    }

    /// See [`Access::own`].
    pub(crate) const fn own(self) -> Self {
        Self { objects: Objects::Own, ..self }
    }

    /// Whether this caller may go on.
    pub(crate) fn admits(self, caller: &Caller, now: Timestamp) -> Result<(), Denied> {
        self.access.admits(caller)?;
        match self.presence {
            Presence::Any => Ok(()),
            Presence::Session => caller.is_no_api_key(),
            Presence::Fresh => caller.is_freshly_proved(now),
        }
    }

    /// For the documentation.
    pub(crate) fn words(self) -> String {
        let own = if self.objects == Objects::Own { ", for what is theirs" } else { "" };
        let presence = match self.presence {
            Presence::Any => "",
            Presence::Session => "; a sign-in, no API key",
            Presence::Fresh => "; a sign-in with a fresh proof, no API key",
        };
        format!("{}{own}{presence}", self.access.words())
    }
}
