//! Base URLs of providers.

use std::fmt;

use url::Url;

/// A provider's base URL: `http` or `https`, a host, no credentials, query or fragment, no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is not a base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL at all.
    #[error("the base URL must be a full address such as https://api.openai.com/v1")]
    NotAUrl,
    /// Another scheme.
    #[error("the base URL must begin with https:// or http://")]
    Scheme,
    /// Something that does not belong there.
    #[error("the base URL must not carry a user name, password, query or fragment")]
    Extra,
}

impl BaseUrl {
    /// Reads and canonicalises a base URL.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        if text.len() > 2048 || text.contains(['\\', '\t', '\r', '\n']) {
            return Err(BaseUrlError::NotAUrl);
        }
        let mut url = Url::parse(text).map_err(|_| BaseUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme);
        }
        if url.host_str().is_none_or(|host| host.is_empty() || host.contains('*')) {
            return Err(BaseUrlError::NotAUrl);
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(BaseUrlError::Extra);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address without a slash at the end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The parsed URL.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// Scheme, host and port: what a key belongs to.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether this address is `allowed` or below it, path segment by path segment.
    pub fn is_within(&self, allowed: &Self) -> bool {
        self.origin() == allowed.origin()
            && match self.as_path().strip_prefix(allowed.as_path()) {
                Some(rest) => rest.is_empty() || rest.starts_with('/'),
                None => false,
            }
    }

    fn as_path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn a_base_url_has_one_spelling() {
        assert_eq!(base("HTTPS://API.OpenAI.com:443/v1/").as_str(), "https://api.openai.com/v1");
        assert_eq!(base("http://localhost:8080/").as_str(), "http://localhost:8080");
    }

    #[test]
    fn an_allowed_address_covers_what_is_below_it_and_no_lookalike() {
        let allowed = base("https://api.openai.com/v1");
        assert!(base("https://api.openai.com/v1").is_within(&allowed));
        assert!(base("https://api.openai.com/v1/eu").is_within(&allowed));
        for other in [
            "https://api.openai.com/v10",
            "https://api.openai.com",
            "http://api.openai.com/v1",
            "https://api.openai.com.evil.example/v1",
            "https://api.openai.com:8443/v1",
            "https://api.openai.com/v1/../admin",
        ] {
            assert!(!base(other).is_within(&allowed), "{other}");
        }
    }

    #[test]
    fn credentials_queries_and_other_schemes_are_refused() {
        assert_eq!(BaseUrl::parse("https://user:pass@api.openai.com"), Err(BaseUrlError::Extra));
        assert_eq!(BaseUrl::parse("https://api.openai.com/?x=1"), Err(BaseUrlError::Extra));
        assert_eq!(BaseUrl::parse("file:///etc/passwd"), Err(BaseUrlError::Scheme));
        assert_eq!(BaseUrl::parse("api.openai.com"), Err(BaseUrlError::NotAUrl));
        assert_eq!(BaseUrl::parse("https://api.openai.com\\@evil.example"), Err(BaseUrlError::NotAUrl));
    }
}
