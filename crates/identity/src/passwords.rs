//! Passwords: whether one is its owner's, and the digests of new ones.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{Caller, Email, Refusal, Secret, Timestamp, User};
use store::users;
use vault::{HashAlgorithm, PasswordError, Verdict};

use crate::{
    Identity, SignInForm,
    error::{IdentityError, password_failure},
    throttle::{Attempt, Try},
    weak_password::PasswordRules,
};

/// How long it is believed which bcrypt digests there are.
const FRESH: Duration = Duration::from_mins(1);

/// The greatest cost of all stored bcrypt digests, as it was read lately.
#[derive(Debug, Default)]
pub(crate) struct BcryptCost(Mutex<Option<Reading>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Timestamp,
    /// None when there is no such digest.
    cost: Option<u32>,
}

impl BcryptCost {
    fn known(&self, now: Timestamp) -> Option<Reading> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|reading| now.since(reading.at) < FRESH)
    }

    fn remember(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// Call it when digests came from elsewhere.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Somebody who showed the right password.
#[derive(Debug)]
pub(crate) struct Proved {
    /// Who, with the digest that the password was checked against.
    pub(crate) user: User,
    /// To be forgiven once they are in.
    pub(crate) attempt: Attempt,
}

impl Identity {
    /// Whose password it is. Refuses with `wrong_credentials`, in the same words and after the same work whether
    /// the address or the password is wrong, the account is switched off or has no password; or with
    /// `too_many_attempts`. Each refusal is recorded with the address that was tried.
    pub(crate) async fn prove_password(&self, form: SignInForm<'_>, by: &Caller) -> Result<Proved, Refusal> {
        let email = Email::parse(form.email).ok();
        let who = self.who_tries(email.clone(), form.device, by);
        let user = match &email {
            Some(email) => users::by_email(&self.0.db, email).await?,
            None => None,
        };
        let active = user.as_ref().filter(|user| user.is_active());
        let refusal = match (self.check_password(who, active, form.password.clone()).await, active) {
            (Ok((Verdict::Right, attempt)), Some(user)) => return Ok(Proved { user: user.clone(), attempt }),
            (Ok((Verdict::RightButOutdated, attempt)), Some(user)) => {
                let user = self.with_better_digest(user.clone(), form.password).await;
                return Ok(Proved { user, attempt });
            }
            (Ok(_), _) => IdentityError::WrongCredentials.into(),
            (Err(refusal), _) if refusal.code == "too_many_attempts" => refusal,
            (Err(refusal), _) => return Err(refusal),
        };
        tracing::info!("a sign-in was refused");
        Err(self.refused(refusal, email.as_ref(), user.as_ref(), by).await)
    }

    /// Who tries: the owner of a device that signed in before, or a stranger.
    fn who_tries(&self, email: Option<Email>, device: Option<&str>, by: &Caller) -> Try {
        let client = by.request().address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mark =
            email.as_ref().zip(device).and_then(|(email, shown)| self.0.ring.read_device(shown, email));
        Try::new(email, client, mark)
    }

    /// Waits for its turn, and only then counts the attempt: of those who wait, none knows of the others' failures.
    async fn check_password(
        &self,
        who: Try,
        user: Option<&User>,
        password: Secret<String>,
    ) -> Result<(Verdict, Attempt), Refusal> {
        let too_many = |wait| Refusal::from(IdentityError::TooManyAttempts { wait });
        self.0.throttle.pause(&who, self.0.world.now()).map_err(too_many)?;
        let costliest = self.costliest_bcrypt().await?;
        let slot = self.0.passwords.slot().await.map_err(|error| password_failure(&error))?;
        let attempt = self.0.throttle.admit(&who, self.0.world.now()).map_err(too_many)?;
        let stored = user.and_then(|user| user.password.clone());
        let wanted = self.password_rules().algorithm;
        let verdict = match self.0.passwords.verify(slot, stored, password, wanted, costliest).await {
            Ok(verdict) => verdict,
            Err(error @ (PasswordError::Busy | PasswordError::Failed)) => {
                return Err(password_failure(&error));
            }
            Err(error) => {
                if error == PasswordError::Damaged {
                    tracing::error!(user.id = ?user.map(|user| &user.id), "a stored password hash cannot be read");
                }
                Verdict::Wrong
            }
        };
        Ok((verdict, attempt))
    }

    /// Whether this is the password of somebody who is signed in already. Whoever asks bounds the guessing.
    pub(crate) async fn is_password_of(
        &self,
        user: &User,
        password: Secret<String>,
    ) -> Result<bool, Refusal> {
        let slot = self.0.passwords.slot().await.map_err(|error| password_failure(&error))?;
        let wanted = self.password_rules().algorithm;
        match self.0.passwords.verify(slot, user.password.clone(), password, wanted, None).await {
            Ok(verdict) => Ok(verdict != Verdict::Wrong),
            Err(error @ (PasswordError::Busy | PasswordError::Failed)) => Err(password_failure(&error)),
            Err(_) => Ok(false),
        }
    }

    /// Makes a better digest of a password that was just found right. Who cannot get one now gets it next time.
    async fn with_better_digest(&self, user: User, password: Secret<String>) -> User {
        let Some(before) = user.password.clone() else { return user };
        // Where it is bcrypt's and too long for it, it stays as it is: the end of it never counted.
        let Ok(after) = self.hash(password).await else { return user };
        match users::refine_password(&self.0.db, &user.id, &before, &after).await {
            Ok(true) => {
                tracing::info!(user.id = %user.id, "a password's digest was replaced by a better one");
                User { password: Some(after), ..user }
            }
            Ok(false) => user,
            Err(error) => {
                tracing::warn!(%error, user.id = %user.id, "a password's digest could not be replaced");
                user
            }
        }
    }

    /// The digest of a new password, or why it is not good enough: `weak_password`.
    pub(crate) async fn new_password(
        &self,
        password: Secret<String>,
        name: &str,
        email: &Email,
    ) -> Result<String, Refusal> {
        self.password_rules().check(&password, name, email)?;
        self.hash(password).await
    }

    pub(crate) async fn hash(&self, password: Secret<String>) -> Result<String, Refusal> {
        let algorithm: HashAlgorithm = self.password_rules().algorithm;
        let hashed = self.0.passwords.hash(password, algorithm, &self.0.world).await;
        hashed.map_err(|error| password_failure(&error))
    }

    pub(crate) fn password_rules(&self) -> PasswordRules {
        PasswordRules::of(&self.0.settings.load())
    }

    async fn costliest_bcrypt(&self) -> Result<Option<u32>, Refusal> {
        let now = self.0.world.now();
        if let Some(known) = self.0.bcrypt.known(now) {
            return Ok(known.cost);
        }
        let cost = users::costliest_bcrypt(&self.0.db).await?;
        self.0.bcrypt.remember(Reading { at: now, cost });
        Ok(cost)
    }

    /// What a device keeps that signed in to this account, so that guessing by strangers does not slow its owner
    /// down. `None` when what it `shows` is that already.
    pub fn mark_device(&self, email: &Email, shows: Option<&str>) -> Option<String> {
        let is_known = shows.is_some_and(|shown| self.0.ring.read_device(shown, email).is_some());
        (!is_known).then(|| self.0.ring.mark_device(email, &self.0.world))
    }
}
