//! The one handle to accounts and sign-ins, and what it is made of.

use std::{fmt, sync::Arc, time::Duration};

use kernel::{Role, World};
use store::Db;
use vault::{KeyRing, Passwords};

use crate::{living::LivingSessions, throttle::Throttle};

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
    /// Hashes and checks passwords, a bounded number at a time.
    pub passwords: Passwords,
    /// The settings in force at the moment of the call; it must be cheap.
    pub rules: Arc<dyn Fn() -> Rules + Send + Sync>,
}

/// The operator's settings that matter here, as they are at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// `ENABLE_SIGNUP`.
    pub sign_up: SignUp,
    /// `DEFAULT_USER_ROLE`: what everybody but the first person becomes.
    pub default_role: Role,
    /// `JWT_EXPIRES_IN`: how long a sign-in lasts; `None` until it is ended.
    pub session_life: Option<Duration>,
}

/// Who may make an account of their own. The very first account can always be made, and it closes sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Everybody: `ENABLE_SIGNUP=true` is fixed from outside, so what is stored does not count.
    Open,
    /// Everybody unless a stored setting says otherwise, which is asked for each time.
    UnlessClosed,
    /// Nobody.
    Closed,
}

pub(crate) struct Parts {
    pub(crate) world: World,
    pub(crate) db: Db,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) passwords: Passwords,
    pub(crate) living: LivingSessions,
    pub(crate) throttle: Throttle,
    rules: Arc<dyn Fn() -> Rules + Send + Sync>,
}

impl Identity {
    /// Accounts and sign-ins made of these parts.
    pub fn new(parts: IdentityParts) -> Self {
        let IdentityParts { world, db, ring, passwords, rules } = parts;
        let (living, throttle) = (LivingSessions::default(), Throttle::default());
        Self(Arc::new(Parts { world, db, ring, passwords, living, throttle, rules }))
    }

    /// Forgets what is in memory about sessions. Call it when the store's revision of identity has changed:
    /// another process may have ended a session or changed a role.
    pub fn forget(&self) {
        self.0.living.forget();
    }

    pub(crate) fn rules(&self) -> Rules {
        (self.0.rules)()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
