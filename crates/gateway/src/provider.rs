//! A connection as the request path needs it: where to call and with which credential.
//!
//! The credential is unsealed once, when the connection is loaded, and lives here as a header value that
//! does not print.

use bytes::Bytes;
use egress::Destination;
use http::HeaderValue;
use kernel::{ConnectionId, Secret};
use llm::Redaction;

/// A provider that can be called.
#[derive(Debug)]
pub struct Provider {
    /// Which connection it is.
    pub id: ConnectionId,
    /// As shown to people.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// Put before the provider's model names.
    pub prefix: Option<String>,
}

impl Provider {
    /// What the provider says, without our key. Some repeat a key that they do not like.
    pub(crate) fn redacted(&self, bytes: Bytes) -> Bytes {
        match &self.transport {
            Transport::Http { credential: Some(Credential { redaction: Some(redaction), .. }), .. } => {
                redaction.apply(bytes)
            }
            _ => bytes,
        }
    }
}

/// How a provider is reached.
#[derive(Debug)]
pub enum Transport {
    /// Over the network.
    Http {
        /// The base URL and whether private addresses may stand behind it.
        destination: Destination,
        /// What proves us to the provider; none for providers without keys.
        credential: Option<Credential>,
    },
    /// The demo provider inside the binary.
    Demo,
}

/// A provider's key, ready to be sent to its own origin and nowhere else.
#[derive(Debug)]
pub struct Credential {
    header: HeaderValue,
    secret: Secret<String>,
    redaction: Option<Redaction>,
}

impl Provider {
    /// Whether it is the demo provider inside the binary.
    pub const fn is_demo(&self) -> bool {
        matches!(self.transport, Transport::Demo)
    }
}

/// A key that cannot be sent as a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a provider key may only hold visible ASCII characters")]
pub struct UnsendableKey;

impl Credential {
    /// Prepares a bearer credential.
    pub fn bearer(secret: Secret<String>) -> Result<Self, UnsendableKey> {
        let is_visible = !secret.expose().is_empty() && secret.expose().bytes().all(|b| b.is_ascii_graphic());
        if !is_visible {
            return Err(UnsendableKey);
        }
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", secret.expose())).map_err(|_| UnsendableKey)?;
        header.set_sensitive(true);
        let redaction = Redaction::of(secret.expose());
        Ok(Self { header, secret, redaction })
    }

    /// The value of the `authorization` header; marked sensitive.
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The bare key, for removing it from what the provider answers.
    pub const fn secret(&self) -> &Secret<String> {
        &self.secret
    }
}
