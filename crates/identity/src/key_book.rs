//! Which API keys there are, in memory. Knows digests, never secrets, and not whether the owner may still sign in.
//!
//! A key that nobody has never reaches the database. A change here reads the keys that changed; a change by
//! another process is noticed by the revision of [`store::revision::Topic::ApiKeys`], and all keys are read anew
//! behind the requests' back.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use kernel::{ApiKey, ApiKeyId, Refusal, Timestamp};
use store::{StoreError, api_keys};

use crate::Identity;

/// A key that exists.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) key: ApiKey,
    /// The last minute that was written down, in seconds.
    noted: AtomicI64,
}

impl Held {
    fn new(key: ApiKey) -> Self {
        Self { noted: AtomicI64::new(key.last_used_at.map_or(i64::MIN, Timestamp::seconds)), key }
    }

    /// Whether nobody wrote this minute down yet; the first who asks does.
    pub(crate) fn is_news(&self, minute: Timestamp) -> bool {
        self.noted.fetch_max(minute.seconds(), Ordering::Relaxed) < minute.seconds()
    }
}

/// All keys, by what is presented and by what is known already.
#[derive(Debug, Default)]
struct Keys {
    by_digest: HashMap<[u8; 32], Arc<Held>>,
    by_id: HashMap<ApiKeyId, Arc<Held>>,
}

impl Keys {
    fn add(&mut self, key: ApiKey) {
        let held = Arc::new(Held::new(key));
        self.by_digest.insert(held.key.digest, held.clone());
        self.by_id.insert(held.key.id.clone(), held);
    }

    fn remove(&mut self, id: &ApiKeyId) {
        if let Some(held) = self.by_id.remove(id) {
            self.by_digest.remove(&held.key.digest);
        }
    }
}

/// All keys, or nothing until somebody asks.
#[derive(Debug, Default)]
pub(crate) struct KeyBook(RwLock<Page>);

#[derive(Debug, Default)]
struct Page {
    keys: Option<Keys>,
    /// Counts changes. What was read before the latest one is not kept.
    edition: u64,
}

/// Which edition a reading from the database belongs to; see [`KeyBook::keep_all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edition(u64);

impl KeyBook {
    /// What `read` finds among all keys; `None` when they have not been read.
    fn look<T>(&self, read: impl FnOnce(&Keys) -> T) -> Option<T> {
        // Nothing panics while the lock is held, so a poisoned page is still a true one.
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys.as_ref().map(read)
    }

    /// Ask for it before reading from the database.
    fn edition(&self) -> Edition {
        Edition(self.0.read().unwrap_or_else(PoisonError::into_inner).edition)
    }

    fn page(&self) -> RwLockWriteGuard<'_, Page> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps all keys as they were read; `false` when something changed since, and then they must be read again.
    fn keep_all(&self, keys: Vec<ApiKey>, Edition(edition): Edition) -> bool {
        let mut page = self.page();
        if page.edition != edition {
            return false;
        }
        let mut all = Keys::default();
        for key in keys {
            all.add(key);
        }
        *page = Page { keys: Some(all), edition: edition + 1 };
        true
    }

    /// Keeps one key as it was read, `None` when it is gone; `false` as in [`KeyBook::keep_all`].
    fn keep_one(&self, id: &ApiKeyId, key: Option<ApiKey>, Edition(edition): Edition) -> bool {
        let mut page = self.page();
        if page.edition != edition {
            return false;
        }
        page.edition += 1;
        if let Some(keys) = &mut page.keys {
            keys.remove(id);
            if let Some(key) = key {
                keys.add(key);
            }
        }
        true
    }

    /// Knows nothing any more, until somebody asks.
    fn forget(&self) {
        let mut page = self.page();
        *page = Page { keys: None, edition: page.edition + 1 };
    }
}

impl Identity {
    /// The key with this digest.
    pub(crate) async fn held_key(&self, digest: &[u8; 32]) -> Result<Option<Arc<Held>>, Refusal> {
        self.find_key(|keys| keys.by_digest.get(digest).cloned()).await
    }

    /// The key with this id, if there still is one.
    pub(crate) async fn held_key_of(&self, id: &ApiKeyId) -> Result<Option<Arc<Held>>, Refusal> {
        self.find_key(|keys| keys.by_id.get(id).cloned()).await
    }

