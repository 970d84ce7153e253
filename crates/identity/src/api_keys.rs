//! People's API keys: made, limited, ended, and who a program with one acts for.
//!
//! A key never does more than its owner may at this moment, nor more than it is limited to. Which keys there are
//! is in memory; everything that takes the sessions of a person out of memory has the owner of their keys asked anew.

use std::{net::IpAddr, sync::Arc};

use kernel::{
    ApiKey, ApiKeyId, ApiKeyLimits, Caller, EndpointRule, HeldApiKey, Kind, ModelPattern, Network,
    Permission, Person, PersonCredential, Refusal, Role, Secret, Timestamp, UserId, World,
};
use store::{StoreError, api_keys};

use crate::{Identity, key_book::Held, key_owners::KeyOwner};

/// The most keys of one person.
const MOST_KEYS: u64 = 50;
/// The most entries of each list of limits.
const MOST_LIMITS: usize = 50;
/// What Open WebUI's one key of a person is called here.
pub const DEFAULT_NAME: &str = "default";

/// Limits as somebody wrote them. Empty lists are no limit.
#[derive(Debug, Clone, Default)]
pub struct WantedLimits {
    /// `GET /api/models`, `/api/v1/chats/*`.
    pub endpoints: Option<Vec<String>>,
    /// Names or patterns such as `openai/*`.
    pub models: Option<Vec<String>>,
    /// Addresses or networks.
    pub addresses: Option<Vec<String>>,
}

/// A change as somebody wrote it; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WantedChange {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// Those lists that are given replace the ones before.
    pub limits: WantedLimits,
    /// When it stops working; the inner `None` is never.
    pub expires_at: Option<Option<Timestamp>>,
}

/// A key that was just made, with its secret for the only time.
#[derive(Debug)]
pub struct MintedApiKey {
    /// For its owner's eyes.
    pub secret: Secret<String>,
    /// What is kept.
    pub key: ApiKey,
}

impl Identity {
    /// Whom an API key acts for, for a request to this method and path from this address. Refuses with
    /// `invalid_api_key`, `expired_key`, `feature_disabled`, `permission_missing`, `address_not_allowed` or
    /// `endpoint_not_allowed`.
    pub async fn person_with_key(
        &self,
        presented: &str,
        method: &str,
        path: &str,
        from: IpAddr,
    ) -> Result<Person, Refusal> {
        let held = self.held_key(&self.0.ring.digest_key(presented)).await?.ok_or_else(unknown)?;
        let person = self.acting_for(&held, method, path, from).await?;
        self.note_use(&held, self.0.world.now()).await;
        Ok(person)
    }

    /// Whom a key that was presented before acts for now, by the same request. Refuses as
    /// [`Identity::person_with_key`].
    pub(crate) async fn person_with_key_again(
        &self,
        id: &ApiKeyId,
        method: &str,
        path: &str,
        from: IpAddr,
    ) -> Result<Person, Refusal> {
        let held = self.held_key_of(id).await?.ok_or_else(unknown)?;
        self.acting_for(&held, method, path, from).await
    }

    async fn acting_for(
        &self,
        held: &Held,
        method: &str,
        path: &str,
        from: IpAddr,
    ) -> Result<Person, Refusal> {
        let owner = self.owner_of_working(held).await?;
        if !held.key.limits.admits_address(from) {
            let words = "This API key may not be used from this address. Its owner can change that.";
            return Err(Refusal::new(Kind::Forbidden, "address_not_allowed", words));
        }
        if !(held.key.limits.admits_request(method, path) && self.is_open_to_keys(method, path)) {
            let words =
                "This API key may not call this endpoint. Its owner or an administrator can change that.";
            return Err(Refusal::new(Kind::Forbidden, "endpoint_not_allowed", words));
        }
        Ok(self.acting_with(held, &owner))
    }

    /// Whose key this is, whether it works or not: for the record of a refusal, never for access. Nobody's when the
    /// account is gone or switched off.
    pub async fn holder_of_key(&self, presented: &str) -> Option<Person> {
        let held = self.held_key(&self.0.ring.digest_key(presented)).await.ok()??;
        let owner = self.key_owner(&held.key.owner).await.ok()??;
        Some(self.acting_with(&held, &owner))
    }

    fn acting_with(&self, held: &Held, owner: &KeyOwner) -> Person {
        Person {
            user: held.key.owner.clone(),
            role: owner.role,
            name: owner.name.clone(),
            email: owner.email.clone(),
            credential: PersonCredential::ApiKey(HeldApiKey {
                id: held.key.id.clone(),
                models: held.key.limits.models.clone(),
            }),
            proved_at: None,
            rights: self.rights_of(&held.key.owner, owner.role),
        }
    }

