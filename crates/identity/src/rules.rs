//! The operator's settings that matter to accounts, as they are at one moment.

use std::time::Duration;

use kernel::Role;
use settings::{Loaded, Source};

use crate::error::IdentityError;

/// What the settings say about accounts and sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) sign_up: SignUp,
    /// What everybody but the first person becomes.
    pub(crate) default_role: Role,
    /// How long a sign-in lasts; `None` until it is ended.
    pub(crate) session_life: Option<Duration>,
    /// Whether passwords count at all.
    has_passwords: bool,
    /// Whether people use a form to sign in and up.
    has_login_form: bool,
    /// Whether the first person may sign up without it.
    welcomes_the_first: bool,
    /// Whether a password alone signs somebody in.
    pub(crate) second_factor: SecondFactor,
}

/// Who may make an account of their own, once there is one. The first account closes sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignUp {
    /// Everybody: the environment says so, and what is stored does not count.
    Open,
    /// Everybody unless a stored setting says otherwise. It is asked for each time: these settings may be
    /// from the moment before the first account was made.
    UnlessClosed,
    /// Nobody.
    Closed,
}

/// Who needs a second factor beside a password (`ENABLE_MFA`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondFactor {
    /// Whoever set one up.
    Optional,
    /// Everybody.
    Required,
}

impl Rules {
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let settings = &loaded.settings;
        let does_stored_win = settings.enable_persistent_config.value;
        // Where a proxy says who somebody is, nobody makes an account in another person's name.
        let is_vouched = loaded.trusted_headers.is_some();
        let has_login_form = settings.enable_login_form.value && !is_vouched;
        let is_possible = settings.enable_password_auth.value && has_login_form;
        let sign_up = match (settings.enable_signup.value, settings.enable_signup.source) {
            _ if !is_possible => SignUp::Closed,
            (false, _) => SignUp::Closed,
            (true, Source::Environment(_) | Source::File(_)) if !does_stored_win => SignUp::Open,
            (true, _) => SignUp::UnlessClosed,
        };
        Self {
            sign_up,
            default_role: settings.default_user_role.value,
            session_life: settings.jwt_expires_in.value.limit().map(whole_seconds),
            has_passwords: settings.enable_password_auth.value,
            has_login_form,
            welcomes_the_first: settings.enable_initial_admin_signup.value && !is_vouched,
            second_factor: if settings.enable_mfa.value {
                SecondFactor::Required
            } else {
                SecondFactor::Optional
            },
        }
    }

    /// Whether the very first person may sign up. Neither `ENABLE_SIGNUP` nor what is stored matters to that.
    pub(crate) const fn may_the_first_sign_up(self) -> bool {
        self.has_passwords && (self.has_login_form || self.welcomes_the_first)
    }

    pub(crate) fn require_passwords(self) -> Result<(), IdentityError> {
        if self.has_passwords { Ok(()) } else { Err(IdentityError::PasswordAuthDisabled) }
    }

    pub(crate) fn require_login_form(self) -> Result<(), IdentityError> {
        self.require_passwords()?;
        if self.has_login_form { Ok(()) } else { Err(IdentityError::LoginFormDisabled) }
    }
}

/// A token says its end in whole seconds, and its row must not end before or after it.
fn whole_seconds(life: Duration) -> Duration {
    let begun = u64::from(life.subsec_nanos() > 0);
    Duration::from_secs(life.as_secs().saturating_add(begun))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use settings::Sources;

    use super::*;

    fn sign_up(environment: &[(&str, &str)], stored: Option<&str>) -> SignUp {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let environment = map(environment);
        let stored = stored.map_or_else(BTreeMap::new, |value| map(&[("ENABLE_SIGNUP", value)]));
        let sources = Sources {
            environment: &environment,
            file: &BTreeMap::new(),
            stored: &stored,
            open: &|_| unreachable!("no setting of these tests names a file"),
        };
        Rules::of(&settings::read(&sources).unwrap()).sign_up
    }

    #[test]
    fn only_the_environment_keeps_sign_up_open_whatever_is_stored() {
        assert_eq!(sign_up(&[], None), SignUp::UnlessClosed);
        assert_eq!(sign_up(&[], Some("true")), SignUp::UnlessClosed);
        assert_eq!(sign_up(&[], Some("false")), SignUp::Closed);
        assert_eq!(sign_up(&[("ENABLE_SIGNUP", "true")], Some("false")), SignUp::Open);
        assert_eq!(sign_up(&[("ENABLE_SIGNUP", "false")], Some("true")), SignUp::Closed);
    }

    #[test]
    fn where_stored_values_win_the_environment_does_not_keep_sign_up_open() {
        let persistent = [("ENABLE_SIGNUP", "true"), ("ENABLE_PERSISTENT_CONFIG", "true")];
        assert_eq!(sign_up(&persistent, None), SignUp::UnlessClosed);
        assert_eq!(sign_up(&persistent, Some("false")), SignUp::Closed);
    }
}
