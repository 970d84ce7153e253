//! A message on the wire: Open WebUI's message object, with ours added.

use kernel::{MessageId, MessageRole as Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use workspace::{MessageDraft, Tree};

/// One message of a chat.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::workspace) struct Message {
    id: String,
    #[schema(required)]
    parent_id: Option<String>,
    /// The messages below it, oldest first.
    children_ids: Vec<String>,
    role: MessageRole,
    /// Markdown.
    content: String,
    /// Unix seconds.
    timestamp: i64,
    /// Of a question: the models that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    models: Option<Vec<String>>,
    /// Of an answer: the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    model: Option<String>,
    /// Of an answer: the model's name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    model_name: Option<String>,
    /// Of an answer: false while it is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    done: Option<bool>,
    /// What the model thought.
    #[serde(rename = "reasoning_content", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reasoning: Option<String>,
    /// Tools the model asked for.
    #[serde(rename = "tool_calls", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tool_calls: Vec<ToolCall>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<MessageError>,
    /// Present and true when somebody pressed stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stopped: Option<bool>,
    /// What the answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usage: Option<Provenance>,
    /// Further fields of Open WebUI's, as they came.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::workspace) enum MessageRole {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Instructions.
    System,
}

/// A tool that the model asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(in crate::workspace) struct ToolCall {
    id: String,
    name: String,
    /// JSON text as the model wrote it.
    arguments: String,
}

/// Why an answer failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(in crate::workspace) struct MessageError {
    /// A sentence.
    content: String,
    /// Stable and machine-readable.
    #[serde(default)]
    code: String,
}

/// What an answer took.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::workspace) struct Provenance {
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Part of the completion tokens.
    reasoning_tokens: u64,
    /// Part of the prompt tokens.
    cached_tokens: u64,
    /// The provider did not count, so we did.
    estimated: bool,
    /// USD; null when the price is not known.
    #[schema(required)]
    cost: Option<f64>,
    /// From the question to the last byte.
    milliseconds: u64,
    /// From the question to the first token.
    #[schema(required)]
    first_token_milliseconds: Option<u64>,
    /// Of the answer, from its first token on.
    #[schema(required)]
    tokens_per_second: Option<f64>,
    /// The connection's name.
    connection: String,
}

impl Message {
    /// The message as it stands in its chat.
    pub(in crate::workspace) fn of(message: &kernel::Message, tree: &Tree<'_>) -> Self {
        let children = tree.children(&message.id).iter().map(ToString::to_string).collect();
        Self { children_ids: children, ..Self::alone(message) }
    }

    /// The message without what hangs below it.
    pub(in crate::workspace) fn alone(message: &kernel::Message) -> Self {
        let mut extra: Map<String, Value> = serde_json::from_str(&message.extra).unwrap_or_default();
        let is_answer = message.role == Role::Assistant;
        let model_name = extra.remove("modelName").and_then(|name| name.as_str().map(str::to_owned));
        let asked = extra.remove("models").and_then(|models| serde_json::from_value(models).ok());
        let asked = asked.or_else(|| message.model.clone().map(|model| vec![model]));
        Self {
            id: message.id.to_string(),
            parent_id: message.parent.as_ref().map(ToString::to_string),
            children_ids: Vec::new(),
            role: message.role.into(),
            content: message.content.clone(),
            timestamp: message.created_at.seconds(),
            models: asked.filter(|_| message.role == Role::User),
            model_name: model_name.or_else(|| message.model.clone()).filter(|_| is_answer),
            model: message.model.clone().filter(|_| is_answer),
            done: is_answer.then_some(message.is_done),
            reasoning: message.reasoning.clone(),
            tool_calls: message.tool_calls.iter().cloned().map(ToolCall::from).collect(),
            error: message.error.clone().map(MessageError::from),
            stopped: message.is_stopped.then_some(true),
            usage: message.provenance.as_ref().map(Provenance::from),
            extra,
        }
    }
}

impl From<Role> for MessageRole {
    fn from(role: Role) -> Self {
        match role {
            Role::System => Self::System,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
        }
    }
}

impl From<MessageRole> for Role {
    fn from(role: MessageRole) -> Self {
        match role {
            MessageRole::System => Self::System,
            MessageRole::User => Self::User,
            MessageRole::Assistant => Self::Assistant,
        }
    }
}

impl From<kernel::ToolCall> for ToolCall {
    fn from(call: kernel::ToolCall) -> Self {
        Self { id: call.id, name: call.name, arguments: call.arguments }
    }
}

impl From<kernel::TurnError> for MessageError {
    fn from(error: kernel::TurnError) -> Self {
        Self { content: error.content, code: error.code }
    }
}

impl From<&kernel::Provenance> for Provenance {
    fn from(took: &kernel::Provenance) -> Self {
        Self {
            prompt_tokens: took.tokens.prompt,
            completion_tokens: took.tokens.completion,
            reasoning_tokens: took.tokens.reasoning,
            cached_tokens: took.tokens.cached,
            estimated: took.is_estimated,
            cost: took.cost.map(kernel::Money::dollars),
            milliseconds: took.milliseconds,
            first_token_milliseconds: took.first_token_milliseconds,
            tokens_per_second: tokens_per_second(took),
            connection: took.connection.clone(),
        }
    }
}

