//! Under which names this server answers.
//!
//! A page of any site can make its own name resolve to an address in its visitor's network (DNS rebinding),
//! and then the browser takes what answers there for a part of that site. The name still stands in `Host`, so
//! a request for a name that is not ours gets nothing. Addresses cannot be made to resolve, so they are ours.

use std::{borrow::Cow, net::IpAddr};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use kernel::{Kind, Refusal};
use settings::Loaded;

use crate::{client::forwarded_scheme, table};

/// What proxies that we trust add when they ask under another name than the person did.
const FORWARDED_HOST: &str = "x-forwarded-host";
/// Asked by machines which know us by an address or by a name of their own, and told to everybody.
const FOR_ANY_NAME: [&str; 4] = ["/health", "/health/liveness", "/health/readiness", "/ready"];

/// Why a request gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It names no host, several, or what is none.
    Unclear,
    /// It asks for somebody else.
    Foreign,
}

/// Checks for whom a request asks. `X-Forwarded-Host` is read when it is there, so remove it from untrusted peers'.
pub(crate) fn check<B>(request: &Request<B>, loaded: &Loaded) -> Result<(), Stranger> {
    if FOR_ANY_NAME.contains(&request.uri().path()) {
        return Ok(());
    }
    let named = named(request)?;
    let forwarded = request.headers().get_all(FORWARDED_HOST).iter();
    let forwarded: Vec<&str> =
        forwarded.map(HeaderValue::to_str).collect::<Result<_, _>>().map_err(|_| Stranger::Unclear)?;
    let mut all = [named].into_iter().chain(forwarded.iter().flat_map(|line| line.split(',')).map(str::trim));
    all.try_for_each(|text| {
        let name = Name::parse(text).ok_or(Stranger::Unclear)?;
        if name.is_ours(loaded) { Ok(()) } else { Err(Stranger::Foreign) }
    })
}

/// The one host that the request names, wherever its version of HTTP puts it (RFC 9112, 3.2; RFC 9113, 8.3.1).
fn named<B>(request: &Request<B>) -> Result<&str, Stranger> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let line = lines.next().map(|line| line.to_str().map_err(|_| Stranger::Unclear)).transpose()?;
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let is_first = matches!(request.version(), Version::HTTP_10 | Version::HTTP_11);
    match (line, authority) {
        _ if lines.next().is_some() => Err(Stranger::Unclear),
        // HTTP/1.1 demands the header even where the target names the host already.
        (None, Some(_)) if is_first && request.version() == Version::HTTP_11 => Err(Stranger::Unclear),
        (Some(line), Some(authority)) if !line.eq_ignore_ascii_case(authority) => Err(Stranger::Unclear),
        (Some(named), _) | (None, Some(named)) => Ok(named),
        (None, None) => Err(Stranger::Unclear),
    }
}

/// A host without its port.
#[derive(Debug, PartialEq, Eq)]
enum Name<'a> {
    Address(IpAddr),
    /// In lower case, without the dot at the end.
    Domain(Cow<'a, str>),
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return is_port.then(|| address.parse().ok().map(|it| Self::Address(IpAddr::V6(it))))?;
        }
        let name = match text.split_once(':') {
            None => text,
            Some((name, port)) if is_port(port) => name,
            Some(_) => return None,
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = !name.is_empty()
            && name.len() <= 253
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if !is_name {
            return None;
        }
        if let Ok(address) = name.parse() {
            return Some(Self::Address(address));
        }
        let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(Self::Domain(if has_capitals { name.to_ascii_lowercase().into() } else { name.into() }))
    }

    /// Whether this server is meant. A port says nothing: it is the proxy's, or that of a tunnel.
    fn is_ours(&self, loaded: &Loaded) -> bool {
        match self {
            Self::Address(_) => true,
            Self::Domain(name) => {
                name == "localhost"
                    || loaded.public_host.as_deref() == Some(name)
                    || loaded.settings.allowed_hosts.value.contains(name)
            }
        }
    }
}

/// A port that somebody can listen on, or none behind the colon, which says the usual one (RFC 3986, 3.2.3).
fn is_port(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (text.is_empty() || text.parse::<u16>().is_ok_and(|port| port > 0))
}

impl Stranger {
    /// The answer, in the dialect of the path, and in plain words where a person would see a page.
    pub(crate) fn answer(self, path: &str) -> Response {
        let (status, code, words) = match self {
            Self::Unclear => (
                StatusCode::BAD_REQUEST,
                "invalid_host",
                "The request must name one host, in the form name or name:port.",
            ),
            Self::Foreign => (
                StatusCode::MISDIRECTED_REQUEST,
                "foreign_host",
                "This server does not answer under the name that was asked for. Its operator sets WEBUI_URL to the address that people use, or adds the name to WARDROOM_ALLOWED_HOSTS.",
            ),
        };
        let Some(dialect) = table::dialect_of(path) else {
            return (status, format!("{words}\n")).into_response();
        };
        let mut response = dialect.render(&Refusal::new(Kind::Invalid, code, words));
        *response.status_mut() = status;
        response
    }
}

