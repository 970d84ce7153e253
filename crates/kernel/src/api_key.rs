//! People's API keys: what a program of theirs presents, and what each is limited to.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, ModelPattern, Network, Timestamp, UserId};

/// Which requests: a method, or all of them, and a path or everything below one.
///
/// Written `GET /api/models`, `/api/v1/chats/*`. Paths are compared segment by segment as the router sees them:
/// in their own case, not decoded, a slash at the end left out. A request with a segment `.` or `..` in any
/// spelling is never meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointRule {
    /// Upper case; `None` for all.
    method: Option<String>,
    /// Without slash at the end.
    path: String,
    reach: Reach,
}

/// How far a path reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The path alone.
    Itself,
    /// The path and everything below it.
    Below,
}

/// Why a text is no [`EndpointRule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is written as GET /api/models or /api/v1/chats/*, with * at the end only")]
pub struct EndpointRuleError;

impl EndpointRule {
    /// Reads one as the owner of a key writes it.
    pub fn parse(text: &str) -> Result<Self, EndpointRuleError> {
        let (method, path) = match text.trim().split_once(' ') {
            Some((method, path)) => (Some(method.to_ascii_uppercase()), path.trim()),
            None => (None, text.trim()),
        };
        let is_method =
            |method: &String| matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE");
        let (path, reach) = match path.strip_suffix("/*") {
            Some(head) => (head, Reach::Below),
            None => (path, Reach::Itself),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_path = path.is_empty() || path.starts_with('/');
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"*?#\\\"".contains(&byte));
        // The root alone is a page, and everything below it is every path: say that by leaving the list empty.
        if !is_path || path.is_empty() || !is_plain || path.len() > 200 || has_dots(path) {
            return Err(EndpointRuleError);
        }
        if method.as_ref().is_some_and(|method| !is_method(method)) {
            return Err(EndpointRuleError);
        }
        Ok(Self { method, path: path.to_owned(), reach })
    }

    /// Reads one as Open WebUI's `API_KEYS_ALLOWED_ENDPOINTS` has it: a path means what is below it too.
    pub fn parse_prefix(text: &str) -> Result<Self, EndpointRuleError> {
        Ok(Self { reach: Reach::Below, ..Self::parse(text)? })
    }

    /// Whether a request is meant.
    pub fn admits(&self, method: &str, path: &str) -> bool {
        // A server answers HEAD by its handler of GET.
        let method = if method == "HEAD" { "GET" } else { method };
        let is_method = self.method.as_deref().is_none_or(|own| own == method);
        is_method && !has_dots(path) && self.reaches(path.strip_suffix('/').unwrap_or(path))
    }

    fn reaches(&self, path: &str) -> bool {
        match (path.strip_prefix(self.path.as_str()), self.reach) {
            (Some(""), _) => true,
            (Some(rest), Reach::Below) => rest.starts_with('/'),
            _ => false,
        }
    }

    /// Whether every request that the other one means is meant by this one.
    fn covers(&self, other: &Self) -> bool {
        let is_method = self.method.is_none() || self.method == other.method;
        is_method && self.reaches(&other.path) && (self.reach == Reach::Below || other.reach == Reach::Itself)
    }
}

/// Whether a segment is `.` or `..`, encoded or not: a proxy in front may have taken the path for another one.
fn has_dots(path: &str) -> bool {
    path.split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    })
}

impl fmt::Display for EndpointRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        f.write_str(&self.path)?;
        if self.reach == Reach::Below { f.write_str("/*") } else { Ok(()) }
    }
}

impl TryFrom<String> for EndpointRule {
    type Error = EndpointRuleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EndpointRule> for String {
    fn from(rule: EndpointRule) -> Self {
        rule.to_string()
    }
}

/// What a key is limited to. An empty list is no limit of its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyLimits {
    /// Which requests.
    pub endpoints: Vec<EndpointRule>,
    /// Which models, by public name.
    pub models: Arc<[ModelPattern]>,
    /// From which addresses.
    pub addresses: Vec<Network>,
}

impl ApiKeyLimits {
    /// Whether a request may be made with the key.
    pub fn admits_request(&self, method: &str, path: &str) -> bool {
        self.endpoints.is_empty() || self.endpoints.iter().any(|rule| rule.admits(method, path))
    }

    /// Whether the key may be presented from this address.
    pub fn admits_address(&self, address: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|network| network.contains(address))
    }

    /// Whether something is allowed by these limits that was not by the earlier ones. When in doubt, yes.
    pub fn widens(&self, earlier: &Self) -> bool {
        let is_model_covered = |new: &ModelPattern| {
            earlier.models.iter().any(|old| old == new || (!new.0.contains('*') && old.matches(&new.0)))
        };
        goes_beyond(&self.endpoints, &earlier.endpoints, |new| {
            earlier.endpoints.iter().any(|old| old.covers(new))
        }) || goes_beyond(&self.models, &earlier.models, is_model_covered)
            || goes_beyond(&self.addresses, &earlier.addresses, |new| {
                earlier.addresses.iter().any(|old| old.covers(new))
            })
    }
}

