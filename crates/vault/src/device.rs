//! Marks of devices that signed in to an account before. A device shows its mark so that guessing by strangers does
//! not slow its owner down; it opens no door.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Email, World};

use crate::KeyRing;

const MARK: usize = 16;

/// Tells one device of an account from the others; drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceMark([u8; MARK]);

impl From<[u8; MARK]> for DeviceMark {
    fn from(mark: [u8; MARK]) -> Self {
        Self(mark)
    }
}

impl KeyRing {
    /// What a device of this account keeps: a new mark and the proof that we made it for this address. It holds
    /// nothing that names the account.
    pub fn mark_device(&self, email: &Email, world: &World) -> String {
        let mark = DeviceMark(world.bytes::<MARK>());
        let tag = hmac::sign(&self.devices, &message(mark, email));
        URL_SAFE_NO_PAD.encode([&mark.0, tag.as_ref()].concat())
    }

    /// The mark that a device shows, if we made it for this account; compared in constant time.
    pub fn read_device(&self, shown: &str, email: &Email) -> Option<DeviceMark> {
        let bytes = URL_SAFE_NO_PAD.decode(shown).ok()?;
        let (mark, tag) = bytes.split_first_chunk::<MARK>()?;
        let mark = DeviceMark(*mark);
        hmac::verify(&self.devices, &message(mark, email), tag).ok().map(|()| mark)
    }
}

fn message(mark: DeviceMark, email: &Email) -> Vec<u8> {
    // The mark has a fixed length, so no two pairs share a message.
    [&mark.0, email.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ring, ring_of_other_data, world};

    #[test]
    fn a_mark_counts_for_its_own_account_and_ring_only() {
        const ROOT: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";
        let (ours, theirs) = (ring(ROOT, None), ring_of_other_data(ROOT));
        let [ada, bob] = ["ada@example.com", "bob@example.com"].map(|text| Email::parse(text).unwrap());
        let (one, two) = (ours.mark_device(&ada, &world(1)), ours.mark_device(&ada, &world(2)));
        let mark = ours.read_device(&one, &ada);
        assert!(mark.is_some() && mark != ours.read_device(&two, &ada));
        assert_eq!(ours.read_device(&one, &bob), None);
        assert_eq!(theirs.read_device(&one, &ada), None);
        for forged in ["", "!", &one[..one.len() - 2], &format!("{one}AA"), &one.to_lowercase()] {
            assert_eq!(ours.read_device(forged, &ada), None, "{forged}");
        }
    }
}
