//! The one handle to accounts and sign-ins, and what it is made of.

use std::{fmt, sync::Arc, thread};

use kernel::World;
use settings::Live;
use store::Db;
use tokio::sync::watch;
use vault::{KeyRing, Passwords};

use crate::{
    activity::Activity, key_book::KeyBook, living::LivingSessions, passwords::BcryptCost, rights::RightsBook,
    rules::Rules, throttle::Throttle,
};

/// Passwords that are hashed at once: each takes a core for some tens of milliseconds, and 19 MiB.
const MOST_HASHES: usize = 4;

/// Accounts and sign-ins. Cheap to clone; clones share one memory of living sessions.
#[derive(Clone)]
pub struct Identity(pub(crate) Arc<Parts>);

/// What the server hands in.
pub struct IdentityParts {
    /// Clock and dice.
    pub world: World,
    /// Where accounts and sessions are kept.
    pub db: Db,
    /// Signs and reads session tokens.
    pub ring: Arc<KeyRing>,
    /// The settings in force.
    pub settings: Live,
    /// Rung whenever somebody may have lost a door, so that what is being answered asks again.
    pub news: watch::Sender<()>,
}

pub(crate) struct Parts {
    pub(crate) world: World,
    pub(crate) db: Db,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) settings: Live,
    pub(crate) passwords: Passwords,
    pub(crate) living: LivingSessions,
    pub(crate) keys: KeyBook,
    pub(crate) activity: Activity,
    pub(crate) throttle: Throttle,
    pub(crate) bcrypt: BcryptCost,
    pub(crate) rights: RightsBook,
}

impl Identity {
    /// Accounts and sign-ins made of these parts.
    pub fn new(parts: IdentityParts) -> Self {
        let IdentityParts { world, db, ring, settings, news } = parts;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let passwords = Passwords::new(cores.min(MOST_HASHES));
        let (living, throttle, bcrypt) =
            (LivingSessions::new(news), Throttle::default(), BcryptCost::default());
        let (activity, rights, keys) = (Activity::default(), RightsBook::default(), KeyBook::default());
        let parts =
            Parts { world, db, ring, settings, passwords, living, keys, activity, throttle, bcrypt, rights };
        Self(Arc::new(parts))
    }

    /// Forgets what is in memory about sessions. Call it when the store's revision of identity has changed:
    /// another process may have ended a session or changed a role.
    pub fn forget(&self) {
        self.0.living.forget();
        self.0.bcrypt.forget();
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules::of(&self.0.settings.load())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