fn goes_beyond<T>(now: &[T], earlier: &[T], is_covered: impl Fn(&T) -> bool) -> bool {
    !earlier.is_empty() && (now.is_empty() || !now.iter().all(is_covered))
}

/// A key of a person. Its secret was shown once; we keep a keyed digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Safe to log.
    pub id: ApiKeyId,
    /// Whose.
    pub owner: UserId,
    /// The keyed digest of the secret.
    pub digest: [u8; 32],
    /// The public first characters.
    pub prefix: String,
    /// The last four characters of the secret.
    pub last_four: String,
    /// What its owner calls it.
    pub name: String,
    /// What it is limited to.
    pub limits: ApiKeyLimits,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> EndpointRule {
        EndpointRule::parse(text).unwrap()
    }

    fn limits(endpoints: &[&str], models: &[&str], addresses: &[&str]) -> ApiKeyLimits {
        ApiKeyLimits {
            endpoints: endpoints.iter().map(|text| rule(text)).collect(),
            models: models.iter().map(|text| ModelPattern((*text).to_owned())).collect(),
            addresses: addresses.iter().map(|text| Network::parse(text).unwrap()).collect(),
        }
    }

    #[test]
    fn a_rule_means_its_path_to_the_segment_and_its_method() {
        let models = rule("get /api/v1/models");
        for (method, path, expected) in [
            ("GET", "/api/v1/models", true),
            ("GET", "/api/v1/models/", true),
            ("HEAD", "/api/v1/models", true),
            ("POST", "/api/v1/models", false),
            ("GET", "/api/v1/models/list", false),
            ("GET", "/api/v1/modelsx", false),
            ("GET", "/api/v1/model", false),
            ("GET", "/API/v1/models", false),
            ("GET", "/api/v1/%6dodels", false),
            ("GET", "/api/v1//models", false),
            ("GET", "//api/v1/models", false),
            ("GET", "/api/v1/chats/../models", false),
            ("GET", "/api/v1/models//", false),
            ("GET", "/", false),
            ("GET", "", false),
        ] {
            assert_eq!(models.admits(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_star_at_the_end_means_everything_below_and_nothing_beside() {
        let chats = rule("/api/v1/chats/*");
        for (path, expected) in [
            ("/api/v1/chats", true),
            ("/api/v1/chats/1/messages", true),
            ("/api/v1/chats/%2e%2E/users", false),
            ("/api/v1/chats/../users", false),
            ("/api/v1/chats/./x", false),
            ("/api/v1/chats-of-others/1", false),
        ] {
            assert_eq!(chats.admits("DELETE", path), expected, "{path}");
        }
        let documented = EndpointRule::parse_prefix("/api/v1/messages").unwrap();
        assert!(
            documented.admits("POST", "/api/v1/messages/1") && !documented.admits("GET", "/api/v1/messagesx")
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_and_what_is_one_is_read_back() {
        for text in [
            "",
            "/",
            "/*",
            "api/models",
            "TRACE /api",
            "GET",
            "GET api",
            "/api/*/x",
            "/a b",
            "/a?b",
            "/a/../b",
            "GET  POST /x",
            "/a/%2e%2e",
            "*",
        ] {
            assert_eq!(EndpointRule::parse(text), Err(EndpointRuleError), "{text}");
        }
        for text in ["GET /api/models", "/v1/*", "DELETE /api/v1/chats/*"] {
            assert_eq!(rule(text).to_string(), text);
        }
    }

    #[test]
    fn limits_widen_when_anything_new_is_allowed() {
        let narrow = limits(&["GET /v1/models", "/api/v1/chats/*"], &["gpt-*"], &["10.0.0.0/8"]);
        for (wider, now) in [
            (false, narrow.clone()),
            (false, limits(&["GET /v1/models"], &["gpt-4o"], &["10.1.0.0/16"])),
            (false, limits(&["GET /api/v1/chats/x/*"], &["gpt-*"], &["10.0.0.1"])),
            (true, limits(&[], &["gpt-*"], &["10.0.0.0/8"])),
            (true, limits(&["/v1/models"], &["gpt-*"], &["10.0.0.0/8"])),
            (true, limits(&["GET /v1/models/*"], &["gpt-*"], &["10.0.0.0/8"])),
            (true, limits(&["GET /v1/models"], &["*"], &["10.0.0.0/8"])),
            (true, limits(&["GET /v1/models"], &["gpt-*"], &["0.0.0.0/0"])),
        ] {
            assert_eq!(now.widens(&narrow), wider, "{now:?}");
        }
        assert!(!narrow.widens(&ApiKeyLimits::default()));
    }
}
