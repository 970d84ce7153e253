//! Answers that are not streamed: what they report, without building a tree of them.

use kernel::{Endpoint, Money, TokenCount};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ProviderError, Usage, text};

/// What a whole answer was worth. The answer itself goes on as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the provider reported; none when it reported nothing or zero.
    pub tokens: Option<TokenCount>,
    /// Tokens of the text that was delivered, a quarter of its bytes: for settling when `tokens` is none.
    pub estimated_completion: u64,
    /// What the provider says it charges, for the record.
    pub reported_cost: Option<Money>,
    /// An error although the status says that all is well.
    pub error: Option<ProviderError>,
}

/// Why the body of a successful answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nothing at all.
    #[error("the provider's answer is empty")]
    Empty,
    /// No JSON, or JSON that ends too early.
    #[error("the provider's answer is not valid JSON")]
    NotJson,
    /// JSON, but an array, a string …
    #[error("the provider's answer is not a JSON object")]
    NotAnObject,
}

/// The fields that are worth reading.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

impl Answer {
    /// Reads the body of an answer with a status of success.
    pub fn read(endpoint: Endpoint, body: &[u8]) -> Result<Self, AnswerError> {
        match body.trim_ascii_start().first() {
            None => return Err(AnswerError::Empty),
            Some(b'{') => {}
            Some(b'[' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n') => {
                return Err(AnswerError::NotAnObject);
            }
            Some(_) => return Err(AnswerError::NotJson),
        }
        let raw: Raw<'_> = serde_json::from_slice(body).map_err(|_| AnswerError::NotJson)?;
        let usage = raw.usage.and_then(|raw| Usage::read(raw.get()));
        let written = match endpoint {
            Endpoint::Responses => raw.output,
            Endpoint::ChatCompletions | Endpoint::Completions => raw.choices,
            Endpoint::Embeddings | Endpoint::Models => None,
        };
        let bytes = written.map_or(0, |raw| text::in_value(raw.get().as_bytes()).0);
        let error = raw.error.filter(|raw| !matches!(raw.get(), "null" | "{}" | "\"\"" | "false"));
        Ok(Self {
            tokens: usage.map(|usage| usage.tokens),
            estimated_completion: bytes.div_ceil(4),
            reported_cost: usage.and_then(|usage| usage.reported_cost),
            error: error.map(|raw| ProviderError::read(raw.get().as_bytes())),
        })
    }
}
