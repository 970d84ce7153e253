//! Secrets known by what they look like, wherever they stand in a text.

use std::borrow::Cow;

use super::REMOVED;

/// Beginnings of well-known keys, and how many characters must follow for it to be one.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 8),
    ("sk_", 8),
    ("rk_", 16),
    ("pk_live_", 8),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghs_", 16),
    ("github_pat_", 16),
    ("glpat-", 12),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xapp-", 8),
    ("hf_", 16),
    ("gsk_", 16),
    ("AKIA", 12),
    ("AIza", 20),
    ("ya29.", 16),
    ("whsec_", 8),
    ("otpauth://", 1),
    ("$argon2", 8),
    ("$2a$", 8),
    ("$2b$", 8),
    ("$2y$", 8),
    ("-----BEGIN", 1),
];
/// Words before a credential, as in an `Authorization` header.
const SCHEMES: &[&str] = &["bearer", "basic", "digest", "token"];

/// The text without what looks like a secret.
pub(super) fn remove(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while at < text.len() {
        if let Some(length) = secret_at(text, at) {
            out.push_str(&text[kept..at]);
            out.push_str(REMOVED);
            at += length;
            kept = at;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The length of the secret that begins here, if one does.
fn secret_at(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let is_inside_word = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let prefixed = PREFIXES.iter().find_map(|(prefix, least)| {
        let tail = strip_ignoring_case(rest, prefix)?;
        let length = tail.find(|c: char| !is_of_key(c)).unwrap_or(tail.len());
        // A PEM block ends with its own last line; whatever is between belongs to it.
        let whole = if prefix.starts_with('-') { tail.len() } else { length };
        (length >= *least || prefix.starts_with('-')).then_some(prefix.len() + whole)
    });
    if prefixed.is_some() {
        return prefixed;
    }
    if is_inside_word {
        return None;
    }
    let scheme = SCHEMES.iter().find_map(|scheme| {
        let tail = strip_ignoring_case(rest, scheme)?;
        let credential = tail.trim_start();
        let gap = tail.len() - credential.len();
        let length = credential
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<'))
            .unwrap_or(credential.len());
        (gap > 0 && length >= 8).then_some(scheme.len() + gap + length)
    });
    scheme.or_else(|| token(rest)).or_else(|| owner_of_url(text, at))
}

/// The name and password before the host of a URL: `https://name:password@host`.
fn owner_of_url(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    if !text[..at].ends_with("://") {
        return None;
    }
    let authority = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<'));
    let owner = rest[..authority.unwrap_or(rest.len())].rfind('@')?;
    rest[..owner].contains(':').then_some(owner)
}

/// A signed token: three parts of base64url, of which the first is a JSON object.
fn token(rest: &str) -> Option<usize> {
    let length = rest.find(|c: char| !is_of_key(c)).unwrap_or(rest.len());
    let candidate = &rest[..length];
    (candidate.starts_with("eyJ") && length >= 16).then_some(length)
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '=' | '$' | ',' | '?' | '&' | '%' | ':')
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_headers_are_removed_from_the_middle_of_a_text() {
        for (text, expected) in [
            ("use sk-AbCdEf123456 now", "use [removed] now"),
            ("Authorization: Bearer abcdefgh.12345", "Authorization: [removed]"),
            ("a eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2ln b", "a [removed] b"),
            ("(ghp_0123456789abcdefABCDEF)", "([removed])"),
            ("bearer\t0123456789", "[removed]"),
            ("at https://ada:pass@word@host/x?a=@b:c, or", "at https://[removed]@host/x?a=@b:c, or"),
            ("http://host:8080/a@b", "http://host:8080/a@b"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n", "[removed]"),
            ("a risk-free day, the bearer bond, a sk-y", "a risk-free day, the bearer bond, a sk-y"),
            ("größe ☃", "größe ☃"),
        ] {
            assert_eq!(remove(text), expected);
        }
    }
}
