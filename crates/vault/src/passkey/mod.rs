//! Passkeys: the relying party's part of WebAuthn (Level 3, sections 7.1 and 7.2), as far as we need it.
//!
//! A passkey always proves two things at once: that somebody has the device, and that the device knows who it
//! is (user verification). Which maker built it does not matter, so attestation is neither asked for nor
//! looked at. Whose passkey it is, and that a challenge is used once, is the caller's to know.

mod cbor;
mod evidence;
mod key;
#[cfg(test)]
mod spec;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use evidence::{AuthenticatorData, Ceremony, check_client_data};
use key::PublicKey;
use serde::Deserialize;

/// The algorithms that we ask for, by their numbers in COSE, the best first: ECDSA on P-256, Ed25519, RSA.
pub const PASSKEY_ALGORITHMS: [i32; 3] = [-7, -8, -257];

/// The longest part of an answer that is looked at, in bytes of base64url.
const LONGEST: usize = 64 * 1024;

/// Base64url as the standard demands it, and with padding as some clients write it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who asks for passkeys: they work for this party alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host name, e.g. `chat.example.com`.
    pub id: String,
    /// Scheme, host and port as a browser writes them, e.g. `https://chat.example.com`.
    pub origin: String,
}

/// A new passkey, whose answer was right in every part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    /// The authenticator's name for it; must be unique among all passkeys.
    pub credential: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    /// How often it has signed; 0 for most that are kept in a cloud.
    pub sign_count: u32,
    /// The model of the authenticator, or zeros.
    pub aaguid: [u8; 16],
    /// Whether it may live on several devices.
    pub is_backup_eligible: bool,
    /// Whether it does.
    pub is_backed_up: bool,
}

/// What is kept of a passkey and needed to check its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPasskey {
    /// COSE, from [`NewPasskey`].
    pub public_key: Vec<u8>,
    /// From the last time.
    pub sign_count: u32,
    /// From [`NewPasskey`].
    pub is_backup_eligible: bool,
}

/// What a right signature changes about a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    /// Keep it for the next time.
    pub sign_count: u32,
    /// Whether it lives on several devices now.
    pub is_backed_up: bool,
}

/// The browser's answer when a passkey was made: `RegistrationResponseJSON`. Fields that we do not need are
/// ignored; browsers add some with every version.
#[derive(Debug, Clone, Deserialize)]
pub struct PasskeyRegistration {
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: AttestationResponse,
}

#[derive(Debug, Clone, Deserialize)]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation: String,
}

/// The browser's answer when a passkey was used: `AuthenticationResponseJSON`.
#[derive(Debug, Clone, Deserialize)]
pub struct PasskeyAssertion {
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: AssertionResponse,
}

#[derive(Debug, Clone, Deserialize)]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    data: String,
    signature: String,
    #[serde(rename = "userHandle", default)]
    user_handle: Option<String>,
}

/// Why an answer proves nothing. Callers who are not signed in get one word for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Not what a browser sends, or of an algorithm that was not asked for.
    #[error("the answer of the browser cannot be read")]
    Malformed,
    /// Made by the other ceremony.
    #[error("the answer belongs to another ceremony")]
    Ceremony,
    /// Another challenge than ours.
    #[error("the answer belongs to another request; start again")]
    Challenge,
    /// Another site, or ours inside another one.
    #[error("the passkey was used on another site; open the address that WEBUI_URL names")]
    Origin,
    /// Made for another host name.
    #[error("the passkey belongs to another host name")]
    Party,
    /// Nobody touched the authenticator.
    #[error("nobody confirmed at the device")]
    NobodyThere,
    /// The device did not check who it is.
    #[error("the device did not check who uses it; set a PIN, fingerprint or face for it")]
    NotVerified,
    /// The signature is not the passkey's.
    #[error("the signature is not this passkey's")]
    Signature,
    /// The counter went back: somebody may have copied the authenticator.
    #[error(
        "the passkey was used somewhere else since; it may have been copied. Remove it and add a new one"
    )]
    Copied,
    /// What an authenticator can never change has changed.
    #[error("the passkey is not the one that was added")]
    Changed,
}

