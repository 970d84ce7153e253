//! Virtual keys in a running server: the functions of [`crate::keys`], effective in this process before they
//! return, and shown with the money that this process knows of.

use futures_util::future;
use kernel::{KeyChange, KeyId, KeyState, ManageKeys, Money, Permit, Program, Secret, UserId, VirtualKey};
use store::{Page, keys::KeyFilter};

use crate::{
    Gateway,
    admin::AdminError,
    keys::{self, MintedKey, NewKey},
};

/// A key as administrators see it.
#[derive(Debug, Clone)]
pub struct KeyView {
    /// What is kept of it. Its `spend` is what was settled in the database; see [`KeyView::spend`].
    pub key: VirtualKey,
    /// What it is good for at this moment.
    pub state: KeyState,
    /// Spent up to this moment.
    pub spend: Money,
    /// Set aside for requests that are running.
    pub reserved: Money,
    /// Whose it is.
    pub owner: Option<KeyOwner>,
}

/// The person to whom a key belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// Who.
    pub id: UserId,
    /// As shown to others.
    pub name: String,
    /// The canonical address.
    pub email: String,
}

impl Gateway {
    /// Makes a key. It works when this returns.
    pub async fn mint_key(
        &self,
        new: NewKey,
        permit: &Permit<ManageKeys>,
    ) -> Result<(Secret<String>, KeyView), AdminError> {
        let inner = &*self.0;
        if new.secret.as_ref().is_some_and(|secret| self.is_master_key(secret.expose())) {
            return Err(keys::key_taken().into());
        }
        let MintedKey { secret, key } = keys::mint(&inner.db, &inner.ring, &inner.world, new, permit).await?;
        self.keys_changed().await?;
        Ok((secret, self.key_view(key).await?))
    }

    /// Keys that match, newest first; and how many match in all.
    pub async fn list_keys(
        &self,
        filter: &KeyFilter,
        page: Page,
        permit: &Permit<ManageKeys>,
    ) -> Result<(Vec<KeyView>, u64), AdminError> {
        let (found, total) = keys::list(&self.0.db, filter, page, permit).await?;
        let views = future::join_all(found.into_iter().map(|key| self.key_view(key))).await;
        Ok((views.into_iter().collect::<Result<_, _>>()?, total))
    }

    /// One key, revoked or not. 404 when there is none.
    pub async fn key(&self, id: &KeyId, permit: &Permit<ManageKeys>) -> Result<KeyView, AdminError> {
        self.key_view(keys::by_id(&self.0.db, id, permit).await?).await
    }

    /// The key that somebody names by its secret or its id. 404 when there is none.
    pub async fn key_by_secret_or_id(
        &self,
        named: &str,
        permit: &Permit<ManageKeys>,
    ) -> Result<KeyView, AdminError> {
        let inner = &*self.0;
        self.key_view(keys::by_secret_or_id(&inner.db, &inner.ring, named, permit).await?).await
    }

    /// The key that a program presented, as the program itself may see it.
    pub async fn own_key(&self, program: &Program) -> Result<Option<KeyView>, AdminError> {
        match store::keys::by_id(&self.0.db, &program.key).await? {
            Some(key) => Ok(Some(self.key_view(key).await?)),
            None => Ok(None),
        }
    }

    /// Whether keys can be given to this person.
    pub async fn is_account(&self, id: &UserId, _: &Permit<ManageKeys>) -> Result<bool, AdminError> {
        Ok(store::users::by_id(&self.0.db, id).await?.is_some())
    }

    /// Changes a key. Effective when this returns.
    pub async fn change_key(
        &self,
        id: &KeyId,
        change: KeyChange,
        permit: &Permit<ManageKeys>,
    ) -> Result<KeyView, AdminError> {
        let inner = &*self.0;
        let key = keys::change(&inner.db, id, change, inner.world.now(), permit).await?;
        self.keys_changed().await?;
        self.key_view(key).await
    }

    /// Ends a key for ever. The next request with it is refused; answers that are being given go on.
    pub async fn revoke_key(&self, id: &KeyId, permit: &Permit<ManageKeys>) -> Result<(), AdminError> {
        let inner = &*self.0;
        keys::revoke(&inner.db, id, inner.world.now(), permit).await?;
        self.keys_changed().await
    }

    async fn key_view(&self, key: VirtualKey) -> Result<KeyView, AdminError> {
        let inner = &*self.0;
        let owner = match &key.owner {
            None => None,
            Some(owner) => store::users::by_id(&inner.db, owner).await?,
        };
        let (spend, reserved) =
            inner.keys.by_id(&key.id).map_or((key.spend, Money::ZERO), |held| held.account.standing());
        Ok(KeyView {
            state: key.state(inner.world.now()),
            // Another process may have settled more than this one has heard of.
            spend: spend.max(key.spend),
            reserved,
            owner: owner.map(|user| KeyOwner {
                id: user.id,
                name: user.name,
                email: user.email.as_str().to_owned(),
            }),
            key,
        })
    }
}
