//! Recovery codes, and digests of what works once.
//!
//! That a code works once is the store's to keep.

use aws_lc_rs::hmac;
use kernel::{Secret, UserId, World};
use zeroize::Zeroizing;

use crate::KeyRing;

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
/// Letters of one code: eighty random bits, far beyond what can be tried.
const LETTERS: usize = 16;
/// No I, L, O and U: nobody mistakes one letter for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new set of codes, each like `7Q2F-0MZK-X4RD-9TSB`. They are shown once and stored as digests.
pub fn recovery_codes(world: &World) -> [Secret<String>; RECOVERY_CODES] {
    std::array::from_fn(|_| {
        let random = Zeroizing::new(world.bytes::<LETTERS>());
        let mut code = String::with_capacity(LETTERS + 3);
        for (at, byte) in random.iter().enumerate() {
            if at > 0 && at % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::from(byte & 31)]));
        }
        Secret::new(code)
    })
}

impl KeyRing {
    /// The digest under which a recovery code of this account is stored and found. Small letters, hyphens and
    /// spaces, and letters that look alike make no difference; `None` for whatever cannot be a code.
    pub fn digest_recovery_code(&self, account: &UserId, typed: &str) -> Option<[u8; 32]> {
        let code = canonical(typed)?;
        Some(self.digest_once(&[b"recovery", account.as_str().as_bytes(), code.as_bytes()]))
    }

    /// The digest under which it is stored that a [`crate::Ticket`] was used.
    pub fn digest_ticket(&self, id: &str) -> [u8; 32] {
        self.digest_once(&[b"ticket used", id.as_bytes()])
    }

    /// Every part goes in with its length, so no two lists of parts read alike.
    pub(crate) fn digest_once(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.one_time);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }
}

fn canonical(typed: &str) -> Option<Zeroizing<String>> {
    if typed.len() > 4 * LETTERS {
        return None;
    }
    let mut code = Zeroizing::new(String::with_capacity(LETTERS));
    for letter in typed.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if code.len() == LETTERS || !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) {
            return None;
        }
        code.push(letter);
    }
    (code.len() == LETTERS).then_some(code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testing::{ring, ring_of_other_data, world};

    const ROOT: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";

    fn digest(account: &str, typed: &str) -> Option<[u8; 32]> {
        ring(ROOT, None).digest_recovery_code(&account.parse().unwrap(), typed)
    }

    #[test]
    fn ten_codes_differ_and_each_is_found_as_it_was_shown() {
        let codes = recovery_codes(&world(1));
        let seen: HashSet<_> = codes.iter().map(|code| code.expose().clone()).collect();
        assert_eq!(seen.len(), RECOVERY_CODES);
        for code in &codes {
            assert_eq!(code.expose().len(), 19, "four groups of four");
            assert!(digest("ada", code.expose()).is_some());
        }
    }

    #[test]
    fn a_code_may_be_typed_in_any_spelling() {
        let shown = digest("ada", "7Q2F-0MZK-X4RD-91SB").unwrap();
        for typed in
            ["7q2f0mzkx4rd91sb", " 7Q2F 0MZK X4RD 91SB ", "7Q2F-OMZK-X4RD-9LSB", "7q2f-omzk-x4rd-9isb"]
        {
            assert_eq!(digest("ada", typed), Some(shown), "{typed}");
        }
    }

    #[test]
    fn the_same_code_of_another_account_or_of_other_data_is_another_one() {
        let code = "7Q2F-0MZK-X4RD-91SB";
        assert_ne!(digest("ada", code), digest("bob", code));
        let ada = "ada".parse().unwrap();
        let elsewhere = ring_of_other_data(ROOT).digest_recovery_code(&ada, code);
        assert_ne!(digest("ada", code), elsewhere);
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in [
            "",
            "123456",
            "7Q2F-0MZK-X4RD-91S",
            "7Q2F-0MZK-X4RD-91SBB",
            "UUUU-UUUU-UUUU-UUUU",
            "７Q2F-0MZK-X4RD-91SB",
            "7Q2F-0MZK-X4RD-91S\0",
        ] {
            assert_eq!(digest("ada", typed), None, "{typed:?}");
        }
        assert_eq!(digest("ada", &"-".repeat(1_000_000)), None);
    }

    #[test]
    fn lists_of_parts_that_read_alike_have_different_digests() {
        let ring = ring(ROOT, None);
        assert_eq!(ring.digest_ticket("t"), ring.digest_ticket("t"));
        assert_ne!(
            ring.digest_once(&[b"recovery", b"a", b"b"]),
            ring.digest_once(&[b"recovery", b"ab", b""])
        );
    }
}
