//! Whether whoever is being answered may still be.
//!
//! A request asks once who is calling; an answer may go on for minutes. A sign-out, a new password, a lost role or a
//! deleted key must end it like it ends everything else, so it is asked again while the answer runs: at once when
//! something changed, and now and then.

use std::time::Duration;

use kernel::{Caller, PersonCredential, Refusal, Who};
use tokio::sync::watch;

use crate::{Identity, error::IdentityError};

/// How often it is asked when nothing is heard: for what ends by the clock, and for settings.
const INTERVAL: Duration = Duration::from_millis(500);

impl Identity {
    /// The same caller as of now, with today's role and rights. Refuses like the next request would be: with
    /// `session_over`, or as [`Identity::person_with_key`] does. Who is no person is nobody's to judge here.
    pub async fn same_caller(&self, caller: &Caller) -> Result<Caller, Refusal> {
        let Some(person) = caller.person() else { return Ok(caller.clone()) };
        let now = match &person.credential {
            PersonCredential::Session(id) => {
                self.signed_in(id.clone(), &person.user, self.0.world.now()).await?
            }
            PersonCredential::ApiKey(key) => {
                let request = caller.request();
                let from = request.address().ok_or(IdentityError::SessionOver)?;
                self.person_with_key_again(&key.id, request.method(), request.path(), from).await?
            }
        };
        Ok(caller.acting_as(Who::Person(now)))
    }

    /// Hears when somebody may have lost a door.
    pub fn news(&self) -> watch::Receiver<()> {
        self.0.living.news()
    }

    /// Ends when this member may be shown nothing more, or when that cannot be found out.
    pub async fn has_left(&self, caller: &Caller) -> Refusal {
        let mut news = self.news();
        loop {
            match self.same_caller(caller).await.and_then(|caller| Ok(caller.may_use_workspace()?)) {
                Ok(_) => {}
                Err(refusal) => return refusal,
            }
            // Time over or something changed: ask again either way. The bell lives as long as `self`.
            drop(tokio::time::timeout(INTERVAL, news.changed()).await);
        }
    }
}
