//! How the account of somebody is secured, for administrators who help out: where it is signed in, and with what.

use std::collections::HashSet;

use kernel::{ManageUsers, Permit, Refusal, Session, User, UserId};
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

    /// Who of these people has something besides the password.
    pub async fn with_second_factor(
        &self,
        users: &[User],
        _: &Permit<ManageUsers>,
    ) -> Result<HashSet<UserId>, Refusal> {
        let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
        Ok(factors::holders(&self.0.db, &ids).await?)
    }
}
