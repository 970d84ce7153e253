//! Everything that accounts and sign-ins can refuse, and the one place that gives it status and code.

use std::{borrow::Cow, time::Duration};

use kernel::{EmailError, Kind, Refusal};
use store::StoreError;
use vault::PasswordError;

/// Why not, in words that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("Sign-up is closed. Ask an administrator for an account.")]
    SignUpClosed,
    #[error("This e-mail address cannot be used: {0}.")]
    Email(#[from] EmailError),
    #[error("There is already an account with this e-mail address. Sign in, or use another address.")]
    EmailTaken,
    #[error(
        "The name must have 1 to 100 characters, and none that are invisible or change the direction of text."
    )]
    Name,
    #[error(
        "The picture must be a PNG, JPEG, GIF or WebP data URL of at most 96 KiB, or a path on this server."
    )]
    Picture,
    #[error("{0}")]
    Password(Cow<'static, str>),
    /// The same words whether the address or the password is wrong: nobody learns who has an account.
    #[error("The e-mail address or the password is wrong.")]
    WrongCredentials,
    #[error("Too many attempts to sign in. Wait a few minutes, then try again.")]
    TooManyAttempts { wait: Duration },
    #[error("Many accounts were made from your network. Wait a few minutes, then try again.")]
    TooManySignUps { wait: Duration },
    #[error(
        "Signing in by password is switched off here (ENABLE_PASSWORD_AUTH). Sign in the way your organisation does."
    )]
    PasswordAuthDisabled,
    #[error(
        "The sign-in form is switched off here (ENABLE_LOGIN_FORM). Sign in the way your organisation does."
    )]
    LoginFormDisabled,
    /// The same words for every reason: a forger learns nothing from them.
    #[error("You are not signed in any more. Sign in again.")]
    SessionOver,
    #[error(
        "Everybody needs two-step sign-in here now (ENABLE_MFA). Sign in again: it is set up on the way in."
    )]
    SecondFactorRequired,
    #[error("This is the last administrator. Make somebody else an administrator first.")]
    LastAdmin,
    #[error("This is your own account. Another administrator can delete it.")]
    OwnAccount,
    #[error("The list cannot be read: {0}")]
    List(Cow<'static, str>),
    #[error(
        "The password hash must be bcrypt ($2a$, $2b$, $2y$) or argon2id, with a cost that is not beyond reason."
    )]
    PasswordHash,
    #[error("The role must be admin, user or pending.")]
    Role,
    #[error("Too many passwords are being checked at present. Try again in a moment.")]
    Busy,
    #[error("There is no such account.")]
    NoSuchAccount,
    #[error("The password could not be checked. Try again in a moment.")]
    PasswordsFailed,
}

impl IdentityError {
    const fn meaning(&self) -> (Kind, &'static str, Option<&'static str>) {
        match self {
            Self::SignUpClosed => (Kind::Forbidden, "signup_closed", None),
            Self::Email(_) => (Kind::Invalid, "invalid_email", Some("email")),
            Self::EmailTaken => (Kind::Invalid, "email_taken", Some("email")),
            Self::Name => (Kind::Invalid, "invalid_name", Some("name")),
            Self::Picture => (Kind::Invalid, "invalid_picture", Some("profile_image_url")),
            Self::Password(_) => (Kind::Invalid, "weak_password", Some("password")),
            Self::WrongCredentials => (Kind::Invalid, "wrong_credentials", None),
            Self::TooManyAttempts { .. } | Self::TooManySignUps { .. } => {
                (Kind::TooMany, "too_many_attempts", None)
            }
            Self::PasswordAuthDisabled => (Kind::Forbidden, "password_auth_disabled", None),
            Self::LoginFormDisabled => (Kind::Forbidden, "login_form_disabled", None),
            Self::SessionOver => (Kind::Unauthenticated, "session_over", None),
            Self::SecondFactorRequired => (Kind::Unauthenticated, "second_factor_required", None),
            Self::LastAdmin => (Kind::Invalid, "last_admin", Some("role")),
            Self::OwnAccount => (Kind::Invalid, "own_account", None),
            Self::List(_) => (Kind::Invalid, "invalid_list", None),
            Self::PasswordHash => (Kind::Invalid, "invalid_password_hash", Some("password_hash")),
            Self::Role => (Kind::Invalid, "invalid_role", Some("role")),
            Self::Busy => (Kind::Unavailable, "busy", None),
            Self::NoSuchAccount => (Kind::NotFound, "not_found", None),
            Self::PasswordsFailed => (Kind::Unavailable, "passwords_unavailable", None),
        }
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        let (kind, code, field) = error.meaning();
        let mut refusal = Self::new(kind, code, error.to_string());
        refusal.field = field.map(Into::into);
        refusal.retry_after = match error {
            IdentityError::TooManyAttempts { wait } | IdentityError::TooManySignUps { wait } => Some(wait),
            IdentityError::Busy => Some(COME_BACK),
            _ => None,
        };
        refusal
    }
}

/// When somebody who found the queue full may find it shorter.
const COME_BACK: Duration = Duration::from_secs(5);

/// What is left when a password of proper length could not be hashed or checked.
pub(crate) fn password_failure(error: &PasswordError) -> Refusal {
    if *error == PasswordError::Busy {
        tracing::warn!("more passwords wait to be checked than can be in time");
        return IdentityError::Busy.into();
    }
    tracing::error!(%error, "a password could not be hashed or checked");
    IdentityError::PasswordsFailed.into()
}

/// A store error while an account is made: a taken address is the caller's to mend.
pub(crate) fn while_making(error: StoreError) -> Refusal {
    if error.is_conflict_of("account", "email") { IdentityError::EmailTaken.into() } else { error.into() }
}
