//! The rules of the session cookie, checked together.

use crate::{Problem, SameSite, Settings};

/// How the session cookie is set. It is `HttpOnly` in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieRules {
    /// Whether it is for HTTPS only where the person does not use HTTPS; where they do it always is.
    pub secure: Option<bool>,
    /// With which requests of other sites it is sent.
    pub same_site: SameSite,
}

/// Refuses `SameSite=None` without `Secure`: browsers drop such a cookie, and nobody could sign in.
pub(crate) fn rules(settings: &Settings) -> Result<CookieRules, Problem> {
    let rules = CookieRules {
        secure: settings.webui_auth_cookie_secure.value,
        same_site: settings.webui_auth_cookie_same_site.value,
    };
    if rules.same_site == SameSite::None && rules.secure == Some(false) {
        return Err(Problem::together(
            "WEBUI_AUTH_COOKIE_SAME_SITE",
            "is none while WEBUI_AUTH_COOKIE_SECURE is false; browsers drop such a cookie. Set it to lax or strict",
        ));
    }
    Ok(rules)
}
