//! Sign-up, sign-in and sign-out, and who a session token stands for.

use kernel::{
    Caller, Email, PermissionSet, Person, Refusal, Secret, Session, SessionId, Timestamp, User, Who,
    audit::{Entry, Event, Target},
};
use store::{StoreError, audit, sessions, users};
use vault::AuthMethod;

use crate::{
    Identity, NewAccount, SignInForm,
    error::IdentityError,
    form::Checked,
    living::Living,
    passwords::Proved,
    provision::{Applicant, Door},
};

/// A sign-in as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// When it began and ends.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// What proves it; for its owner alone.
    pub token: Secret<String>,
    /// What the person may do at this moment.
    pub permissions: PermissionSet,
}

impl Identity {
    /// Makes an account for somebody who asks for it, and signs them in.
    ///
    /// Refuses with `password_auth_disabled`, `signup_closed`, `invalid_email`, `email_taken`, `invalid_name`,
    /// `invalid_picture`, `weak_password` or, after a hundred within ten minutes from one network,
    /// `too_many_attempts`.
    pub async fn sign_up(&self, form: NewAccount<'_>, by: &Caller) -> Result<SessionView, Refusal> {
        self.rules().require_passwords()?;
        // Asked again, for good, where the account is made; here it spares strangers' hashing.
        if !self.is_sign_up_open().await? {
            return Err(IdentityError::SignUpClosed.into());
        }
        // Before anything that takes time: estimating a password's strength does, too.
        if let Some(client) = by.request().address() {
            let admitted = self.0.throttle.admit_sign_up(client, self.0.world.now());
            admitted.map_err(|wait| IdentityError::TooManySignUps { wait })?;
        }
        let applicant = self.applicant(form.check(&self.password_rules())?).await?;
        let user = self.provision(applicant, Door::SignUp, by).await?;
        self.begin(user, "sign_up", by).await
    }

