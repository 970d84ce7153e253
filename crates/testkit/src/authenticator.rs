//! What people hold in their hands: an authenticator app, and a device with a passkey.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// An authenticator app that was given a seed.
#[derive(Debug, Clone)]
pub struct AuthenticatorApp(Vec<u8>);

impl AuthenticatorApp {
    /// Takes a seed in base 32.
    pub fn new(seed: &str) -> Self {
        let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
        for letter in seed.bytes() {
            let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
            bits = bits << 5 | u32::from(value);
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count & 255) as u8);
            }
        }
        Self(bytes)
    }

    /// The code of the present step, or of one `later`; the server takes those next to the present one.
    #[expect(
        clippy::disallowed_methods,
        reason = "a code belongs to a time of the real clock, which the binary uses"
    )]
    pub fn code(&self, later: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let step = i64::try_from(now / 30).unwrap_or(0) + later;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[19] & 15);
        let number = u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// A device with one passkey. It says what it is told to say, also lies.
#[derive(Debug)]
pub struct Device {
    pair: EcdsaKeyPair,
    /// Its name for the passkey.
    pub credential: Vec<u8>,
    /// Whose it is, as it was told.
    pub user_handle: String,
    /// Where its browser is.
    pub origin: String,
    /// Present 1, verified 4.
    pub flags: u8,
    /// How often it has signed.
    pub count: u32,
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Device {
    /// A new one, whose browser is at this origin.
    pub fn new(origin: &str) -> Self {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("the system gives random bytes");
        let credential = digest(&SHA256, pair.public_key().as_ref()).as_ref()[..16].to_owned();
        Self { pair, credential, user_handle: String::new(), origin: origin.to_owned(), flags: 5, count: 0 }
    }

    /// Makes the passkey that these options ask for.
    pub fn make(&mut self, options: &Value) -> Value {
        options["user"]["id"].as_str().unwrap_or_default().clone_into(&mut self.user_handle);
        let point = self.pair.public_key().as_ref();
        let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        let key = [&head, &point[1..33], &[0x22, 0x58, 32], &point[33..]].concat();
        let made = [&[0; 16][..], &[0, 16], &self.credential, &key].concat();
        let party = options["rp"]["id"].as_str().unwrap_or_default();
        let data = [self.data(party, self.flags | 64), made].concat();
        let length = u8::try_from(data.len()).expect("a small authenticator");
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        json!({
            "id": text(&self.credential), "rawId": text(&self.credential), "type": "public-key",
            "response": { "clientDataJSON": text(&self.client_data("webauthn.create", options)), "attestationObject": text(&object) },
            "clientExtensionResults": {},
        })
    }

    /// Signs the challenge of these options.
    pub fn sign(&mut self, options: &Value) -> Value {
        self.count += 1;
        let data = self.data(options["rpId"].as_str().unwrap_or_default(), self.flags);
        let client_data = self.client_data("webauthn.get", options);
        let message = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).expect("a key pair signs");
        json!({
            "id": text(&self.credential), "rawId": text(&self.credential), "type": "public-key",
            "response": {
                "clientDataJSON": text(&client_data), "authenticatorData": text(&data),
                "signature": text(signature.as_ref()), "userHandle": self.user_handle,
            },
            "clientExtensionResults": {},
        })
    }

    fn data(&self, party: &str, flags: u8) -> Vec<u8> {
        [digest(&SHA256, party.as_bytes()).as_ref(), &[flags], &self.count.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }
}
