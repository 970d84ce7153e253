//! Passkeys: adding, naming and removing them, signing in with one, alone or after a password, and confirming by one.

use kernel::{
    Caller, Passkey, PasskeyId, Refusal, SignInMethod, User,
    audit::{Entry, Event, Target},
};
use store::{
    audit,
    factors::{Spend, Used},
    passkeys::{self, Added},
    sessions::SecondStep,
    users,
};
use vault::{
    KnownPasskey, PasskeyAssertion, PasskeyError, PasskeyRegistration, PasskeyUse, RelyingParty, Ticket,
    TicketKind, base64url,
};

use crate::{
    Identity,
    error::IdentityError,
    form,
    proof_error::ProofError,
    second_step::{FirstStep, PATIENCE, StepKind},
    session::SessionView,
};

/// More than anybody has devices; a list that a browser must carry with each request has an end.
const MOST: usize = 20;

/// What a browser needs to use or make a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyChallenge {
    /// Names the challenge.
    pub id: String,
    /// Base64url.
    pub challenge: String,
    /// The passkeys that may answer, or that are there already; base64url.
    pub credentials: Vec<String>,
}

/// The challenge for a new passkey, and for whom it is.
#[derive(Debug, Clone)]
pub struct NewPasskeyChallenge {
    /// The challenge; `credentials` are those the account has already.
    pub challenge: PasskeyChallenge,
    /// What the authenticator keeps to find the account again; base64url.
    pub user_handle: String,
    /// Whose it will be.
    pub user: User,
}

/// An answer to a challenge, and where it was asked.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a, A> {
    /// The id of the challenge, when the client sends it along.
    pub id: Option<&'a str>,
    /// What the browser answered.
    pub answer: &'a A,
    /// To whom.
    pub party: &'a RelyingParty,
}

/// An assertion whose signature was right.
pub(crate) struct Asserted {
    pub(crate) passkey: Passkey,
    pub(crate) used: PasskeyUse,
    pub(crate) ticket: Ticket,
}

impl Asserted {
    /// What it uses up.
    pub(crate) const fn spend(&self) -> Spend<'_> {
        Spend::Passkey {
            id: &self.passkey.id,
            before: self.passkey.sign_count,
            after: self.used.sign_count,
            is_backed_up: self.used.is_backed_up,
        }
    }
}

impl Identity {
    /// The passkeys of the caller, oldest first.
    pub async fn passkeys(&self, by: &Caller) -> Result<Vec<Passkey>, Refusal> {
        let (person, _, _) = by.may_change_own_account()?;
        Ok(passkeys::of(&self.0.db, &person.user).await?)
    }

    /// Begins to add a passkey.
    pub async fn start_passkey(&self, by: &Caller) -> Result<NewPasskeyChallenge, Refusal> {
        let (person, session, _) = by.may_change_own_account()?;
        let user = users::by_id(&self.0.db, &person.user).await?.ok_or(IdentityError::SessionOver)?;
        let known = passkeys::of(&self.0.db, &user.id).await?;
        if known.len() >= MOST {
            return Err(ProofError::TooManyPasskeys(MOST).into());
        }
        let bound_to = [user.id.as_str(), session.as_str()];
        let challenge = self.challenge(TicketKind::AddPasskey, &bound_to, &known);
        Ok(NewPasskeyChallenge { challenge, user_handle: base64url(user.id.as_str().as_bytes()), user })
    }

    /// Adds a passkey. All other sessions end, and the person goes on in a new one. Refuses with `invalid_name`,
    /// `challenge_expired`, `invalid_passkey` or `passkey_taken`.
    pub async fn add_passkey(
        &self,
        answered: Answered<'_, PasskeyRegistration>,
        name: &str,
        by: &Caller,
    ) -> Result<(Passkey, SessionView), Refusal> {
        let (person, old, permit) = by.may_change_own_account()?;
        let name = form::name(name)?;
        let bearer = answered.answer.challenge().map_err(ProofError::from)?;
        let bound_to = [person.user.as_str(), old.as_str()];
        let ticket = self.redeemed(TicketKind::AddPasskey, &bound_to, &bearer, answered.id)?;
        let made = answered.answer.check(&bearer, answered.party).map_err(ProofError::from)?;
        let (session, user) = self.successor(&person, &old, None, by).await?;
        let passkey = Passkey {
            id: PasskeyId::new(&self.0.world),
            user: user.id.clone(),
            name,
            credential: made.credential,
            public_key: made.public_key,
            sign_count: made.sign_count,
            aaguid: made.aaguid,
            is_backup_eligible: made.is_backup_eligible,
            is_backed_up: made.is_backed_up,
            created_at: self.0.world.now(),
            last_used_at: None,
        };
        let digest = self.0.ring.digest_ticket(&ticket.id);
        let spent = Used { digest: &digest, expires_at: ticket.expires_at };
        let added = passkeys::insert(&self.0.db, &passkey, spent, (&old, &session), &permit).await;
        self.0.living.forget_person(&user.id);
        match added {
            Ok(Added::Added) => {}
            Ok(Added::Outdated) => return Err(ProofError::ChallengeExpired.into()),
            Err(error) if error.is_conflict_of("passkey", "credential") => {
                return Err(ProofError::PasskeyTaken.into());
            }
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user.id = %user.id, passkey.id = %passkey.id, "a passkey was added");
        Ok((passkey, self.view(session, user)))
    }

