//! People and their sign-ins.

use serde::{Deserialize, Serialize};

use crate::{Email, SessionId, Timestamp, UserId};

/// What a person may do at large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself; none for `JWT_EXPIRES_IN=-1`.
    pub expires_at: Option<Timestamp>,
}