    /// Whom a key acts for, if it works at this moment, whatever it is limited to.
    async fn owner_of_working(&self, held: &Held) -> Result<Arc<KeyOwner>, Refusal> {
        if held.key.has_expired(self.0.world.now()) {
            let words = "This API key has expired. Make a new one in your account.";
            return Err(Refusal::new(Kind::Unauthenticated, "expired_key", words));
        }
        // Whoever may not sign in has no key either.
        let owner = self.key_owner(&held.key.owner).await?.ok_or_else(unknown)?;
        self.require_api_keys(&held.key.owner, owner.role)?;
        Ok(owner)
    }

    /// To the minute: a request is not worth a write.
    async fn note_use(&self, held: &Held, now: Timestamp) {
        let minute = Timestamp::from_seconds(now.seconds().div_euclid(60) * 60);
        if !held.is_news(minute) {
            return;
        }
        if let Err(error) = api_keys::touch(&self.0.db, &held.key.id, minute).await {
            tracing::warn!(%error, key.id = %held.key.id, "it could not be noted when an API key was last used");
        }
    }

    /// Whether this person may have API keys at all: `feature_disabled` or `permission_missing`. Who waits for an
    /// administrator is refused by every route, in the words for that.
    fn require_api_keys(&self, user: &UserId, role: Role) -> Result<(), Refusal> {
        let loaded = self.0.settings.load();
        if !loaded.settings.enable_api_keys.value {
            let words = "API keys are switched off here (ENABLE_API_KEYS). Ask an administrator.";
            return Err(Refusal::new(Kind::Forbidden, "feature_disabled", words));
        }
        match role {
            Role::Admin | Role::Pending => Ok(()),
            Role::User => self.rights_of(user, role).require(Permission::FeaturesApiKeys),
        }
    }

    /// Whether a person with this role may make API keys and use them at this moment.
    pub fn may_have_api_keys(&self, user: &UserId, role: Role) -> bool {
        role != Role::Pending && self.require_api_keys(user, role).is_ok()
    }

    /// Whether the operator lets API keys reach this.
    fn is_open_to_keys(&self, method: &str, path: &str) -> bool {
        let loaded = self.0.settings.load();
        let settings = &loaded.settings;
        !settings.enable_api_keys_endpoint_restrictions.value
            || settings.api_keys_allowed_endpoints.value.0.iter().any(|rule| rule.admits(method, path))
    }

    /// Keys of a person, newest first.
    pub async fn api_keys(&self, owner: &UserId) -> Result<Vec<ApiKey>, Refusal> {
        Ok(api_keys::of(&self.0.db, owner).await?)
    }

    /// Makes a key for this person. Refuses with `feature_disabled`, `permission_missing`, `too_many` or the field
    /// at fault.
    pub async fn make_api_key(
        &self,
        owner: &Person,
        name: &str,
        limits: WantedLimits,
        expires_at: Option<Timestamp>,
        by: &Caller,
    ) -> Result<MintedApiKey, Refusal> {
        let limits = checked_limits(limits, &ApiKeyLimits::default())?;
        self.mint(owner, name, limits, expires_at, &[], by).await
    }

    /// Makes the one key that Open WebUI knows, in place of the one before.
    pub async fn make_default_key(&self, owner: &Person, by: &Caller) -> Result<MintedApiKey, Refusal> {
        let before: Vec<ApiKeyId> =
            self.default_keys(&owner.user).await?.into_iter().map(|key| key.id).collect();
        self.mint(owner, DEFAULT_NAME, ApiKeyLimits::default(), None, &before, by).await
    }

    /// The keys that are called as Open WebUI's one.
    pub async fn default_keys(&self, owner: &UserId) -> Result<Vec<ApiKey>, Refusal> {
        let keys = api_keys::of(&self.0.db, owner).await?;
        Ok(keys.into_iter().filter(|key| key.name == DEFAULT_NAME).collect())
    }

