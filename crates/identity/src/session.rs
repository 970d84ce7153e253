//! Sessions: how one begins, whom its token stands for, how it goes on after a change, how it ends.

use kernel::{
    Caller, PermissionSet, Person, Refusal, Secret, Session, SessionId, SignInMethod, Timestamp, User,
    UserId, Who,
};
use store::{
    factors,
    sessions::{self, Begun, Grounds, SecondStep},
};

use crate::{
    Identity, device,
    error::IdentityError,
    living::{Ground, Living},
    proof_error::ProofError,
    rules::SecondFactor,
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
    /// A new session each time, so that none can be planted before a sign-in. Refuses with `wrong_credentials` when
    /// the account or its password changed since it was checked, with `wrong_code` when the second step was used
    /// already.
    pub(crate) async fn begin(
        &self,
        user: User,
        method: SignInMethod,
        second: Option<SecondStep<'_>>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let session = self.new_session(&user.id, method, by);
        let by = self.acting_in(&session, &user, by);
        // A password that was reset since it was checked ended all sessions; this one must not outlive it.
        let grounds = Grounds { password: user.password.as_deref(), second };
        match sessions::insert(&self.0.db, &session, grounds, &by).await? {
            Begun::Begun => {}
            Begun::Outdated => return Err(IdentityError::WrongCredentials.into()),
            Begun::Spent => return Err(ProofError::WrongCode.into()),
        }
        self.knows_network_of(&user, &by);
        tracing::info!(user.id = %user.id, session.id = %session.id, "a session began");
        Ok(self.view(session, user))
    }

    /// From now on the owner is no stranger where this request came from.
    pub(crate) fn knows_network_of(&self, user: &User, by: &Caller) {
        if let Some(client) = by.request().address() {
            self.0.throttle.remember(&user.email, client, self.0.world.now());
        }
    }

    /// A session that begins now, not yet stored.
    pub(crate) fn new_session(&self, user: &UserId, method: SignInMethod, by: &Caller) -> Session {
        // Whole seconds, as the token says them, so that token and row end at the same moment.
        let now = Timestamp::from_seconds(self.0.world.now().seconds());
        let request = by.request();
        Session {
            id: SessionId::new(&self.0.world),
            user: user.clone(),
            method,
            created_at: now,
            expires_at: self.rules().session_life.map(|life| now.plus(life)),
            address: request.address().map(|address| address.to_string()).unwrap_or_default(),
            device: device::words(request.agent()),
            last_used_at: now,
            proved_at: now,
        }
    }

    /// What the session of a person becomes when what they sign in with changes: a new one, so that whoever copied
    /// its token is out. `proved_at` stays when the change itself proves nothing.
    pub(crate) async fn successor(
        &self,
        person: &Person,
        id: &SessionId,
        proved_at: Option<Timestamp>,
        by: &Caller,
    ) -> Result<(Session, User), Refusal> {
        let found = sessions::by_id(&self.0.db, id).await?;
        let (former, user) =
            found.filter(|(_, user)| user.id == person.user).ok_or(IdentityError::SessionOver)?;
        let next = self.new_session(&user.id, former.method, by);
        Ok((Session { proved_at: proved_at.unwrap_or(former.proved_at), ..next }, user))
    }

    /// The same request, by the person who signs in with it.
    pub(crate) fn acting_in(&self, session: &Session, user: &User, by: &Caller) -> Caller {
        let living = Living::new(session, user, Ground::Unasked, session.created_at);
        let rights = self.rights_of(&user.id, user.role);
        by.acting_as(Who::Person(living.person(session.id.clone(), rights)))
    }

    pub(crate) fn view(&self, session: Session, user: User) -> SessionView {
        let token = self.0.ring.sign_session(&session);
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
        self.signed_in(claims.jti, &claims.id, now).await
    }

    /// Who is signed in by this session, with the role of now. Refuses with `session_over` when it is over or
    /// somebody else's, or as [`Identity::person`] does.
    pub(crate) async fn signed_in(
        &self,
        id: SessionId,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Person, Refusal> {
        let wanted = self.rules().second_factor;
        let is_known = |living: &Living| wanted == SecondFactor::Optional || living.ground != Ground::Unasked;
        let living = match self.0.living.find(&id, now).filter(is_known) {
            Some(living) => living,
            None => self.look_up(&id, wanted, now).await?,
        };
        let has_ended = living.expires_at.is_some_and(|end| end <= now);
        if has_ended || living.user != *user {
            return Err(IdentityError::SessionOver.into());
        }
        // Whoever signed in before everybody needed a second factor, or took theirs away since, sets one up on the way
        // in, like all others.
        if wanted == SecondFactor::Required && living.ground == Ground::NoFactor {
            return Err(IdentityError::SecondFactorRequired.into());
        }
        let rights = self.rights_of(&living.user, living.role);
        Ok(living.person(id, rights))
    }

    async fn look_up(&self, id: &SessionId, wanted: SecondFactor, now: Timestamp) -> Result<Living, Refusal> {
        let epoch = self.0.living.epoch();
        let found = sessions::by_id(&self.0.db, id).await?;
        let (session, user) = found.ok_or(IdentityError::SessionOver)?;
        self.0.activity.note(&session, &user, now);
        let ground = match wanted {
            _ if session.method == SignInMethod::TrustedHeader => Ground::Enough,
            SecondFactor::Optional => Ground::Unasked,
            SecondFactor::Required if factors::of(&self.0.db, &user.id).await?.has_second() => Ground::Enough,
            SecondFactor::Required => Ground::NoFactor,
        };
        let living = Living::new(&session, &user, ground, now);
        self.0.living.remember(id.clone(), living.clone(), epoch);
        Ok(living)
    }

    /// Deletes the sessions that ended by themselves, and what is kept of tickets; says how many sessions. Call it
    /// now and then.
    pub async fn sweep(&self) -> Result<u64, Refusal> {
        let now = self.0.world.now();
        factors::sweep(&self.0.db, now).await?;
        Ok(sessions::sweep(&self.0.db, now).await?)
    }
}