/// Whether an origin is the one that this request was sent to, whichever scheme a proxy in front speaks. A name that
/// people use over HTTPS is no origin of ours over HTTP: whoever sits on the wire could write such a page.
pub(crate) fn is_asked(origin: &str, authority: Option<&str>, headers: &HeaderMap, loaded: &Loaded) -> bool {
    let Some(host) = authority.or_else(|| headers.get(header::HOST)?.to_str().ok()) else { return false };
    if let Some(secure) = origin.strip_prefix("https://") {
        return secure == host;
    }
    let public =
        loaded.settings.webui_url.value.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
    let is_secure = || match Name::parse(host) {
        Some(Name::Domain(name)) => public && loaded.public_host.as_deref() == Some(&*name),
        _ => false,
    };
    origin.strip_prefix("http://") == Some(host) && !is_secure() && forwarded_scheme(headers) != Some("https")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, hosts: &[&'static str]) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = target.parse().unwrap();
        for host in hosts {
            request.headers_mut().append(header::HOST, HeaderValue::from_static(host));
        }
        request
    }

    fn verdict(target: &str, hosts: &[&'static str]) -> Result<(), Stranger> {
        let settings =
            [("WEBUI_URL", "https://Chat.Example.com:8443/x"), ("WARDROOM_ALLOWED_HOSTS", "wardroom,*.lan")];
        check(&request(target, hosts), &crate::client::tests::loaded(&settings))
    }

    #[test]
    fn our_names_and_all_addresses_are_ours_in_every_spelling() {
        for host in [
            "chat.example.com",
            "CHAT.example.COM:8443",
            "chat.example.com.",
            "chat.example.com:1",
            "localhost:8080",
            "LocalHost",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "192.168.1.7",
            "wardroom:8080",
            "a.lan",
        ] {
            assert_eq!(verdict("/api/config", &[host]), Ok(()), "{host}");
        }
    }

    #[test]
    fn every_other_name_is_foreign() {
        for host in [
            "evil.example",
            "chat.example.com.evil.example",
            "xchat.example.com",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0x7f.1",
            "2130706433",
            "homeserver:8080",
            "lan",
            "example.com",
        ] {
            assert_eq!(verdict("/api/config", &[host]), Err(Stranger::Foreign), "{host}");
        }
    }

    #[test]
    fn what_names_no_host_or_two_is_refused() {
        for host in [
            "",
            ".",
            ":8080",
            "localhost:",
            "user@localhost",
            "localhost:80:80",
            "localhost:x",
            "localhost:0",
            "localhost:65536",
            "[::1]:99999",
            "localhost:+1",
            "[::1",
            "[localhost]",
            "::1",
            "localhost/",
            "localhost,evil.example",
            "localhost evil",
            "[fe80::1%25eth0]",
        ] {
            let expected = if host == "localhost:" { Ok(()) } else { Err(Stranger::Unclear) };
            assert_eq!(verdict("/", &[host]), expected, "{host}");
        }
        assert_eq!(verdict("/", &[]), Err(Stranger::Unclear));
        assert_eq!(verdict("/", &["localhost", "localhost"]), Err(Stranger::Unclear));
        assert_eq!(verdict("http://localhost/", &["evil.example"]), Err(Stranger::Unclear));
        assert_eq!(verdict("http://evil.example/", &["localhost"]), Err(Stranger::Unclear));
        assert_eq!(verdict("http://evil.example/", &["evil.example"]), Err(Stranger::Foreign));
        assert_eq!(verdict("http://localhost/", &["LOCALHOST"]), Ok(()));
    }

    #[test]
    fn a_machine_may_ask_for_our_health_under_any_name() {
        for path in FOR_ANY_NAME {
            assert_eq!(verdict(path, &["evil.example"]), Ok(()));
        }
        assert_eq!(verdict("/healthy", &["evil.example"]), Err(Stranger::Foreign));
        assert_eq!(verdict("/ready/x", &["evil.example"]), Err(Stranger::Foreign));
    }

    #[test]
    fn a_forwarded_name_must_be_ours_too() {
        let loaded = crate::client::tests::loaded(&[]);
        for (forwarded, expected) in [
            ("localhost", Ok(())),
            ("localhost, 10.0.0.1", Ok(())),
            ("evil.example", Err(Stranger::Foreign)),
            ("localhost, evil.example", Err(Stranger::Foreign)),
            ("", Err(Stranger::Unclear)),
        ] {
            let mut request = request("/", &["127.0.0.1"]);
            request.headers_mut().append(FORWARDED_HOST, HeaderValue::from_static(forwarded));
            assert_eq!(check(&request, &loaded), expected, "{forwarded}");
        }
    }
}
