//! Passkeys against the standard's own vector, and against an authenticator in software that lies in every way.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;

const CHALLENGE: &[u8] = b"thirty-two bytes of a challenge!";

fn party() -> RelyingParty {
    RelyingParty { id: "chat.example.com".to_owned(), origin: "https://chat.example.com".to_owned() }
}

/// An authenticator and its browser; a test changes what it says.
struct Device {
    pair: EcdsaKeyPair,
    party: String,
    flags: u8,
    count: u32,
    client_data: Value,
    raw_id: Vec<u8>,
}

/// Present, verified.
const FLAGS: u8 = 0b101;
const ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;

impl Device {
    fn new(ceremony: &str) -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            party: party().id,
            flags: FLAGS,
            count: 7,
            client_data: json!({
                "type": ceremony, "challenge": base64url(CHALLENGE), "origin": "https://chat.example.com", "crossOrigin": false,
            }),
            raw_id: b"credential".to_vec(),
        }
    }

    fn cose(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        [&head, &point[1..33], &[0x22, 0x58, 32], &point[33..]].concat()
    }

    fn data(&self, made: Option<&[u8]>) -> Vec<u8> {
        let hash = digest(&SHA256, self.party.as_bytes());
        let flags = self.flags | if made.is_some() { 1 << 6 } else { 0 };
        let made = made.map_or_else(Vec::new, |key| [&[9; 16][..], &[0, 10], b"credential", key].concat());
        [hash.as_ref(), &[flags], &self.count.to_be_bytes(), &made].concat()
    }

    fn made(&self, data: &[u8]) -> PasskeyRegistration {
        let length = u8::try_from(data.len()).unwrap();
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], data].concat();
        serde_json::from_value(json!({
            "id": base64url(&self.raw_id), "rawId": base64url(&self.raw_id), "type": "public-key",
            "response": {
                "clientDataJSON": base64url(self.client_data.to_string().as_bytes()),
                "attestationObject": base64url(&object), "transports": ["internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        }))
        .unwrap()
    }

    fn registers(&self) -> Result<NewPasskey, PasskeyError> {
        self.made(&self.data(Some(&self.cose()))).check(CHALLENGE, &party())
    }

    fn answer(&self, data: &[u8]) -> PasskeyAssertion {
        let client_data = self.client_data.to_string();
        let message = [data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        serde_json::from_value(json!({
            "id": base64url(&self.raw_id), "rawId": base64url(&self.raw_id), "type": "public-key",
            "response": {
                "clientDataJSON": base64url(client_data.as_bytes()), "authenticatorData": base64url(data),
                "signature": base64url(signature.as_ref()), "userHandle": base64url(b"ada"),
            },
        }))
        .unwrap()
    }

    fn known(&self) -> KnownPasskey {
        KnownPasskey { public_key: self.cose(), sign_count: 6, is_backup_eligible: false }
    }

    fn signs_in(&self) -> Result<PasskeyUse, PasskeyError> {
        self.answer(&self.data(None)).check(CHALLENGE, &party(), &self.known())
    }
}

fn get() -> Device {
    Device::new("webauthn.get")
}

fn create() -> Device {
    Device::new("webauthn.create")
}

#[test]
fn the_vector_of_the_standard_is_read_and_lacks_only_user_verification() {
    // WebAuthn Level 3, section 16.2: ES256 credential with no attestation.
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let party = RelyingParty { id: "example.org".to_owned(), origin: "https://example.org".to_owned() };
    let made = hex(
        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    );
    let client_data = hex(
        "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d",
    );
    let challenge = hex("00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130");
    check_client_data(&client_data, Ceremony::Create, &challenge, &party).unwrap();
    let (object, rest) = cbor::read(&made).unwrap();
    assert!(rest.is_empty());
    let data = object.get(&cbor::Item::Text("authData")).and_then(cbor::Item::bytes).unwrap();
    assert_eq!(AuthenticatorData::check(data, &party).unwrap_err(), PasskeyError::NotVerified);

    let (key, _) = PublicKey::read(&data[data.len() - 77..]).unwrap();
    let used = hex("bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000");
    let client_data = hex(
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    );
    let signature = hex(
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
    );
    let message = [&used[..], digest(&SHA256, &client_data).as_ref()].concat();
    assert!(key.has_signed(&message, &signature));
    assert_eq!(AuthenticatorData::check(&used, &party).unwrap_err(), PasskeyError::NotVerified);
}

#[test]
fn a_passkey_is_made_and_then_signs() {
    let mut device = create();
    device.flags = FLAGS | ELIGIBLE | BACKED_UP;
    let made = device.registers().unwrap();
    assert_eq!(
        (made.credential.as_slice(), made.sign_count, made.aaguid),
        (b"credential".as_slice(), 7, [9; 16])
    );
    assert!(made.is_backup_eligible && made.is_backed_up);
    assert_eq!(made.public_key, device.cose());

    let used = get();
    assert_eq!(used.signs_in().unwrap(), PasskeyUse { sign_count: 7, is_backed_up: false });
    let answer = used.answer(&used.data(None));
    assert_eq!(answer.credential().unwrap(), b"credential");
    assert_eq!(answer.user_handle().unwrap().as_deref(), Some(b"ada".as_slice()));
}

#[test]
fn an_answer_counts_for_its_own_ceremony_challenge_and_origin_only() {
    for (field, value, error) in [
        ("type", json!("webauthn.create"), PasskeyError::Ceremony),
        ("type", json!("payment.get"), PasskeyError::Ceremony),
        ("challenge", json!(base64url(b"another challenge")), PasskeyError::Challenge),
        ("challenge", json!(""), PasskeyError::Challenge),
        ("challenge", json!("not base64!"), PasskeyError::Malformed),
        ("origin", json!("http://chat.example.com"), PasskeyError::Origin),
        ("origin", json!("https://chat.example.com:8443"), PasskeyError::Origin),
        ("origin", json!("https://chat.example.com.evil.example"), PasskeyError::Origin),
        ("origin", json!("https://evil.example"), PasskeyError::Origin),
        ("origin", json!("null"), PasskeyError::Origin),
        ("crossOrigin", json!(true), PasskeyError::Origin),
        ("topOrigin", json!("https://evil.example"), PasskeyError::Origin),
        ("crossOrigin", json!("false"), PasskeyError::Malformed),
    ] {
        let mut device = get();
        device.client_data[field] = value.clone();
        assert_eq!(device.signs_in().unwrap_err(), error, "{field} {value}");
    }
    let mut device = create();
    device.client_data["type"] = json!("webauthn.get");
    assert_eq!(device.registers().unwrap_err(), PasskeyError::Ceremony);
    let answer = get();
    let nothing_asked = answer.answer(&answer.data(None)).check(b"", &party(), &answer.known());
    assert_eq!(nothing_asked.unwrap_err(), PasskeyError::Challenge);
}

#[test]
fn the_authenticator_must_mean_us_and_have_checked_a_person() {
    for (flags, error) in [
        (0b100, PasskeyError::NobodyThere),
        (0b001, PasskeyError::NotVerified),
        (FLAGS | BACKED_UP, PasskeyError::Malformed),
        (FLAGS | 1 << 7, PasskeyError::Malformed),
    ] {
        let (mut made, mut used) = (create(), get());
        (made.flags, used.flags) = (flags, flags);
        assert_eq!(made.registers().unwrap_err(), error, "{flags:b}");
        assert_eq!(used.signs_in().unwrap_err(), error, "{flags:b}");
    }
    for other in ["example.com", "evil.example", ""] {
        let mut device = get();
        other.clone_into(&mut device.party);
        assert_eq!(device.signs_in().unwrap_err(), PasskeyError::Party, "{other}");
    }
}

#[test]
fn a_counter_that_does_not_grow_is_a_copy_and_zero_means_that_nobody_counts() {
    let outcome = |known: u32, count: u32| {
        let mut device = get();
        device.count = count;
        let known = KnownPasskey { sign_count: known, ..device.known() };
        device.answer(&device.data(None)).check(CHALLENGE, &party(), &known).map(|used| used.sign_count)
    };
    assert_eq!(outcome(0, 0), Ok(0));
    assert_eq!(outcome(0, 1), Ok(1));
    assert_eq!(outcome(7, 8), Ok(8));
    for (known, count) in [(7, 7), (7, 6), (7, 0), (u32::MAX, u32::MAX)] {
        assert_eq!(outcome(known, count), Err(PasskeyError::Copied), "{known} {count}");
    }
}

#[test]
fn what_cannot_change_about_a_passkey_has_not_changed() {
    let mut device = get();
    device.flags = FLAGS | ELIGIBLE;
    assert_eq!(device.signs_in().unwrap_err(), PasskeyError::Changed);
}

#[test]
fn another_key_or_any_changed_byte_makes_the_signature_wrong() {
    let device = get();
    let answer = device.answer(&device.data(None));
    let stranger = KnownPasskey { public_key: get().cose(), ..device.known() };
    assert_eq!(answer.check(CHALLENGE, &party(), &stranger).unwrap_err(), PasskeyError::Signature);

    let data = device.data(None);
    for at in 33..data.len() {
        let mut changed = data.clone();
        changed[at] ^= 1;
        let mut forged = answer.clone();
        forged.response.data = base64url(&changed);
        assert_eq!(forged.check(CHALLENGE, &party(), &device.known()).unwrap_err(), PasskeyError::Signature);
    }
    let mut forged = answer.clone();
    let said = device.client_data.to_string().replace("false", "false ");
    forged.response.client_data = base64url(said.as_bytes());
    assert_eq!(forged.check(CHALLENGE, &party(), &device.known()).unwrap_err(), PasskeyError::Signature);
    let mut forged = answer;
    forged.response.signature = String::new();
    assert_eq!(forged.check(CHALLENGE, &party(), &device.known()).unwrap_err(), PasskeyError::Signature);
}

#[test]
fn data_that_is_cut_short_or_too_long_is_not_read() {
    let device = create();
    let data = device.data(Some(&device.cose()));
    assert!(device.made(&data).check(CHALLENGE, &party()).is_ok());
    for end in 0..data.len() {
        assert_eq!(
            device.made(&data[..end]).check(CHALLENGE, &party()).unwrap_err(),
            PasskeyError::Malformed
        );
    }
    let longer = [&data[..], &[0]].concat();
    assert_eq!(device.made(&longer).check(CHALLENGE, &party()).unwrap_err(), PasskeyError::Malformed);
    let without = device.data(None);
    assert_eq!(device.made(&without).check(CHALLENGE, &party()).unwrap_err(), PasskeyError::Malformed);
}

#[test]
fn a_credential_that_goes_by_two_names_is_refused() {
    let mut device = create();
    device.raw_id = b"credentiaL".to_vec();
    assert_eq!(device.registers().unwrap_err(), PasskeyError::Malformed);
}

#[test]
fn an_answer_of_another_type_or_of_absurd_size_is_refused() {
    let device = get();
    let mut answer = device.answer(&device.data(None));
    answer.kind = "password".to_owned();
    assert_eq!(answer.check(CHALLENGE, &party(), &device.known()).unwrap_err(), PasskeyError::Malformed);
    answer.raw_id = "A".repeat(LONGEST + 1);
    assert_eq!(answer.credential(), Err(PasskeyError::Malformed));
}