    async fn mint(
        &self,
        owner: &Person,
        name: &str,
        limits: ApiKeyLimits,
        expires_at: Option<Timestamp>,
        instead_of: &[ApiKeyId],
        by: &Caller,
    ) -> Result<MintedApiKey, Refusal> {
        self.require_api_keys(&owner.user, owner.role)?;
        let world: &World = &self.0.world;
        let now = Timestamp::from_seconds(world.now().seconds());
        check_expiry(expires_at, now)?;
        let issued = vault::virtual_key(world);
        let key = ApiKey {
            id: ApiKeyId::new(world),
            owner: owner.user.clone(),
            digest: self.0.ring.digest_key(issued.secret.expose()),
            prefix: issued.prefix,
            last_four: issued.last_four,
            name: checked_name(name)?,
            limits,
            expires_at,
            created_at: now,
            last_used_at: None,
        };
        let is_made = api_keys::insert(&self.0.db, &key, instead_of, MOST_KEYS, by).await;
        let changed = instead_of.iter().chain([&key.id]).cloned().collect();
        self.api_keys_changed_here(changed).await;
        match is_made {
            Ok(true) => Ok(MintedApiKey { secret: issued.secret, key }),
            Ok(false) => {
                let words = "You have 50 API keys already. Delete one that you no longer need.";
                Err(Refusal::new(Kind::Conflict, "too_many", words))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a key of this person. What lets the key do more needs a fresh proof: `step_up_required`.
    pub async fn change_api_key(
        &self,
        owner: &Person,
        id: &ApiKeyId,
        wanted: WantedChange,
        by: &Caller,
    ) -> Result<ApiKey, Refusal> {
        let now = self.0.world.now();
        let before = api_keys::by_id(&self.0.db, &owner.user, id).await?.ok_or_else(missing)?;
        let change = api_keys::ApiKeyChange {
            name: wanted.name.map(|name| checked_name(&name)).transpose()?,
            limits: Some(checked_limits(wanted.limits, &before.limits)?),
            expires_at: wanted.expires_at,
        };
        if let Some(expires_at) = change.expires_at.filter(|end| *end != before.expires_at) {
            check_expiry(expires_at, now)?;
        }
        let allows = |before: &ApiKey, after: &ApiKey| {
            let lives_longer = match (before.expires_at, after.expires_at) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(before), Some(after)) => after > before,
            };
            if lives_longer || after.limits.widens(&before.limits) {
                by.is_freshly_proved(now).map_err(|denied| Changing::Refused(denied.into()))?;
            }
            Ok::<_, Changing>(())
        };
        let changed = api_keys::change(&self.0.db, &owner.user, id, change, allows, by).await;
        self.api_keys_changed_here(vec![id.clone()]).await;
        changed?.ok_or_else(missing)
    }

    /// Ends a key of this person for ever.
    pub async fn revoke_api_key(&self, owner: &UserId, id: &ApiKeyId, by: &Caller) -> Result<(), Refusal> {
        let was_there = api_keys::revoke(&self.0.db, owner, id, by).await;
        self.api_keys_changed_here(vec![id.clone()]).await;
        if was_there? { Ok(()) } else { Err(missing()) }
    }
}

/// Why a change did not happen.
enum Changing {
    Refused(Refusal),
    Store(StoreError),
}

impl From<StoreError> for Changing {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Changing> for Refusal {
    fn from(changing: Changing) -> Self {
        match changing {
            Changing::Refused(refusal) => refusal,
            Changing::Store(error) => error.into(),
        }
    }
}

fn unknown() -> Refusal {
    let words = "This API key is not known here. Check that it was copied whole, or ask for a new one.";
    Refusal::new(Kind::Unauthenticated, "invalid_api_key", words)
}

fn missing() -> Refusal {
    Refusal::not_found("API key")
}

fn checked_name(text: &str) -> Result<String, Refusal> {
    let words = "The name must have 1 to 100 characters, and none that are invisible or change the direction of text.";
    kernel::plain_line(text, 100).ok_or_else(|| Refusal::field("name", "invalid_name", words))
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    match expires_at {
        Some(end) if end <= now => {
            let words = "The expiry must be in the future. To stop a key now, delete it.";
            Err(Refusal::field("expires_at", "not_in_the_future", words))
        }
        Some(end) if end > Timestamp::LATEST => {
            let words = "The expiry must be before the year 10000, in Unix seconds. Leave it out for none.";
            Err(Refusal::field("expires_at", "invalid_expiry", words))
        }
        _ => Ok(()),
    }
}

/// The limits as they will be: lists that are not given stay as they were.
fn checked_limits(wanted: WantedLimits, before: &ApiKeyLimits) -> Result<ApiKeyLimits, Refusal> {
    let endpoints = wanted.endpoints.map(|texts| {
        each(&texts, "endpoints", |text| EndpointRule::parse(text).map_err(|error| error.to_string()))
    });
    let models = wanted.models.map(|texts| {
        each(&texts, "models", |text| {
            let fits = (1..=256).contains(&text.len()) && !text.chars().any(kernel::is_hidden);
            let words = || "each model is a name or a pattern such as openai/*, of 1 to 256 bytes".to_owned();
            fits.then(|| ModelPattern(text.to_owned())).ok_or_else(words)
        })
    });
    let addresses = wanted.addresses.map(|texts| {
        each(&texts, "addresses", |text| {
            let words = || "each address is an IP address or a network such as 10.20.0.0/16".to_owned();
            Network::parse(text).ok_or_else(words)
        })
    });
    Ok(ApiKeyLimits {
        endpoints: endpoints.transpose()?.unwrap_or_else(|| before.endpoints.clone()),
        models: models.transpose()?.map_or_else(|| before.models.clone(), Into::into),
        addresses: addresses.transpose()?.unwrap_or_else(|| before.addresses.clone()),
    })
}

fn each<T>(
    texts: &[String],
    field: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Refusal> {
    if texts.len() > MOST_LIMITS {
        return Err(Refusal::field(field, "too_many", "A key may have at most 50 entries in each list."));
    }
    let read = |(index, text): (usize, &String)| {
        let place = format!("{field}[{index}]");
        read(text.trim())
            .map_err(|words| Refusal::field(place, "invalid_limit", format!("This does not fit: {words}.")))
    };
    texts.iter().enumerate().map(read).collect()
}
