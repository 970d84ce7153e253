//! Content security policies: what a browser would silently take for something else is refused.
//!
//! A browser passes over a directive that it does not know, takes the first of two that are the same, and reads `self`
//! without quotes as the name of a host. What a policy allows is the operator's to decide.

use crate::setting::Wrong;

/// Directives that hold a list of sources (CSP Level 3).
const OF_SOURCES: [&str; 21] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "media-src",
    "object-src",
    "prefetch-src",
    "child-src",
    "frame-src",
    "worker-src",
    "manifest-src",
    "fenced-frame-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
];
/// All others, former ones included.
const OTHERS: [&str; 11] = [
    "sandbox",
    "report-uri",
    "report-to",
    "upgrade-insecure-requests",
    "block-all-mixed-content",
    "require-trusted-types-for",
    "trusted-types",
    "plugin-types",
    "require-sri-for",
    "navigate-to",
    "webrtc",
];
/// Sources that stand in single quotes.
const KEYWORDS: [&str; 10] = [
    "none",
    "self",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "report-sample",
    "wasm-unsafe-eval",
    "inline-speculation-rules",
    "unsafe-allow-redirects",
];
/// What begins a source in single quotes that is not a word.
const KINDS: [&str; 4] = ["nonce-", "sha256-", "sha384-", "sha512-"];

/// One policy or several, separated by commas, each of directives separated by semicolons.
pub(crate) fn check(text: &str) -> Result<(), Wrong> {
    text.split(',').try_for_each(policy)
}

fn policy(text: &str) -> Result<(), Wrong> {
    let directives = text.split(';').map(str::trim).filter(|directive| !directive.is_empty());
    let mut names = Vec::new();
    for (index, directive) in directives.enumerate() {
        let why = |words: &str| Wrong::because(format!("directive {} {words}", index + 1));
        let mut words = directive.split_ascii_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        if names.contains(&name) {
            return Err(why("is there already, and browsers read the first alone"));
        }
        if OF_SOURCES.contains(&name.as_str()) {
            let sources: Vec<&str> = words.collect();
            sources.iter().try_for_each(|it| source(it)).map_err(why)?;
            if sources.len() > 1 && sources.contains(&"'none'") {
                return Err(why("has 'none' beside something else"));
            }
        } else if !OTHERS.contains(&name.as_str()) {
            return Err(why("begins with no name that browsers know"));
        }
        names.push(name);
    }
    if names.is_empty() { Err(Wrong::because("a policy has no directive")) } else { Ok(()) }
}

fn source(text: &str) -> Result<(), &'static str> {
    let word = text.to_ascii_lowercase();
    match word.strip_prefix('\'') {
        Some(rest) => {
            let inner = rest.strip_suffix('\'').unwrap_or_default();
            let is_kind = || KINDS.iter().any(|kind| inner.len() > kind.len() && inner.starts_with(kind));
            if KEYWORDS.contains(&inner) || is_kind() {
                return Ok(());
            }
            Err("has something in single quotes that browsers do not know")
        }
        None if KEYWORDS.contains(&word.as_str()) || KINDS.iter().any(|kind| word.starts_with(kind)) => {
            Err("has a keyword without single quotes, which is the name of a host then")
        }
        None if word.contains(['\'', '"']) => Err("has a quote inside a source"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_understand_is_taken() {
        for text in [
            "default-src 'self'",
            "Default-Src 'SELF'; img-src * data: blob: https://*.example.com:8443/a",
            "script-src 'nonce-abc' 'sha256-AAAA=' 'strict-dynamic'; object-src 'none'; base-uri",
            "default-src 'self'; upgrade-insecure-requests; report-uri /csp; report-to default;",
            "require-trusted-types-for 'script'; trusted-types a 'allow-duplicates'; sandbox allow-forms",
            "default-src 'self', frame-ancestors 'none'",
        ] {
            assert!(check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_browsers_would_pass_over_or_take_for_something_else_is_refused() {
        for text in [
            "",
            ";",
            "self",
            "'self'",
            "dflt-src 'self'",
            "default-src self",
            "default-src none",
            "default-src 'slef'",
            "default-src 'self",
            "default-src \"self\"",
            "script-src nonce-abc",
            "script-src 'nonce-'",
            "default-src 'self'; default-src *",
            "default-src 'none' https://a.example",
            "default-src 'self', ;",
            "script_src x",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
