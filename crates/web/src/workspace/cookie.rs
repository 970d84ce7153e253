//! The session cookie: how it is set and cleared. What is in it is a token that this file does not look at.

use http::{HeaderMap, HeaderValue, header::COOKIE as COOKIE_HEADER};
use kernel::Timestamp;
use settings::{CookieRules, SameSite};

use crate::{caller::COOKIE, client::Client};

/// Hands the token to the browser, out of reach of scripts, for as long as the session lasts; without
/// `expires_at` until the browser is closed.
pub(super) fn set(
    token: &str,
    expires_at: Option<Timestamp>,
    now: Timestamp,
    rules: CookieRules,
    client: Client,
) -> HeaderValue {
    // The part of a second that has gone by since the session began is not taken off: the token says when it ends.
    let now = Timestamp::from_seconds(now.seconds());
    let life = expires_at.map(|end| format!("; Max-Age={}", end.since(now).as_secs())).unwrap_or_default();
    let mut value = HeaderValue::try_from(format!("{COOKIE}={token}{}{life}", attributes(rules, client)))
        .expect("a signed token is ASCII without separators");
    value.set_sensitive(true);
    value
}

/// Takes the cookie away. The attributes are those it was set with: browsers let nothing less secure
/// replace a secure cookie.
pub(super) fn clear(rules: CookieRules, client: Client) -> HeaderValue {
    HeaderValue::try_from(format!("{COOKIE}={}; Max-Age=0", attributes(rules, client)))
        .expect("these attributes are ASCII")
}

/// The cookie of a device that signed in before; see `identity::Identity::mark_device`.
const DEVICE: &str = "device";
/// How long a device is known after it signed in: as long as browsers keep a cookie.
const DEVICE_DAYS: u32 = 400;

/// Lets the browser keep the mark of a device that signed in. It opens no door, and only sign-in looks at it.
pub(super) fn mark_device(mark: &str, rules: CookieRules, client: Client) -> HeaderValue {
    let attributes = attributes(rules, client).replacen("Path=/;", "Path=/api/v1/auths;", 1);
    let life = u64::from(DEVICE_DAYS) * 24 * 3600;
    let mut value = HeaderValue::try_from(format!("{DEVICE}={mark}{attributes}; Max-Age={life}"))
        .expect("a mark is ASCII without separators");
    value.set_sensitive(true);
    value
}

/// What the device shows.
pub(super) fn device(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE_HEADER).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut own =
        pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(DEVICE.as_bytes())?.strip_prefix(b"="));
    own.next().and_then(|mark| str::from_utf8(mark).ok())
}

fn attributes(rules: CookieRules, client: Client) -> String {
    // Browsers drop a cookie with SameSite=None that is not Secure. Over HTTPS nothing takes it away: one plain request
    // to the same host would hand the session to whoever listens.
    let is_wanted = rules.secure.unwrap_or(rules.same_site == SameSite::None);
    let is_secure = client.is_https || is_wanted;
    let secure = if is_secure { "; Secure" } else { "" };
    let same_site = match rules.same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    };
    format!("; Path=/; HttpOnly; SameSite={same_site}{secure}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rules(secure: Option<bool>, same_site: SameSite) -> CookieRules {
        CookieRules { secure, same_site }
    }

    fn client(is_https: bool) -> Client {
        Client { address: "192.0.2.1".parse().unwrap(), is_https }
    }

    #[test]
    fn it_lasts_as_long_as_the_session_and_no_script_can_read_it() {
        let (now, end) = (Timestamp::from_seconds(1_000), Timestamp::from_seconds(4_600));
        let set = |end| {
            set("a.b.c", end, now.plus(Duration::from_millis(900)), rules(None, SameSite::Lax), client(false))
        };
        assert_eq!(set(Some(end)), "token=a.b.c; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600");
        assert_eq!(set(None), "token=a.b.c; Path=/; HttpOnly; SameSite=Lax");
        assert!(set(None).is_sensitive());
    }

    #[test]
    fn it_is_secure_for_people_who_use_https_and_elsewhere_if_the_operator_says_so() {
        let is_secure = |secure, same_site, is_https| {
            attributes(rules(secure, same_site), client(is_https)).ends_with("; Secure")
        };
        assert!(is_secure(None, SameSite::Lax, true));
        assert!(!is_secure(None, SameSite::Lax, false));
        assert!(is_secure(Some(true), SameSite::Strict, false));
        assert!(is_secure(Some(false), SameSite::Lax, true));
        assert!(!is_secure(Some(false), SameSite::Lax, false));
        assert!(is_secure(None, SameSite::None, false));
    }

    #[test]
    fn it_is_cleared_with_the_attributes_it_was_set_with() {
        let cleared = clear(rules(None, SameSite::Strict), client(true));
        assert_eq!(cleared, "token=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
    }
}
