//! The key ring: every key the process holds, each derived from a root secret for one purpose.
//!
//! It does not know where the roots come from nor what the sealed values mean.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use kernel::{Secret, Timestamp, World, audit::Sealer};
use zeroize::Zeroizing;

use crate::{
    Notary, constant_time_eq,
    sealed::{OpenError, Place},
    session::Sessions,
};

/// Separates our derived keys from those of any other program that is given the same root secret.
const SALT: &[u8] = b"wardroom/keys/v1";

/// The secrets an operator provides. Check them with [`crate::check_root_secret`] first: key derivation
/// does not make a guessable secret strong.
#[derive(Debug)]
pub struct Roots<'a> {
    /// `WEBUI_SECRET_KEY`: signs session tokens, and seals while there is no `CONFIG_ENCRYPTION_KEY`.
    pub webui_secret_key: &'a Secret<String>,
    /// `CONFIG_ENCRYPTION_KEY`: seals.
    pub config_encryption_key: Option<&'a Secret<String>>,
    /// What was in their place before, while they are being replaced.
    pub previous: Previous<'a>,
}

/// Former roots. They open what they sealed and seal nothing new.
#[derive(Debug, Default)]
pub struct Previous<'a> {
    /// The former `WEBUI_SECRET_KEY`.
    pub webui_secret_key: Option<&'a Secret<String>>,
    /// Until when session tokens that it signed are accepted; none: not at all, so everybody signs in again.
    pub sessions_until: Option<Timestamp>,
    /// The former `CONFIG_ENCRYPTION_KEY`.
    pub config_encryption_key: Option<&'a Secret<String>>,
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

/// The keys that derive from the roots directly. They open the anchor, and with it the whole [`KeyRing`].
pub struct RootKeys {
    /// The first one seals; all of them open.
    sealing: Vec<SealingKey>,
    sealing_root: SealingRoot,
    sessions: Sessions,
    /// Recognises `WEBUI_SECRET_KEY` in the anchor.
    mark: Mark,
    former_mark: Option<Mark>,
}

/// Every key the process holds. Made once at start and shared; it never changes.
///
/// Digests and the audit chain are keyed by a secret that was drawn once, for the life of the data, and is
/// stored sealed (the anchor). So the roots can be replaced without ending a single key.
pub struct KeyRing {
    roots: RootKeys,
    anchor: Zeroizing<[u8; 32]>,
    pub(crate) key_digest: hmac::Key,
    pub(crate) fingerprint: hmac::Key,
    pub(crate) one_time: hmac::Key,
    pub(crate) devices: hmac::Key,
    audit_chain: hmac::Key,
    audit_notary: Zeroizing<[u8; 32]>,
}

/// Whether the stored anchor names the roots in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Current,
    /// It names former ones: store [`KeyRing::anchor`] in its place, and seal every value anew.
    Replaced,
}

type Mark = [u8; 16];

impl RootKeys {
    /// Derives the keys of every purpose.
    ///
    /// The key derived from `WEBUI_SECRET_KEY` stays in the ring when `CONFIG_ENCRYPTION_KEY` is set, so
    /// that an operator can add the second secret later without losing what the first one sealed.
    pub fn new(roots: &Roots<'_>) -> Self {
        let webui = Derivation::from(roots.webui_secret_key);
        let former = roots.previous.webui_secret_key.map(Derivation::from);
        let (first, sealing_root) = match roots.config_encryption_key {
            Some(root) => (Derivation::from(root).sealing_key(), SealingRoot::ConfigEncryptionKey),
            None => (webui.sealing_key(), SealingRoot::WebuiSecretKey),
        };
        let retired = [roots.previous.config_encryption_key.map(Derivation::from)];
        let retired = retired.iter().flatten().chain(&former).map(Derivation::sealing_key);
        let mut sealing = vec![first];
        for key in retired.chain([webui.sealing_key()]) {
            if sealing.iter().all(|known| known.version != key.version) {
                sealing.push(key);
            }
        }
        Self {
            sealing,
            sealing_root,
            sessions: Sessions::new(roots.webui_secret_key, &roots.previous),
            mark: webui.mark(),
            former_mark: former.as_ref().map(Derivation::mark),
        }
    }

