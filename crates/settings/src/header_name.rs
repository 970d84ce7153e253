//! Names of headers by which a proxy in front says who somebody is.

use serde_json::json;

use crate::{
    Entry, Grammar, Networks, Problem, Settings,
    report::Shown,
    setting::{Setting, Wrong},
};

/// The name of a request header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

/// Headers with a meaning of their own: who is named by them would be anybody's to say.
const TAKEN: [&str; 27] = [
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];
/// How the names of further ones begin, most of which every browser sends.
const TAKEN_HEADS: [&str; 4] = ["accept", "access-control-", "if-", "sec-"];
/// Headers that carry the keys of programs.
const OF_KEYS: [&str; 3] = ["api-key", "x-api-key", "x-litellm-api-key"];

impl HeaderName {
    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for HeaderName {
    const GRAMMAR: Grammar = Grammar::Worded("the name of a header such as X-Forwarded-Email");

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let name = text.to_ascii_lowercase();
        // No underscore: proxies drop such headers or take them for the ones with a hyphen.
        if !(1..=64).contains(&name.len())
            || !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        {
            return Err(Wrong::because("letters, digits and - make a name"));
        }
        if TAKEN.contains(&name.as_str()) || TAKEN_HEADS.iter().any(|head| name.starts_with(head)) {
            return Err(Wrong::because("that header has another meaning"));
        }
        Ok(Self(name))
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.0))
    }
}

/// Who vouches for people by headers: `None` when nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHeaders {
    /// Holds the e-mail address.
    pub email: HeaderName,
    /// Holds the name, percent-encoded UTF-8.
    pub name: Option<HeaderName>,
    /// Holds the names of groups, separated by commas.
    pub groups: Option<HeaderName>,
    /// Holds the role.
    pub role: Option<HeaderName>,
    /// The peers whose headers count; never everybody.
    pub proxies: Networks,
}

/// Refuses headers that anybody could write, and companions of a header that is not there.
pub(crate) fn trusted(settings: &Settings) -> Result<Option<TrustedHeaders>, Problem> {
    const EMAIL: &str = "WEBUI_AUTH_TRUSTED_EMAIL_HEADER";
    let companions = [
        ("WEBUI_AUTH_TRUSTED_NAME_HEADER", &settings.webui_auth_trusted_name_header.value),
        ("WEBUI_AUTH_TRUSTED_GROUPS_HEADER", &settings.webui_auth_trusted_groups_header.value),
        ("WEBUI_AUTH_TRUSTED_ROLE_HEADER", &settings.webui_auth_trusted_role_header.value),
    ];
    let Some(email) = settings.webui_auth_trusted_email_header.value.clone() else {
        return match companions.iter().find(|(_, header)| header.is_some()) {
            Some((name, _)) => Err(Problem::together(name, format!("needs {EMAIL} beside it"))),
            None => Ok(None),
        };
    };
    let [(_, name), (_, groups), (_, role)] = companions;
    let mut names: Vec<&HeaderName> = [name, groups, role].into_iter().flatten().chain([&email]).collect();
    let count = names.len();
    names.sort_by_key(|name| name.as_str());
    names.dedup();
    if names.len() < count {
        return Err(Problem::together(EMAIL, "and its companions name the same header twice"));
    }
    let custom = settings.custom_api_key_header.value.as_str();
    if names.iter().any(|name| name.as_str() == custom || OF_KEYS.contains(&name.as_str())) {
        return Err(Problem::together(EMAIL, "or one of its companions names a header that carries keys"));
    }
    let (variable, proxies) = match &settings.trusted_header_proxies.value {
        Some(proxies) => ("WARDROOM_TRUSTED_HEADER_PROXIES", proxies),
        None => ("FORWARDED_ALLOW_IPS", &settings.forwarded_allow_ips.value),
    };
    if proxies.is_everybody() {
        return Err(Problem::together(
            variable,
            format!(
                "trusts everybody while {EMAIL} is set, so anybody could sign in as anybody; name the addresses of your proxy"
            ),
        ));
    }
    Ok(Some(TrustedHeaders {
        email,
        name: name.clone(),
        groups: groups.clone(),
        role: role.clone(),
        proxies: proxies.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_somebody_is_stands_in_a_header_of_its_own() {
        let read = |text: &str| HeaderName::read(text, &Entry::new("HEADER"));
        for name in ["X-Forwarded-Email", "Remote-User", "X-Auth-Request-Email", "x-api-key"] {
            assert_eq!(read(name).map(|it| it.0), Ok(name.to_ascii_lowercase()));
        }
        for name in [
            "X_Mail",
            "X Mail",
            "X-Mail:",
            "",
            "Cookie",
            "X-Real-IP",
            "Sec-Fetch-User",
            "Accept-Language",
            "TE",
            "If-Match",
        ] {
            assert!(read(name).is_err(), "{name}");
        }
    }
}
