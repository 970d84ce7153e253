//! Who may do what. Every change of state takes a [`Permit`], and only this module makes one, so a
//! forgotten check does not compile. A permit knows to whom it was given, so a forgotten record has no excuse.

use std::time::Duration;

use crate::{
    Caller, Endpoint, Grant, Kind, ModelId, Permission, Person, Refusal, Role, SessionId, Timestamp, UserId,
    VirtualKey, Want, Who, decide,
};

/// Something that needs permission. Sealed: the list below is the whole of it.
pub trait Action: sealed::Sealed {
    /// What a permit remembers: the [`Caller`] it was given to. Nothing for [`UseModel`], which is asked for on
    /// the hot path, changes nothing and is accounted for by the usage ledger.
    type Holder: Clone + std::fmt::Debug;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident: $holder:ty),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Action for $name {
            type Holder = $holder;
        }
    )*};
}

actions! {
    /// Send a prompt to a model.
    UseModel: (),
    /// Use the chat workspace at all.
    UseWorkspace: Caller,
    /// Change a chat.
    WriteChat: Caller,
    /// Add, edit, order or remove provider connections and what their models are called.
    ManageConnections: Caller,
    /// Make, edit, block or revoke virtual keys.
    ManageKeys: Caller,
    /// Make accounts and change their roles or passwords.
    ManageUsers: Caller,
    /// Store settings.
    ManageSettings: Caller,
    /// Read who spent what.
    ReadUsage: Caller,
    /// Read, prove and export the audit log.
    ReadAudit: Caller,
    /// Make and change groups, and say who is in them.
    ManageGroups: Caller,
    /// Decide who may see and change one resource.
    ChangeGrants: Caller,
    /// Read somebody else's chat.
    ReadOthersChat: Caller,
    /// Change what the own account signs in with, its name, its sessions.
    ChangeOwnAccount: Caller,
}

/// Proof that the policy allowed `A`, and to whom. What changes state takes a reference to one and writes
/// [`Permit::by`] into the audit log.
#[derive(Debug)]
pub struct Permit<A: Action>(A::Holder);

impl<A: Action<Holder = Caller>> Permit<A> {
    fn granted(to: &Caller) -> Self {
        Self(to.clone())
    }

    /// To whom it was given.
    pub const fn by(&self) -> &Caller {
        &self.0
    }
}

impl<A: Action> Clone for Permit<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
impl<A: Action<Holder = ()>> Copy for Permit<A> {}

/// How long a proof of presence counts.
pub const PROOF_LASTS: Duration = Duration::from_mins(5);

/// Why the policy said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in.
    #[error("Not authenticated")]
    Unauthenticated,
    /// Signed in, but without the right. Open WebUI's clients depend on status and words.
    #[error(
        "You do not have permission to access this resource. Please contact your administrator for assistance."
    )]
    NotPermitted,
    /// A program presented a person's API key where only the person may act.
    #[error("A human session is required.")]
    HumanSessionRequired,
    /// The sign-in is too old for a change of this weight.
    #[error("Confirm that it is you, with your password, a code or a passkey, and try again.")]
    StepUpRequired,
    /// The virtual key was blocked by an administrator.
    #[error("This key is blocked. An administrator can unblock it.")]
    KeyBlocked,
    /// The virtual key was revoked; it never works again.
    #[error("This key was revoked. Ask for a new one.")]
    KeyRevoked,
    /// The virtual key's time is over.
    #[error("This key has expired. Ask for a new one or a later expiry.")]
    KeyExpired,
    /// The virtual key is limited to other models.
    #[error("The requested model '{0}' is not available for this API key. List /v1/models to see which are.")]
    ModelNotInKey(String),
    /// The virtual key is limited to other endpoints.
    #[error("This API key may not call {0}. Ask for a key that allows this endpoint.")]
    EndpointNotInKey(&'static str),
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let (kind, code) = match &denied {
            Denied::Unauthenticated => (Kind::Unauthenticated, "not_authenticated"),
            // 401, not 403: role failures answer so at Open WebUI and its clients rely on it.
            Denied::NotPermitted => (Kind::Unauthenticated, "not_permitted"),
            Denied::HumanSessionRequired => (Kind::Forbidden, "human_session_required"),
            Denied::StepUpRequired => (Kind::Forbidden, "step_up_required"),
            Denied::KeyBlocked => (Kind::Unauthenticated, "key_blocked"),
            Denied::KeyRevoked => (Kind::Unauthenticated, "invalid_api_key"),
            Denied::KeyExpired => (Kind::Unauthenticated, "expired_key"),
            Denied::ModelNotInKey(_) => (Kind::Forbidden, "key_model_access_denied"),
            Denied::EndpointNotInKey(_) => (Kind::Forbidden, "endpoint_not_allowed"),
        };
        Self::new(kind, code, denied.to_string())
    }
}

macro_rules! admin_only {
    ($($(#[$doc:meta])* $method:ident -> $action:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $method(&self) -> Result<Permit<$action>, Denied> {
            self.administrates().map(|()| Permit::granted(self))
        }
    )*};
}

impl Caller {
    admin_only! {
        /// Administrators, the master key and the operator manage connections.
        may_manage_connections -> ManageConnections,
        /// Administrators, the master key and the operator manage virtual keys.
        may_manage_keys -> ManageKeys,
        /// Administrators and the operator manage accounts.
        may_manage_users -> ManageUsers,
        /// Administrators and the operator store settings.
        may_manage_settings -> ManageSettings,
        /// Administrators, the master key and the operator read usage.
        may_read_usage -> ReadUsage,
        /// Administrators and the operator read the audit log.
        may_read_audit -> ReadAudit,
        /// Administrators and the operator manage groups.
        may_manage_groups -> ManageGroups,
        /// Administrators read other people's chats, where `ENABLE_ADMIN_CHAT_ACCESS` allows it.
        may_read_others_chat -> ReadOthersChat,
    }

