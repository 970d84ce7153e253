//! Everything that proving who one is can refuse, besides the password at the door, and what it answers.

use std::time::Duration;

use kernel::{Kind, Refusal};
use vault::PasskeyError;

/// Why not, in words that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofError {
    #[error("That is not your password.")]
    WrongPassword,
    #[error("The code is wrong, too old, or was used already. Wait for the next one.")]
    WrongCode,
    #[error("The recovery code is wrong or was used already.")]
    WrongRecoveryCode,
    #[error("Too many attempts. Wait a few minutes, then try again.")]
    TooManyAttempts { wait: Duration },
    #[error("This took too long or was finished already. Start again.")]
    ChallengeExpired,
    /// The same words for every reason, for whoever is not signed in.
    #[error("This passkey cannot be used here. Sign in another way.")]
    UnknownPasskey,
    #[error("The passkey cannot be used: {0}.")]
    Passkey(#[from] PasskeyError),
    #[error("This passkey belongs to an account already.")]
    PasskeyTaken,
    #[error("There is no such passkey.")]
    NoSuchPasskey,
    #[error("An account has at most {0} passkeys. Remove one first.")]
    TooManyPasskeys(usize),
    #[error("There is no authenticator app on this account.")]
    NoAuthenticator,
    #[error("There is no second factor on this account that recovery codes could stand in for.")]
    NoFactor,
    #[error("Sign in first, or send the challenge_token of the sign-in that asked for it.")]
    NobodyEnrols,
    #[error("Nothing waits to be confirmed. Start to set up the authenticator app again.")]
    NothingPending,
    #[error("This account proves itself another way: {0}.")]
    OtherMethod(&'static str),
    #[error("There is no such session.")]
    NoSuchSession,
    #[error("Changing passwords is switched off by ENABLE_PASSWORD_CHANGE_FORM. Ask an administrator.")]
    PasswordChangeOff,
    #[error("Passwords are switched off by ENABLE_PASSWORD_AUTH.")]
    PasswordAuthOff,
}

impl ProofError {
    const fn meaning(&self) -> (Kind, &'static str, Option<&'static str>) {
        match self {
            Self::WrongPassword => (Kind::Invalid, "wrong_password", Some("password")),
            Self::WrongCode | Self::WrongRecoveryCode => (Kind::Invalid, "wrong_code", Some("code")),
            Self::TooManyAttempts { .. } => (Kind::TooMany, "too_many_attempts", None),
            Self::ChallengeExpired => (Kind::Invalid, "challenge_expired", None),
            Self::UnknownPasskey => (Kind::Invalid, "wrong_credentials", None),
            Self::Passkey(_) => (Kind::Invalid, "invalid_passkey", Some("credential")),
            Self::PasskeyTaken => (Kind::Conflict, "passkey_taken", Some("credential")),
            Self::NoSuchPasskey | Self::NoSuchSession => (Kind::NotFound, "not_found", None),
            Self::TooManyPasskeys(_) => (Kind::Invalid, "too_many_passkeys", None),
            Self::NoAuthenticator | Self::NoFactor => (Kind::Invalid, "no_second_factor", None),
            Self::NobodyEnrols => (Kind::Invalid, "sign_in_needed", None),
            Self::NothingPending => (Kind::Invalid, "nothing_to_confirm", None),
            Self::OtherMethod(_) => (Kind::Invalid, "method_unavailable", None),
            Self::PasswordChangeOff => (Kind::Forbidden, "feature_disabled", None),
            Self::PasswordAuthOff => (Kind::Forbidden, "password_auth_disabled", None),
        }
    }
}

impl From<ProofError> for Refusal {
    fn from(error: ProofError) -> Self {
        let (kind, code, field) = error.meaning();
        let mut refusal = Self::new(kind, code, error.to_string());
        refusal.field = field.map(Into::into);
        refusal.retry_after = match error {
            ProofError::TooManyAttempts { wait } => Some(wait),
            _ => None,
        };
        refusal
    }
}
