//! Chats: a tree of messages, of which one branch is shown.

use serde::{Deserialize, Serialize};

use crate::{ChatId, MessageId, Money, Timestamp, TokenCount, UserId};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Reads [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant].into_iter().find(|role| role.as_str() == text)
    }
}

/// A chat without its messages, as lists show it.
#[derive(Debug, Clone)]
pub struct ChatHead {
    /// Which.
    pub id: ChatId,
    /// Whose.
    pub owner: UserId,
    /// As shown; at most 200 characters.
    pub title: String,
    /// Kept at the top.
    pub is_pinned: bool,
    /// Out of the way.
    pub is_archived: bool,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When a message was last added or changed.
    pub updated_at: Timestamp,
}

/// A chat's own row: the head and what belongs to no single message.
#[derive(Debug, Clone)]
pub struct ChatRow {
    /// What lists show.
    pub head: ChatHead,
    /// The leaf of the branch that is shown.
    pub current: Option<MessageId>,
    /// The models chosen for the next message.
    pub models: Vec<String>,
    /// Further top-level fields of Open WebUI's `chat` object (`params`, `files`, `tags` ...), a JSON object.
    pub extra: String,
    /// Open WebUI's `meta`, a JSON object.
    pub meta: String,
}

/// One message. Its children are found by their `parent`.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Unique within the chat.
    pub id: MessageId,
    /// None for a root.
    pub parent: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// The text, markdown.
    pub content: String,
    /// The model that answered or that was asked.
    pub model: Option<String>,
    /// False while an answer is being written.
    pub is_done: bool,
    /// What the model thought, when the provider shows it.
    pub reasoning: Option<String>,
    /// Tools the model asked for.
    pub tool_calls: Vec<ToolCall>,
    /// What went wrong.
    pub error: Option<TurnError>,
    /// Whether somebody pressed stop.
    pub is_stopped: bool,
    /// What it took.
    pub provenance: Option<Provenance>,
    /// Further fields of Open WebUI's message object, a JSON object, kept as they came.
    pub extra: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A tool that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The function.
    pub name: String,
    /// Its arguments, JSON text as the model wrote it.
    pub arguments: String,
}

/// Why an answer failed, in words for the reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnError {
    /// A sentence.
    pub content: String,
    /// Stable and machine-readable.
    pub code: String,
}

/// What an answer took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Tokens, reported or estimated.
    pub tokens: TokenCount,
    /// Whether the provider left the counting to us.
    pub is_estimated: bool,
    /// What it cost; none when the price is not known.
    pub cost: Option<Money>,
    /// From the question to the last byte.
    pub milliseconds: u64,
    /// From the question to the first token.
    pub first_token_milliseconds: Option<u64>,
    /// The connection's name.
    pub connection: String,
}

/// A change to a message while its answer is being written; the row is replaced field by field.
#[derive(Debug, Clone, Default)]
pub struct MessagePatch {
    /// The whole text so far.
    pub content: String,
    /// The whole reasoning so far.
    pub reasoning: Option<String>,
    /// The tool calls so far.
    pub tool_calls: Vec<ToolCall>,
    /// Whether this is the last change.
    pub is_done: bool,
    /// Whether somebody pressed stop.
    pub is_stopped: bool,
    /// What went wrong.
    pub error: Option<TurnError>,
    /// What it took.
    pub provenance: Option<Provenance>,
}
