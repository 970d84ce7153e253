//! All virtual keys that may still work, in memory, found by the digest of what a program presents.
//!
//! Readers take a snapshot without a lock. A key costs about half a kilobyte, so ten thousand of them
//! are five megabytes; in exchange an unknown key never reaches the database.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use kernel::{KeyId, VirtualKey};
use tokio::sync::watch;

use crate::account::Account;

/// A key and its money. The money outlives changes of the key.
#[derive(Debug)]
pub struct HeldKey {
    /// What the key may do.
    pub key: VirtualKey,
    /// What it has spent.
    pub account: Arc<Account>,
}

/// The keys of this process.
#[derive(Debug, Default)]
pub(crate) struct KeyBook {
    snapshot: ArcSwap<Snapshot>,
    /// Rung after the keys were replaced.
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Snapshot {
    by_digest: HashMap<[u8; 32], Arc<HeldKey>>,
    by_id: HashMap<KeyId, Arc<HeldKey>>,
}

impl KeyBook {
    pub(crate) fn new(news: watch::Sender<()>) -> Self {
        Self { snapshot: ArcSwap::default(), news }
    }

    /// The key with this digest.
    pub(crate) fn find(&self, digest: &[u8; 32]) -> Option<Arc<HeldKey>> {
        self.snapshot.load().by_digest.get(digest).cloned()
    }

    /// The key with this id.
    pub(crate) fn by_id(&self, id: &KeyId) -> Option<Arc<HeldKey>> {
        self.snapshot.load().by_id.get(id).cloned()
    }

    /// Replaces all keys by what the database holds. Called by the ledger between two writes, so that
    /// no settled money is counted twice or lost.
    pub(crate) fn replace(&self, keys: Vec<VirtualKey>) {
        let old = self.snapshot.load();
        let mut new = Snapshot::default();
        for key in keys {
            let account = match old.by_id.get(&key.id) {
                Some(held) => {
                    held.account.reload(key.max_budget, key.spend);
                    held.account.clone()
                }
                None => Arc::new(Account::new(key.max_budget, key.spend)),
            };
            let held = Arc::new(HeldKey { key, account });
            new.by_digest.insert(held.key.digest, held.clone());
            new.by_id.insert(held.key.id.clone(), held);
        }
        self.snapshot.store(Arc::new(new));
        self.news.send_replace(());
    }
}
