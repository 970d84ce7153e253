//! The services that handlers ask for. Each handler takes the one or two it needs as `State`.

use std::sync::Arc;

use audit::Trail;
use axum::extract::FromRef;
use gateway::Gateway;
use identity::Identity;
use kernel::{Refusal, World};
use settings::Live;
use store::Db;
use tokio::sync::{Mutex, MutexGuard};
use workspace::Workspace;

/// The parts of a running server, cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    services: Services,
    /// Held from reading what is stored until it is in force, so that no older reading replaces a newer one.
    changing_settings: Mutex<()>,
}

/// What the server wires together at start.
pub struct Services {
    /// Clock and dice.
    pub world: World,
    /// The settings in force; some change while the server runs.
    pub settings: Live,
    /// For readiness and for stored settings only; everything else asks a service.
    pub db: Db,
    /// The one path to a model.
    pub gateway: Gateway,
    /// Accounts and sign-ins.
    pub identity: Identity,
    /// Chats and turns.
    pub workspace: Workspace,
    /// The audit log's lines.
    pub trail: Trail,
}

impl App {
    /// An app made of these services.
    pub fn new(services: Services) -> Self {
        Self(Arc::new(Inner { services, changing_settings: Mutex::new(()) }))
    }

    /// The services.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// Another process stored settings: takes them over. The reason when they do not fit together.
    pub async fn settings_changed(&self) -> Result<(), String> {
        let _alone = self.change_settings().await;
        let Services { db, settings, .. } = self.services();
        let stored = store::settings::all(db).await.map_err(|error| error.to_string())?;
        settings.replace_stored(&stored).map_err(|problems| format!("{problems:?}"))
    }

    /// Groups or grants changed, here or in another process: takes them over.
    pub async fn access_changed(&self) -> Result<(), Refusal> {
        let Services { identity, gateway, .. } = self.services();
        identity.access_changed().await?;
        Ok(gateway.access_changed().await?)
    }

    /// Waits until nobody else changes settings; others wait until the guard is dropped.
    pub(crate) async fn change_settings(&self) -> MutexGuard<'_, ()> {
        self.0.changing_settings.lock().await
    }
}

macro_rules! state {
    ($($field:ident: $service:ty),* $(,)?) => {$(
        impl FromRef<App> for $service {
            fn from_ref(app: &App) -> Self {
                app.services().$field.clone()
            }
        }
    )*};
}

state! {
    world: World,
    settings: Live,
    db: Db,
    gateway: Gateway,
    identity: Identity,
    workspace: Workspace,
    trail: Trail,
}
