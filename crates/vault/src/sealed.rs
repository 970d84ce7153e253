//! Sealed values: bytes that open only with the right key and only in the place they were made for.
//!
//! ```text
//! "WRS" 1 | key version 8 | nonce 24 | data key, sealed 32+16 | nonce 24 | value, sealed n+16
//! ```
//!
//! Both layers are XChaCha20-Poly1305, whose 24-byte nonces may be random. The outer one seals a fresh data
//! key with the ring's key, the inner one seals the value with the data key. Both bind format, layer, table,
//! column, row and key version as associated data, so bytes copied to another row do not open.

use std::borrow::Cow;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use kernel::{Secret, World};
use zeroize::Zeroizing;

use crate::{KeyRing, KeyVersion, RootKeys};

/// The last byte is the version of the format.
const MAGIC: [u8; 4] = *b"WRS\x01";
const NONCE: usize = 24;
const WRAPPED_KEY: usize = 32 + 16;
const HEADER: usize = MAGIC.len() + 8;
const SHORTEST: usize = HEADER + NONCE + WRAPPED_KEY + NONCE + 16;

/// Where a sealed value lives. It opens nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: Cow<'static, str>,
}

impl Place {
    /// The column of one row, e.g. `Place::new("connection", "sealed_key", id.to_string())`.
    pub fn new(table: &'static str, column: &'static str, row: impl Into<Cow<'static, str>>) -> Self {
        Self { table, column, row: row.into() }
    }

    /// The associated data of one layer. Every part carries its length, so no two places read alike.
    fn associated_data(&self, layer: Layer, version: KeyVersion) -> Vec<u8> {
        let parts: [&[u8]; 6] = [
            &MAGIC,
            layer.name(),
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.row.as_bytes(),
            &version.0,
        ];
        let mut data = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// Which of the two envelopes; a wrapped key can never pass for a value.
#[derive(Clone, Copy)]
enum Layer {
    DataKey,
    Value,
}

impl Layer {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::DataKey => b"data-key",
            Self::Value => b"value",
        }
    }
}

/// Why a value does not open. It deliberately does not say which of the possible changes was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The ring lacks the key.
    #[error(
        "this value was sealed with the key {0}, which is not in the key ring. \
         Start with the CONFIG_ENCRYPTION_KEY (or, if none was set, the WEBUI_SECRET_KEY) that was used then."
    )]
    UnknownKey(KeyVersion),
    /// The bytes are not what was sealed for this place.
    #[error("this sealed value was changed, cut short or copied from another row. Restore or re-enter it.")]
    Tampered,
    /// The bytes never were a sealed value of ours.
    #[error("this is not a sealed value. Re-enter the secret so that it is sealed.")]
    NotSealed,
}

impl KeyRing {
    /// Seals `plain` for this place with the newest key. Two seals of the same value differ.
    pub fn seal(&self, place: &Place, plain: &[u8], world: &World) -> Vec<u8> {
        let kek = self.roots().sealer();
        let data_key = Zeroizing::new(world.bytes::<32>());
        let mut sealed = Vec::with_capacity(SHORTEST + plain.len());
        sealed.extend_from_slice(&MAGIC);
        sealed.extend_from_slice(&kek.version.0);
        for (layer, key, message) in
            [(Layer::DataKey, &kek.key, data_key.as_slice()), (Layer::Value, &data_key, plain)]
        {
            let nonce = world.bytes::<NONCE>();
            let aad = place.associated_data(layer, kek.version);
            let cipher = XChaCha20Poly1305::new((&**key).into());
            let bytes = cipher
                .encrypt((&nonce).into(), Payload { msg: message, aad: &aad })
                .expect("a value in memory is far below the cipher's limit of 256 GiB");
            sealed.extend_from_slice(&nonce);
            sealed.extend_from_slice(&bytes);
        }
        sealed
    }

    /// Opens what [`KeyRing::seal`] made for this very place.
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.roots().open_at(place, sealed).map(|(plain, _)| plain)
    }

    /// The value sealed with the key in force, if it is sealed with a former one; `None` when there is nothing
    /// to do.
    pub fn reseal(&self, place: &Place, sealed: &[u8], world: &World) -> Result<Option<Vec<u8>>, OpenError> {
        let (plain, version) = self.roots().open_at(place, sealed)?;
        Ok((version != self.current()).then(|| self.seal(place, plain.expose(), world)))
    }
}

impl RootKeys {
    /// Opens a value, and says which key sealed it.
    pub(crate) fn open_at(
        &self,
        place: &Place,
        sealed: &[u8],
    ) -> Result<(Secret<Vec<u8>>, KeyVersion), OpenError> {
        let version = sealed_with(sealed)?;
        let key = self.opener(version).ok_or(OpenError::UnknownKey(version))?;
        if sealed.len() < SHORTEST {
            return Err(OpenError::Tampered);
        }
        let (wrapped, value) = sealed[HEADER..].split_at(NONCE + WRAPPED_KEY);
        let unwrapped =
            Zeroizing::new(decrypt(&key.key, wrapped, &place.associated_data(Layer::DataKey, version))?);
        let mut data_key = Zeroizing::new([0; 32]);
        data_key.copy_from_slice(&unwrapped);
        let plain = decrypt(&data_key, value, &place.associated_data(Layer::Value, version))?;
        Ok((Secret::new(plain), version))
    }
}

