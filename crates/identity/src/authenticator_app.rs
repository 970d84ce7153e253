//! Setting up an authenticator app, by somebody who is signed in or on the way in, and taking it away; recovery codes.

use kernel::{Caller, Denied, ManageUsers, Permit, Refusal, Secret, SignInMethod, User, UserId};
use store::{
    factors::{self, Confirmed, Factors, Onward, Spend, Used},
    sessions::{Grounds, SecondStep},
    users,
};
use vault::{Place, RECOVERY_CODES, TotpSeed, recovery_codes};

use crate::{
    Identity,
    error::IdentityError,
    proof_error::ProofError,
    rules::SecondFactor,
    second_step::{FirstStep, PATIENCE, StepKind, seed_place},
    session::SessionView,
};

/// A seed to be put into an app. For its owner alone, once.
#[derive(Debug)]
pub struct NewAuthenticator {
    /// Base 32, to type.
    pub secret: Secret<String>,
    /// For a QR code.
    pub otpauth_url: Secret<String>,
}

/// An authenticator app that was set up.
#[derive(Debug)]
pub struct EnrolledAuthenticator {
    /// Shown once.
    pub recovery_codes: Vec<Secret<String>>,
    /// How the person goes on.
    pub session: SessionView,
}

/// The second factors of an account, for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorStatus {
    /// What there is.
    pub factors: Factors,
    /// Whether the operator wants one from everybody (`ENABLE_MFA`).
    pub is_required: bool,
}

impl FactorStatus {
    /// Whether a password alone does not sign in.
    pub const fn is_enabled(&self) -> bool {
        self.factors.has_totp || self.factors.passkeys > 0
    }
}

/// Who sets the app up.
enum Enrolling {
    SignedIn(User),
    OnTheWayIn(FirstStep),
}

impl Enrolling {
    const fn user(&self) -> &User {
        match self {
            Self::SignedIn(user) | Self::OnTheWayIn(FirstStep { user, .. }) => user,
        }
    }
}

impl Identity {
    /// What the account has and needs.
    pub async fn factor_status(&self, user: &UserId) -> Result<FactorStatus, Refusal> {
        let factors = factors::of(&self.0.db, user).await?;
        Ok(FactorStatus { factors, is_required: self.rules().second_factor == SecondFactor::Required })
    }

    /// Draws a seed, to be confirmed within ten minutes. Without `token` the caller must be signed in and have proved
    /// to be there; with one, they are on the way in.
    pub async fn start_authenticator(
        &self,
        token: Option<&str>,
        by: &Caller,
    ) -> Result<NewAuthenticator, Refusal> {
        let enrolling = self.enrolling(token, by).await?;
        if let Enrolling::SignedIn(_) = enrolling {
            by.is_freshly_proved(self.0.world.now())?;
        }
        let user = enrolling.user();
        let seed = TotpSeed::new(&self.0.world);
        let sealed = seed.seal(&self.0.ring, &pending_place(user), &self.0.world);
        let until = self.0.world.now().plus(2 * PATIENCE);
        factors::propose_totp(&self.0.db, &user.id, &sealed, until).await?;
        let issuer = &self.0.settings.load().settings.webui_name.value;
        let otpauth_url = seed.otpauth_url(issuer, user.email.as_str());
        Ok(NewAuthenticator { secret: seed.base32(), otpauth_url })
    }

    /// Puts the app into force with its first code. All other sessions end; a signed-in person goes on in a new one, and
    /// somebody on the way in is in. Refuses with `wrong_code`, `nothing_to_confirm`, `challenge_expired` or
    /// `too_many_attempts`.
    pub async fn confirm_authenticator(
        &self,
        token: Option<&str>,
        code: &Secret<String>,
        by: &Caller,
    ) -> Result<EnrolledAuthenticator, Refusal> {
        let enrolling = self.enrolling(token, by).await?;
        let user = enrolling.user();
        self.count_proof(user, by).await?;
        let now = self.0.world.now();
        let totp = factors::totp(&self.0.db, &user.id).await?;
        let pending = totp.and_then(|totp| totp.pending).filter(|(_, until)| *until > now);
        let (pending, _) = pending.ok_or(ProofError::NothingPending)?;
        let seed = TotpSeed::open(&self.0.ring, &pending_place(user), &pending)
            .map_err(|_| ProofError::NothingPending)?;
        let Some(step) = seed.step_of(code.expose(), now) else {
            return Err(self.proof_failed(ProofError::WrongCode, "totp", user, by).await);
        };
        let sealed = seed.seal(&self.0.ring, &seed_place(user), &self.0.world);
        let (shown, digests) = self.new_codes(&user.id);
        let confirmed = Proven { pending: &pending, seed: &sealed, step, codes: &digests };
        let session = self.put_into_force(enrolling, confirmed, by).await?;
        Ok(EnrolledAuthenticator { recovery_codes: shown, session })
    }

