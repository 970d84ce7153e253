//! Confirming who sits there: a fresh proof for what a stolen session must not do.

use kernel::{Caller, Refusal, Secret, Timestamp, User};
use store::{
    factors::{self, Factors, Spend, Used},
    sessions::{self, Confirmation},
    users,
};
use vault::{PasskeyAssertion, TicketKind};

use crate::{
    Identity,
    error::IdentityError,
    passkeys::{Answered, Unproven},
    proof_error::ProofError,
};

/// What somebody shows.
#[derive(Debug)]
pub enum Proof<'a> {
    /// The password, for accounts without a second factor.
    Password(Secret<String>),
    /// A code of the authenticator app.
    Code(&'a Secret<String>),
    /// A passkey.
    Passkey(Answered<'a, PasskeyAssertion>),
}

/// Ways in which an account confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofMethod {
    /// The password.
    Password,
    /// The authenticator app.
    Totp,
    /// A passkey.
    Passkey,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofStatus {
    /// Until when the last proof is enough; `None` when it is not any more.
    pub confirmed_until: Option<Timestamp>,
    /// What would be a new one.
    pub methods: Vec<ProofMethod>,
}

impl Identity {
    /// Until when the last proof is enough, and what would be a new one.
    pub async fn proof_status(&self, by: &Caller) -> Result<ProofStatus, Refusal> {
        let (person, _, _) = by.may_change_own_account()?;
        let user = users::by_id(&self.0.db, &person.user).await?.ok_or(IdentityError::SessionOver)?;
        let factors = factors::of(&self.0.db, &user.id).await?;
        let now = self.0.world.now();
        let confirmed_until = person.proved_until().filter(|end| *end > now);
        Ok(ProofStatus { confirmed_until, methods: methods(&user, factors) })
    }

    /// Takes a proof for this session and no other; says until when it is enough. Refuses with `wrong_password`,
    /// `wrong_code`, `invalid_passkey`, `challenge_expired`, `method_unavailable` or `too_many_attempts`.
    pub async fn confirm(&self, proof: Proof<'_>, by: &Caller) -> Result<Timestamp, Refusal> {
        let (person, session, permit) = by.may_change_own_account()?;
        let user = users::by_id(&self.0.db, &person.user).await?.ok_or(IdentityError::SessionOver)?;
        let factors = factors::of(&self.0.db, &user.id).await?;
        let asked = proof.method();
        if !methods(&user, factors).contains(&asked) {
            return Err(ProofError::OtherMethod(asked.missing()).into());
        }
        // Nobody guesses a signature, and a guesser of codes must not take this way from the owner, too.
        if asked != ProofMethod::Passkey {
            self.count_proof(&user, by).await?;
        }
        // Whole microseconds are kept; a proof is never older in the database than in the answer.
        let now = self.0.world.now();
        let put =
            async |confirmation| sessions::confirm(&self.0.db, &session, now, confirmation, &permit).await;
        let (is_right, wrong) = match proof {
            Proof::Password(password) => {
                let is_right = self.is_password_of(&user, password).await?;
                let confirmation = Confirmation { method: "password", ticket: None, spend: Spend::Nothing };
                (is_right && put(confirmation).await?, ProofError::WrongPassword)
            }
            Proof::Code(code) => {
                let is_right = match self.totp_step(&user, code.expose()).await? {
                    Some(step) => {
                        let spend = Spend::TotpStep(step);
                        let is_new = put(Confirmation { method: "totp", ticket: None, spend }).await?;
                        if !is_new {
                            factors::take_back_try(&self.0.db, &user.id).await?;
                        }
                        is_new
                    }
                    None => false,
                };
                (is_right, ProofError::WrongCode)
            }
            Proof::Passkey(answered) => {
                let bound_to = [user.id.as_str(), session.as_str()];
                match self.asserted(TicketKind::ConfirmByPasskey, &bound_to, answered).await {
                    Ok(asserted) if asserted.passkey.user == user.id => {
                        let digest = self.0.ring.digest_ticket(&asserted.ticket.id);
                        let once = Used { digest: &digest, expires_at: asserted.ticket.expires_at };
                        let spend = asserted.spend();
                        let confirmation = Confirmation { method: "passkey", ticket: Some(once), spend };
                        (put(confirmation).await?, ProofError::UnknownPasskey)
                    }
                    Err(Unproven { refusal: Some(refusal), .. }) => return Err(refusal),
                    _ => (false, ProofError::UnknownPasskey),
                }
            }
        };
        self.0.living.forget_session(&session);
        if !is_right {
            return Err(self.proof_failed(wrong, asked.as_str(), &user, by).await);
        }
        Ok(kernel::Person { proved_at: Some(now), ..person }.proved_until().unwrap_or(now))
    }
}

impl Proof<'_> {
    const fn method(&self) -> ProofMethod {
        match self {
            Self::Password(_) => ProofMethod::Password,
            Self::Code(_) => ProofMethod::Totp,
            Self::Passkey(_) => ProofMethod::Passkey,
        }
    }
}

impl ProofMethod {
    /// Why an account cannot be confirmed this way.
    const fn missing(self) -> &'static str {
        match self {
            Self::Password => "with its second factor",
            Self::Totp => "it has no authenticator app",
            Self::Passkey => "it has no passkey",
        }
    }

    /// The word on the wire and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }
}

/// With a second factor a password alone confirms nothing: whoever stole a session may well have stolen the password.
fn methods(user: &User, factors: Factors) -> Vec<ProofMethod> {
    let has_second = factors.has_totp || factors.passkeys > 0;
    let all = [
        (user.password.is_some() && !has_second, ProofMethod::Password),
        (factors.has_totp, ProofMethod::Totp),
        (factors.passkeys > 0, ProofMethod::Passkey),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, method)| method).collect()
}