    /// Signs in with a password. Refuses with `password_auth_disabled` or `login_form_disabled` where the operator
    /// wants neither, with `wrong_credentials` in the same words and after the same work whatever is wrong, or with
    /// `too_many_attempts`.
    pub async fn sign_in(&self, form: SignInForm<'_>, by: &Caller) -> Result<SessionView, Refusal> {
        self.rules().require_login_form()?;
        let email = Email::parse(form.email).ok();
        let Proved { user, attempt } = self.prove_password(form, by).await?;
        match self.begin(user.clone(), "password", by).await {
            Ok(view) => {
                self.0.throttle.forgive(attempt);
                Ok(view)
            }
            // Somebody changed the password or switched the account off meanwhile.
            Err(refusal) if refusal.code == "wrong_credentials" => {
                Err(self.refused(refusal, email.as_ref(), Some(&user), by).await)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Records a sign-in that did not work, with the address that was tried. The refusal, or why the record could
    /// not be written: nobody gets to guess unseen.
    pub(crate) async fn refused(
        &self,
        refusal: Refusal,
        tried: Option<&Email>,
        user: Option<&User>,
        by: &Caller,
    ) -> Refusal {
        let mut entry = Entry::failed(Event::SessionRefused, by, refusal.kind.status())
            .with("reason", refusal.code.as_ref())
            .with("tried", tried.map(Email::as_str));
        entry.target = user.map(|user| Target::from(&user.id));
        match audit::record(&self.0.db, &entry).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }

    /// A new session each time, so that none can be planted before a sign-in. `method` is how the person proved
    /// who they are.
    pub(crate) async fn begin(&self, user: User, method: &str, by: &Caller) -> Result<SessionView, Refusal> {
        // Whole seconds, as the token says them, so that token and row end at the same moment.
        let now = Timestamp::from_seconds(self.0.world.now().seconds());
        let session = Session {
            id: SessionId::new(&self.0.world),
            user: user.id.clone(),
            created_at: now,
            expires_at: self.rules().session_life.map(|life| now.plus(life)),
        };
        let person =
            Living::new(&session, &user, now).person(session.id.clone(), self.rights_of(&user.id, user.role));
        let by = by.acting_as(Who::Person(person));
        // A password that was reset since it was checked ended all sessions; this one must not outlive it.
        let has_begun =
            match sessions::insert(&self.0.db, &session, user.password.as_deref(), method, &by).await {
                Err(StoreError::Orphan) => false,
                other => other?,
            };
        if !has_begun {
            return Err(IdentityError::WrongCredentials.into());
        }
        tracing::info!(user.id = %user.id, session.id = %session.id, "a session began");
        Ok(self.view(session, user))
    }

    fn view(&self, session: Session, user: User) -> SessionView {
        let token = self.0.ring.sign_session(&session, AuthMethod::Password);
        let permissions = self.rights_of(&user.id, user.role).permissions;
        SessionView { session, user, token, permissions }
    }

    /// The session of a person who is signed in.
    pub async fn session_of(&self, person: &Person) -> Result<SessionView, Refusal> {
        let id = person.session().ok_or(IdentityError::SessionOver)?;
        let found = sessions::by_id(&self.0.db, id).await?;
        let (session, user) = found.ok_or(IdentityError::SessionOver)?;
        Ok(self.view(session, user))
    }

    /// Ends a session at once, in this process; others notice by the store's revision. Ending what is over
    /// is no error.
    pub async fn sign_out(&self, session: &SessionId, by: &Caller) -> Result<(), Refusal> {
        let was_alive = sessions::end(&self.0.db, session, by).await;
        // Also when the database failed: the next request then asks it again.
        self.0.living.forget_session(session);
        if was_alive? {
            tracing::info!(session.id = %session, "a session ended by sign-out");
        }
        Ok(())
    }

    /// Whom a session token stands for, with the role of now. Refuses with `session_over`, in the same words
    /// for a forged, foreign, expired or ended one.
    pub async fn person(&self, token: &str) -> Result<Person, Refusal> {
        let now = self.0.world.now();
        let claims = self.0.ring.read_session(token, now).map_err(|_| IdentityError::SessionOver)?;
        let living = match self.0.living.find(&claims.jti, now) {
            Some(living) => living,
            None => self.look_up(&claims.jti, now).await?,
        };
        let has_ended = living.expires_at.is_some_and(|end| end <= now);
        if has_ended || living.user != claims.id {
            return Err(IdentityError::SessionOver.into());
        }
        let rights = self.rights_of(&living.user, living.role);
        Ok(living.person(claims.jti, rights))
    }

    async fn look_up(&self, id: &SessionId, now: Timestamp) -> Result<Living, Refusal> {
        let epoch = self.0.living.epoch();
        let found = sessions::by_id(&self.0.db, id).await?;
        let (session, user) = found.ok_or(IdentityError::SessionOver)?;
        self.note_activity(&user, now).await;
        let living = Living::new(&session, &user, now);
        self.0.living.remember(id.clone(), living.clone(), epoch);
        Ok(living)
    }

    /// To the minute, and only when the session is read anyway: a request is not worth a write.
    async fn note_activity(&self, user: &User, now: Timestamp) {
        let minute = Timestamp::from_seconds(now.seconds().div_euclid(60) * 60);
        if user.last_active_at.is_some_and(|last| last >= minute) {
            return;
        }
        if let Err(error) = users::touch(&self.0.db, &user.id, minute).await {
            tracing::warn!(%error, user.id = %user.id, "it could not be noted when a person was last seen");
        }
    }

    /// Deletes the sessions that ended by themselves; says how many. Call it now and then.
    pub async fn sweep(&self) -> Result<u64, Refusal> {
        Ok(sessions::sweep(&self.0.db, self.0.world.now()).await?)
    }

    pub(crate) async fn applicant(&self, checked: Checked) -> Result<Applicant, Refusal> {
        Ok(Applicant {
            name: checked.name,
            email: checked.email,
            password: Some(self.hash(checked.password).await?),
            profile_image_url: checked.profile_image_url,
        })
    }
}
