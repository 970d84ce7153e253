//! The one handle to chats and turns, and what it is made of.

use std::{fmt, sync::Arc};

use gateway::Gateway;
use kernel::{Caller, World};
use settings::Live;
use store::{Db, StoreError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Desk, WorkspaceError, recover, turn::Turns};

/// Chats and turns. Cheap to clone.
#[derive(Clone)]
pub struct Workspace(Arc<Inner>);

/// What the server hands in.
pub struct WorkspaceParts {
    /// Clock and dice.
    pub world: World,
    /// Where chats are kept.
    pub db: Db,
    /// The one path to a model.
    pub gateway: Gateway,
    /// The settings in force.
    pub settings: Live,
    /// Every turn is tracked here.
    pub tasks: TaskTracker,
    /// Interrupts all turns, which save what they have.
    pub shutdown: CancellationToken,
}

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) db: Db,
    pub(crate) gateway: Gateway,
    pub(crate) settings: Live,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
    pub(crate) turns: Turns,
}

impl Workspace {
    /// Starts the workspace: answers that an earlier process left unfinished are marked as interrupted.
    pub async fn start(parts: WorkspaceParts) -> Result<Self, StoreError> {
        let WorkspaceParts { world, db, gateway, settings, tasks, shutdown } = parts;
        let inner =
            Arc::new(Inner { world, db, gateway, settings, tasks, shutdown, turns: Turns::default() });
        recover::leftovers(&inner).await?;
        Ok(Self(inner))
    }

    /// The workspace as this caller sees and changes it. Refuses whoever is no member.
    pub fn desk(&self, caller: &Caller) -> Result<Desk, WorkspaceError> {
        let (person, permit) = caller.may_use_workspace()?;
        Ok(Desk::new(self.0.clone(), person, permit))
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspace")
    }
}
