//! Who is at the other end of a connection, seen through the proxies that the operator trusts.
//!
//! Forwarded headers are anybody's to write, so they count only when the peer of the connection is a trusted
//! proxy (`FORWARDED_ALLOW_IPS`), and of a chain of addresses the rightmost that is not itself such a proxy.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, header};
use identity::ProxyClaims;
use kernel::{Email, Kind, Refusal};
use settings::{HeaderName, Loaded, Networks, TrustedHeaders};

use crate::{
    app::App,
    caller::{self, Credential},
    door::Arrival,
    headers::IsHttps,
    refused::Refused,
};

/// The person's end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// The nearest address that no trusted proxy has.
    pub(crate) address: IpAddr,
    /// Whether the person uses HTTPS, whoever ends it.
    pub(crate) is_https: bool,
}

impl Client {
    /// Who sent the request that came in so.
    pub(crate) fn at_door(app: &App, parts: &Parts, arrival: &Arrival) -> Self {
        Self::of(&parts.headers, arrival.peer.ip(), &app.services().settings.load())
    }

    fn of(headers: &HeaderMap, peer: IpAddr, settings: &Loaded) -> Self {
        let trusted = &settings.settings.forwarded_allow_ips.value;
        let is_https = is_https(headers, peer, settings) == IsHttps::Yes;
        Self { address: origin(headers, peer, trusted), is_https }
    }
}

/// Whether the person's connection is HTTPS, whoever ends it.
pub(crate) fn is_https(headers: &HeaderMap, peer: IpAddr, settings: &Loaded) -> IsHttps {
    let settings = &settings.settings;
    let is_public = settings.webui_url.value.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
    let is_forwarded = settings.forwarded_allow_ips.value.contains(peer)
        && forwarded_scheme(headers).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    if is_public || is_forwarded { IsHttps::Yes } else { IsHttps::No }
}

/// Removes what only a trusted proxy may say, when somebody else said it, so that nothing behind the door can
/// believe it by mistake. Two spellings that we never read go in every case.
pub(crate) fn strip_claims(headers: &mut HeaderMap, peer: IpAddr, settings: &Loaded) {
    headers.remove(header::FORWARDED);
    headers.remove("x-real-ip");
    if !settings.settings.forwarded_allow_ips.value.contains(peer) {
        for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] {
            headers.remove(name);
        }
    }
    if let Some(trusted) = settings.trusted_headers.as_ref().filter(|it| !it.proxies.contains(peer)) {
        let others = [&trusted.name, &trusted.groups, &trusted.role];
        for name in others.into_iter().flatten().chain([&trusted.email]) {
            headers.remove(name.as_str());
        }
    }
}

/// Whether what a trusted proxy says of who sits there agrees with this address, or is nothing at all.
pub(crate) fn names_nobody_else(headers: &HeaderMap, trusted: &TrustedHeaders, email: &Email) -> bool {
    let mut claims = headers.get_all(trusted.email.as_str()).iter();
    claims.all(|claim| {
        let address = str::from_utf8(claim.as_bytes()).ok().and_then(|text| Email::parse(text).ok());
        address.as_ref() == Some(email)
    })
}

/// What a trusted proxy says of who sits there. Refuses with `trusted_header_missing` when it says nothing, and with
/// `trusted_header_invalid` when a header comes twice or is no text: which of two is true cannot be known.
pub(crate) fn claims<'a>(
    headers: &'a HeaderMap,
    trusted: &TrustedHeaders,
) -> Result<ProxyClaims<'a>, Refusal> {
    let of = |name: &Option<HeaderName>| name.as_ref().map_or(Ok(None), |name| claim(headers, name));
    let Some(email) = claim(headers, &trusted.email)? else {
        let words = "The proxy in front of this server did not say who you are. Open Wardroom through it.";
        return Err(Refusal::new(Kind::Invalid, "trusted_header_missing", words));
    };
    Ok(ProxyClaims {
        email,
        name: of(&trusted.name)?,
        role: of(&trusted.role)?,
        groups: of(&trusted.groups)?,
    })
}

fn claim<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name.as_str()).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = str::from_utf8(value.as_bytes()).ok().filter(|_| values.next().is_none());
    let text = text.ok_or_else(|| {
        let words = format!("The proxy in front of this server must send {} once, as text.", name.as_str());
        Refusal::new(Kind::Invalid, "trusted_header_invalid", words)
    })?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}

/// Walks from the peer towards the client and stops at the first address that may not speak for another.
fn origin(headers: &HeaderMap, peer: IpAddr, trusted: &Networks) -> IpAddr {
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut nearest = peer;
    while trusted.contains(nearest) {
        let Some(next) = hops.next().and_then(address) else { break };
        nearest = next;
    }
    nearest.to_canonical()
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(with_port).or_else(in_brackets)
}

