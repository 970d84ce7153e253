//! The response headers that an operator may choose, each checked as what it is before anything starts.
//!
//! A peer replaces a value that it does not understand by another one, and one bad directive by the word
//! `none`. Here it stops the start and names itself.

use serde_json::json;

use crate::{
    Entry, Grammar,
    choice::choice,
    content_policy,
    report::Shown,
    setting::{Setting, Wrong},
};

choice! {
    /// `X-Frame-Options`.
    FrameOptions {
        /// No page may show ours in a frame.
        Deny = "deny",
        /// Our own pages may.
        SameOrigin = "sameorigin",
    }
}

choice! {
    /// `X-Content-Type-Options`.
    ContentTypeOptions {
        /// A browser must not guess what a file is.
        NoSniff = "nosniff",
    }
}

choice! {
    /// `X-Download-Options`.
    DownloadOptions {
        /// A download is not opened in our name.
        NoOpen = "noopen",
    }
}

choice! {
    /// `Referrer-Policy`.
    ReferrerPolicy {
        /// Never.
        NoReferrer = "no-referrer",
        /// The whole address, except from HTTPS to HTTP.
        NoReferrerWhenDowngrade = "no-referrer-when-downgrade",
        /// The origin alone.
        Origin = "origin",
        /// The whole address to ourselves, else the origin.
        OriginWhenCrossOrigin = "origin-when-cross-origin",
        /// The whole address to ourselves, else nothing.
        SameOrigin = "same-origin",
        /// The origin alone, except from HTTPS to HTTP.
        StrictOrigin = "strict-origin",
        /// The whole address to ourselves, else the origin, except from HTTPS to HTTP.
        StrictOriginWhenCrossOrigin = "strict-origin-when-cross-origin",
        /// The whole address to everybody.
        UnsafeUrl = "unsafe-url",
    }
}

choice! {
    /// `X-Permitted-Cross-Domain-Policies`.
    CrossDomainPolicies {
        /// No policy file counts.
        None = "none",
        /// The one at the root.
        MasterOnly = "master-only",
        /// Those of the right content type.
        ByContentType = "by-content-type",
        /// Those of the right name.
        ByFtpFilename = "by-ftp-filename",
    }
}

choice! {
    /// `Cross-Origin-Embedder-Policy`.
    EmbedderPolicy {
        /// Everything may be embedded.
        UnsafeNone = "unsafe-none",
        /// Only what says so.
        RequireCorp = "require-corp",
        /// Everything, without credentials.
        Credentialless = "credentialless",
    }
}

choice! {
    /// `Cross-Origin-Opener-Policy`.
    OpenerPolicy {
        /// A page that opened ours keeps a hold of it.
        UnsafeNone = "unsafe-none",
        /// A page that ours opened may keep a hold.
        SameOriginAllowPopups = "same-origin-allow-popups",
        /// Only our own pages.
        SameOrigin = "same-origin",
    }
}

choice! {
    /// `Cross-Origin-Resource-Policy`.
    ResourcePolicy {
        /// Pages of the same site may embed what is ours.
        SameSite = "same-site",
        /// Our own pages alone may.
        SameOrigin = "same-origin",
        /// Everybody may.
        CrossOrigin = "cross-origin",
    }
}

/// A setting that is the value of a header as it will be sent: visible ASCII in one line.
macro_rules! header_text {
    ($(#[$doc:meta])* $name:ident, $words:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The value as it is sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Setting for $name {
            const GRAMMAR: Grammar = Grammar::Worded($words);

            fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
                // A line break in it would be a header of its own.
                if text.len() > MOST || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                    return Err(Wrong::because("it has line breaks or other characters that no header has, or is too long"));
                }
                $check(text)?;
                Ok(Self(text.to_owned()))
            }

            fn show(&self) -> Shown<'_> {
                Shown::Plain(json!(self.0))
            }
        }
    };
}

/// The longest header that a proxy in front may be expected to pass on, in bytes.
const MOST: usize = 4096;

header_text! {
    /// `Strict-Transport-Security`.
    TransportSecurity, "max-age=SECONDS, then if wanted includeSubDomains and preload, separated by ;", transport_security
}

header_text! {
    /// `Permissions-Policy`.
    PermissionsPolicy, "directives such as camera=(), geolocation=(self), separated by commas", permissions_policy
}

header_text! {
    /// `Cache-Control`.
    CacheControl, "directives such as no-store, max-age=0, separated by commas", cache_control
}

header_text! {
    /// `Content-Security-Policy` and its report-only twin.
    ContentSecurityPolicy, "directives such as default-src 'self'; img-src 'self' blob:, separated by ;", content_policy::check
}

header_text! {
    /// `Reporting-Endpoints`.
    ReportingEndpoints, "endpoints such as default=\"https://reports.example.com/csp\", separated by commas", reporting_endpoints
}

fn transport_security(text: &str) -> Result<(), Wrong> {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let age = parts.next().unwrap_or_default();
    let seconds = age.strip_prefix("max-age=").unwrap_or_default();
    if seconds.is_empty() || seconds.len() > 12 || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::because("it does not begin with max-age= and a number of seconds"));
    }
    let rest: Vec<String> = parts.collect();
    match rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["includesubdomains" | "preload"] | ["includesubdomains", "preload"] => Ok(()),
        _ => Err(Wrong::because("what follows max-age is not includeSubDomains or preload")),
    }
}