    /// Renames a passkey of the caller.
    pub async fn rename_passkey(&self, id: &PasskeyId, name: &str, by: &Caller) -> Result<Passkey, Refusal> {
        let (person, _, permit) = by.may_change_own_account()?;
        let name = form::name(name)?;
        let renamed = passkeys::rename(&self.0.db, &person.user, id, &name, &permit).await?;
        Ok(renamed.ok_or(ProofError::NoSuchPasskey)?)
    }

    /// Removes a passkey of the caller. All other sessions end, and the person goes on in a new one.
    pub async fn remove_passkey(&self, id: &PasskeyId, by: &Caller) -> Result<SessionView, Refusal> {
        let (person, old, permit) = by.may_change_own_account()?;
        let (session, user) = self.successor(&person, &old, None, by).await?;
        let is_done = passkeys::remove(&self.0.db, id, (&old, &session), &permit).await;
        self.0.living.forget_person(&user.id);
        if !is_done? {
            return Err(ProofError::NoSuchPasskey.into());
        }
        tracing::info!(user.id = %user.id, passkey.id = %id, "a passkey was removed");
        Ok(self.view(session, user))
    }

    /// Asks for a passkey to sign in with: any, or with the `token` of a first step one of that account. Nothing is
    /// stored.
    pub async fn start_passkey_sign_in(&self, token: Option<&str>) -> Result<PasskeyChallenge, Refusal> {
        let Some(token) = token else { return Ok(self.challenge(TicketKind::AnyPasskey, &[], &[])) };
        let FirstStep { user, ticket } = self.first_step(token, StepKind::Verify).await?;
        let known = passkeys::of(&self.0.db, &user.id).await?;
        Ok(self.challenge(TicketKind::SecondPasskey, &[&ticket.id], &known))
    }

    /// Signs in with a passkey, which proves a device and a person at once. Refuses with `wrong_credentials` or
    /// `challenge_expired`.
    pub async fn sign_in_with_passkey(
        &self,
        answered: Answered<'_, PasskeyAssertion>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        // An authenticator that finds the account by itself must say which one it found.
        let handle = answered.answer.user_handle().ok().flatten();
        let asserted = match self.asserted(TicketKind::AnyPasskey, &[], answered).await {
            Ok(asserted) => asserted,
            Err(refused) => return Err(self.passkey_refused(refused, by).await),
        };
        let user = users::by_id(&self.0.db, &asserted.passkey.user).await?;
        let is_owner = |user: &User| handle.as_deref() == Some(user.id.as_str().as_bytes());
        let Some(user) = user.filter(is_owner) else {
            return Err(self.passkey_refused(Unproven::of("other_account"), by).await);
        };
        let digest = self.0.ring.digest_ticket(&asserted.ticket.id);
        let ticket = Used { digest: &digest, expires_at: asserted.ticket.expires_at };
        let second = SecondStep { ticket, spend: asserted.spend() };
        match self.begin(user.clone(), SignInMethod::Passkey, Some(second), by).await {
            Err(refusal) if refusal.code == "wrong_code" || refusal.code == "wrong_credentials" => {
                let refused = Unproven { user: Some(Target::from(&user.id)), ..Unproven::of("used") };
                Err(self.passkey_refused(refused, by).await)
            }
            other => other,
        }
    }

    /// Takes the second step of a sign-in with a passkey. Refuses with `challenge_expired` or `wrong_credentials`. Tries
    /// are not counted: nobody guesses a signature.
    pub async fn verify_passkey(
        &self,
        token: &str,
        answered: Answered<'_, PasskeyAssertion>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let step = self.first_step(token, StepKind::Verify).await?;
        let asserted = self.asserted(TicketKind::SecondPasskey, &[&step.ticket.id], answered).await;
        match asserted {
            Ok(asserted) if asserted.passkey.user == step.user.id => {
                let method = SignInMethod::PasswordAndPasskey;
                self.finish(step, method, asserted.spend(), ProofError::UnknownPasskey, by).await
            }
            Err(Unproven { refusal: Some(refusal), .. }) => Err(refusal),
            _ => Err(self.proof_failed(ProofError::UnknownPasskey, "passkey", &step.user, by).await),
        }
    }

