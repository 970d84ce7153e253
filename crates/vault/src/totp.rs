//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, a step of thirty seconds, which is what every
//! authenticator app understands.
//!
//! It says which step a code belongs to. That a step counts once only is the store's to keep.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use kernel::{Secret, Timestamp, World};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::{KeyRing, OpenError, Place};

/// RFC 4226 section 4 recommends 160 bits.
const SEED: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// RFC 6238 section 5.2: one step each way for clocks that are not quite right and people who type slowly.
const DRIFT: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that an authenticator app and we share.
#[derive(Debug, Clone)]
pub struct TotpSeed(Secret<[u8; SEED]>);

impl TotpSeed {
    /// A new one.
    pub fn new(world: &World) -> Self {
        Self(Secret::new(world.bytes()))
    }

    /// The step whose code this is, at most one step away from `now`; `None` when it is none of them.
    ///
    /// Whoever lets somebody in by it must refuse a step that is not later than the last one that was used.
    /// Spaces are ignored, as people type them. The time does not tell how many digits were right.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<i64> {
        let digits: Vec<u8> = typed.bytes().filter(|byte| *byte != b' ').take(DIGITS + 1).collect();
        if digits.len() != DIGITS || typed.len() > 4 * DIGITS {
            return None;
        }
        let present = now.seconds().div_euclid(STEP_SECONDS);
        let mut found = -1;
        for step in present - DRIFT..=present + DRIFT {
            let is_it = self.code(step).as_bytes().ct_eq(&digits);
            found.conditional_assign(&step, is_it);
        }
        (found >= 0).then_some(found)
    }

    /// The code of a step, RFC 4226 section 5.3.
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[tag.len() - 1] & 15);
        let four: [u8; 4] =
            tag[at..at + 4].try_into().expect("SHA-1 has 20 bytes and the offset is below 16");
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }

    /// The seed in base 32, for people who type it into their app.
    pub fn base32(&self) -> Secret<String> {
        let mut text = String::with_capacity(32);
        let (mut bits, mut count) = (0_u32, 0);
        for byte in self.0.expose() {
            bits = bits << 8 | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(char::from(BASE32[((bits >> count) & 31) as usize]));
            }
        }
        Secret::new(text)
    }

    /// The address that a QR code shows to an app, in the key URI format. It carries the seed.
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> Secret<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let seed = self.base32();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            seed.expose()
        ))
    }

    /// Seals the seed for its place in the database.
    pub fn seal(&self, ring: &KeyRing, place: &Place, world: &World) -> Vec<u8> {
        ring.seal(place, self.0.expose(), world)
    }

    /// Opens what [`TotpSeed::seal`] made for the same place.
    pub fn open(ring: &KeyRing, place: &Place, sealed: &[u8]) -> Result<Self, OpenError> {
        let opened = ring.open(place, sealed)?;
        let seed = opened.expose().as_slice().try_into().map_err(|_| OpenError::Tampered)?;
        Ok(Self(Secret::new(seed)))
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ring, world};

    /// The seed of RFC 6238 appendix B.
    fn seed() -> TotpSeed {
        TotpSeed(Secret::new(*b"12345678901234567890"))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().code(seconds / 30), code);
            assert_eq!(seed().step_of(code, at(seconds)), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_one_step_late_and_no_longer() {
        let step = 1_234_567_890 / 30;
        for (seconds, expected) in [
            (step * 30 - 31, None),
            (step * 30 - 30, Some(step)),
            (step * 30 + 59, Some(step)),
            (step * 30 + 60, None),
        ] {
            assert_eq!(seed().step_of("005924", at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn spaces_are_ignored_and_whatever_is_not_six_digits_matches_nothing() {
        assert!(seed().step_of(" 005 924 ", at(1_234_567_890)).is_some());
        for typed in ["", "00592", "0059244", "005924\0", "００５９２４", "5924", "-05924", "005924\n"]
        {
            assert_eq!(seed().step_of(typed, at(1_234_567_890)), None, "{typed:?}");
        }
        assert_eq!(seed().step_of(&format!("005924{}", " ".repeat(1_000_000)), at(1_234_567_890)), None);
    }

    #[test]
    fn an_app_gets_the_seed_in_base_32_and_names_with_separators_stay_names() {
        assert_eq!(seed().base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            seed().otpauth_url("Ward: room", "ada+1@example.com").expose(),
            "otpauth://totp/Ward%3A%20room:ada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ward%3A%20room&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_sealed_seed_opens_in_its_own_row_only() {
        let ring = ring("kQ7vX2mN9pL4wR8tZ1cB6yH3", None);
        let place = |row: &str| Place::new("factor", "seed", row.to_owned());
        let sealed = seed().seal(&ring, &place("ada"), &world(1));
        assert_eq!(TotpSeed::open(&ring, &place("ada"), &sealed).unwrap().code(1), seed().code(1));
        assert_eq!(TotpSeed::open(&ring, &place("bob"), &sealed).unwrap_err(), OpenError::Tampered);
        let short = ring.seal(&place("ada"), b"short", &world(2));
        assert!(TotpSeed::open(&ring, &place("ada"), &short).is_err());
    }

    #[test]
    fn a_seed_is_new_each_time_and_does_not_print_itself() {
        let world = world(3);
        let (one, other) = (TotpSeed::new(&world), TotpSeed::new(&world));
        assert_ne!(one.base32().expose(), other.base32().expose());
        assert_eq!(format!("{one:?}"), "TotpSeed(Secret(…))");
    }
}