    /// The ring of data that has no anchor yet, because there is no data yet. Store [`KeyRing::anchor`].
    pub fn first(self, world: &World) -> KeyRing {
        KeyRing::anchored(self, Zeroizing::new(world.bytes()))
    }

    /// The ring of the data that stores this anchor. Whoever gets an error must serve nothing and write nothing.
    pub fn open(self, anchor: &[u8]) -> Result<(KeyRing, Standing), AnchorError> {
        let (opened, version) = self.open_at(&anchor_place(), anchor)?;
        let (secret, mark) = opened.expose().split_first_chunk().ok_or(OpenError::Tampered)?;
        let is = |known: &Mark| constant_time_eq(mark, known);
        let is_former = self.former_mark.as_ref().is_some_and(is);
        if !is(&self.mark) && !is_former {
            return Err(AnchorError::OtherRoot);
        }
        let is_current = is(&self.mark) && version == self.sealing[0].version;
        let standing = if is_current { Standing::Current } else { Standing::Replaced };
        Ok((KeyRing::anchored(self, Zeroizing::new(*secret)), standing))
    }

    pub(crate) fn sealer(&self) -> &SealingKey {
        &self.sealing[0]
    }

    pub(crate) fn opener(&self, version: KeyVersion) -> Option<&SealingKey> {
        self.sealing.iter().find(|key| key.version == version)
    }
}

impl KeyRing {
    fn anchored(roots: RootKeys, anchor: Zeroizing<[u8; 32]>) -> Self {
        let steady = Derivation::from_bytes(&*anchor);
        let key = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &*steady.derive(purpose));
        Self {
            key_digest: key(b"digest/key"),
            fingerprint: key(b"digest/fingerprint"),
            one_time: key(b"digest/one-time"),
            devices: key(b"mac/device"),
            audit_chain: key(b"audit/chain"),
            audit_notary: steady.derive(b"audit/notary"),
            roots,
            anchor,
        }
    }

    /// Which root secret seals new values; `doctor` and the posture page show it.
    pub const fn sealing_root(&self) -> SealingRoot {
        self.roots.sealing_root
    }

    /// The name of the key that seals new values.
    pub fn current(&self) -> KeyVersion {
        self.roots.sealer().version
    }

    /// Vouches for the lines and checkpoints of the audit log.
    pub fn notary(&self) -> Notary {
        Notary::new(&self.audit_notary)
    }

    /// What to store once, sealed under the roots in force: a later start opens it with [`RootKeys::open`].
    pub fn anchor(&self, world: &World) -> Vec<u8> {
        let plain = Zeroizing::new([self.anchor.as_slice(), &self.roots.mark].concat());
        self.seal(&anchor_place(), &plain, world)
    }

    pub(crate) const fn roots(&self) -> &RootKeys {
        &self.roots
    }

    pub(crate) const fn sessions(&self) -> &Sessions {
        &self.roots.sessions
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
        f.debug_list().entries(self.roots.sealing.iter().map(|key| key.version)).finish()
    }
}

/// Why the anchor does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// The sealing key is another one, or the anchor was changed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// `CONFIG_ENCRYPTION_KEY` is right and `WEBUI_SECRET_KEY` is not.
    #[error(
        "WEBUI_SECRET_KEY is not the one this data was made with. Start with the former value of it, \
         or name that in WEBUI_SECRET_KEY_PREVIOUS to replace it."
    )]
    OtherRoot,
}

fn anchor_place() -> Place {
    Place::new("setting", "value", "keys.anchor")
}

/// HKDF-SHA-256 (RFC 5869) over one root secret.
struct Derivation(hkdf::Prk);

