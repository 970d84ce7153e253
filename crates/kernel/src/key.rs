//! Virtual keys: what programs present instead of a provider's key.

use serde::{Deserialize, Serialize};

use crate::{KeyId, Money, Timestamp, UserId};

/// What a program can call. The names are the values of a key's `endpoints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    #[serde(rename = "chat.completions")]
    ChatCompletions,
    /// `POST /v1/completions`.
    #[serde(rename = "completions")]
    Completions,
    /// `POST /v1/embeddings`.
    #[serde(rename = "embeddings")]
    Embeddings,
    /// `POST /v1/responses`.
    #[serde(rename = "responses")]
    Responses,
    /// `GET /v1/models`.
    #[serde(rename = "models")]
    Models,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ChatCompletions, Self::Completions, Self::Embeddings, Self::Responses, Self::Models];

    /// The name in a key's list, in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat.completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Models => "models",
        }
    }

    /// Reads [`Endpoint::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.as_str() == text)
    }

    /// The path below a provider's base URL, which itself ends in `/v1` or its like.
    pub const fn provider_path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
            Self::Models => "/models",
        }
    }

    /// The path as callers know it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Models => "/v1/models",
        }
    }
}

/// A model name in which each `*` stands for any run of characters, e.g. `openai/*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelPattern(pub String);

impl ModelPattern {
    /// Whether this name is meant. Linear in the length of both, whatever the pattern.
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut name) = name.strip_prefix(first) else { return false };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return name.ends_with(part);
            }
            match name.find(part) {
                Some(at) => name = &name[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

/// What a key is good for at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Works.
    Active,
    /// An administrator stopped it for now.
    Blocked,
    /// Its time is over.
    Expired,
    /// Ended for ever; there is no way back.
    Revoked,
}

/// A virtual key. Its secret was shown once; we keep a keyed digest, which lives in the store only.
#[derive(Debug, Clone)]
pub struct VirtualKey {
    /// Safe to log.
    pub id: KeyId,
    /// The keyed digest of the secret, from `vault`.
    pub digest: [u8; 32],
    /// The public first characters, e.g. `sk-Ab3x`.
    pub prefix: String,
    /// The last four characters of the secret.
    pub last_four: String,
    /// What the administrator calls it; unique among keys that are not revoked when not empty.
    pub name: String,
    /// Whose key it is.
    pub owner: Option<UserId>,
    /// Which models, by public name; empty means all.
    pub models: Vec<ModelPattern>,
    /// Which endpoints; empty means all.
    pub endpoints: Vec<Endpoint>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// The most it may ever spend.
    pub max_budget: Option<Money>,
    /// What it has spent and settled.
    pub spend: Money,
    /// Stopped for now.
    pub is_blocked: bool,
    /// Ended for ever.
    pub revoked_at: Option<Timestamp>,
    /// Free JSON object of the caller's, as LiteLLM's `metadata`.
    pub metadata: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom, see [`crate::Caller::label`].
    pub created_by: String,
    /// When anything of it changed.
    pub updated_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl VirtualKey {
    /// What the key is good for at this moment.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.is_blocked {
            KeyState::Blocked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

/// A change to a key: `None` leaves a field alone; the inner `None` clears it.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// New name.
    pub name: Option<String>,
    /// New owner.
    pub owner: Option<Option<UserId>>,
    /// New list of models.
    pub models: Option<Vec<ModelPattern>>,
    /// New list of endpoints.
    pub endpoints: Option<Vec<Endpoint>>,
    /// New end.
    pub expires_at: Option<Option<Timestamp>>,
    /// New budget.
    pub max_budget: Option<Option<Money>>,
    /// New spend, as LiteLLM's `/key/update` allows.
    pub spend: Option<Money>,
    /// Block or unblock.
    pub is_blocked: Option<bool>,
    /// New metadata, a JSON object.
    pub metadata: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters_and_nothing_else_is_special() {
        let cases = [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("openai/*", "openai/gpt-4o", true),
            ("openai/*", "openrouter/openai/gpt-4o", false),
            ("*", "", true),
            ("*-mini", "gpt-4o-mini", true),
            ("gpt-*-mini", "gpt-4o-mini", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("gpt.4o", "gpt-4o", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(ModelPattern(pattern.into()).matches(name), expected, "{pattern} against {name}");
        }
    }
}
