//! The services that handlers ask for. Each handler takes the one or two it needs as `State`.

use std::sync::Arc;

use axum::extract::FromRef;
use gateway::Gateway;
use identity::Identity;
use kernel::World;
use settings::Live;
use store::Db;
use workspace::Workspace;

/// The parts of a running server, cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Services>);

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
}

impl App {
    /// An app made of these services.
    pub fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }

    /// The services.
    pub fn services(&self) -> &Services {
        &self.0
    }
}

macro_rules! state {
    ($($field:ident: $service:ty),* $(,)?) => {$(
        impl FromRef<App> for $service {
            fn from_ref(app: &App) -> Self {
                app.0.$field.clone()
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
}
