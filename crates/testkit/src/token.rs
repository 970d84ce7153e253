//! Session tokens as a forger makes them: any header, any claims, any key.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy)]
pub enum Hash {
    /// Of HS256.
    Sha256,
    /// Of HS384.
    Sha384,
    /// Of HS512.
    Sha512,
}

/// A JSON Web Token with this header and these claims, signed with HMAC whatever the header says.
pub fn forge(header: &Value, claims: &Value, hash: Hash, secret: &str) -> String {
    forge_text(&header.to_string(), &claims.to_string(), hash, secret)
}

/// The same of texts that need not be JSON.
pub fn forge_text(header: &str, claims: &str, hash: Hash, secret: &str) -> String {
    let algorithm = match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// What a token says. Panics when it is none.
pub fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = body.and_then(|body| serde_json::from_slice(&body).ok());
    claims.expect("a session token has claims")
}
