//! What a browser and an authenticator say about one ceremony, WebAuthn Level 3 sections 5.8.1 and 6.1.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use super::{PasskeyError, RelyingParty, cbor, key::PublicKey};
use crate::constant_time_eq;

/// Longest credential id, section 4 of the standard.
const LONGEST_ID: usize = 1023;
/// Bytes before anything optional: hash, flags, counter.
const FIXED: usize = 37;

/// Which ceremony a browser says it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// What the browser vouches for. The signature covers it; a page cannot choose the origin in it.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    is_cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

/// Checks the browser's part: the ceremony, our challenge, our very origin, not inside somebody else's page.
pub(super) fn check_client_data(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &[u8],
    party: &RelyingParty,
) -> Result<(), PasskeyError> {
    let said: ClientData = serde_json::from_slice(json).map_err(|_| PasskeyError::Malformed)?;
    let expected = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if said.kind != expected {
        return Err(PasskeyError::Ceremony);
    }
    let answered = super::from_base64url(&said.challenge).ok_or(PasskeyError::Malformed)?;
    if challenge.is_empty() || !constant_time_eq(&answered, challenge) {
        return Err(PasskeyError::Challenge);
    }
    if said.origin != party.origin || said.is_cross_origin || said.top_origin.is_some() {
        return Err(PasskeyError::Origin);
    }
    Ok(())
}

/// The challenge that the browser says it was given.
pub(super) fn challenge(json: &[u8]) -> Result<Vec<u8>, PasskeyError> {
    let said: ClientData = serde_json::from_slice(json).map_err(|_| PasskeyError::Malformed)?;
    super::from_base64url(&said.challenge).ok_or(PasskeyError::Malformed)
}

/// What the authenticator vouches for.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    flags: u8,
    pub(super) sign_count: u32,
    /// Only when a passkey is made.
    pub(super) made: Option<Made<'a>>,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    /// COSE, as it stands there.
    pub(super) key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    const PRESENT: u8 = 1;
    const VERIFIED: u8 = 1 << 2;
    const ELIGIBLE: u8 = 1 << 3;
    const BACKED_UP: u8 = 1 << 4;
    const MADE: u8 = 1 << 6;
    const EXTENSIONS: u8 = 1 << 7;

    /// Reads it to the last byte and checks whom it is for and that a person was there and proved it.
    pub(super) fn check(bytes: &'a [u8], party: &RelyingParty) -> Result<Self, PasskeyError> {
        let data = Self::read(bytes).ok_or(PasskeyError::Malformed)?;
        if !constant_time_eq(&bytes[..32], digest(&SHA256, party.id.as_bytes()).as_ref()) {
            return Err(PasskeyError::Party);
        }
        if data.flags & Self::PRESENT == 0 {
            return Err(PasskeyError::NobodyThere);
        }
        if data.flags & Self::VERIFIED == 0 {
            return Err(PasskeyError::NotVerified);
        }
        // Section 6.1.3: what cannot be backed up cannot have been.
        if data.is_backed_up() && !data.is_backup_eligible() {
            return Err(PasskeyError::Malformed);
        }
        Ok(data)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_at_checked(FIXED)?;
        let flags = fixed[32];
        let sign_count = u32::from_be_bytes(fixed[33..].try_into().ok()?);
        let made = if flags & Self::MADE == 0 {
            None
        } else {
            let (made, after) = Made::read(rest)?;
            rest = after;
            Some(made)
        };
        if flags & Self::EXTENSIONS != 0 {
            let (extensions, after) = cbor::read(rest)?;
            rest = after;
            matches!(extensions, cbor::Item::Map(_)).then_some(())?;
        }
        rest.is_empty().then_some(Self { flags, sign_count, made })
    }

    pub(super) const fn is_backup_eligible(&self) -> bool {
        self.flags & Self::ELIGIBLE != 0
    }

    pub(super) const fn is_backed_up(&self) -> bool {
        self.flags & Self::BACKED_UP != 0
    }
}

impl<'a> Made<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=LONGEST_ID).contains(&length) {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let (_, after) = PublicKey::read(rest)?;
        let key = &rest[..rest.len() - after.len()];
        Some((Self { aaguid: *aaguid, id, key }, after))
    }
}
