//! E-mail addresses in the one canonical form that uniqueness, look-up and lock-out share.

use std::fmt;

use serde::Serialize;

/// A canonical e-mail address: trimmed, lower case, one `@`, no spaces or control characters.
///
/// It decides who is who, so every comparison goes through this type. It is not proof that mail arrives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address must look like name@example.com and have at most 254 characters")]
pub struct EmailError;

impl Email {
    /// Reads and canonicalises an address. Characters beyond ASCII are refused: two look-alike
    /// addresses must not be two accounts.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        let is_plain =
            |part: &str| part.bytes().all(|b| b.is_ascii_graphic() && !b"@<>()[],;:\\\"".contains(&b));
        let is_host = domain
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        let fits = text.len() <= 254 && !local.is_empty() && local.len() <= 64 && !domain.is_empty();
        if fits && is_plain(local) && is_plain(domain) && is_host { Ok(Self(text)) } else { Err(EmailError) }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    fn the_same_address_has_one_form() {
        assert_eq!(Email::parse("  Ada@Example.COM "), Email::parse("ada@example.com"));
        assert_eq!(Email::parse("admin@localhost").unwrap().as_str(), "admin@localhost");
    }

    #[test]
    fn what_could_be_two_people_or_a_header_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada@exa mple.com",
            "ada\r\n@example.com",
            "аda@example.com",
            "ada@example..com",
            "ada@-example.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
        }
    }
}