    fn administrates(&self) -> Result<(), Denied> {
        match self.who() {
            Who::Person(Person { role: Role::Admin, .. }) | Who::Master | Who::Operator => Ok(()),
            Who::Person(_) | Who::Program(_) => Err(Denied::NotPermitted),
            Who::Anonymous => Err(Denied::Unauthenticated),
        }
    }

    /// A person acts through a sign-in. Callers who are no person pass: they have no other way to act.
    pub fn is_no_api_key(&self) -> Result<(), Denied> {
        match self.person() {
            Some(person) if person.session().is_none() => Err(Denied::HumanSessionRequired),
            _ => Ok(()),
        }
    }

    /// A person proved within [`PROOF_LASTS`] that it is them. Callers who are no person pass, as above.
    pub fn is_freshly_proved(&self, now: Timestamp) -> Result<(), Denied> {
        self.is_no_api_key()?;
        let Some(person) = self.person() else { return Ok(()) };
        match person.proved_at {
            Some(at) if now.since(at) < PROOF_LASTS => Ok(()),
            _ => Err(Denied::StepUpRequired),
        }
    }

    /// People who are not pending use the workspace; programs do not.
    pub fn may_use_workspace(&self) -> Result<(Person, Permit<UseWorkspace>), Denied> {
        match self.who() {
            Who::Person(person) if person.role != Role::Pending => {
                Ok((person.clone(), Permit::granted(self)))
            }
            Who::Anonymous => Err(Denied::Unauthenticated),
            _ => Err(Denied::NotPermitted),
        }
    }

    /// Administrators decide about every resource; others about what its grants let them write, when they have
    /// the permission that goes with this kind of resource.
    pub fn may_change_grants(
        &self,
        permission: Permission,
        grants: &[Grant],
    ) -> Result<Permit<ChangeGrants>, Refusal> {
        let denied = match self.administrates() {
            Ok(()) => return Ok(Permit::granted(self)),
            Err(denied) => denied,
        };
        let (person, _) = self.may_use_workspace().map_err(|_| denied)?;
        person.rights.require(permission)?;
        if decide(&person.user, &person.rights, None, grants, Want::Write).is_some() {
            return Ok(Permit::granted(self));
        }
        let words = "You may use this, but not decide about it. Ask somebody who may, or an administrator.";
        Err(Refusal::new(Kind::Forbidden, "grant_missing", words))
    }

    /// People change their own account while they are signed in themselves; their API keys do not.
    pub fn may_change_own_account(&self) -> Result<(Person, SessionId, Permit<ChangeOwnAccount>), Denied> {
        let (person, session) = self.human()?;
        Ok((person.clone(), session.clone(), Permit::granted(self)))
    }

    fn human(&self) -> Result<(&Person, &SessionId), Denied> {
        match self.who() {
            Who::Person(person) => {
                person.session().map(|session| (person, session)).ok_or(Denied::HumanSessionRequired)
            }
            Who::Anonymous => Err(Denied::Unauthenticated),
            _ => Err(Denied::HumanSessionRequired),
        }
    }

    /// A chat is its owner's alone. A stranger must be answered as if the chat did not exist, so the
    /// refusal carries nothing.
    pub fn may_write_chat(&self, owner: &UserId) -> Option<Permit<WriteChat>> {
        let (person, _) = self.may_use_workspace().ok()?;
        (&person.user == owner).then(|| Permit::granted(self))
    }

    /// People who are not pending, the master key and the operator may use every model; a program may
    /// use what its key lists, see [`VirtualKey::may_use_model`].
    pub fn may_use_model(&self) -> Result<Permit<UseModel>, Denied> {
        match self.who() {
            Who::Person(person) if person.role != Role::Pending => Ok(Permit(())),
            Who::Master | Who::Operator => Ok(Permit(())),
            Who::Person(_) | Who::Program(_) => Err(Denied::NotPermitted),
            Who::Anonymous => Err(Denied::Unauthenticated),
        }
    }
}

impl VirtualKey {
    /// Whether the key works at all at this moment.
    pub fn is_usable(&self, now: Timestamp) -> Result<(), Denied> {
        if self.revoked_at.is_some() {
            return Err(Denied::KeyRevoked);
        }
        if self.is_blocked {
            return Err(Denied::KeyBlocked);
        }
        match self.expires_at {
            Some(end) if end <= now => Err(Denied::KeyExpired),
            _ => Ok(()),
        }
    }

    /// Whether the key may call this endpoint.
    pub fn may_call(&self, endpoint: Endpoint) -> Result<(), Denied> {
        if self.endpoints.is_empty() || self.endpoints.contains(&endpoint) {
            return Ok(());
        }
        Err(Denied::EndpointNotInKey(endpoint.path()))
    }

    /// Whether the key may use this model, by the public name the program asked for.
    pub fn may_use_model(&self, model: &ModelId) -> Result<Permit<UseModel>, Denied> {
        if self.models.is_empty() || self.models.iter().any(|pattern| pattern.matches(model.as_str())) {
            return Ok(Permit(()));
        }
        Err(Denied::ModelNotInKey(model.as_str().to_owned()))
    }
}
