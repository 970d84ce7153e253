//! Hands identity the settings it goes by, in its own words.

use std::sync::Arc;

use identity::{Identity, IdentityParts, Rules, SignUp};
use settings::{Live, Source};
use vault::Passwords;

use crate::base::Base;

/// How many passwords are hashed at once. Each takes 19 MiB, so this bounds what a flood of sign-ins costs.
const PASSWORDS_AT_ONCE: usize = 4;

/// Accounts and sign-ins by the settings in force.
pub(crate) fn identity(base: &Base) -> Identity {
    let live = base.settings.clone();
    Identity::new(IdentityParts {
        world: base.world.clone(),
        db: base.db.clone(),
        ring: base.ring.clone(),
        passwords: Passwords::new(PASSWORDS_AT_ONCE),
        rules: Arc::new(move || rules(&live)),
    })
}

fn rules(live: &Live) -> Rules {
    let loaded = live.load();
    let settings = &loaded.settings;
    let is_fixed = matches!(settings.enable_signup.source, Source::Environment(_) | Source::File(_));
    Rules {
        sign_up: match (settings.enable_signup.value, is_fixed) {
            (false, _) => SignUp::Closed,
            (true, true) => SignUp::Open,
            (true, false) => SignUp::UnlessClosed,
        },
        default_role: settings.default_user_role.value,
        session_life: settings.jwt_expires_in.value.limit(),
    }
}
