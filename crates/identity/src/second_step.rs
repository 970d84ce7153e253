//! The second step of a sign-in with a password: a code of an authenticator app, a recovery code, or a passkey.
//!
//! Between the steps nothing is stored. The person holds a ticket that says whose password was right; it is bound to
//! that password, ends after five minutes and works once, on every replica.

use std::time::Duration;

use kernel::{
    Caller, Refusal, Secret, SignInMethod, User,
    audit::{Entry, Event},
};
use store::{
    audit,
    factors::{self, Factors, Spend, Used},
    sessions::SecondStep,
    users,
};
use vault::{Place, Ticket, TicketKind, TotpSeed};

use crate::{Identity, proof_error::ProofError, rules::SecondFactor, session::SessionView};

/// How long somebody has for the second step.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// What a right password leads to.
#[derive(Debug)]
pub enum SignIn {
    /// A session.
    Done(Box<SessionView>),
    /// Another step.
    Next(NextStep),
}

/// The step that is still to come.
#[derive(Debug)]
pub struct NextStep {
    /// Which one.
    pub kind: StepKind,
    /// Who shows it has taken the first step; for its owner alone.
    pub token: Secret<String>,
    /// How long it counts.
    pub expires_in: Duration,
    /// What the account can prove itself with.
    pub methods: Vec<StepMethod>,
}

/// Kinds of second steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Show the second factor.
    Verify,
    /// Set one up: the operator wants one from everybody.
    Enrol,
}

/// Ways to take the second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepMethod {
    /// A code of the authenticator app.
    Totp,
    /// A recovery code.
    Recovery,
    /// A passkey.
    Passkey,
}

/// A first step that was taken, by whom, and what remembers it.
pub(crate) struct FirstStep {
    pub(crate) user: User,
    pub(crate) ticket: Ticket,
}

impl Identity {
    /// The password was right: a session, or the next step towards one.
    pub(crate) async fn password_was_right(&self, user: User, by: &Caller) -> Result<SignIn, Refusal> {
        let factors = factors::of(&self.0.db, &user.id).await?;
        if factors.has_second() {
            return Ok(SignIn::Next(self.next_step(&user, StepKind::Verify, methods(factors))));
        }
        if self.rules().second_factor == SecondFactor::Required {
            return Ok(SignIn::Next(self.next_step(&user, StepKind::Enrol, Vec::new())));
        }
        let view = self.begin(user, SignInMethod::Password, None, by).await?;
        Ok(SignIn::Done(Box::new(view)))
    }

    pub(crate) fn next_step(&self, user: &User, kind: StepKind, methods: Vec<StepMethod>) -> NextStep {
        let ticket = self.0.ring.ticket(ticket_kind(kind), &bound_to(user), PATIENCE, &self.0.world);
        let token = Secret::new(format!("{}.{}", ticket.bearer(), user.id));
        NextStep { kind, token, expires_in: PATIENCE, methods }
    }