/// The scheme that the outermost proxy saw. A false word only costs its author the own cookie.
pub(crate) fn forwarded_scheme(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-forwarded-proto")?.to_str().ok()?.split(',').next().map(str::trim)
}

impl FromRequestParts<App> for Client {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let arrival = parts.extensions.get::<Arrival>().ok_or_else(Refusal::internal)?;
        Ok(Self::at_door(app, parts, arrival))
    }
}

/// Proof that no foreign page made the browser send this request: for routes that everybody may use and
/// that nevertheless set or clear the cookie.
pub(crate) struct OwnPage;

impl FromRequestParts<App> for OwnPage {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        if !matches!(Credential::of(&parts.headers), Some(Credential::Header(_))) {
            caller::require_same_origin(app, parts)?;
        }
        Ok(Self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use http::{HeaderName, HeaderValue};
    use settings::Sources;

    use super::*;

    /// The settings that follow from these variables.
    pub(crate) fn loaded(environment: &[(&str, &str)]) -> Loaded {
        let environment: BTreeMap<_, _> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources {
            environment: &environment,
            file: &BTreeMap::new(),
            stored: &BTreeMap::new(),
            open: &|_| unreachable!("no setting of these tests names a file"),
        };
        settings::read(&sources).unwrap()
    }

    fn client(environment: &[(&str, &str)], peer: &str, lines: &[(&'static str, &'static str)]) -> Client {
        Client::of(&headers(lines), peer.parse().unwrap(), &loaded(environment))
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn address_of(peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        client(&[("FORWARDED_ALLOW_IPS", "127.0.0.1,10.0.0.0/8")], peer, lines).address.to_string()
    }

    #[test]
    fn a_stranger_cannot_claim_another_address_or_https() {
        let forged = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        let seen = client(&[], "198.51.100.7", &forged);
        assert_eq!(seen, Client { address: "198.51.100.7".parse().unwrap(), is_https: false });
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_untrusted_address_counts() {
        assert_eq!(
            address_of("127.0.0.1", &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.1.2.3")]),
            "198.51.100.7"
        );
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7:4711")];
        assert_eq!(address_of("10.0.0.1", &lines), "198.51.100.7");
        assert_eq!(address_of("::ffff:10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:443")]), "2001:db8::1");
        assert_eq!(address_of("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn nonsense_in_the_chain_ends_the_walk_at_the_last_address_that_was_one() {
        assert_eq!(address_of("127.0.0.1", &[("x-forwarded-for", "198.51.100.7, unknown")]), "127.0.0.1");
        assert_eq!(address_of("127.0.0.1", &[("x-forwarded-for", "198.51.100.7, 10.9.9.9, ")]), "127.0.0.1");
    }

    #[test]
    fn https_is_known_from_a_trusted_proxy_or_from_the_public_url() {
        assert!(client(&[], "127.0.0.1", &[("x-forwarded-proto", "https, http")]).is_https);
        assert!(
            client(&[], "127.0.0.1", &[("x-forwarded-proto", "HTTPS")]).is_https,
            "RFC 3986, section 3.1"
        );
        assert!(!client(&[], "127.0.0.1", &[("x-forwarded-proto", "http")]).is_https);
        assert!(client(&[("WEBUI_URL", "https://chat.example.com")], "198.51.100.7", &[]).is_https);
        assert!(!client(&[("WEBUI_URL", "http://chat.example.com")], "198.51.100.7", &[]).is_https);
    }

    #[test]
    fn what_a_stranger_claims_about_others_is_gone_before_anybody_reads_it() {
        let settings = loaded(&[
            ("FORWARDED_ALLOW_IPS", "10.0.0.0/8"),
            ("WARDROOM_TRUSTED_HEADER_PROXIES", "10.0.0.7"),
            ("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "X-Mail"),
            ("WEBUI_AUTH_TRUSTED_ROLE_HEADER", "X-Role"),
        ]);
        let claims = [
            ("forwarded", "for=1.2.3.4;host=evil.example"),
            ("x-real-ip", "1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-mail", "ada@example.com"),
            ("x-role", "admin"),
            ("x-role", "user"),
            ("accept", "*/*"),
        ];
        let left = |peer: &str| {
            let mut headers = headers(&claims);
            strip_claims(&mut headers, peer.parse().unwrap(), &settings);
            headers.len()
        };
        assert_eq!(left("198.51.100.7"), 1);
        assert_eq!(left("10.0.0.8"), 4);
        assert_eq!(left("10.0.0.7"), 7);
    }
}
