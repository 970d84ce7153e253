//! The names under which this server answers, and the origins of other pages that may talk to it.

use std::net::IpAddr;

use kernel::BaseUrl;
use serde_json::json;
use url::{Host, Url};

use crate::{
    Entry, Grammar, Problem, Settings,
    report::Shown,
    setting::{Setting, Wrong},
};

/// Further names of this server: `WARDROOM_ALLOWED_HOSTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// Whatever a request asks for. A foreign page can then reach a server in its visitor's network.
    Any,
    /// These.
    These(Vec<HostPattern>),
}

/// A name in lower case without port, or everything below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This name.
    Name(String),
    /// `*.example.com`, kept as `.example.com`.
    Below(String),
}

impl Hosts {
    /// Whether the name, in lower case and without port, is one of these.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(patterns) => patterns.iter().any(|pattern| match pattern {
                HostPattern::Name(own) => own == name,
                HostPattern::Below(tail) => name.len() > tail.len() && name.ends_with(tail.as_str()),
            }),
        }
    }
}

impl Setting for Hosts {
    const GRAMMAR: Grammar =
        Grammar::Worded("names such as chat.example.com or *.example.com, separated by commas, or *");

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let mut patterns = Vec::new();
        for (index, part) in text.split(',').map(str::trim).enumerate() {
            let (is_below, name) = part.strip_prefix("*.").map_or((false, part), |rest| (true, rest));
            let name = host_name(name).ok_or_else(|| {
                Wrong::because(format!("entry {} is no name without scheme, port and path", index + 1))
            })?;
            patterns.push(if is_below {
                HostPattern::Below(format!(".{name}"))
            } else {
                HostPattern::Name(name)
            });
        }
        Ok(Self::These(patterns))
    }

    fn unset() -> Option<Self> {
        Some(Self::These(Vec::new()))
    }

    fn show(&self) -> Shown<'_> {
        let text = match self {
            Self::Any => "*".to_owned(),
            Self::These(patterns) => {
                let texts = patterns.iter().map(|pattern| match pattern {
                    HostPattern::Name(name) => name.clone(),
                    HostPattern::Below(tail) => format!("*{tail}"),
                });
                texts.collect::<Vec<_>>().join(",")
            }
        };
        Shown::Plain(json!(text))
    }
}

/// The canonical spelling of a name or a literal address.
fn host_name(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(['/', '@', '?', '#', '\\', '*', '%']) {
        return None;
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let is_plain =
                name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
            let has_labels = name.split('.').all(|label| !label.is_empty());
            (is_plain && has_labels).then(|| name.to_owned())
        }
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// Which pages of other origins may read answers: `CORS_ALLOW_ORIGIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Our own alone.
    Own,
    /// All of them, but never with a person's cookie.
    Everybody,
    /// Our own and these, in the spelling that browsers send.
    These(Vec<String>),
}

impl Setting for Origins {
    const GRAMMAR: Grammar =
        Grammar::Worded("origins such as https://chat.example.com, separated by ;, or * alone");

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        if text == "*" {
            return Ok(Self::Everybody);
        }
        let mut origins = Vec::new();
        for (index, part) in text.split(';').map(str::trim).enumerate() {
            let why = |words: &str| Wrong::because(format!("entry {} {words}", index + 1));
            if part == "*" {
                return Err(why("is *, which stands alone"));
            }
            origins
                .push(origin(part).ok_or_else(|| why("is no origin: scheme, host and port without a path"))?);
        }
        Ok(Self::These(origins))
    }

    fn unset() -> Option<Self> {
        Some(Self::Own)
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(match self {
            Self::Own => serde_json::Value::Null,
            Self::Everybody => json!("*"),
            Self::These(origins) => json!(origins.join(";")),
        })
    }
}

