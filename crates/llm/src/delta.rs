//! Chat completion events as what they add to an answer: for the chat workspace, which keeps the answer.

use kernel::TokenCount;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ProviderError, Usage};

/// What one event adds to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// What the model thinks, where the provider shows it.
    Reasoning(String),
    /// A piece of a tool call.
    ToolCall(ToolCallPiece),
    /// Why the answer ended.
    Finish(FinishReason),
    /// What it took; may come after the end, and more than once: the last one counts.
    Usage(TokenCount),
    /// The provider failed in the middle of the answer.
    Error(ProviderError),
    /// `[DONE]`.
    Done,
}

/// A piece of a tool call. The first piece of a call has its id and name, every piece may have arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCallPiece {
    /// Which of the calls of this answer.
    pub index: u64,
    /// The provider's id of the call.
    pub id: Option<String>,
    /// The function.
    pub name: Option<String>,
    /// The next characters of the arguments.
    pub arguments: String,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The limit of tokens.
    Length,
    /// The model waits for tools.
    ToolCalls,
    /// The provider's filter.
    ContentFilter,
    /// The provider says that it failed.
    Error,
}

impl FinishReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Error => "error",
        }
    }

    /// Reads the word of a provider; what nobody knows counts as a regular end.
    fn of(word: &str) -> Self {
        match word {
            "length" | "max_tokens" => Self::Length,
            "tool_calls" | "function_call" | "tool_use" => Self::ToolCalls,
            "content_filter" | "safety" => Self::ContentFilter,
            "error" => Self::Error,
            _ => Self::Stop,
        }
    }
}

/// Data that is no event of a chat completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider sent an event that is not a JSON object")]
pub struct DeltaError;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// A part of structured content or reasoning.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
}

impl Delta {
    /// Reads the data of one event of a stream, or a whole answer: what it adds, in order. Only the first
    /// choice counts. A field of a wrong type is left out.
    pub fn read(data: &[u8]) -> Result<Vec<Self>, DeltaError> {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(vec![Self::Done]);
        }
        if !data.starts_with(b"{") {
            return Err(DeltaError);
        }
        let text = String::from_utf8_lossy(data);
        let chunk: Chunk<'_> = serde_json::from_str(&text).map_err(|_| DeltaError)?;
        let mut deltas = Vec::new();
        let choices: Vec<Choice<'_>> = parsed(chunk.choices);
        if let Some(choice) = choices.iter().find(|choice| choice.index.unwrap_or(0) == 0) {
            let fields: Fields<'_> = parsed(choice.delta.or(choice.message));
            fields.read_into(&mut deltas);
            if let Some(reason) = string(choice.finish_reason) {
                deltas.push(Self::Finish(FinishReason::of(&reason)));
            }
        }
        if let Some(error) = chunk.error.filter(|raw| raw.get() != "null") {
            deltas.push(Self::Error(ProviderError::read(error.get().as_bytes())));
        }
        if let Some(usage) = chunk.usage.and_then(|raw| Usage::read(raw.get())) {
            deltas.push(Self::Usage(usage.tokens));
        }
        Ok(deltas)
    }
}

impl Fields<'_> {
    fn read_into(&self, deltas: &mut Vec<Delta>) {
        // Providers that send several of these send the same thought in each: take the first.
        let reasoning = [self.reasoning_content, self.reasoning, self.reasoning_details];
        let thought = reasoning.into_iter().map(written).find(|text| !text.is_empty());
        deltas.extend(thought.map(Delta::Reasoning));
        let text = written(self.content) + &written(self.refusal);
        if !text.is_empty() {
            deltas.push(Delta::Text(text));
        }
        let calls: Vec<Call<'_>> = parsed(self.tool_calls);
        for (position, call) in calls.iter().enumerate() {
            let function: Function<'_> = parsed(call.function);
            deltas.push(Delta::ToolCall(ToolCallPiece {
                index: call.index.unwrap_or(position as u64),
                id: string(call.id).filter(|id| !id.is_empty()),
                name: string(function.name).filter(|name| !name.is_empty()),
                arguments: arguments(function.arguments),
            }));
        }
    }
}

/// A value of this shape, or its default.
fn parsed<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A string, or the texts of an array of parts.
fn written(raw: Option<&RawValue>) -> String {
    if let Some(text) = string(raw) {
        return text;
    }
    let parts: Vec<Part<'_>> = parsed(raw);
    parts.iter().filter_map(|part| string(part.text).or_else(|| string(part.summary))).collect()
}

/// JSON text in a string; some providers send the object itself.
fn arguments(raw: Option<&RawValue>) -> String {
    match raw {
        Some(object) if object.get().starts_with('{') => object.get().to_owned(),
        _ => string(raw).unwrap_or_default(),
    }
}
