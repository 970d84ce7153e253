//! Where requests go: a base URL, how far it may reach, and the addresses below it.

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use kernel::BaseUrl;

use crate::{EgressError, Reach};

/// A base URL together with how far requests to it may reach. Make it once per connection, not per request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at the end; empty for the root.
    base_path: String,
    reach: Reach,
}

impl Destination {
    /// A destination. [`EgressError::Outside`] when the base URL cannot be written into an HTTP request.
    pub fn new(base: &BaseUrl, reach: Reach) -> Result<Self, EgressError> {
        let url = base.url();
        let host = url.host_str().ok_or(EgressError::Outside)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            scheme: if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority.parse().map_err(|_| EgressError::Outside)?,
            base_path: url.path().trim_end_matches('/').to_owned(),
            reach,
        })
    }

    /// How far requests to it may reach.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// The address of `path` (which begins with a slash) below the base URL, e.g. `/chat/completions`.
    ///
    /// [`EgressError::Outside`] for anything that another parser could read as a way out: `..`, `//`, a
    /// backslash, an encoded slash, a query inside the path, characters beyond ASCII.
    pub fn uri(&self, path: &str, query: Option<&str>) -> Result<Uri, EgressError> {
        if !is_plain_path(path) || query.is_some_and(|query| !is_plain_query(query)) {
            return Err(EgressError::Outside);
        }
        let mut target =
            String::with_capacity(self.base_path.len() + path.len() + 1 + query.map_or(0, str::len));
        target.push_str(&self.base_path);
        target.push_str(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query =
            Some(PathAndQuery::from_maybe_shared(target).map_err(|_| EgressError::Outside)?);
        Uri::from_parts(parts).map_err(|_| EgressError::Outside)
    }

    /// Whether an address has this origin and lies below this path.
    pub(crate) fn covers(&self, uri: &Uri) -> bool {
        uri.scheme() == Some(&self.scheme)
            && uri.authority() == Some(&self.authority)
            && uri.path().strip_prefix(self.base_path.as_str()).is_some_and(is_plain_path)
    }
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\?#%".contains(&byte))
        && !path[1..].split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

fn is_plain_query(query: &str) -> bool {
    query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openai() -> Destination {
        Destination::new(&BaseUrl::parse("https://api.openai.com/v1").unwrap(), Reach::Public).unwrap()
    }

    #[test]
    fn a_path_is_joined_below_the_base_url() {
        let uri = openai().uri("/chat/completions", Some("beta=1")).unwrap();
        assert_eq!(uri.to_string(), "https://api.openai.com/v1/chat/completions?beta=1");
        let local = BaseUrl::parse("http://[::1]:8080/").unwrap();
        let local = Destination::new(&local, Reach::Named).unwrap();
        assert_eq!(local.uri("/models", None).unwrap().to_string(), "http://[::1]:8080/models");
    }

    #[test]
    fn a_path_that_climbs_out_is_refused() {
        for path in [
            "",
            "chat",
            "/../admin",
            "/a/./b",
            "/a//b",
            "//evil.example/x",
            "/a\\b",
            "/%2e%2e/admin",
            "/a%2fb",
            "/a?b",
            "/a#b",
            "/a b",
            "/ä",
            "/a\r\nHost: x",
        ] {
            assert_eq!(openai().uri(path, None), Err(EgressError::Outside), "{path:?}");
        }
        assert_eq!(openai().uri("/a", Some("b#c")), Err(EgressError::Outside));
    }

    #[test]
    fn an_address_of_another_origin_or_beside_the_base_path_is_not_covered() {
        let covered = |uri: &str| openai().covers(&uri.parse().unwrap());
        assert!(covered("https://api.openai.com/v1/models"));
        for uri in [
            "http://api.openai.com/v1/models",
            "https://api.openai.com:8443/v1/models",
            "https://api.openai.com.evil.example/v1/models",
            "https://api.openai.com@evil.example/v1/models",
            "https://api.openai.com/v10/models",
            "https://api.openai.com/v1/../admin",
            "https://api.openai.com/v1",
            "/v1/models",
        ] {
            assert!(!covered(uri), "{uri}");
        }
    }
}
