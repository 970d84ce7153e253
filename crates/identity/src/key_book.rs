//! Which API keys there are, in memory. Knows digests, never secrets.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use kernel::{ApiKey, Email, Refusal, Role, Timestamp};
use store::api_keys::{self, Owned};

use crate::Identity;

/// A key with the account that it acts for.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) key: ApiKey,
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
    pub(crate) email: Email,
    /// The last minute that was written down, in seconds.
    noted: AtomicI64,
}

impl Held {
    fn new(owned: Owned) -> Self {
        Self {
            noted: AtomicI64::new(owned.key.last_used_at.map_or(i64::MIN, Timestamp::seconds)),
            role: owned.role,
            name: owned.name.into(),
            email: owned.email,
            key: owned.key,
        }
    }

    /// Whether nobody wrote this minute down yet; the first who asks does.
    pub(crate) fn is_news(&self, minute: Timestamp) -> bool {
        self.noted.fetch_max(minute.seconds(), Ordering::Relaxed) < minute.seconds()
    }
}

type Keys = Arc<HashMap<[u8; 32], Arc<Held>>>;

/// All keys, or nothing until somebody asks. Read as a whole, forgotten as a whole.
#[derive(Debug, Default)]
pub(crate) struct KeyBook(RwLock<Page>);

#[derive(Debug, Default)]
struct Page {
    keys: Option<Keys>,
    /// Counts how often the keys were forgotten.
    edition: u64,
}

impl KeyBook {
    /// The keys, and which edition a reading from the database would belong to.
    fn look(&self) -> (Option<Keys>, u64) {
        // Nothing panics while the lock is held, so a poisoned page is still a true one.
        let page = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (page.keys.clone(), page.edition)
    }

    /// Keeps what was read, unless something changed since.
    fn keep(&self, keys: &Keys, edition: u64) {
        let mut page = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if page.edition == edition {
            page.keys = Some(keys.clone());
        }
    }

    pub(crate) fn forget(&self) {
        let mut page = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *page = Page { keys: None, edition: page.edition + 1 };
    }
}

impl Identity {
    /// The key with this digest, if there is one whose owner may sign in.
    pub(crate) async fn held_key(&self, digest: &[u8; 32]) -> Result<Option<Arc<Held>>, Refusal> {
        let (keys, edition) = self.0.living.keys.look();
        if let Some(keys) = keys {
            return Ok(keys.get(digest).cloned());
        }
        let all = api_keys::all(&self.0.db).await?;
        let keys: Keys =
            Arc::new(all.into_iter().map(|owned| (owned.key.digest, Arc::new(Held::new(owned)))).collect());
        self.0.living.keys.keep(&keys, edition);
        Ok(keys.get(digest).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_from_before_a_change_is_not_kept() {
        let book = KeyBook::default();
        let (_, before) = book.look();
        book.forget();
        book.keep(&Keys::default(), before);
        assert!(book.look().0.is_none());
        let (_, now) = book.look();
        book.keep(&Keys::default(), now);
        assert!(book.look().0.is_some());
    }
}
