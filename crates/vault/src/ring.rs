//! The key ring: every key the process holds, each derived from a root secret for one purpose.
//!
//! It does not know where the roots come from nor what the sealed values mean.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use kernel::{Secret, World, audit::Sealer};
use zeroize::Zeroizing;

use crate::{
    constant_time_eq,
    sealed::{OpenError, Place},
    session::SessionSigner,
};

/// Separates our derived keys from those of any other program that is given the same root secret.
const SALT: &[u8] = b"wardroom/keys/v1";

/// The secrets an operator provides. Check them with [`crate::check_root_secret`] first: key derivation
/// does not make a guessable secret strong.
#[derive(Debug)]
pub struct Roots<'a> {
    /// `WEBUI_SECRET_KEY`: signs session tokens, keys the digests, and seals while there is no
    /// `CONFIG_ENCRYPTION_KEY`.
    pub webui_secret_key: &'a Secret<String>,
    /// `CONFIG_ENCRYPTION_KEY`: seals.
    pub config_encryption_key: Option<&'a Secret<String>>,
    /// Earlier values of `CONFIG_ENCRYPTION_KEY`. They open what they sealed and seal nothing new.
    pub retired: &'a [Secret<String>],
}

/// Which root secret seals new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealingRoot {
    /// `CONFIG_ENCRYPTION_KEY`.
    ConfigEncryptionKey,
    /// A key derived from `WEBUI_SECRET_KEY`, because `CONFIG_ENCRYPTION_KEY` is not set.
    WebuiSecretKey,
}

/// Names a sealing key without revealing it: the first 8 bytes of a digest that only its root can make.
/// Prints as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyVersion(pub(crate) [u8; 8]);

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVersion({self})")
    }
}

/// A key-encryption key and its name.
pub(crate) struct SealingKey {
    pub(crate) version: KeyVersion,
    pub(crate) key: Zeroizing<[u8; 32]>,
}

/// Every key the process holds. Made once at start and shared; it never changes.
pub struct KeyRing {
    /// The first one seals; all of them open.
    sealing: Vec<SealingKey>,
    sealing_root: SealingRoot,
    pub(crate) key_digest: hmac::Key,
    pub(crate) fingerprint: hmac::Key,
    pub(crate) one_time: hmac::Key,
    pub(crate) devices: hmac::Key,
    audit_chain: hmac::Key,
    pub(crate) sessions: SessionSigner,
    /// Recognises `WEBUI_SECRET_KEY` in the canary.
    root_mark: [u8; 16],
}

impl KeyRing {
    /// Derives the keys of every purpose.
    ///
    /// The key derived from `WEBUI_SECRET_KEY` stays in the ring when `CONFIG_ENCRYPTION_KEY` is set, so
    /// that an operator can add the second secret later without losing what the first one sealed.
    pub fn new(roots: &Roots<'_>) -> Self {
        let webui = Derivation::from(roots.webui_secret_key);
        let (first, sealing_root) = match roots.config_encryption_key {
            Some(root) => (Derivation::from(root).sealing_key(), SealingRoot::ConfigEncryptionKey),
            None => (webui.sealing_key(), SealingRoot::WebuiSecretKey),
        };
        let retired = roots.retired.iter().map(|root| Derivation::from(root).sealing_key());
        let mut sealing = vec![first];
        for key in retired.chain([webui.sealing_key()]) {
            if sealing.iter().all(|known| known.version != key.version) {
                sealing.push(key);
            }
        }
        let mut root_mark = [0; 16];
        root_mark.copy_from_slice(&webui.derive(b"canary/root-mark")[..16]);
        Self {
            sealing,
            sealing_root,
            key_digest: hmac::Key::new(hmac::HMAC_SHA256, &*webui.derive(b"digest/virtual-key")),
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &*webui.derive(b"digest/fingerprint")),
            one_time: hmac::Key::new(hmac::HMAC_SHA256, &*webui.derive(b"digest/one-time")),
            devices: hmac::Key::new(hmac::HMAC_SHA256, &*webui.derive(b"mac/device")),
            audit_chain: hmac::Key::new(hmac::HMAC_SHA256, &*webui.derive(b"audit/chain")),
            sessions: SessionSigner::new(roots.webui_secret_key),
            root_mark,
        }
    }

    /// Which root secret seals new values; `doctor` and the posture page show it.
    pub const fn sealing_root(&self) -> SealingRoot {
        self.sealing_root
    }

    /// The name of the key that seals new values.
    pub fn current(&self) -> KeyVersion {
        self.sealer().version
    }

    /// A value to store once, by which a later start proves that it holds the same secrets.
    pub fn canary(&self, world: &World) -> Vec<u8> {
        self.seal(&canary_place(), &self.root_mark, world)
    }

    /// Proves with a stored [`KeyRing::canary`] that this ring belongs to the stored data. Whoever gets an
    /// error must serve nothing and write nothing.
    pub fn proves(&self, canary: &[u8]) -> Result<(), CanaryError> {
        let mark = self.open(&canary_place(), canary)?;
        if constant_time_eq(mark.expose(), &self.root_mark) { Ok(()) } else { Err(CanaryError::OtherRoot) }
    }

    pub(crate) fn sealer(&self) -> &SealingKey {
        &self.sealing[0]
    }

    pub(crate) fn opener(&self, version: KeyVersion) -> Option<&SealingKey> {
        self.sealing.iter().find(|key| key.version == version)
    }
}