    /// Finds out who took the first step. Refuses with `challenge_expired`, whatever is wrong about the token.
    pub(crate) async fn first_step(&self, token: &str, kind: StepKind) -> Result<FirstStep, Refusal> {
        let mut parts = token.splitn(3, '.');
        let (Some(id), Some(proof), Some(account)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ProofError::ChallengeExpired.into());
        };
        let account = account.parse().map_err(|_| ProofError::ChallengeExpired)?;
        let user = users::by_id(&self.0.db, &account).await?.ok_or(ProofError::ChallengeExpired)?;
        let bearer = format!("{id}.{proof}");
        let now = self.0.world.now();
        let ticket = self.0.ring.redeem(ticket_kind(kind), &bound_to(&user), &bearer, now);
        Ok(FirstStep { ticket: ticket.ok_or(ProofError::ChallengeExpired)?, user })
    }

    /// Takes the second step with a code of the authenticator app. Refuses with `challenge_expired`, `wrong_code` or
    /// `too_many_attempts`.
    pub async fn verify_code(
        &self,
        token: &str,
        code: &Secret<String>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let step = self.first_step(token, StepKind::Verify).await?;
        self.count_proof(&step.user, by).await?;
        let found = self.totp_step(&step.user, code.expose()).await?;
        let Some(found) = found else {
            return Err(self.proof_failed(ProofError::WrongCode, "totp", &step.user, by).await);
        };
        let (method, account) = (SignInMethod::PasswordAndTotp, step.user.id.clone());
        let done = self.finish(step, method, Spend::TotpStep(found), ProofError::WrongCode, by).await;
        if done.as_ref().is_err_and(|refusal| refusal.code == "wrong_code") {
            factors::take_back_try(&self.0.db, &account).await?;
        }
        done
    }

    /// Takes the second step with a recovery code, which is used up. Refuses like [`Identity::verify_code`], with tries
    /// of its own.
    pub async fn recover(
        &self,
        token: &str,
        code: &Secret<String>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let step = self.first_step(token, StepKind::Verify).await?;
        // Apart from the tries of six digits: whoever uses those up must not shut out an owner who lost the device.
        if let Err(wait) = self.0.throttle.admit_recovery(&step.user.id, self.0.world.now()) {
            let refused = ProofError::TooManyAttempts { wait };
            return Err(self.proof_failed(refused, "recovery_code", &step.user, by).await);
        }
        let wrong = ProofError::WrongRecoveryCode;
        let Some(digest) = self.0.ring.digest_recovery_code(&step.user.id, code.expose()) else {
            return Err(self.proof_failed(wrong, "recovery_code", &step.user, by).await);
        };
        let (method, account) = (SignInMethod::PasswordAndRecoveryCode, step.user.id.clone());
        let done = self.finish(step, method, Spend::RecoveryCode(&digest), wrong, by).await?;
        self.0.throttle.forgive_recovery(&account);
        Ok(done)
    }

    /// Stores the session, with all that it rests on used up in the same moment.
    pub(crate) async fn finish(
        &self,
        FirstStep { user, ticket }: FirstStep,
        method: SignInMethod,
        spend: Spend<'_>,
        wrong: ProofError,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let digest = self.0.ring.digest_ticket(&ticket.id);
        let second = SecondStep { ticket: Used { digest: &digest, expires_at: ticket.expires_at }, spend };
        match self.begin(user.clone(), method, Some(second), by).await {
            Err(refusal) if refusal.code == "wrong_code" => {
                let factor = method.as_str().trim_start_matches("password+");
                Err(self.proof_failed(wrong, factor, &user, by).await)
            }
            Err(refusal) if refusal.code == "wrong_credentials" => Err(ProofError::ChallengeExpired.into()),
            other => other,
        }
    }

    /// Counts a try before it is looked at. Refuses with `too_many_attempts` after ten within a quarter of an hour; who
    /// gets this far knows the password or has a session, so no stranger can use it to lock somebody out.
    pub(crate) async fn count_proof(&self, user: &User, by: &Caller) -> Result<(), Refusal> {
        match factors::count_try(&self.0.db, &user.id, self.0.world.now()).await? {
            None => Ok(()),
            Some(wait) => {
                let refused = ProofError::TooManyAttempts { wait };
                Err(self.proof_failed(refused, "any", user, by).await)
            }
        }
    }

    /// The step of the authenticator app that this code belongs to; whether it was used is asked when it is spent.
    pub(crate) async fn totp_step(&self, user: &User, code: &str) -> Result<Option<i64>, Refusal> {
        let totp = factors::totp(&self.0.db, &user.id).await?;
        let Some(sealed) = totp.and_then(|totp| totp.seed) else { return Ok(None) };
        let seed = TotpSeed::open(&self.0.ring, &seed_place(user), &sealed).map_err(|error| {
            tracing::error!(%error, user.id = %user.id, "the seed of an authenticator app cannot be opened");
            Refusal::internal()
        })?;
        Ok(seed.step_of(code, self.0.world.now()))
    }

    /// Records a proof that failed. The refusal, or why the record could not be written: nobody gets to guess unseen.
    pub(crate) async fn proof_failed(
        &self,
        error: ProofError,
        factor: &str,
        user: &User,
        by: &Caller,
    ) -> Refusal {
        let refusal = Refusal::from(error);
        let event = match by.person() {
            Some(_) => Event::SessionConfirmRefused,
            None => Event::FactorRefused,
        };
        let entry = Entry::failed(event, by, refusal.kind.status())
            .on(&user.id)
            .with("factor", factor)
            .with("reason", refusal.code.as_ref());
        match audit::record(&self.0.db, &entry).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }
}

/// Where the seed in force is sealed.
pub(crate) fn seed_place(user: &User) -> Place {
    Place::new("totp", "seed", user.id.to_string())
}

const fn ticket_kind(kind: StepKind) -> TicketKind {
    match kind {
        StepKind::Verify => TicketKind::SecondStep,
        StepKind::Enrol => TicketKind::Enrolment,
    }
}

/// A ticket is worth nothing once the password is another one.
fn bound_to(user: &User) -> [&str; 2] {
    [user.id.as_str(), user.password.as_deref().unwrap_or_default()]
}

fn methods(factors: Factors) -> Vec<StepMethod> {
    let all = [
        (factors.has_totp, StepMethod::Totp),
        (factors.passkeys > 0, StepMethod::Passkey),
        (factors.recovery_codes > 0, StepMethod::Recovery),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, method)| method).collect()
}