    async fn put_into_force(
        &self,
        enrolling: Enrolling,
        Proven { pending, seed, step, codes }: Proven<'_>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let confirmed = |session| Confirmed { pending, seed, step, codes, session };
        let (session, user) = match enrolling {
            Enrolling::SignedIn(_) => {
                let (person, old, permit) = by.may_change_own_account()?;
                let (session, user) = self.successor(&person, &old, None, by).await?;
                let onward = Onward::From(&old);
                let is_done =
                    factors::confirm_totp(&self.0.db, confirmed(&session), onward, permit.by()).await;
                self.0.living.forget_person(&user.id);
                is_done?.then_some((session, user)).ok_or(IdentityError::SessionOver)?
            }
            Enrolling::OnTheWayIn(FirstStep { user, ticket }) => {
                let digest = self.0.ring.digest_ticket(&ticket.id);
                let ticket = Used { digest: &digest, expires_at: ticket.expires_at };
                let second = Some(SecondStep { ticket, spend: Spend::Nothing });
                let onward = Onward::In(Grounds { password: user.password.as_deref(), second });
                let session = self.new_session(&user.id, SignInMethod::PasswordAndTotp, by);
                let by = self.acting_in(&session, &user, by);
                let is_done = factors::confirm_totp(&self.0.db, confirmed(&session), onward, &by).await;
                self.0.living.forget_person(&user.id);
                is_done?.then_some((session, user)).ok_or(ProofError::ChallengeExpired)?
            }
        };
        tracing::info!(user.id = %user.id, "an authenticator app was set up");
        Ok(self.view(session, user))
    }

    async fn enrolling(&self, token: Option<&str>, by: &Caller) -> Result<Enrolling, Refusal> {
        if let Some(token) = token {
            return Ok(Enrolling::OnTheWayIn(self.first_step(token, StepKind::Enrol).await?));
        }
        // Everybody may ask, so this is no matter of access but of what was sent.
        let (person, _, _) = by.may_change_own_account().map_err(|denied| match denied {
            Denied::Unauthenticated => Refusal::from(ProofError::NobodyEnrols),
            other => other.into(),
        })?;
        let user = users::by_id(&self.0.db, &person.user).await?;
        Ok(Enrolling::SignedIn(user.ok_or(IdentityError::SessionOver)?))
    }

    /// Takes the app away. All other sessions end, and the person goes on in a new one. Refuses with
    /// `no_second_factor`.
    pub async fn remove_authenticator(&self, by: &Caller) -> Result<SessionView, Refusal> {
        let (person, old, permit) = by.may_change_own_account()?;
        let (session, user) = self.successor(&person, &old, None, by).await?;
        let is_done = factors::remove_totp(&self.0.db, &old, &session, &permit).await;
        self.0.living.forget_person(&user.id);
        if !is_done? {
            return Err(ProofError::NoAuthenticator.into());
        }
        tracing::info!(user.id = %user.id, "an authenticator app was taken away");
        Ok(self.view(session, user))
    }

    /// New recovery codes; the old ones are void, and all other sessions end. Refuses with `no_second_factor`.
    pub async fn renew_recovery_codes(&self, by: &Caller) -> Result<Vec<Secret<String>>, Refusal> {
        let (person, current, permit) = by.may_change_own_account()?;
        let (shown, digests) = self.new_codes(&person.user);
        let now = self.0.world.now();
        let is_done =
            factors::replace_codes(&self.0.db, &person.user, &current, &digests, now, &permit).await;
        self.0.living.forget_person(&person.user);
        if !is_done? {
            return Err(ProofError::NoFactor.into());
        }
        Ok(shown)
    }

    /// Takes every second factor of an account away, and ends its sessions: for somebody who lost their devices.
    /// `false` when there was none.
    pub async fn reset_factors(&self, user: &UserId, permit: &Permit<ManageUsers>) -> Result<bool, Refusal> {
        self.user(user).await?.ok_or(IdentityError::NoSuchAccount)?;
        let had_any = factors::reset(&self.0.db, user, permit).await;
        self.0.living.forget_person(user);
        Ok(had_any?)
    }

    fn new_codes(&self, user: &UserId) -> (Vec<Secret<String>>, [[u8; 32]; RECOVERY_CODES]) {
        let codes = recovery_codes(&self.0.world);
        let digest = |code: &Secret<String>| self.0.ring.digest_recovery_code(user, code.expose());
        let digests = codes.each_ref().map(|code| digest(code).expect("a code that we made is one"));
        (codes.into(), digests)
    }
}

/// A seed whose code was right, and what is stored with it.
struct Proven<'a> {
    pending: &'a [u8],
    seed: &'a [u8],
    step: i64,
    codes: &'a [[u8; 32]],
}

fn pending_place(user: &User) -> Place {
    Place::new("totp", "pending_seed", user.id.to_string())
}