/// HMAC-SHA-256 over the previous seal (32 bytes, so where it ends is clear) and the record.
impl Sealer for KeyRing {
    fn seal_record(&self, previous: &[u8; 32], record: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.audit_chain);
        context.update(previous);
        context.update(record);
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }
}

/// Prints the names of the sealing keys only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sealing.iter().map(|key| key.version)).finish()
    }
}

/// Why the canary does not prove the ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// The sealing key is another one, or the canary was changed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// `CONFIG_ENCRYPTION_KEY` is right and `WEBUI_SECRET_KEY` is not: every virtual key would silently
    /// stop working.
    #[error("WEBUI_SECRET_KEY is not the one this data was made with. Start with the former value of it.")]
    OtherRoot,
}

fn canary_place() -> Place {
    Place::new("setting", "canary", "canary")
}

/// HKDF-SHA-256 (RFC 5869) over one root secret.
struct Derivation(hkdf::Prk);

impl Derivation {
    fn from(root: &Secret<String>) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(root.expose().as_bytes()))
    }

    /// The key for one purpose. Distinct labels give independent keys.
    fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.0
            .expand(&[purpose], hkdf::HKDF_SHA256)
            .and_then(|material| material.fill(key.as_mut_slice()))
            .expect("32 bytes is what HKDF-SHA-256 gives in one block");
        key
    }

    fn sealing_key(&self) -> SealingKey {
        let mut version = [0; 8];
        version.copy_from_slice(&self.derive(b"sealing/version")[..8]);
        SealingKey { version: KeyVersion(version), key: self.derive(b"sealing/key") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ring, world};

    const WEBUI: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";
    const CONFIG: &str = "Jd5sW0fG7hK2qT9uE4xM8nA1";

    fn place() -> Place {
        Place::new("connection", "sealed_key", "conn_1")
    }

    #[test]
    fn derived_keys_are_those_of_rfc_5869_computed_elsewhere() {
        // Python: hmac over salt "wardroom/keys/v1", then hmac(prk, label + b"\x01").
        let derivation = Derivation::from(&WEBUI.into());
        assert_eq!(
            hex(&*derivation.derive(b"sealing/key")),
            "d7cf036031b3d1990ef2b84204b64e3e70f8e5f71452f73ad599b89c810685db"
        );
        assert_eq!(derivation.sealing_key().version.to_string(), "f0665cbd0eb27ffc");
    }

    #[test]
    fn a_key_added_later_seals_and_what_the_first_one_sealed_still_opens() {
        let before = ring(WEBUI, None);
        let after = ring(WEBUI, Some(CONFIG));
        assert_eq!(before.sealing_root(), SealingRoot::WebuiSecretKey);
        assert_eq!(after.sealing_root(), SealingRoot::ConfigEncryptionKey);
        assert_ne!(before.current(), after.current());

        let sealed = before.seal(&place(), b"old", &world(1));
        assert_eq!(after.open(&place(), &sealed).unwrap().expose(), b"old");
        let newer = after.seal(&place(), b"new", &world(1));
        assert_eq!(before.open(&place(), &newer).unwrap_err(), OpenError::UnknownKey(after.current()));
    }

    #[test]
    fn a_retired_key_opens_and_never_seals() {
        let (web, retired): (Secret<String>, [Secret<String>; 2]) =
            (WEBUI.into(), [CONFIG.into(), WEBUI.into()]);
        let sealed = ring(WEBUI, Some(CONFIG)).seal(&place(), b"value", &world(1));
        let roots = Roots { webui_secret_key: &web, config_encryption_key: None, retired: &retired };
        let later = KeyRing::new(&roots);
        assert_eq!(later.current(), ring(WEBUI, None).current());
        assert_eq!(later.open(&place(), &sealed).unwrap().expose(), b"value");
    }

    #[test]
    fn the_canary_proves_its_own_ring_and_no_other() {
        let right = ring(WEBUI, Some(CONFIG));
        let canary = right.canary(&world(1));
        assert_eq!(right.proves(&canary), Ok(()));

        let lost_config_key = ring(WEBUI, None).proves(&canary).unwrap_err();
        assert_eq!(lost_config_key, OpenError::UnknownKey(right.current()).into());
        let other_webui_key = ring("another root secret 0192", Some(CONFIG)).proves(&canary).unwrap_err();
        assert_eq!(other_webui_key, CanaryError::OtherRoot);
        assert_eq!(right.proves(&canary[..canary.len() - 1]).unwrap_err(), OpenError::Tampered.into());
        assert_eq!(right.proves(b"").unwrap_err(), OpenError::NotSealed.into());
    }

    #[test]
    fn the_seal_of_a_record_is_hmac_sha_256_computed_elsewhere_and_follows_the_record_before() {
        let ring = ring(WEBUI, None);
        let seal = ring.seal_record(&[0; 32], b"{}");
        assert_eq!(hex(&seal), "702b36c502e252edce6395bc687997ef3466f53021668493618930c6875019c7");
        assert_ne!(ring.seal_record(&[1; 32], b"{}"), seal);
        assert_ne!(ring.seal_record(&[0; 32], b"{} "), seal);
    }

    #[test]
    fn a_ring_prints_the_names_of_its_keys_only() {
        let ring = ring(WEBUI, None);
        assert_eq!(format!("{ring:?}"), format!("[KeyVersion({})]", ring.current()));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}
