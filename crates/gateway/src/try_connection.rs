//! Trying a connection: asking the provider for its models with the key, and saying in words what came of it.

use std::time::Duration;

use kernel::{
    ConnectionId, ManageConnections, Permit, Refusal, Secret, UpstreamModel,
    audit::{Entry, Event, Outcome},
};

use crate::{
    Gateway,
    admin::AdminError,
    change_connections::{allowed, checked_key},
    connections,
    provider::{Credential, Provider, Transport},
    refresh::{self, Listing},
    show_connections::ConnectionView,
};

/// What came of trying a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The models that the provider lists, or why there is no list, in words without a secret.
    pub models: Result<Vec<UpstreamModel>, String>,
    /// The provider's status, when it answered.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

impl Trial {
    /// What came of it, as a sentence.
    pub fn message(&self) -> String {
        match &self.models {
            Ok(models) if models.len() == 1 => "The provider answered and lists 1 model.".to_owned(),
            Ok(models) => format!("The provider answered and lists {} models.", models.len()),
            Err(why) => why.clone(),
        }
    }
}

impl From<Listing> for Trial {
    fn from(listing: Listing) -> Self {
        Self {
            models: listing.models,
            status: listing.status.map(|status| status.as_u16()),
            took: listing.took,
        }
    }
}

impl Gateway {
    /// Tries a stored connection with the key that is stored for it.
    pub async fn try_connection(
        &self,
        id: &ConnectionId,
        permit: &Permit<ManageConnections>,
    ) -> Result<Trial, AdminError> {
        let row = self.connection_row(id).await?;
        let trial = match connections::provider(&self.0, &row) {
            Ok(provider) => refresh::list(&self.0, &provider).await.into(),
            Err(obstacle) => {
                let why = format!("This connection cannot be used: {obstacle}.");
                Trial { models: Err(why), status: None, took: Duration::ZERO }
            }
        };
        let entry = tested(&trial, permit).on(id);
        store::audit::record(&self.0.db, &entry).await?;
        Ok(trial)
    }

    /// Tries a base URL and a key before they are stored.
    pub async fn try_base_url(
        &self,
        base_url: &str,
        api_key: Option<Secret<String>>,
        permit: &Permit<ManageConnections>,
    ) -> Result<Trial, AdminError> {
        let inner = &*self.0;
        let base_url = allowed(inner, base_url)?;
        let credential = api_key.map(|key| checked_key(&key)).transpose()?.map(Credential::bearer);
        let destination = connections::destination(inner, &base_url)
            .map_err(|why| Refusal::field("base_url", "base_url_not_allowed", why))?;
        let provider = Provider {
            id: ConnectionId::new(&inner.world),
            name: settings::provider_name(&base_url),
            transport: Transport::Http {
                destination,
                credential: credential.transpose().map_err(|error| {
                    Refusal::field("api_key", "invalid_api_key_format", error.to_string())
                })?,
            },
            prefix: None,
        };
        let trial: Trial = refresh::list(inner, &provider).await.into();
        let entry = tested(&trial, permit).with("base_url", base_url.as_str());
        store::audit::record(&inner.db, &entry).await?;
        Ok(trial)
    }

    /// Asks a provider for its models now. A provider that fails keeps the list it had; the view says why.
    pub async fn refresh_connection(
        &self,
        id: &ConnectionId,
        permit: &Permit<ManageConnections>,
    ) -> Result<ConnectionView, AdminError> {
        let row = self.connection_row(id).await?;
        if row.kind == kernel::ConnectionKind::OpenAi {
            self.fetch_and_reload(&row).await?;
        }
        let entry = Entry::done(Event::ConnectionRefreshed, permit.by()).on(id);
        store::audit::record(&self.0.db, &entry).await?;
        self.connection_view(id).await
    }
}

/// Whoever tried is answered 200 either way; what the provider said decides the outcome.
fn tested(trial: &Trial, permit: &Permit<ManageConnections>) -> Entry {
    let done = Entry::done(Event::ConnectionTested, permit.by());
    let outcome = if trial.models.is_ok() { Outcome::Done } else { Outcome::Failed };
    Entry { outcome, ..done }.with("provider_status", trial.status)
}
