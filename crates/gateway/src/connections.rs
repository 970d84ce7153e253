//! Loads connections from the database and the environment into providers that can be called, and puts
//! their models into the catalogue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use egress::{Destination, Reach};
use kernel::{
    BaseUrl, Caller, Connection, ConnectionId, ConnectionKind, ConnectionSource, ManageConnections, Permit,
    Refusal, Secret,
};
use tokio::sync::watch;
use vault::Place;

use crate::{
    Demo, Gateway, Inner,
    admin::AdminError,
    catalog::{Catalog, Offer},
    provider::{Credential, Provider, Transport},
};

/// A connection that the operator's environment names.
#[derive(Debug, Clone)]
pub struct EnvironmentConnection {
    /// As shown to people.
    pub name: String,
    /// Where the provider is.
    pub base_url: BaseUrl,
    /// Its key; stays in memory.
    pub key: Option<Secret<String>>,
}

/// What the process knows of connections beyond the database.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Keys that came from the environment.
    keys: Mutex<HashMap<ConnectionId, Secret<String>>>,
    /// Why a connection cannot be used although it is enabled, in words for an administrator.
    obstacles: Mutex<HashMap<ConnectionId, String>>,
    /// True once every provider was asked for its models after the start.
    pub(crate) first_fetch: watch::Sender<bool>,
    /// Held while an administrator's change is checked against the rows and written.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Held while the catalogue is built, so that an older state of the rows never replaces a newer one: a
    /// key that was cleared must not come back.
    reloading: tokio::sync::Mutex<()>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            keys: Mutex::default(),
            obstacles: Mutex::default(),
            first_fetch: watch::Sender::new(false),
            changing: tokio::sync::Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
        }
    }
}