/// `name=*`, `name=self`, `name=()` or `name=(self "https://a.example")`, each name once.
fn permissions_policy(text: &str) -> Result<(), Wrong> {
    let mut names = Vec::new();
    for (index, directive) in text.split(',').map(str::trim).enumerate() {
        let wrong = || Wrong::because(format!("directive {} is not of the form name=(...)", index + 1));
        let (name, allowed) = directive.split_once('=').ok_or_else(wrong)?;
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let listed = allowed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let is_list = match listed {
            None => matches!(allowed, "*" | "self"),
            Some(list) => list.split(' ').filter(|word| !word.is_empty()).all(is_allowed_origin),
        };
        if !is_name || !is_list || names.contains(&name) {
            return Err(wrong());
        }
        names.push(name);
    }
    Ok(())
}

fn is_allowed_origin(word: &str) -> bool {
    let quoted = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    matches!(word, "*" | "self" | "src") || quoted.is_some_and(|text| !text.is_empty() && !text.contains('"'))
}

fn cache_control(text: &str) -> Result<(), Wrong> {
    const PLAIN: [&str; 9] = [
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-revalidate",
        "proxy-revalidate",
        "must-understand",
        "no-transform",
        "immutable",
    ];
    const TIMED: [&str; 4] = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];
    for (index, directive) in text.split(',').map(|part| part.trim().to_ascii_lowercase()).enumerate() {
        let is_known = match directive.split_once('=') {
            None => PLAIN.contains(&directive.as_str()),
            Some((name, seconds)) => {
                TIMED.contains(&name)
                    && (1..=12).contains(&seconds.len())
                    && seconds.bytes().all(|byte| byte.is_ascii_digit())
            }
        };
        if !is_known {
            return Err(Wrong::because(format!("directive {} is not one", index + 1)));
        }
    }
    Ok(())
}

fn reporting_endpoints(text: &str) -> Result<(), Wrong> {
    let mut names = Vec::new();
    for (index, endpoint) in text.split(',').map(str::trim).enumerate() {
        let wrong = || {
            let words =
                format!("endpoint {} is not of the form name=\"https://...\", each name once", index + 1);
            Wrong::because(words)
        };
        let (name, quoted) = endpoint.split_once('=').ok_or_else(wrong)?;
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*'));
        let address = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(wrong)?;
        let url = url::Url::parse(address).map_err(|_| wrong())?;
        // Browsers send reports to trustworthy places only.
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_trustworthy = url.scheme() == "https" || url.scheme() == "http" && is_here;
        if !is_name || !is_trustworthy || address.contains('"') || names.contains(&name) {
            return Err(wrong());
        }
        names.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is<T: Setting>(text: &str) -> bool {
        T::read(text, &Entry::new("HEADER")).is_ok()
    }

    #[test]
    fn what_operators_of_open_webui_write_is_taken_as_it_is() {
        assert!(is::<TransportSecurity>("max-age=31536000;includeSubDomains"));
        assert!(is::<TransportSecurity>("max-age=63072000; includeSubDomains; preload"));
        assert!(is::<FrameOptions>("DENY") && is::<ContentTypeOptions>("nosniff"));
        assert!(is::<ReferrerPolicy>("strict-origin-when-cross-origin"));
        assert!(is::<PermissionsPolicy>("camera=(),microphone=(),geolocation=()"));
        assert!(is::<PermissionsPolicy>(
            "browsing-topics=(), fullscreen=(self \"https://a.example\"), usb=self"
        ));
        assert!(is::<ContentSecurityPolicy>(
            "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'"
        ));
        assert!(is::<ContentSecurityPolicy>("default-src 'self'; report-uri /csp-report"));
        assert!(is::<ReportingEndpoints>("default=\"https://your-report-collector.example/reports\""));
        assert!(is::<CacheControl>("no-store, max-age=0"));
    }

    #[test]
    fn what_is_no_value_of_its_header_is_refused() {
        for text in [
            "31536000",
            "max-age=",
            "max-age=-1",
            "max-age=1;",
            "max-age=1, preload",
            "max-age=1;preload;preload",
        ] {
            assert!(!is::<TransportSecurity>(text), "{text}");
        }
        for text in [
            "camera",
            "camera=",
            "camera=()()",
            "camera=(), ",
            "Camera=()",
            "camera=(),camera=()",
            "a=(\"x)",
            "none",
        ] {
            assert!(!is::<PermissionsPolicy>(text), "{text}");
        }
        for text in ["", ";", "'self'", "default-src 'self', ;", "script_src x"] {
            assert!(!is::<ContentSecurityPolicy>(text), "{text}");
        }
        for text in [
            "default=https://a.example",
            "=\"https://a.example\"",
            "a=\"javascript:alert(1)\"",
            "a=\"/x\"",
            "a=\"http://a.example\"",
            "a=\"https://x\", a=\"https://y\"",
        ] {
            assert!(!is::<ReportingEndpoints>(text), "{text}");
        }
        for text in ["maybe", "max-age", "max-age=x", "no-store,", "no-store=1"] {
            assert!(!is::<CacheControl>(text), "{text}");
        }
    }

    #[test]
    fn no_value_can_become_a_second_header() {
        for text in
            ["default-src 'self'\r\nSet-Cookie: a=b", "default-src 'self'\n", "default-src 'self' \u{e9}"]
        {
            assert!(!is::<ContentSecurityPolicy>(text), "{text}");
        }
        assert!(!is::<ContentSecurityPolicy>(&"a".repeat(MOST + 1)));
    }
}