/// The origin in a browser's spelling. Schemes are judged later, beside `CORS_ALLOW_CUSTOM_SCHEME`.
fn origin(text: &str) -> Option<String> {
    if text.contains(['\\', '\t', '\r', '\n', ' ']) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
        || !matches!(url.path(), "" | "/");
    let host = url.host_str().filter(|host| !host.is_empty())?;
    // No pattern is understood here, so a star would be a name that nobody has.
    if has_more || host.contains('*') {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", url.scheme(), host.to_ascii_lowercase()))
}

/// Schemes of applications that are no browsers: `CORS_ALLOW_CUSTOM_SCHEME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schemes(Vec<String>);

impl Setting for Schemes {
    const GRAMMAR: Grammar = Grammar::Worded("schemes such as app, separated by ;");

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let mut schemes = Vec::new();
        for (index, part) in text.split(';').map(|part| part.trim().to_ascii_lowercase()).enumerate() {
            let is_scheme = part.starts_with(|first: char| first.is_ascii_lowercase())
                && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
            // What a page or a script could have for a scheme is no application.
            if !is_scheme || matches!(part.as_str(), "file" | "data" | "blob" | "javascript" | "about") {
                return Err(Wrong::because(format!("entry {} is none", index + 1)));
            }
            schemes.push(part);
        }
        Ok(Self(schemes))
    }

    fn unset() -> Option<Self> {
        Some(Self(Vec::new()))
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.0.join(";")))
    }
}

/// Refuses origins whose scheme nobody allowed.
pub(crate) fn check_origins(settings: &Settings) -> Option<Problem> {
    let Origins::These(origins) = &settings.cors_allow_origin.value else { return None };
    let Schemes(custom) = &settings.cors_allow_custom_scheme.value;
    let is_allowed = |origin: &String| {
        let scheme = origin.split(':').next().unwrap_or_default();
        matches!(scheme, "http" | "https") || custom.iter().any(|own| own == scheme)
    };
    let index = origins.iter().position(|origin| !is_allowed(origin))?;
    let message = format!(
        "has an entry {} whose scheme is not http or https; name the scheme in CORS_ALLOW_CUSTOM_SCHEME or remove the entry",
        index + 1
    );
    Some(Problem::together("CORS_ALLOW_ORIGIN", message))
}

/// The host of the public address, in lower case and without port or brackets.
pub(crate) fn public_host(url: Option<&BaseUrl>) -> Option<String> {
    url.and_then(|url| host_name(url.url().host_str()?.trim_matches(['[', ']'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Setting>(text: &str) -> Result<T, Wrong> {
        T::read(text, &Entry::new("X"))
    }

    #[test]
    fn a_name_is_ours_exactly_or_below_a_star() {
        let hosts: Hosts = read("Chat.Example.com, *.lan.example ,wardroom,10.0.0.7").unwrap();
        for name in ["chat.example.com", "a.lan.example", "a.b.lan.example", "wardroom", "10.0.0.7"] {
            assert!(hosts.contains(name), "{name}");
        }
        for name in ["example.com", "xchat.example.com", "lan.example", ".lan.example", "evillan.example", ""]
        {
            assert!(!hosts.contains(name), "{name}");
        }
        assert!(read::<Hosts>("*").unwrap().contains("anything"));
    }

    #[test]
    fn what_is_no_name_is_refused_by_its_place() {
        for text in [
            "https://a.example",
            "a.example:8080",
            "a.example/x",
            "*,a.example",
            "a,,b",
            "*.*",
            "u@a",
            ".a.example",
            "a..b",
        ] {
            let why = read::<Hosts>(text).unwrap_err().0.unwrap();
            assert!(why.starts_with("entry "), "{text}: {why}");
        }
    }

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let expected = ["https://chat.example.com", "http://localhost:5173", "app://main"].map(str::to_owned);
        let text = "HTTPS://Chat.Example.com:443/; http://localhost:5173 ;app://main";
        assert_eq!(read(text), Ok(Origins::These(expected.to_vec())));
        assert_eq!(read("*"), Ok(Origins::Everybody));
        for text in [
            "null",
            "https://",
            "chat.example.com",
            "https://a.example/x",
            "https://u@a.example",
            "https://*.example",
            "*;https://a.b",
        ] {
            assert!(read::<Origins>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_scheme_of_pages_is_no_applications() {
        assert_eq!(read("app;TAURI"), Ok(Schemes(vec!["app".into(), "tauri".into()])));
        for text in ["file", "javascript", "a b", "1x", "app;"] {
            assert!(read::<Schemes>(text).is_err(), "{text}");
        }
    }
}
