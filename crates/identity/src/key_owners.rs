//! Whom API keys act for, in memory: read when a key of theirs is first used, and forgotten with their sessions.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use kernel::{Email, Refusal, Role, User, UserId};
use store::users;

use crate::Identity;

/// Entries; a full memory is emptied and fills again from the database.
const ROOM: usize = 50_000;

/// Somebody who may sign in.
#[derive(Debug)]
pub(crate) struct KeyOwner {
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
    pub(crate) email: Email,
}

impl KeyOwner {
    fn of(user: User) -> Option<Arc<Self>> {
        let is_active = user.is_active();
        is_active.then(|| Arc::new(Self { role: user.role, name: user.name.into(), email: user.email }))
    }
}

/// Owners by id; `None` is somebody who may not sign in.
#[derive(Debug, Default)]
pub(crate) struct KeyOwners(RwLock<Page>);

#[derive(Debug, Default)]
struct Page {
    owners: HashMap<UserId, Option<Arc<KeyOwner>>>,
    /// Counts how often something was forgotten.
    edition: u64,
}

/// What memory knows of a person.
#[derive(Debug)]
enum Known {
    /// Who they are; `None` for somebody who may not sign in.
    Owner(Option<Arc<KeyOwner>>),
    /// Nothing yet. A reading from the database would belong to this edition.
    Nothing(u64),
}

impl KeyOwners {
    fn look(&self, user: &UserId) -> Known {
        // Nothing panics while the lock is held, so a poisoned page is still a true one.
        let page = self.0.read().unwrap_or_else(PoisonError::into_inner);
        page.owners.get(user).cloned().map_or(Known::Nothing(page.edition), Known::Owner)
    }

    /// Keeps what was read, unless something was forgotten since.
    fn keep(&self, user: &UserId, owner: Option<Arc<KeyOwner>>, edition: u64) {
        let mut page = self.page();
        if page.edition != edition {
            return;
        }
        if page.owners.len() >= ROOM {
            page.owners.clear();
        }
        page.owners.insert(user.clone(), owner);
    }

    /// Takes away one person, to be read again.
    pub(crate) fn forget(&self, user: &UserId) {
        let mut page = self.page();
        page.owners.remove(user);
        page.edition += 1;
    }

    /// Takes away everybody.
    pub(crate) fn forget_all(&self) {
        let mut page = self.page();
        *page = Page { owners: HashMap::new(), edition: page.edition + 1 };
    }

    fn page(&self) -> RwLockWriteGuard<'_, Page> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Whom a key of this account acts for; `None` when they may not sign in.
    pub(crate) async fn key_owner(&self, user: &UserId) -> Result<Option<Arc<KeyOwner>>, Refusal> {
        let owners = &self.0.living.key_owners;
        let edition = match owners.look(user) {
            Known::Owner(owner) => return Ok(owner),
            Known::Nothing(edition) => edition,
        };
        let owner = users::by_id(&self.0.db, user).await?.and_then(KeyOwner::of);
        owners.keep(user, owner.clone(), edition);
        Ok(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_from_before_a_change_is_not_kept_and_a_change_leaves_the_others() {
        let (ada, bob): (UserId, UserId) = ("user_ada".parse().unwrap(), "user_bob".parse().unwrap());
        let owners = KeyOwners::default();
        let Known::Nothing(before) = owners.look(&ada) else { panic!("nobody was read yet") };
        let is_known = |user| matches!(owners.look(user), Known::Owner(_));
        owners.keep(&bob, None, before);
        owners.forget(&ada);
        owners.keep(&ada, None, before);
        assert!(!is_known(&ada) && is_known(&bob));
        owners.forget_all();
        assert!(!is_known(&bob));
    }
}