/// Which key a sealed value names.
fn sealed_with(sealed: &[u8]) -> Result<KeyVersion, OpenError> {
    let rest = sealed.strip_prefix(&MAGIC).ok_or(OpenError::NotSealed)?;
    rest.first_chunk().copied().map(KeyVersion).ok_or(OpenError::Tampered)
}

/// Opens `nonce | ciphertext | tag`. Nothing is decrypted before the tag has been checked.
fn decrypt(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (nonce, message) = sealed.split_first_chunk::<NONCE>().ok_or(OpenError::Tampered)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(nonce.into(), Payload { msg: message, aad })
        .map_err(|_| OpenError::Tampered)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{ring, world};

    fn ours() -> KeyRing {
        ring("kQ7vX2mN9pL4wR8tZ1cB6yH3", None)
    }

    fn place() -> Place {
        Place::new("connection", "sealed_key", "conn_1")
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_in_its_place(plain: Vec<u8>, row in ".{0,80}", seed: u64) {
            let place = Place::new("connection", "sealed_key", row);
            let sealed = ours().seal(&place, &plain, &world(seed));
            let opened = ours().open(&place, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
        }

        #[test]
        fn foreign_bytes_are_refused_and_never_panic(bytes: Vec<u8>) {
            prop_assert!(ours().open(&place(), &bytes).is_err());
            let ours_in_front = [&MAGIC[..], &ours().current().0, &bytes].concat();
            prop_assert_eq!(ours().open(&place(), &ours_in_front).unwrap_err(), OpenError::Tampered);
        }
    }

    /// Keeps the format: computed in Python from RFC 8439 and draft-irtf-cfrg-xchacha-03.
    #[test]
    fn a_value_sealed_by_another_implementation_of_the_format_opens() {
        const SEALED: &str = "57525301f0665cbd0eb27ffc202122232425262728292a2b2c2d2e2f3031323334353637126d96b2\
             3bf6992f35fe25163b3a83f68b4373aaf6f4f470b730e29c44c161107da8a7b2dd5873795b3655d9\
             0ffa4a2538393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f7dcdc9d54f13774350c390b6\
             1a1980e4fecd5bb266f0f37122a8b1af74d2f3";
        let digits: Vec<u8> =
            SEALED.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
        let sealed: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        assert_eq!(ours().open(&place(), &sealed).unwrap().expose(), b"sk-provider-key");
    }

    #[test]
    fn the_plain_text_is_nowhere_in_the_sealed_bytes() {
        let sealed = ours().seal(&place(), b"sk-canary-canary", &world(1));
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_noticed() {
        let sealed = ours().seal(&place(), b"sk-provider-key", &world(1));
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            let error = ours().open(&place(), &flipped).unwrap_err();
            match at {
                0..4 => assert_eq!(error, OpenError::NotSealed, "byte {at}"),
                4..HEADER => assert!(matches!(error, OpenError::UnknownKey(_)), "byte {at}"),
                _ => assert_eq!(error, OpenError::Tampered, "byte {at}"),
            }
            assert!(ours().open(&place(), &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(ours().open(&place(), &[&sealed[..], b"x"].concat()).unwrap_err(), OpenError::Tampered);
    }

    #[test]
    fn a_value_moved_to_another_table_column_or_row_does_not_open() {
        let sealed = ours().seal(&place(), b"sk-provider-key", &world(1));
        for elsewhere in [
            Place::new("connectio", "nsealed_key", "conn_1"),
            Place::new("user", "sealed_key", "conn_1"),
            Place::new("connection", "name", "conn_1"),
            Place::new("connection", "sealed_key", "conn_2"),
            Place::new("connection", "sealed_keyc", "onn_1"),
        ] {
            assert_eq!(ours().open(&elsewhere, &sealed).unwrap_err(), OpenError::Tampered, "{elsewhere:?}");
        }
    }

    #[test]
    fn a_value_that_names_another_key_of_the_ring_does_not_open() {
        let both = ring("kQ7vX2mN9pL4wR8tZ1cB6yH3", Some("Jd5sW0fG7hK2qT9uE4xM8nA1"));
        let mut sealed = both.seal(&place(), b"sk-provider-key", &world(1));
        sealed[4..HEADER].copy_from_slice(&ours().current().0);
        assert_eq!(both.open(&place(), &sealed).unwrap_err(), OpenError::Tampered);
    }

    #[test]
    fn halves_of_two_values_of_the_same_place_do_not_make_a_third() {
        let one = ours().seal(&place(), b"sk-provider-one", &world(1));
        let two = ours().seal(&place(), b"sk-provider-two", &world(99));
        let cut = HEADER + NONCE + WRAPPED_KEY;
        let spliced = [&one[..cut], &two[cut..]].concat();
        assert_eq!(ours().open(&place(), &spliced).unwrap_err(), OpenError::Tampered);
    }

    #[test]
    fn another_ring_is_told_which_key_is_missing() {
        let sealed = ours().seal(&place(), b"sk-provider-key", &world(1));
        let error = ring("another root secret 0192", None).open(&place(), &sealed).unwrap_err();
        assert_eq!(error, OpenError::UnknownKey(ours().current()));
        assert!(error.to_string().contains(&ours().current().to_string()));
    }

    #[test]
    fn nonces_and_data_keys_never_repeat() {
        let world = world(1);
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let sealed = ours().seal(&place(), b"same", &world);
            assert!(seen.insert(sealed[HEADER..HEADER + NONCE].to_vec()));
            assert!(seen.insert(sealed[HEADER + NONCE + WRAPPED_KEY..][..NONCE].to_vec()));
        }
    }
}
