//! A chat on the wire: Open WebUI's chat object, with ours added.

use std::collections::BTreeMap;

use kernel::{ChatHead, MessageId, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use workspace::{Found, MessageDraft, OpenChat, Tree};

use super::message::{Message, MessageInput};

/// A chat as lists show it. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatTitle {
    id: String,
    title: String,
    updated_at: i64,
    created_at: i64,
    pinned: bool,
    archived: bool,
}

/// A chat that was found.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatHit {
    id: String,
    title: String,
    updated_at: i64,
    created_at: i64,
    pinned: bool,
    archived: bool,
    /// The words around the place; null when only the title has them.
    #[schema(required)]
    snippet: Option<String>,
}

/// A chat with its tree of messages. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names on the wire are Open WebUI's")]
pub(super) struct Chat {
    id: String,
    user_id: String,
    title: String,
    pub(super) chat: ChatBody,
    updated_at: i64,
    created_at: i64,
    #[schema(required)]
    share_id: Option<String>,
    archived: bool,
    pinned: bool,
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    meta: Map<String, Value>,
    #[schema(required)]
    folder_id: Option<String>,
    /// Answers being written at this moment.
    active_turns: Vec<ActiveTurn>,
    /// How often administrators read it; see its access log.
    admin_reads: u64,
}

/// Open WebUI's `chat` object.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatBody {
    id: String,
    title: String,
    /// The models for the next message.
    models: Vec<String>,
    history: History,
    /// When it was begun, Unix milliseconds.
    timestamp: i64,
    /// Further fields of Open WebUI's, as they came.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// All messages, and which branch is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct History {
    /// The leaf of the branch that is shown.
    #[schema(required)]
    current_id: Option<String>,
    messages: BTreeMap<String, Message>,
}

/// An answer being written.
#[derive(Serialize, ToSchema)]
struct ActiveTurn {
    id: String,
    message_id: String,
}

impl From<ChatHead> for ChatTitle {
    fn from(head: ChatHead) -> Self {
        Self {
            id: head.id.to_string(),
            title: head.title,
            updated_at: head.updated_at.seconds(),
            created_at: head.created_at.seconds(),
            pinned: head.is_pinned,
            archived: head.is_archived,
        }
    }
}

impl From<Found> for ChatHit {
    fn from(found: Found) -> Self {
        let ChatTitle { id, title, updated_at, created_at, pinned, archived } = found.head.into();
        Self { id, title, updated_at, created_at, pinned, archived, snippet: found.snippet }
    }
}

impl From<OpenChat> for Chat {
    fn from(open: OpenChat) -> Self {
        let OpenChat { row, messages, active, share, admin_reads } = open;
        let tree = Tree::of(&messages);
        let on_wire = |message: &kernel::Message| (message.id.to_string(), Message::of(message, &tree));
        let history = History {
            current_id: row.current.as_ref().map(ToString::to_string),
            messages: messages.iter().map(on_wire).collect(),
        };
        let active_turns = active
            .into_iter()
            .map(|turn| ActiveTurn { id: turn.id.to_string(), message_id: turn.message.to_string() })
            .collect();
        let head = row.head;
        Self {
            user_id: head.owner.to_string(),
            chat: ChatBody {
                id: head.id.to_string(),
                title: head.title.clone(),
                models: row.models,
                history,
                timestamp: head.created_at.millis(),
                extra: serde_json::from_str(&row.extra).unwrap_or_default(),
            },
            id: head.id.to_string(),
            title: head.title,
            updated_at: head.updated_at.seconds(),
            created_at: head.created_at.seconds(),
            share_id: share.map(|share| share.to_string()),
            admin_reads,
            archived: head.is_archived,
            pinned: head.is_pinned,
            meta: serde_json::from_str(&row.meta).unwrap_or_default(),
            folder_id: None,
            active_turns,
        }
    }
}

/// A new chat, or a change to one.
#[derive(Deserialize, ToSchema)]
pub(super) struct ChatChange {
    chat: ChatChangeBody,
}

/// What becomes different. Each top-level field replaces the stored one; what is left out stays.
#[derive(Deserialize, ToSchema)]
struct ChatChangeBody {
    /// At most 200 characters.
    #[schema(nullable = false)]
    title: Option<String>,
    #[schema(nullable = false)]
    models: Option<Vec<String>>,
    #[schema(nullable = false)]
    history: Option<HistoryChange>,
    /// Further fields (`params`, `files`, `tags` ...), kept as they come.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// Another branch, and messages to add or change; those that are not given stay.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HistoryChange {
    /// The leaf of the branch to show.
    #[schema(value_type = Option<String>)]
    current_id: Option<MessageId>,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, MessageInput>, required = false)]
    messages: BTreeMap<MessageId, MessageInput>,
}

impl ChatChange {
    /// The change, with every message under its own id.
    pub(super) fn read(self) -> Result<workspace::ChatChange, Refusal> {
        let ChatChangeBody { title, models, history, extra } = self.chat;
        let (current, messages) = history.map_or_else(Default::default, |it| (it.current_id, it.messages));
        let draft = |(id, input): (MessageId, MessageInput)| -> Result<MessageDraft, Refusal> {
            let field = format!("chat.history.messages.{id}.id");
            let words = "A message stands under its own id.";
            input.draft(id).ok_or_else(|| Refusal::field(field, "invalid_value", words))
        };
        let messages = messages.into_iter().map(draft).collect::<Result<_, _>>()?;
        Ok(workspace::ChatChange { title, models, current, messages, extra })
    }
}
