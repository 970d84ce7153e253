//! Vouches for what must not be changed unseen: seals on lines of the audit log, and signed checkpoints of its
//! records. Everything fails closed: a seal that does not fit is a finding, never a default.

use aws_lc_rs::{
    hkdf, hmac,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

/// What a seal stands on. Each has a key of its own, so that a seal of one kind is worth nothing on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// A line of the audit log's file.
    Line,
    /// The note beside that file that says how long it is.
    Head,
    /// The body of an answer that is kept with a record.
    Response,
}

/// Seals and signs.
pub struct Notary {
    line: hmac::Key,
    head: hmac::Key,
    response: hmac::Key,
    signer: Ed25519KeyPair,
}

impl Notary {
    /// Derives a key for each purpose from one that serves nothing else, such as [`crate::KeyRing::notary`]'s.
    pub fn new(root: &[u8; 32]) -> Self {
        let root = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, root);
        let derive = |purpose: &[u8]| {
            let mut key = [0; 32];
            root.expand(&[purpose], hkdf::HKDF_SHA256)
                .and_then(|material| material.fill(&mut key))
                .expect("32 bytes is what HKDF-SHA-256 gives in one block");
            key
        };
        let key = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &derive(purpose));
        let signer = Ed25519KeyPair::from_seed_unchecked(&derive(b"audit/checkpoint"))
            .expect("every 32 bytes are a seed of Ed25519 (RFC 8032, 5.1.5)");
        Self { line: key(b"audit/file"), head: key(b"audit/head"), response: key(b"audit/response"), signer }
    }

    /// HMAC-SHA-256 over the parts, one after the other. Parts that vary in length must say their length themselves.
    pub fn seal(&self, paper: Paper, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(match paper {
            Paper::Line => &self.line,
            Paper::Head => &self.head,
            Paper::Response => &self.response,
        });
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }

    /// An Ed25519 signature. It can be checked elsewhere with [`Notary::public_key`] alone.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signer.sign(message).as_ref().try_into().expect("Ed25519 gives 64 bytes")
    }

    /// Whether the signature is ours.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.signer.public_key().as_ref()).verify(message, signature).is_ok()
    }

    /// The key that checks our signatures; no secret.
    pub fn public_key(&self) -> [u8; 32] {
        self.signer.public_key().as_ref().try_into().expect("a public key of Ed25519 has 32 bytes")
    }
}

impl std::fmt::Debug for Notary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notary")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_depends_on_the_kind_of_paper_and_on_every_byte() {
        let notary = Notary::new(&[1; 32]);
        let line = notary.seal(Paper::Line, &[b"previous", b"text"]);
        assert_eq!(line, notary.seal(Paper::Line, &[b"previoustext"]));
        assert_ne!(line, notary.seal(Paper::Head, &[b"previous", b"text"]));
        assert_ne!(line, notary.seal(Paper::Response, &[b"previous", b"text"]));
        assert_ne!(line, notary.seal(Paper::Line, &[b"previous", b"texu"]));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_its_key_alone() {
        let (one, other) = (Notary::new(&[1; 32]), Notary::new(&[2; 32]));
        let signature = one.sign(b"seq 7");
        assert!(one.has_signed(b"seq 7", &signature));
        assert!(!one.has_signed(b"seq 8", &signature));
        assert!(!one.has_signed(b"seq 7", &signature[..63]));
        assert!(!other.has_signed(b"seq 7", &signature));
        assert_ne!(one.public_key(), other.public_key());
    }
}
