//! What can go wrong on the way out, in words that a caller may read.

use std::error::Error;

/// Why a request did not get its answer. No text names a resolved address, a header or a byte of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EgressError {
    /// The name or one of its addresses is closed for this destination.
    #[error(
        "this address may not be connected to; an operator can open a private address by naming its base URL \
         in OPENAI_ALLOWED_API_BASE_URLS"
    )]
    Refused,
    /// A public destination on a port that web servers do not use.
    #[error(
        "only the ports 80, 443, 8080 and 8443 may be connected to; an operator can open another one by naming \
         its base URL in OPENAI_ALLOWED_API_BASE_URLS"
    )]
    Port,
    /// The request does not fit its destination: another origin, a path outside the base URL, CONNECT.
    #[error("the request does not lie below its base URL")]
    Outside,
    /// The host has no address.
    #[error("the provider's host name could not be resolved")]
    Resolve,
    /// No connection.
    #[error("no connection to the provider could be made")]
    Connect,
    /// No connection in time.
    #[error("connecting to the provider took too long")]
    ConnectTimeout,
    /// The certificate or the handshake is bad.
    #[error(
        "no secure connection to the provider could be made; its certificate or TLS version is not accepted"
    )]
    Tls,
    /// Bytes that are no certificate of an authority.
    #[error("a certificate authority to trust could not be read; it must be a DER certificate")]
    Authority,
    /// The provider hung up before it answered, or in the middle of the answer.
    #[error("the provider closed the connection before its answer was complete")]
    Closed,
    /// The provider did not begin its answer in time.
    #[error("the provider did not begin to answer in time")]
    HeadTimeout,
    /// The provider stopped sending in the middle of its answer.
    #[error("the provider stopped answering half-way")]
    Stalled,
    /// The head of the answer has more bytes or fields than we read.
    #[error("the head of the provider's answer is too large")]
    HeadTooLarge,
    /// The body of the answer has more bytes than the caller takes.
    #[error("the provider's answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that was allowed, in bytes.
        limit: usize,
    },
    /// What came back is not HTTP.
    #[error("the provider's answer is not valid HTTP")]
    Protocol,
}

impl EgressError {
    /// What an error of the HTTP client means.
    pub(crate) fn from_client(error: &hyper_util::client::legacy::Error) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(ours) = inner.downcast_ref::<Self>() {
                return *ours;
            }
            if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
                return Self::from(hyper);
            }
            cause = inner.source();
        }
        if error.is_connect() { Self::Connect } else { Self::Closed }
    }
}

/// Errors of a response body that is being read.
impl From<&hyper::Error> for EgressError {
    fn from(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() || error.is_parse_status() {
            Self::Protocol
        } else if error.is_timeout() {
            Self::Stalled
        } else {
            Self::Closed
        }
    }
}

impl From<hyper::Error> for EgressError {
    fn from(error: hyper::Error) -> Self {
        Self::from(&error)
    }
}
