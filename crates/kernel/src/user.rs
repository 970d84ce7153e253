//! People and their sign-ins.

use serde::{Deserialize, Serialize};

use crate::{Email, PasskeyId, SessionId, Timestamp, UserId};

/// What a person may do at large; who may do more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Waits for an administrator; may only look at the own account.
    Pending,
    /// Chats.
    User,
    /// Chats and administers.
    Admin,
}

impl Role {
    /// The word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Reads [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::User, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// A person with an account.
#[derive(Debug, Clone)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Canonical and unique.
    pub email: Email,
    /// As shown to others.
    pub name: String,
    /// Rights at large.
    pub role: Role,
    /// A URL or data URL of the picture, or empty.
    pub profile_image_url: String,
    /// The digest of the password in PHC format or bcrypt's, or none when there is no password sign-in.
    pub password: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When anything of it changed.
    pub updated_at: Timestamp,
    /// When the person was last seen, to the minute.
    pub last_active_at: Option<Timestamp>,
    /// When an administrator switched the account off. Until it is switched on again nobody signs in to it.
    pub deactivated_at: Option<Timestamp>,
}

impl User {
    /// Whether its owner may sign in.
    pub const fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }
}

/// One sign-in. The token that proves it is signed by the vault and never stored.
#[derive(Debug, Clone)]
pub struct Session {
    /// The `jti` of the token.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// How it began.
    pub method: SignInMethod,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself; none for `JWT_EXPIRES_IN=-1`.
    pub expires_at: Option<Timestamp>,
    /// The client's address at the beginning, in text; empty when it is not known.
    pub address: String,
    /// The device in a few words, e.g. `Firefox on Linux`; empty when it is not known.
    pub device: String,
    /// To the minute.
    pub last_used_at: Timestamp,
    /// When its owner last proved to be there. The sign-in itself is such a proof.
    pub proved_at: Timestamp,
}

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignInMethod {
    /// By making the account.
    SignUp,
    /// E-mail address and password.
    Password,
    /// The same, and a code of an authenticator app.
    PasswordAndTotp,
    /// The same, and a recovery code.
    PasswordAndRecoveryCode,
    /// The same, and a passkey.
    PasswordAndPasskey,
    /// A passkey alone: it proves a device and a person at once.
    Passkey,
    /// A header of a proxy that the operator trusts.
    TrustedHeader,
}

impl SignInMethod {
    const ALL: [Self; 7] = [
        Self::SignUp,
        Self::Password,
        Self::PasswordAndTotp,
        Self::PasswordAndRecoveryCode,
        Self::PasswordAndPasskey,
        Self::Passkey,
        Self::TrustedHeader,
    ];

    /// The word in the database and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Password => "password",
            Self::PasswordAndTotp => "password+totp",
            Self::PasswordAndRecoveryCode => "password+recovery_code",
            Self::PasswordAndPasskey => "password+passkey",
            Self::Passkey => "passkey",
            Self::TrustedHeader => "trusted_header",
        }
    }

    /// Reads [`SignInMethod::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether two factors were shown.
    pub const fn has_two_factors(self) -> bool {
        matches!(
            self,
            Self::PasswordAndTotp | Self::PasswordAndRecoveryCode | Self::PasswordAndPasskey | Self::Passkey
        )
    }
}

/// A passkey of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Which one.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// The authenticator's own name for it, 1 to 1023 bytes.
    pub credential: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    /// How often it has signed, as it says; 0 when it does not count.
    pub sign_count: u32,
    /// The model of the authenticator, or zeros.
    pub aaguid: [u8; 16],
    /// Whether it may live on several devices.
    pub is_backup_eligible: bool,
    /// Whether it does, as of its last use.
    pub is_backed_up: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}