impl Connections {
    /// Why this connection cannot be used although it is enabled.
    pub(crate) fn obstacle(&self, id: &ConnectionId) -> Option<String> {
        self.obstacles.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn environment_key(&self, id: &ConnectionId) -> Option<Secret<String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

/// The name, and in place of a base URL the address, of the provider inside the binary.
const DEMO_NAME: &str = "Demo (built in)";
const DEMO_URL: &str = "http://demo.invalid";

impl Gateway {
    /// Brings the rows of connections from the environment in line with it: known ones stay (with what an
    /// administrator decided about them), new ones come last, ones that are no longer named go.
    pub(crate) async fn adopt_environment(&self) -> Result<(), AdminError> {
        let inner = &*self.0;
        let permit = &Caller::operator().may_manage_connections().map_err(Refusal::from)?;
        let rows = store::connections::list(&inner.db).await?;
        let last = rows.iter().map(|row| row.position).max().unwrap_or(-1);
        let mut old: Vec<Connection> = rows.into_iter().filter(is_environments).collect();
        let mut keys = HashMap::new();

        let wanted = inner.config.environment.iter().map(|it| (it.clone(), ConnectionKind::OpenAi));
        let demo = (inner.config.demo == Demo::On).then(|| (demo(), ConnectionKind::Demo));
        for (index, (wanted, kind)) in wanted.chain(demo).enumerate() {
            let known = old.iter().position(|row| row.kind == kind && row.base_url == wanted.base_url);
            let row = match known {
                Some(place) => self.keep(old.remove(place), &wanted, permit).await?,
                None => {
                    self.adopt(&wanted, kind, last + 1 + i64::try_from(index).unwrap_or(0), permit).await?
                }
            };
            if let Some(key) = wanted.key {
                keys.insert(row.id, key);
            }
        }
        for gone in old {
            store::connections::delete(&inner.db, &gone.id, permit).await?;
        }
        *inner.connections.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    async fn adopt(
        &self,
        wanted: &EnvironmentConnection,
        kind: ConnectionKind,
        position: i64,
        permit: &Permit<ManageConnections>,
    ) -> Result<Connection, AdminError> {
        let inner = &*self.0;
        let now = inner.world.now();
        let row = Connection {
            id: ConnectionId::new(&inner.world),
            name: wanted.name.clone(),
            base_url: wanted.base_url.clone(),
            kind,
            source: ConnectionSource::Environment,
            is_enabled: true,
            position,
            prefix: None,
            sealed_key: None,
            key_tail: wanted.key.as_ref().map(|key| inner.ring.fingerprint(key.expose())),
            created_at: now,
            updated_at: now,
        };
        store::connections::insert(&inner.db, &row, permit).await?;
        Ok(row)
    }

    /// A known row, with the tail of the key that the environment has now.
    async fn keep(
        &self,
        mut row: Connection,
        wanted: &EnvironmentConnection,
        permit: &Permit<ManageConnections>,
    ) -> Result<Connection, AdminError> {
        let tail = wanted.key.as_ref().map(|key| self.0.ring.fingerprint(key.expose()));
        if row.key_tail != tail {
            row.key_tail = tail;
            row.updated_at = self.0.world.now();
            store::connections::update(&self.0.db, &row, None, permit).await?;
        }
        Ok(row)
    }

    /// Reads connections, models and decisions from the database and replaces the catalogue.
    pub(crate) async fn reload_connections(&self) -> Result<(), AdminError> {
        let inner = &*self.0;
        let _turn = inner.connections.reloading.lock().await;
        let rows = store::connections::list(&inner.db).await?;
        let overrides = store::connections::overrides(&inner.db).await?;
        let lists = store::connections::model_lists(&inner.db).await?;
        let mut listed: HashMap<ConnectionId, _> =
            lists.into_iter().map(|list| (list.connection.clone(), list)).collect();

        let mut offers = Vec::new();
        let mut obstacles = HashMap::new();
        for row in rows.iter().filter(|row| row.is_enabled) {
            match provider(inner, row) {
                Ok(provider) => {
                    let models = match row.kind {
                        ConnectionKind::Demo => Some(crate::demo::models()),
                        ConnectionKind::OpenAi => listed
                            .remove(&row.id)
                            .filter(|list| list.fetched_at.is_some())
                            .map(|list| list.models),
                    };
                    offers.push(Offer { provider: Arc::new(provider), models });
                }
                Err(obstacle) => {
                    tracing::error!(connection.id = %row.id, obstacle, "a connection cannot be used");
                    obstacles.insert(row.id.clone(), obstacle);
                }
            }
        }
        *inner.connections.obstacles.lock().unwrap_or_else(PoisonError::into_inner) = obstacles;
        inner.catalog.store(Arc::new(Catalog::build(offers, &overrides, &inner.prices)));
        Ok(())
    }
}

fn is_environments(row: &Connection) -> bool {
    row.source == ConnectionSource::Environment
}

fn demo() -> EnvironmentConnection {
    let base_url = BaseUrl::parse(DEMO_URL).expect("a constant that a test reads");
    EnvironmentConnection { name: DEMO_NAME.to_owned(), base_url, key: None }
}

/// A row as the request path needs it, or why it cannot be used.
pub(crate) fn provider(inner: &Inner, row: &Connection) -> Result<Provider, String> {
    let transport = match row.kind {
        ConnectionKind::Demo => Transport::Demo,
        ConnectionKind::OpenAi => Transport::Http {
            destination: destination(inner, &row.base_url)?,
            credential: key(inner, row)?
                .map(Credential::bearer)
                .transpose()
                .map_err(|error| error.to_string())?,
        },
    };
    Ok(Provider { id: row.id.clone(), name: row.name.clone(), transport, prefix: row.prefix.clone() })
}

/// Where requests to this base URL go. Only what the operator's environment names may be private.
pub(crate) fn destination(inner: &Inner, base_url: &BaseUrl) -> Result<Destination, String> {
    let base_urls = &inner.config.base_urls;
    let reach = match (base_urls.allows(base_url), base_urls.names(base_url)) {
        (false, _) => {
            return Err("its base URL is not among those that OPENAI_ALLOWED_API_BASE_URLS allows".to_owned());
        }
        (true, true) => Reach::Named,
        (true, false) => Reach::Public,
    };
    Destination::new(base_url, reach).map_err(|error| error.to_string())
}

fn key(inner: &Inner, row: &Connection) -> Result<Option<Secret<String>>, String> {
    if row.source == ConnectionSource::Environment {
        return Ok(inner.connections.environment_key(&row.id));
    }
    let Some(sealed) = &row.sealed_key else { return Ok(None) };
    let opened = inner
        .ring
        .open(&key_place(&row.id), sealed)
        .map_err(|error| format!("its key does not open: {error}"))?;
    let text = String::from_utf8(opened.expose().clone()).map_err(|_| "its key is no text".to_owned())?;
    Ok(Some(Secret::new(text)))
}

/// Where the key of a connection is kept; a key copied to another row does not open.
pub(crate) fn key_place(id: &ConnectionId) -> Place {
    Place::new("connection", "sealed_key", id.as_str().to_owned())
}
