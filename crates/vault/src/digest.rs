//! Keyed digests of secrets that are only verified, what may be shown of a secret, and new virtual keys.
//!
//! It does not know who owns a key nor what it may do.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{KeyTail, Secret, World};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::KeyRing;

/// Secrets shorter than this show none of their characters: four of them would be too large a part.
const SHORTEST_WITH_TAIL: usize = 12;

impl KeyRing {
    /// The digest under which a virtual key is stored and found: HMAC-SHA-256 with a key of its own.
    ///
    /// A fast digest suffices because our keys carry 192 random bits, and the key of the digest makes a
    /// stolen table useless for guessing imported ones. It is on the gateway's hot path: no allocation.
    pub fn digest_key(&self, secret: &str) -> [u8; 32] {
        sign(&self.key_digest, secret)
    }

    /// What may be shown of a secret: the same secret always has the same fingerprint under this ring.
    pub fn fingerprint(&self, secret: &str) -> KeyTail {
        let digest = sign(&self.fingerprint, secret);
        let fingerprint = digest[..6].iter().fold(String::with_capacity(12), |mut text, byte| {
            text.extend(
                [byte >> 4, byte & 15].map(|nibble| char::from(b"0123456789abcdef"[usize::from(nibble)])),
            );
            text
        });
        KeyTail { fingerprint, last_four: last_four(secret) }
    }
}

fn sign(key: &hmac::Key, secret: &str) -> [u8; 32] {
    hmac::sign(key, secret.as_bytes()).as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
}

/// The last four characters of a long secret, four stars for a short one.
fn last_four(secret: &str) -> String {
    let length = secret.chars().count();
    if length < SHORTEST_WITH_TAIL { "****".to_owned() } else { secret.chars().skip(length - 4).collect() }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// A new virtual key. The secret is shown to its maker once and stored nowhere.
#[derive(Debug)]
pub struct IssuedKey {
    /// `sk-` and 32 characters of base64url: 192 random bits.
    pub secret: Secret<String>,
    /// The public first characters, e.g. `sk-Ab3x`.
    pub prefix: String,
    /// The last four characters.
    pub last_four: String,
}

/// Makes a virtual key. What stays secret beside prefix and last four are 144 bits.
pub fn virtual_key(world: &World) -> IssuedKey {
    let random = Zeroizing::new(world.bytes::<24>());
    let mut secret = String::with_capacity(35);
    secret.push_str("sk-");
    URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut secret);
    IssuedKey { prefix: secret[..7].to_owned(), last_four: last_four(&secret), secret: Secret::new(secret) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ring, ring_of_other_data, world};

    const WEBUI: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";

    #[test]
    fn the_digest_is_hmac_sha_256_under_the_derived_key_as_computed_elsewhere() {
        let digest = ring(WEBUI, None).digest_key("sk-test");
        let hex = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(hex, "54884bb513b2d3652d07aaf1faf795f51186c679b0eed229310ea092af47e76e");
    }

    #[test]
    fn the_digest_follows_the_anchor_of_the_data_and_no_root_secret() {
        let digest = ring(WEBUI, None).digest_key("sk-test");
        assert_eq!(ring("another root secret 0192", None).digest_key("sk-test"), digest);
        assert_ne!(ring_of_other_data(WEBUI).digest_key("sk-test"), digest);
    }

    #[test]
    fn a_fingerprint_shows_a_digest_and_the_last_four_characters() {
        let tail = ring(WEBUI, None).fingerprint("sk-or-v1-0123456789abcdef");
        assert_eq!((tail.fingerprint.as_str(), tail.last_four.as_str()), ("d7752d48ebf4", "cdef"));
    }

    #[test]
    fn a_short_secret_shows_none_of_its_characters_nor_its_length() {
        for short in ["", "a", "short", "elevenchars"] {
            assert_eq!(ring(WEBUI, None).fingerprint(short).last_four, "****", "{short:?}");
        }
        assert_eq!(ring(WEBUI, None).fingerprint("äöüäöüäöüäöü").last_four, "üäöü");
    }

    #[test]
    fn a_virtual_key_is_long_url_safe_and_new_each_time() {
        let world = world(7);
        let (one, other) = (virtual_key(&world), virtual_key(&world));
        let text = one.secret.expose();
        assert_ne!(text, other.secret.expose());
        assert_eq!(text.len(), 35);
        assert!(
            text.strip_prefix("sk-")
                .unwrap()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert!(text.starts_with(&one.prefix) && text.ends_with(&one.last_four));
        assert_eq!((one.prefix.len(), one.last_four.len()), (7, 4));
        assert!(!format!("{one:?}").contains(text.as_str()));
    }

    #[test]
    fn equality_in_constant_time_is_equality() {
        assert!(constant_time_eq(b"same", b"same"));
        assert!(!constant_time_eq(b"same", b"sama"));
        assert!(!constant_time_eq(b"same", b"same "));
    }
}
