//! Which pages of other origins may talk to this server in a browser (CORS), and what is theirs to read.
//!
//! Answers name one origin at most, never the one that asked unless it was configured, and lists of methods
//! and headers are our own. Without configuration no answer says anything about other origins.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use kernel::{Kind, Refusal};
use settings::{Loaded, Origins};

use crate::{dialect::Dialect, host, table};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What our clients and the official SDKs of OpenAI send.
const HEADERS: &str = "accept, authorization, api-key, cache-control, content-type, idempotency-key, if-match, \
     if-none-match, last-event-id, openai-beta, openai-organization, openai-project, x-api-key, x-litellm-api-key, \
     x-requested-with, x-stainless-arch, x-stainless-helper-method, x-stainless-lang, x-stainless-os, \
     x-stainless-package-version, x-stainless-poll-helper, x-stainless-retry-count, x-stainless-runtime, \
     x-stainless-runtime-version, x-stainless-timeout";
/// What scripts of other origins may read beside the body.
const EXPOSED: &str = "content-disposition, etag, retry-after, x-litellm-call-id, x-request-id";
/// Seconds that a browser remembers the answer to a preflight.
const MAX_AGE: &str = "600";

/// What the page that made a browser send a request is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing tells; browsers leave `Origin` out where a page only reads its own site.
    Unsaid,
    /// Our own page.
    Own,
    /// One that the operator named: it may act with the person's session.
    Friend,
    /// Everybody may read, with a credential of their own.
    Anybody,
    /// Somebody else's, or one that hides where it is from.
    Foreign,
}

impl Standing {
    /// What `Origin` says about a request.
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri, loaded: &Loaded) -> Self {
        let mut lines = headers.get_all(header::ORIGIN).iter();
        let Some(line) = lines.next() else { return Self::Unsaid };
        let (Ok(origin), None) = (line.to_str(), lines.next()) else { return Self::Foreign };
        let public = loaded.settings.webui_url.value.as_ref().map(kernel::BaseUrl::origin);
        let authority = uri.authority().map(http::uri::Authority::as_str);
        if public.is_some_and(|own| own == origin) || host::is_asked(origin, authority, headers, loaded) {
            return Self::Own;
        }
        match &loaded.settings.cors_allow_origin.value {
            Origins::These(origins) if origins.iter().any(|friend| friend == origin) => Self::Friend,
            Origins::Everybody if origin != "null" => Self::Anybody,
            _ => Self::Foreign,
        }
    }
}

/// What a door has to do about CORS for one request.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    standing: Standing,
    /// As it was sent; `None` unless it is let in.
    origin: Option<HeaderValue>,
    /// Whether the same path answers differently to another origin.
    varies: bool,
    is_preflight: bool,
}

impl Cors {
    pub(crate) fn of(method: &Method, headers: &HeaderMap, uri: &Uri, loaded: &Loaded) -> Self {
        let standing = Standing::of(headers, uri, loaded);
        let is_let_in = matches!(standing, Standing::Friend | Standing::Anybody);
        Self {
            standing,
            origin: headers.get(header::ORIGIN).filter(|_| is_let_in).cloned(),
            varies: matches!(loaded.settings.cors_allow_origin.value, Origins::These(_)),
            is_preflight: method == Method::OPTIONS
                && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// The answer to a browser that asks first; `None` when this is no such question.
    pub(crate) fn preflight(&self, path: &str) -> Option<Response> {
        if !self.is_preflight {
            return None;
        }
        match self.standing {
            // Browsers do not ask for their own origin; whatever did gets the ordinary answer.
            Standing::Unsaid | Standing::Own => None,
            Standing::Foreign => {
                let words = "Pages of that origin may not use this server. Its operator names origins in CORS_ALLOW_ORIGIN.";
                let refusal = Refusal::new(Kind::Forbidden, "origin_not_allowed", words);
                Some(table::dialect_of(path).unwrap_or(Dialect::Workspace).render(&refusal))
            }
            Standing::Friend | Standing::Anybody => {
                let headers = [
                    (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
                    (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
                    (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
                ];
                Some((StatusCode::NO_CONTENT, headers).into_response())
            }
        }
    }

    /// Says on an answer who may read it.
    pub(crate) fn mark(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = self.origin else { return };
        if self.standing == Standing::Friend {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        } else {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if !self.is_preflight {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::loaded;

    fn standing(settings: &[(&str, &str)], origins: &[&'static str]) -> Standing {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost:8080"));
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        Standing::of(&headers, &Uri::from_static("/"), &loaded(settings))
    }

    #[test]
    fn our_own_page_is_known_by_the_public_address_and_by_the_host_that_was_asked() {
        let public = [("WEBUI_URL", "https://chat.example.com/app")];
        assert_eq!(standing(&public, &["https://chat.example.com"]), Standing::Own);
        assert_eq!(standing(&public, &["http://localhost:8080"]), Standing::Own);
        assert_eq!(standing(&public, &["http://localhost"]), Standing::Foreign);
        assert_eq!(standing(&public, &["http://chat.example.com"]), Standing::Foreign);
    }

    #[test]
    fn a_page_over_http_is_not_our_own_where_people_use_https() {
        let asked = |settings: &[(&str, &str)], host: &'static str, scheme: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            headers.insert(header::ORIGIN, format!("http://{host}").parse().unwrap());
            scheme.map(|scheme| headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme)));
            Standing::of(&headers, &Uri::from_static("/"), &loaded(settings))
        };
        let public = [("WEBUI_URL", "https://chat.example.com")];
        assert_eq!(asked(&public, "chat.example.com", None), Standing::Foreign);
        assert_eq!(asked(&public, "CHAT.example.com", None), Standing::Foreign);
        assert_eq!(asked(&public, "localhost:8080", None), Standing::Own);
        assert_eq!(asked(&[], "chat.lan", Some("https")), Standing::Foreign);
        assert_eq!(asked(&[], "chat.lan", Some("http")), Standing::Own);
        assert_eq!(asked(&[], "chat.lan", None), Standing::Own);
    }

    #[test]
    fn an_origin_is_let_in_to_the_letter_or_not_at_all() {
        let named = [("CORS_ALLOW_ORIGIN", "https://a.example; https://b.example:8443")];
        assert_eq!(standing(&named, &["https://a.example"]), Standing::Friend);
        assert_eq!(standing(&named, &["https://b.example:8443"]), Standing::Friend);
        for other in [
            "https://a.example.evil.example",
            "https://evil-a.example",
            "http://a.example",
            "https://a.example:444",
            "https://b.example",
            "null",
            "",
            "*",
            "https://A.example",
        ] {
            assert_eq!(standing(&named, &[other]), Standing::Foreign, "{other}");
        }
        assert_eq!(standing(&named, &["https://a.example", "https://evil.example"]), Standing::Foreign);
        assert_eq!(standing(&named, &[]), Standing::Unsaid);
    }

    #[test]
    fn a_star_lets_everybody_in_as_nobody() {
        let everybody = [("CORS_ALLOW_ORIGIN", "*")];
        assert_eq!(standing(&everybody, &["https://evil.example"]), Standing::Anybody);
        assert_eq!(standing(&everybody, &["null"]), Standing::Foreign);
    }
}
