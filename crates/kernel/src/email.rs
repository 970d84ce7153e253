//! E-mail addresses in the one canonical form that uniqueness, look-up and lock-out share.

use std::{fmt, sync::Arc};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// A canonical e-mail address: NFKC, lower case, one `@`, a plain ASCII name before it, and behind it the domain as it
/// stands in the DNS (punycode, no final dot). No spaces, no control and no invisible characters.
///
/// It decides who is who, so every comparison goes through this type. It is not proof that mail arrives. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(Arc<str>);

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address must look like name@example.com and have at most 254 characters")]
pub struct EmailError;

impl Email {
    /// Reads and canonicalises an address. Letters beyond ASCII before the `@` are refused: two look-alike addresses
    /// must not be two accounts. A domain shows such letters as `xn--…`, which looks like nothing else.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        // Before the domain's own mapping, which drops some of them silently.
        if text.len() > LONGEST_TYPED || text.chars().any(is_unseen) {
            return Err(EmailError);
        }
        let text: String = text.nfkc().flat_map(char::to_lowercase).collect();
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        let domain = idna::domain_to_ascii(domain).map_err(|_| EmailError)?;
        let domain = domain.strip_suffix('.').unwrap_or(&domain);
        let is_plain =
            |part: &str| part.bytes().all(|b| b.is_ascii_graphic() && !b"@<>()[],;:\\\"".contains(&b));
        let is_host = domain
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-'));
        let fits = local.len() + domain.len() < 254 && !local.is_empty() && local.len() <= 64;
        if fits && is_plain(local) && is_plain(domain) && is_host {
            Ok(Self(format!("{local}@{domain}").into()))
        } else {
            Err(EmailError)
        }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes of the longest text that is looked at: an address of 254 letters, each of four bytes.
const LONGEST_TYPED: usize = 1016;

/// Control characters, and characters that take no room, fill it with nothing or turn the direction of text
/// (Unicode's `Default_Ignorable_Code_Point` and the separators).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Addresses are personal data: the debug form, which may end up in a log, hides them.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_has_one_form() {
        for (spelling, canonical) in [
            ("  Ada@Example.COM ", "ada@example.com"),
            ("admin@localhost", "admin@localhost"),
            ("ada@example.com.", "ada@example.com"),
            ("ada@example\u{3002}com", "ada@example.com"),
            ("ada@example.com\u{ff0e}", "ada@example.com"),
            ("\u{ff21}\u{ff44}\u{ff41}\u{ff20}example.com", "ada@example.com"),
            ("\u{212a}im@example.com", "kim@example.com"),
            ("ada@M\u{fc}ller.example", "ada@xn--mller-kva.example"),
            ("ada@Mu\u{308}ller.example", "ada@xn--mller-kva.example"),
            ("ada@XN--MLLER-KVA.example", "ada@xn--mller-kva.example"),
            ("o'hara+list@mail.example", "o'hara+list@mail.example"),
        ] {
            assert_eq!(Email::parse(spelling).unwrap().as_str(), canonical, "{spelling:?}");
        }
        // Its own form is its own form: what is stored reads back.
        assert_eq!(Email::parse("ada@xn--mller-kva.example").unwrap().as_str(), "ada@xn--mller-kva.example");
    }

    #[test]
    fn what_could_be_two_people_or_a_header_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@.",
            "a@b@c",
            "a\u{ff20}b@c",
            "ada@exa mple.com",
            "ada\r\n@example.com",
            "ada\0@example.com",
            "\u{430}da@example.com",
            "ad\u{e0}@example.com",
            "ad\u{61}\u{300}@example.com",
            "ada\u{200b}@example.com",
            "ada\u{ad}@example.com",
            "ada@exam\u{ad}ple.com",
            "ada@exam\u{200d}ple.com",
            "\u{202e}ada@example.com",
            "ada@example..com",
            "ada@example.com..",
            "ada@-example.com",
            "ada@xn--a.example",
            &format!("{}@example.com", "x".repeat(65)),
            &format!("ada@{}.com", "x".repeat(64)),
            &format!("ada@{}com", "example.".repeat(40)),
            &"\u{300}".repeat(100_000),
        ] {
            assert_eq!(Email::parse(text), Err(EmailError), "{text:.40?}");
        }
    }
}
