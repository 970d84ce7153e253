//! What people change about their own account: password, name, picture, and where they are signed in.

use kernel::{Caller, Refusal, Secret, Session, SessionId, User};
use store::{factors, sessions, users};

use crate::{Identity, error::IdentityError, form, proof_error::ProofError, session::SessionView};

/// What becomes different of the own profile; what is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProfileChange<'a> {
    /// As shown to others.
    pub name: Option<&'a str>,
    /// A data URL or a path on this server; empty for none.
    pub profile_image_url: Option<&'a str>,
}

impl Identity {
    /// Where the caller is signed in, the last used one first; and which of them asks.
    pub async fn own_sessions(&self, by: &Caller) -> Result<(Vec<Session>, SessionId), Refusal> {
        let (person, current, _) = by.may_change_own_account()?;
        // What is still in memory is newer than what would be listed.
        self.write_activity().await?;
        Ok((sessions::of(&self.0.db, &person.user, self.0.world.now()).await?, current))
    }

    /// Ends one session of the caller. Somebody else's is answered like one that does not exist.
    pub async fn end_own_session(&self, id: &SessionId, by: &Caller) -> Result<(), Refusal> {
        let (person, _, permit) = by.may_change_own_account()?;
        let was_there = sessions::end_of(&self.0.db, &person.user, id, permit.by()).await;
        self.0.living.forget_session(id);
        if was_there? { Ok(()) } else { Err(ProofError::NoSuchSession.into()) }
    }

    /// Ends all sessions of the caller but this one; says how many.
    pub async fn end_other_sessions(&self, by: &Caller) -> Result<u64, Refusal> {
        let (person, current, permit) = by.may_change_own_account()?;
        let ended = sessions::end_others_of(&self.0.db, &person.user, &current, permit.by()).await;
        self.0.living.forget_person(&person.user);
        Ok(ended?)
    }

    /// Ends all sessions of the caller, this one too; says how many.
    pub async fn end_every_session(&self, by: &Caller) -> Result<u64, Refusal> {
        let (person, _, permit) = by.may_change_own_account()?;
        let ended = sessions::end_all_of(&self.0.db, &person.user, permit.by()).await;
        self.0.living.forget_person(&person.user);
        Ok(ended?)
    }

    /// Changes the own password. All other sessions end, and the person goes on in a new one. Refuses with
    /// `feature_disabled`, `password_auth_disabled`, `wrong_password`, `weak_password` or `too_many_attempts`; on an
    /// account with a second factor also with `step_up_required`.
    pub async fn change_password(
        &self,
        former: Secret<String>,
        wanted: Secret<String>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let (person, old, permit) = by.may_change_own_account()?;
        self.may_passwords_change()?;
        let user = users::by_id(&self.0.db, &person.user).await?.ok_or(IdentityError::SessionOver)?;
        let digest = user.password.clone().ok_or(ProofError::OtherMethod("it has no password"))?;
        let factors = factors::of(&self.0.db, &user.id).await?;
        if factors.has_totp || factors.passkeys > 0 {
            // Then the password alone proves nothing, here as elsewhere.
            by.is_freshly_proved(self.0.world.now())?;
        }
        self.count_proof(&user, by).await?;
        if !self.is_password_of(&user, former).await? {
            return Err(self.proof_failed(ProofError::WrongPassword, "password", &user, by).await);
        }
        let hashed = self.new_password(wanted, &user.name, &user.email).await.map_err(naming_the_new_one)?;
        let (session, user) = self.successor(&person, &old, Some(self.0.world.now()), by).await?;
        let changed = sessions::change_password(&self.0.db, &old, &session, &digest, &hashed, &permit).await;
        self.0.living.forget_person(&user.id);
        if changed?.is_none() {
            return Err(ProofError::WrongPassword.into());
        }
        tracing::info!(user.id = %user.id, "a password was changed and all other sessions of the account ended");
        Ok(self.view(session, user))
    }

    fn may_passwords_change(&self) -> Result<(), ProofError> {
        let loaded = self.0.settings.load();
        let settings = &loaded.settings;
        if !settings.enable_password_auth.value {
            return Err(ProofError::PasswordAuthOff);
        }
        if settings.enable_password_change_form.value { Ok(()) } else { Err(ProofError::PasswordChangeOff) }
    }

    /// Changes the own name or picture. Refuses with `invalid_name` or `invalid_picture`.
    pub async fn change_profile(&self, change: ProfileChange<'_>, by: &Caller) -> Result<User, Refusal> {
        let (person, _, permit) = by.may_change_own_account()?;
        let name = change.name.map(form::name).transpose()?;
        let picture = change.profile_image_url.map(form::picture).transpose()?;
        let now = self.0.world.now();
        let changed =
            users::set_profile(&self.0.db, &person.user, name.as_deref(), picture.as_deref(), now, &permit)
                .await;
        self.0.living.forget_person(&person.user);
        Ok(changed?.ok_or(IdentityError::SessionOver)?)
    }
}

/// The form calls the new password so.
fn naming_the_new_one(refusal: Refusal) -> Refusal {
    if refusal.code != "weak_password" {
        return refusal;
    }
    Refusal { field: Some("new_password".into()), ..refusal }
}
