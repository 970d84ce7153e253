//! The public key of a passkey: read from COSE (RFC 9053), and checking signatures with it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::cbor::{self, Item};

/// A public key of one of the three algorithms that we ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// COSE -7: ECDSA on P-256 with SHA-256. The point, uncompressed.
    Es256([u8; 65]),
    /// COSE -8: Ed25519.
    EdDsa([u8; 32]),
    /// COSE -257: RSASSA-PKCS1-v1_5 with SHA-256, for the TPMs of Windows.
    Rs256 {
        /// Modulus, big-endian.
        n: Vec<u8>,
        /// Exponent, big-endian.
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads the key at the begin of these bytes and says what is left after it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (key, rest) = cbor::read(bytes)?;
        Self::of(&key).map(|key| (key, rest))
    }

    fn of(key: &Item<'_>) -> Option<Self> {
        let at = |label: i64| key.get(&Item::Int(label));
        let bytes = |label: i64| at(label).and_then(Item::bytes);
        // Kind of key, algorithm and curve must fit each other: none of them is taken on trust alone.
        match (at(1)?, at(3)?) {
            (Item::Int(2), Item::Int(-7)) if at(-1) == Some(&Item::Int(1)) => {
                let (x, y): ([u8; 32], [u8; 32]) = (bytes(-2)?.try_into().ok()?, bytes(-3)?.try_into().ok()?);
                let mut point = [4; 65];
                point[1..33].copy_from_slice(&x);
                point[33..].copy_from_slice(&y);
                Some(Self::Es256(point))
            }
            (Item::Int(1), Item::Int(-8)) if at(-1) == Some(&Item::Int(6)) => {
                bytes(-2)?.try_into().ok().map(Self::EdDsa)
            }
            (Item::Int(3), Item::Int(-257)) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                let has_size = (256..=1024).contains(&n.len()) && (1..=8).contains(&e.len());
                has_size.then(|| Self::Rs256 { n: n.to_owned(), e: e.to_owned() })
            }
            _ => None,
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        checked.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::AsDer as _,
        rand::SystemRandom,
        rsa::KeySize,
        signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
    };

    use super::*;

    fn head(count: u8, pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0xa0 | count];
        for (key, value) in pairs {
            bytes.extend([*key, *value].concat());
        }
        bytes
    }

    #[test]
    fn an_ed25519_key_checks_the_first_example_of_rfc_8032() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let point = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = hex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        );
        let bytes = head(
            4,
            &[(&[1], &[1]), (&[3], &[0x27]), (&[0x20], &[6]), (&[0x21], &[&[0x58, 32], &point[..]].concat())],
        );
        let (key, rest) = PublicKey::read(&bytes).unwrap();
        assert!(rest.is_empty());
        assert!(key.has_signed(b"", &signature));
        assert!(!key.has_signed(b"x", &signature));
    }

    #[test]
    fn an_rsa_key_of_2048_bits_checks_and_a_shorter_one_is_not_read() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let (n, e) = (
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        let of = |n: &[u8]| {
            let length = u16::try_from(n.len()).unwrap().to_be_bytes();
            let e = [&[0x40 | u8::try_from(e.len()).unwrap()], e].concat();
            let head_of_n: Vec<u8> =
                if n.len() < 256 { vec![0x58, length[1]] } else { [&[0x59], &length[..]].concat() };
            head(
                4,
                &[
                    (&[1], &[3]),
                    (&[3], &[0x39, 1, 0]),
                    (&[0x20], &[&head_of_n[..], n].concat()),
                    (&[0x21], &e),
                ],
            )
        };
        let bytes = of(n);
        let (key, _) = PublicKey::read(&bytes).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"message", &mut signature).unwrap();
        assert!(key.has_signed(b"message", &signature));
        assert!(!key.has_signed(b"other", &signature));
        assert_eq!(PublicKey::read(&of(&n[..128])), None);
    }

    #[test]
    fn kind_algorithm_and_curve_must_fit_each_other() {
        let point = [&[0x58, 32][..], &[7; 32]].concat();
        let key = |kind: u8, algorithm: u8, curve: u8| {
            head(
                5,
                &[
                    (&[1], &[kind]),
                    (&[3], &[algorithm]),
                    (&[0x20], &[curve]),
                    (&[0x21], &point),
                    (&[0x22], &point),
                ],
            )
        };
        assert!(PublicKey::read(&key(2, 0x26, 1)).is_some());
        assert!(PublicKey::read(&key(1, 0x27, 6)).is_some());
        for (kind, algorithm, curve) in
            [(1, 0x26, 1), (2, 0x27, 1), (2, 0x26, 6), (2, 0x26, 2), (4, 0x26, 1), (2, 0x22, 1)]
        {
            assert_eq!(PublicKey::read(&key(kind, algorithm, curve)), None, "{kind} {algorithm} {curve}");
        }
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_has_signed_nothing() {
        assert!(!PublicKey::Es256([4; 65]).has_signed(b"", &[]));
        let pair = Ed25519KeyPair::generate().unwrap();
        assert!(pair.public_key().as_der().is_ok(), "the pair is a real one");
        assert!(!PublicKey::EdDsa([0xff; 32]).has_signed(b"m", pair.sign(b"m").as_ref()));
    }
}