impl Derivation {
    fn from(root: &Secret<String>) -> Self {
        Self::from_bytes(root.expose().as_bytes())
    }

    fn from_bytes(root: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(root))
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

    /// By which a root is recognised without being kept.
    fn mark(&self) -> Mark {
        let mut mark = [0; 16];
        mark.copy_from_slice(&self.derive(b"canary/root-mark")[..16]);
        mark
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
    fn a_former_key_opens_and_never_seals() {
        let (webui, former) = (Secret::from(WEBUI), Secret::from(CONFIG));
        let sealed = ring(WEBUI, Some(CONFIG)).seal(&place(), b"value", &world(1));
        let previous = Previous { config_encryption_key: Some(&former), ..Previous::default() };
        let roots = Roots { webui_secret_key: &webui, config_encryption_key: None, previous };
        let later = RootKeys::new(&roots).first(&world(1));
        assert_eq!(later.current(), ring(WEBUI, None).current());
        assert_eq!(later.open(&place(), &sealed).unwrap().expose(), b"value");
    }

    fn roots(webui: &str, config: Option<&str>) -> RootKeys {
        let (webui, config) = (Secret::from(webui), config.map(Secret::from));
        let previous = Previous::default();
        RootKeys::new(&Roots { webui_secret_key: &webui, config_encryption_key: config.as_ref(), previous })
    }

    fn refused(roots: RootKeys, anchor: &[u8]) -> AnchorError {
        roots.open(anchor).map(|(ring, _)| ring).unwrap_err()
    }

    #[test]
    fn the_anchor_opens_with_its_own_roots_and_no_others() {
        let right = ring(WEBUI, Some(CONFIG));
        let anchor = right.anchor(&world(1));
        let (same, standing) = roots(WEBUI, Some(CONFIG)).open(&anchor).unwrap();
        assert_eq!((same.digest_key("sk-1"), standing), (right.digest_key("sk-1"), Standing::Current));

        let lost_config_key = refused(roots(WEBUI, None), &anchor);
        assert_eq!(lost_config_key, OpenError::UnknownKey(right.current()).into());
        let other_webui_key = refused(roots("another root secret 0192", Some(CONFIG)), &anchor);
        assert_eq!(other_webui_key, AnchorError::OtherRoot);
        let cut = refused(roots(WEBUI, Some(CONFIG)), &anchor[..anchor.len() - 1]);
        assert_eq!(cut, OpenError::Tampered.into());
        assert_eq!(refused(roots(WEBUI, None), b""), OpenError::NotSealed.into());
    }

    #[test]
    fn a_replaced_root_leaves_every_digest_as_it_is() {
        const NEWER: &str = "another root secret 0192";
        let before = ring(WEBUI, None);
        let (newer, former) = (Secret::from(NEWER), Secret::from(WEBUI));
        let previous = Previous { webui_secret_key: Some(&former), ..Previous::default() };
        let both = Roots { webui_secret_key: &newer, config_encryption_key: None, previous };
        let (after, standing) = RootKeys::new(&both).open(&before.anchor(&world(1))).unwrap();
        assert_eq!(standing, Standing::Replaced);
        assert_eq!(after.digest_key("sk-1"), before.digest_key("sk-1"));

        let anchor = after.anchor(&world(2));
        let (alone, standing) = roots(NEWER, None).open(&anchor).unwrap();
        assert_eq!((alone.digest_key("sk-1"), standing), (before.digest_key("sk-1"), Standing::Current));
        assert_eq!(refused(roots(WEBUI, None), &anchor), OpenError::UnknownKey(after.current()).into());
    }

    #[test]
    fn the_seal_of_a_record_is_hmac_sha_256_computed_elsewhere_and_follows_the_record_before() {
        let ring = ring(WEBUI, None);
        let seal = ring.seal_record(&[0; 32], b"{}");
        assert_eq!(hex(&seal), "b267e44272f6c3599edd9c7db7962264a5a318e8f065427f37579b1b15b98e3c");
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
