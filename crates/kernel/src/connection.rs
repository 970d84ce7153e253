//! Connections to providers, and the models that they offer.

use serde::{Deserialize, Serialize};

use crate::{BaseUrl, ConnectionId, Pricing, Timestamp};

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionKind {
    /// Any provider with OpenAI's API.
    OpenAi,
    /// The provider built into the binary for `serve --demo`.
    Demo,
}

/// Where a connection was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionSource {
    /// By `OPENAI_API_BASE_URL(S)` and its like; its URL and key can only be changed there.
    Environment,
    /// By an administrator.
    Stored,
}

/// What may be shown of a provider key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTail {
    /// The first 12 hex characters of a keyed digest: the same key has the same fingerprint.
    pub fingerprint: String,
    /// The last four characters, or fewer stars for short keys.
    pub last_four: String,
}

/// A connection to a provider.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Which.
    pub id: ConnectionId,
    /// As shown to people.
    pub name: String,
    /// Where the provider is. The sealed key belongs to this origin and is cleared with it.
    pub base_url: BaseUrl,
    /// What speaks there.
    pub kind: ConnectionKind,
    /// Where it was configured.
    pub source: ConnectionSource,
    /// Whether it is used.
    pub is_enabled: bool,
    /// Its place in the list; the first that offers a model serves it.
    pub position: i64,
    /// Put before the provider's model names, e.g. `local` makes `local/llama`.
    pub prefix: Option<String>,
    /// The key, sealed by `vault` for exactly this row; none when the provider needs none.
    pub sealed_key: Option<Vec<u8>>,
    /// What may be shown of the key.
    pub key_tail: Option<KeyTail>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it changed.
    pub updated_at: Timestamp,
}

/// A model as a provider lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamModel {
    /// The provider's name for it.
    pub id: String,
    /// A name for people, when the provider has one.
    pub name: Option<String>,
    /// When it was published, Unix seconds.
    pub created: i64,
    /// Whose it is, in the provider's words.
    pub owned_by: String,
    /// How many tokens fit, when the provider says so.
    pub context_length: Option<u64>,
    /// What it costs, when the provider says so (OpenRouter does).
    pub pricing: Option<Pricing>,
}

/// What an administrator decided about one model of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelOverride {
    /// Whose model.
    pub connection: ConnectionId,
    /// The provider's name for it.
    pub upstream_id: String,
    /// Another public name for it.
    pub public_id: Option<String>,
    /// Another name for people.
    pub name: Option<String>,
    /// Not offered to anybody.
    pub is_hidden: bool,
    /// What it costs here.
    pub pricing: Option<Pricing>,
}
