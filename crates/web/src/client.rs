//! Who is at the other end of a connection, seen through the proxies that the operator trusts.
//!
//! Forwarded headers are anybody's to write, so they count only when the peer of the connection is a trusted
//! proxy (`FORWARDED_ALLOW_IPS`), and of a chain of addresses the rightmost that is not itself such a proxy.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::FromRequestParts, http::request::Parts};
use http::HeaderMap;
use kernel::Refusal;
use settings::{Loaded, Networks};

use crate::{
    app::App,
    caller::{self, Credential},
    door::Arrival,
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
    fn of(headers: &HeaderMap, peer: IpAddr, settings: &Loaded) -> Self {
        let settings = &settings.settings;
        let trusted = &settings.forwarded_allow_ips.value;
        let is_public_https =
            settings.webui_url.value.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
        let is_forwarded_https = trusted.contains(peer) && forwarded_scheme(headers) == Some("https");
        Self { address: origin(headers, peer, trusted), is_https: is_public_https || is_forwarded_https }
    }
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
fn forwarded_scheme(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-forwarded-proto")?.to_str().ok()?.split(',').next().map(str::trim)
}

impl FromRequestParts<App> for Client {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let arrival = parts.extensions.get::<Arrival>().ok_or_else(Refusal::internal)?;
        Ok(Self::of(&parts.headers, arrival.peer.ip(), &app.services().settings.load()))
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
mod tests {
    use std::collections::BTreeMap;

    use http::{HeaderName, HeaderValue};
    use settings::Sources;

    use super::*;

    fn client(environment: &[(&str, &str)], peer: &str, lines: &[(&'static str, &'static str)]) -> Client {
        let environment: BTreeMap<_, _> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources {
            environment: &environment,
            file: &BTreeMap::new(),
            stored: &BTreeMap::new(),
            open: &|_| unreachable!("no setting of these tests names a file"),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Client::of(&headers, peer.parse().unwrap(), &settings::read(&sources).unwrap())
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
        assert!(!client(&[], "127.0.0.1", &[("x-forwarded-proto", "http")]).is_https);
        assert!(client(&[("WEBUI_URL", "https://chat.example.com")], "198.51.100.7", &[]).is_https);
        assert!(!client(&[("WEBUI_URL", "http://chat.example.com")], "198.51.100.7", &[]).is_https);
    }
}