/// None when the whole answer came at once, which says nothing about the model's pace.
#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn tokens_per_second(took: &kernel::Provenance) -> Option<f64> {
    let first = took.first_token_milliseconds?;
    let milliseconds = took.milliseconds.checked_sub(first).filter(|milliseconds| *milliseconds >= 50)?;
    let rate = took.tokens.completion as f64 * 1000.0 / milliseconds as f64;
    Some((rate * 10.0).round() / 10.0)
}

/// A message to add or change. What follows from other messages (`childrenIds`) or is the server's to say
/// (`done`, `usage`) is read over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageInput {
    /// The key under which it is given, when it is left out.
    #[schema(nullable = false)]
    id: Option<String>,
    #[schema(value_type = Option<String>)]
    parent_id: Option<MessageId>,
    role: MessageRole,
    #[serde(default)]
    content: String,
    /// Unix seconds.
    #[schema(nullable = false)]
    timestamp: Option<f64>,
    #[schema(nullable = false)]
    models: Option<Vec<String>>,
    #[schema(nullable = false)]
    model: Option<String>,
    #[serde(rename = "reasoning_content")]
    #[schema(nullable = false)]
    reasoning: Option<String>,
    #[serde(rename = "tool_calls", default)]
    tool_calls: Option<Vec<ToolCall>>,
    #[schema(nullable = false)]
    error: Option<MessageError>,
    #[schema(nullable = false)]
    stopped: Option<bool>,
    /// Further fields, kept as they came.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// Fields of the wire that are no further fields, although [`MessageInput`] has no use for them.
const READ_OVER: [&str; 3] = ["childrenIds", "done", "usage"];

impl MessageInput {
    /// The draft under this id; none when it says that it has another one.
    pub(super) fn draft(self, id: MessageId) -> Option<MessageDraft> {
        let mut extra = self.extra;
        extra.retain(|name, value| !READ_OVER.contains(&name.as_str()) && !value.is_null());
        let models = self.models.unwrap_or_default();
        if models.len() > 1 {
            extra.insert("models".to_owned(), Value::from(models.clone()));
        }
        let is_same = self.id.is_none_or(|own| own == id.as_str());
        is_same.then(|| MessageDraft {
            id,
            parent: self.parent_id,
            role: self.role.into(),
            content: self.content,
            model: self.model.or_else(|| models.into_iter().next()),
            timestamp: self.timestamp.map(whole_seconds),
            reasoning: self.reasoning,
            tool_calls: self.tool_calls.into_iter().flatten().map(kernel::ToolCall::from).collect(),
            error: self.error.map(kernel::TurnError::from),
            is_stopped: self.stopped.unwrap_or(false),
            extra,
        })
    }
}

/// Some clients send fractions of seconds.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no date is that far away")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds.floor() as i64
}

impl From<ToolCall> for kernel::ToolCall {
    fn from(call: ToolCall) -> Self {
        Self { id: call.id, name: call.name, arguments: call.arguments }
    }
}

impl From<MessageError> for kernel::TurnError {
    fn from(error: MessageError) -> Self {
        Self { content: error.content, code: error.code }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Money, TokenCount};

    use super::*;

    fn took(milliseconds: u64, first_token_milliseconds: Option<u64>) -> kernel::Provenance {
        kernel::Provenance {
            tokens: TokenCount { completion: 100, ..TokenCount::default() },
            is_estimated: false,
            cost: Some(Money::ZERO),
            milliseconds,
            first_token_milliseconds,
            connection: "Demo".to_owned(),
        }
    }

    #[test]
    fn the_rate_counts_from_the_first_token_and_an_answer_that_came_at_once_has_none() {
        assert_eq!(tokens_per_second(&took(2_500, Some(500))), Some(50.0));
        assert_eq!(tokens_per_second(&took(510, Some(500))), None);
        assert_eq!(tokens_per_second(&took(510, None)), None);
    }

    #[test]
    fn a_message_that_goes_there_and_back_is_the_same_draft_again() {
        let sent = serde_json::json!({ "id": "a", "parentId": null, "childrenIds": ["b"], "role": "user", "content": "hi",
            "timestamp": 5, "models": ["m1", "m2"], "files": [1], "usage": { "tokens": 1 }, "done": true });
        let input: MessageInput = serde_json::from_value(sent).unwrap();
        let draft = input.draft("a".parse().unwrap()).unwrap();
        assert_eq!(draft.model.as_deref(), Some("m1"));
        assert_eq!(draft.extra.keys().collect::<Vec<_>>(), ["files", "models"]);
    }

    #[test]
    fn a_message_under_a_key_that_is_not_its_id_is_refused() {
        let sent = serde_json::json!({ "id": "a", "role": "user", "content": "hi" });
        let input: MessageInput = serde_json::from_value(sent).unwrap();
        assert!(input.draft("b".parse().unwrap()).is_none());
    }
}
