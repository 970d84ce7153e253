//! The one rule that makes accounts of people who come by themselves, whatever door they came through.
//!
//! The first person administrates and closes sign-up; everybody else gets the default role. Doors differ in
//! who is let in, never in what becomes of whom.

use kernel::{Caller, Email, GroupId, Refusal, SignInMethod, User, UserId};
use store::users::{self, FirstSession, Later, NewUser};

use crate::{
    Identity,
    error::{IdentityError, while_making},
    rules::SignUp,
    session::SessionView,
};

/// How somebody came to ask for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The sign-up form, which the operator may close.
    SignUp,
    /// A proxy that the operator trusts. It says who belongs here, so the sign-up form's state does not matter.
    Proxy,
    /// The operator's environment or command line: only for the very first account.
    Operator,
}

/// Somebody without an account, whose address and password were checked.
#[derive(Clone)]
pub(crate) struct Applicant {
    pub(crate) name: String,
    pub(crate) email: Email,
    /// The digest of the password in PHC format.
    pub(crate) password: Option<String>,
    pub(crate) profile_image_url: String,
}

impl Identity {
    /// Makes the account, or refuses with `signup_closed` or `email_taken`.
    pub(crate) async fn provision(
        &self,
        applicant: Applicant,
        door: Door,
        by: &Caller,
    ) -> Result<User, Refusal> {
        self.admit_account(UserId::new(&self.0.world), applicant, door, by, None).await
    }

    /// Makes the account and signs its owner in, in one. Refuses like [`Identity::provision`].
    pub(crate) async fn provision_signed_in(
        &self,
        applicant: Applicant,
        door: Door,
        method: SignInMethod,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let id = UserId::new(&self.0.world);
        let session = self.new_session(&id, method, by);
        let owner = |user: &User| self.acting_in(&session, user, by);
        let first = FirstSession { session: &session, owner: &owner };
        let user = self.admit_account(id, applicant, door, by, Some(first)).await?;
        tracing::info!(user.id = %user.id, session.id = %session.id, "a session began");
        Ok(self.view(session, user))
    }

    async fn admit_account(
        &self,
        id: UserId,
        applicant: Applicant,
        door: Door,
        by: &Caller,
        first: Option<FirstSession<'_>>,
    ) -> Result<User, Refusal> {
        let rules = self.rules();
        let later = match (door, rules.sign_up) {
            (Door::Operator, _) | (Door::SignUp, SignUp::Closed) => Later::Refused,
            (Door::SignUp, SignUp::UnlessClosed) => Later::UnlessClosed,
            (Door::Proxy, _) | (Door::SignUp, SignUp::Open) => Later::Welcome,
        };
        let new = NewUser {
            id,
            email: applicant.email,
            name: applicant.name,
            profile_image_url: applicant.profile_image_url,
            password: applicant.password,
            group: self.default_group(),
            at: self.0.world.now(),
        };
        let role = rules.default_role;
        let made = users::insert_first_or_next(&self.0.db, new, role, later, by, first).await;
        let user = made.map_err(while_making)?.ok_or(IdentityError::SignUpClosed)?;
        self.knows_network_of(&user, by);
        self.take_in(&user).await;
        Ok(user)
    }

    /// The group that everybody who gets an account becomes a member of (`DEFAULT_GROUP_ID`).
    pub(crate) fn default_group(&self) -> Option<GroupId> {
        let settings = self.0.settings.load();
        let id = settings.settings.default_group_id.value.as_deref()?;
        let parsed = id.parse().ok();
        if parsed.is_none() {
            tracing::warn!("DEFAULT_GROUP_ID is no id of a group; new accounts are in none");
        }
        parsed
    }

    /// What is left to do once an account was made.
    pub(crate) async fn take_in(&self, user: &User) {
        tracing::info!(user.id = %user.id, user.role = user.role.as_str(), "an account was made");
        if self.default_group().is_some()
            && let Err(refusal) = self.access_changed().await
        {
            // They are read again when the revision is noticed.
            tracing::warn!(%refusal, "the groups of a new account are not in force yet");
        }
    }

    /// Whether somebody who has no account may make one now.
    pub async fn is_sign_up_open(&self) -> Result<bool, Refusal> {
        let is_open = match self.rules().sign_up {
            SignUp::Open => true,
            SignUp::Closed => false,
            SignUp::UnlessClosed => {
                store::settings::get(&self.0.db, "ENABLE_SIGNUP").await?.as_deref() != Some("false")
            }
        };
        if self.has_accounts().await? {
            return Ok(is_open);
        }
        Ok(self.rules().may_the_first_sign_up())
    }

    /// Whether anybody has an account; before that the first person is welcomed.
    pub async fn has_accounts(&self) -> Result<bool, Refusal> {
        Ok(users::count(&self.0.db).await? > 0)
    }
}