impl PasskeyRegistration {
    /// Which challenge it says it answers; nothing is proved yet.
    pub fn challenge(&self) -> Result<Vec<u8>, PasskeyError> {
        evidence::challenge(&decoded(&self.response.client_data)?)
    }

    /// Checks the whole answer, section 7.1.
    pub fn check(&self, challenge: &[u8], party: &RelyingParty) -> Result<NewPasskey, PasskeyError> {
        if self.kind != "public-key" {
            return Err(PasskeyError::Malformed);
        }
        let client_data = decoded(&self.response.client_data)?;
        check_client_data(&client_data, Ceremony::Create, challenge, party)?;
        let attestation = decoded(&self.response.attestation)?;
        let (attestation, rest) = cbor::read(&attestation).ok_or(PasskeyError::Malformed)?;
        let data = attestation.get(&cbor::Item::Text("authData")).and_then(cbor::Item::bytes);
        let data = data.filter(|_| rest.is_empty()).ok_or(PasskeyError::Malformed)?;
        let data = AuthenticatorData::check(data, party)?;
        let made = data.made.as_ref().ok_or(PasskeyError::Malformed)?;
        if decoded(&self.raw_id)? != made.id {
            return Err(PasskeyError::Malformed);
        }
        Ok(NewPasskey {
            credential: made.id.to_owned(),
            public_key: made.key.to_owned(),
            sign_count: data.sign_count,
            aaguid: made.aaguid,
            is_backup_eligible: data.is_backup_eligible(),
            is_backed_up: data.is_backed_up(),
        })
    }
}

impl PasskeyAssertion {
    /// Which passkey it says it is; nothing is proved yet.
    pub fn credential(&self) -> Result<Vec<u8>, PasskeyError> {
        decoded(&self.raw_id)
    }

    /// Which challenge it says it answers; nothing is proved yet.
    pub fn challenge(&self) -> Result<Vec<u8>, PasskeyError> {
        evidence::challenge(&decoded(&self.response.client_data)?)
    }

    /// Whose the authenticator says it is, if it says so; nothing is proved yet.
    pub fn user_handle(&self) -> Result<Option<Vec<u8>>, PasskeyError> {
        self.response.user_handle.as_deref().map(decoded).transpose()
    }

    /// Checks the whole answer against the passkey it names, section 7.2.
    pub fn check(
        &self,
        challenge: &[u8],
        party: &RelyingParty,
        known: &KnownPasskey,
    ) -> Result<PasskeyUse, PasskeyError> {
        if self.kind != "public-key" {
            return Err(PasskeyError::Malformed);
        }
        let client_data = decoded(&self.response.client_data)?;
        check_client_data(&client_data, Ceremony::Get, challenge, party)?;
        let bytes = decoded(&self.response.data)?;
        let data = AuthenticatorData::check(&bytes, party)?;
        let signature = decoded(&self.response.signature)?;
        let (key, rest) = PublicKey::read(&known.public_key).ok_or(PasskeyError::Malformed)?;
        let signed = [&bytes[..], digest(&SHA256, &client_data).as_ref()].concat();
        if !rest.is_empty() || !key.has_signed(&signed, &signature) {
            return Err(PasskeyError::Signature);
        }
        // Before the counter is looked at, so that nobody without the key can make a passkey look copied.
        if data.is_backup_eligible() != known.is_backup_eligible {
            return Err(PasskeyError::Changed);
        }
        let does_count = data.sign_count != 0 || known.sign_count != 0;
        if does_count && data.sign_count <= known.sign_count {
            return Err(PasskeyError::Copied);
        }
        Ok(PasskeyUse { sign_count: data.sign_count, is_backed_up: data.is_backed_up() })
    }
}

/// Base64url as WebAuthn writes bytes in JSON.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    BASE64URL.decode(text).ok()
}

fn decoded(text: &str) -> Result<Vec<u8>, PasskeyError> {
    from_base64url(text).ok_or(PasskeyError::Malformed)
}