    async fn find_key(
        &self,
        find: impl Fn(&Keys) -> Option<Arc<Held>> + Copy,
    ) -> Result<Option<Arc<Held>>, Refusal> {
        if let Some(found) = self.0.keys.look(find) {
            return Ok(found);
        }
        self.api_keys_changed().await?;
        Ok(self.0.keys.look(find).flatten())
    }

    /// What these keys are called; those that are gone are left out.
    pub async fn api_key_names(
        &self,
        ids: impl Iterator<Item = &ApiKeyId>,
    ) -> Result<HashMap<ApiKeyId, String>, Refusal> {
        let mut names: HashMap<ApiKeyId, Option<String>> = ids.map(|id| (id.clone(), None)).collect();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        if self.0.keys.look(|_| ()).is_none() {
            self.api_keys_changed().await?;
        }
        self.0.keys.look(|keys| {
            for held in keys.by_id.values() {
                if let Some(name) = names.get_mut(&held.key.id) {
                    *name = Some(held.key.name.clone());
                }
            }
        });
        Ok(names.into_iter().filter_map(|(id, name)| Some((id, name?))).collect())
    }

    /// Reads all keys. Call it when the store's revision of API keys has changed: another process made or ended one.
    pub async fn api_keys_changed(&self) -> Result<(), Refusal> {
        let read = async || {
            loop {
                let edition = self.0.keys.edition();
                if self.0.keys.keep_all(api_keys::all(&self.0.db).await?, edition) {
                    return Ok::<_, StoreError>(());
                }
            }
        };
        let done = read().await;
        if done.is_err() {
            self.0.keys.forget();
        }
        self.0.living.ring();
        Ok(done?)
    }

    /// Reads the keys that this process changed, or tried to. When that cannot be done nothing is known any more, so
    /// that the next request asks the database.
    pub(crate) async fn api_keys_changed_here(&self, changed: Vec<ApiKeyId>) {
        self.read_changed(changed).await;
        self.0.living.ring();
    }

    async fn read_changed(&self, changed: Vec<ApiKeyId>) {
        let book = &self.0.keys;
        for id in changed {
            loop {
                let edition = book.edition();
                let is_kept = match api_keys::find(&self.0.db, &id).await {
                    Ok(key) => book.keep_one(&id, key, edition),
                    Err(error) => {
                        tracing::warn!(%error, key.id = %id, "a changed API key could not be read again");
                        return book.forget();
                    }
                };
                if is_kept {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, digest: u8) -> ApiKey {
        ApiKey {
            id: format!("apikey_{name}").parse().unwrap(),
            owner: "user_ada".parse().unwrap(),
            digest: [digest; 32],
            prefix: String::new(),
            last_four: String::new(),
            name: name.to_owned(),
            limits: kernel::ApiKeyLimits::default(),
            expires_at: None,
            created_at: Timestamp::from_seconds(0),
            last_used_at: None,
        }
    }

    fn digests(book: &KeyBook) -> Option<Vec<u8>> {
        let mut all: Vec<u8> = book.look(|keys| keys.by_digest.keys().map(|digest| digest[0]).collect())?;
        all.sort_unstable();
        Some(all)
    }

    #[test]
    fn a_reading_from_before_a_change_is_not_kept() {
        let book = KeyBook::default();
        let before = book.edition();
        book.forget();
        assert!(!book.keep_all(vec![key("one", 1)], before));
        assert_eq!(digests(&book), None);
        let before = book.edition();
        assert!(book.keep_all(vec![key("one", 1), key("two", 2)], before));
        // The change ended the key; a whole reading that began before it must not bring it back.
        let (whole, single) = (book.edition(), book.edition());
        assert!(book.keep_one(&key("one", 1).id, None, single));
        assert!(!book.keep_all(vec![key("one", 1), key("two", 2)], whole));
        assert!(!book.keep_one(&key("one", 1).id, Some(key("one", 1)), single));
        assert_eq!(digests(&book), Some(vec![2]));
    }

    #[test]
    fn a_changed_key_takes_its_own_place() {
        let book = KeyBook::default();
        assert!(book.keep_all(vec![key("one", 1), key("two", 2)], book.edition()));
        assert!(book.keep_one(&key("one", 1).id, Some(key("one", 3)), book.edition()));
        assert_eq!(digests(&book), Some(vec![2, 3]));
        // While nothing was read, one key alone would pass for all of them.
        book.forget();
        assert!(book.keep_one(&key("one", 1).id, Some(key("one", 1)), book.edition()));
        assert_eq!(digests(&book), None);
    }
}
