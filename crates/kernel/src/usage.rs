//! What one request to a model used and cost.

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, ConnectionId, Endpoint, KeyId, Money, RequestId, Timestamp, UsageId, UserId};

/// Tokens of one request. `cached` is part of `prompt`, `reasoning` is part of `completion`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCount {
    /// Tokens sent.
    pub prompt: u64,
    /// Of those, read from the provider's cache.
    pub cached: u64,
    /// Tokens received.
    pub completion: u64,
    /// Of those, spent on reasoning.
    pub reasoning: u64,
}

/// How the request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered to the end.
    Ok,
    /// The provider failed, before or in the middle of the answer.
    Failed,
    /// The client went away; what was received until then counts.
    Disconnected,
    /// We refused before any provider was called.
    Refused,
}

impl Outcome {
    /// The word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Disconnected => "disconnected",
            Self::Refused => "refused",
        }
    }

    /// Reads [`Outcome::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::Failed, Self::Disconnected, Self::Refused].into_iter().find(|it| it.as_str() == text)
    }
}

/// One row of the ledger, under our own id: a provider's id may repeat.
#[derive(Debug, Clone)]
pub struct UsageRecord {
    /// Ours, unique.
    pub id: UsageId,
    /// The HTTP request, as in the log line and `x-request-id`.
    pub request: RequestId,
    /// When the request arrived.
    pub at: Timestamp,
    /// What was called.
    pub endpoint: Endpoint,
    /// The public model name that was asked for.
    pub model: String,
    /// The connection that answered; none when we refused before choosing.
    pub connection: Option<ConnectionId>,
    /// The virtual key that pays, if any.
    pub key: Option<KeyId>,
    /// The person who asked or who owns the key.
    pub user: Option<UserId>,
    /// The API key of theirs that the person asked with, if it was not a sign-in.
    pub api_key: Option<ApiKeyId>,
    /// How it ended.
    pub outcome: Outcome,
    /// The status the caller saw.
    pub status: u16,
    /// Tokens, reported or estimated.
    pub tokens: TokenCount,
    /// Whether the provider left the counting to us.
    pub is_estimated: bool,
    /// What it cost; none when the model has no known price.
    pub cost: Option<Money>,
    /// From arrival to the last byte.
    pub milliseconds: u64,
    /// From arrival to the provider's first byte.
    pub first_byte_milliseconds: Option<u64>,
    /// Whether the answer was streamed.
    pub is_stream: bool,
    /// The stable code of what went wrong; never the provider's text, which may quote the prompt.
    pub error: Option<String>,
}