    /// Asks for a passkey of the caller, to confirm who sits there.
    pub async fn start_passkey_confirmation(&self, by: &Caller) -> Result<PasskeyChallenge, Refusal> {
        let (person, session, _) = by.may_change_own_account()?;
        let known = passkeys::of(&self.0.db, &person.user).await?;
        if known.is_empty() {
            return Err(ProofError::OtherMethod("it has no passkey").into());
        }
        let bound_to = [person.user.as_str(), session.as_str()];
        Ok(self.challenge(TicketKind::ConfirmByPasskey, &bound_to, &known))
    }

    fn challenge(&self, kind: TicketKind, bound_to: &[&str], known: &[Passkey]) -> PasskeyChallenge {
        let ticket = self.0.ring.ticket(kind, bound_to, PATIENCE, &self.0.world);
        PasskeyChallenge {
            challenge: base64url(ticket.bearer().as_bytes()),
            id: ticket.id,
            credentials: known.iter().map(|passkey| base64url(&passkey.credential)).collect(),
        }
    }

    /// The ticket that a challenge was.
    fn redeemed(
        &self,
        kind: TicketKind,
        bound_to: &[&str],
        bearer: &[u8],
        id: Option<&str>,
    ) -> Result<Ticket, ProofError> {
        let bearer = std::str::from_utf8(bearer).map_err(|_| ProofError::ChallengeExpired)?;
        let ticket = self.0.ring.redeem(kind, bound_to, bearer, self.0.world.now());
        ticket.filter(|ticket| id.is_none_or(|id| id == ticket.id)).ok_or(ProofError::ChallengeExpired)
    }

    /// Checks an assertion against the passkey it names.
    pub(crate) async fn asserted(
        &self,
        kind: TicketKind,
        bound_to: &[&str],
        Answered { id, answer, party }: Answered<'_, PasskeyAssertion>,
    ) -> Result<Asserted, Unproven> {
        let malformed = |_: PasskeyError| Unproven::of("malformed");
        let bearer = answer.challenge().map_err(malformed)?;
        let ticket = self.redeemed(kind, bound_to, &bearer, id)?;
        let credential = answer.credential().map_err(malformed)?;
        let found = passkeys::by_credential(&self.0.db, &credential).await.map_err(Refusal::from)?;
        let passkey = found.ok_or(Unproven::of("unknown_passkey"))?;
        let known = KnownPasskey {
            public_key: passkey.public_key.clone(),
            sign_count: passkey.sign_count,
            is_backup_eligible: passkey.is_backup_eligible,
        };
        match answer.check(&bearer, party, &known) {
            Ok(used) => Ok(Asserted { passkey, used, ticket }),
            Err(error) => {
                tracing::info!(passkey.id = %passkey.id, %error, "a passkey proved nothing");
                let user = Some(Target::from(&passkey.user));
                Err(Unproven { refusal: None, reason: reason(error), user })
            }
        }
    }

    /// Records that a passkey did not sign anybody in.
    async fn passkey_refused(&self, Unproven { refusal, reason, user }: Unproven, by: &Caller) -> Refusal {
        if let Some(refusal) = refusal.as_ref().filter(|refusal| refusal.code != "challenge_expired") {
            return refusal.clone();
        }
        let refusal = refusal.unwrap_or_else(|| ProofError::UnknownPasskey.into());
        let mut entry = Entry::failed(Event::SessionRefused, by, refusal.kind.status())
            .with("method", "passkey")
            .with("reason", reason);
        entry.target = user;
        match audit::record(&self.0.db, &entry).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }
}

/// An assertion that proves nothing.
pub(crate) struct Unproven {
    /// What the caller reads, when it is not the one word for everything that is wrong about a passkey.
    pub(crate) refusal: Option<Refusal>,
    /// For the audit log.
    reason: &'static str,
    user: Option<Target>,
}

impl Unproven {
    const fn of(reason: &'static str) -> Self {
        Self { refusal: None, reason, user: None }
    }
}

impl From<ProofError> for Unproven {
    fn from(error: ProofError) -> Self {
        Self { refusal: Some(error.into()), ..Self::of("challenge_expired") }
    }
}

impl From<Refusal> for Unproven {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::of("internal") }
    }
}

const fn reason(error: PasskeyError) -> &'static str {
    match error {
        PasskeyError::Malformed | PasskeyError::Ceremony => "malformed",
        PasskeyError::Challenge => "challenge",
        PasskeyError::Origin => "origin",
        PasskeyError::Party => "relying_party",
        PasskeyError::NobodyThere | PasskeyError::NotVerified => "not_verified",
        PasskeyError::Signature => "signature",
        PasskeyError::Copied => "copied",
        PasskeyError::Changed => "changed",
    }
}
