//! How the account of somebody is secured, for administrators who help out: where it is signed in, and with what.

use kernel::{ManageUsers, Permit, Refusal, Session, UserId};
use store::{factors, sessions};

use crate::{Identity, error::IdentityError};

impl Identity {
    /// Where a person is signed in, the last used place first.
    pub async fn sessions_of(&self, user: &UserId, _: &Permit<ManageUsers>) -> Result<Vec<Session>, Refusal> {
        self.user(user).await?.ok_or(IdentityError::NoSuchAccount)?;
        // What is still in memory is newer than what would be listed.
        self.write_activity().await?;
        Ok(sessions::of(&self.0.db, user, self.0.world.now()).await?)
    }

    /// Whether a person has something besides the password: an authenticator app or a passkey.
    pub async fn has_second_factor(&self, user: &UserId, _: &Permit<ManageUsers>) -> Result<bool, Refusal> {
        let factors = factors::of(&self.0.db, user).await?;
        Ok(factors.has_totp || factors.passkeys > 0)
    }
}
