//! What people may put into their chats, beyond words: models side by side, system prompts, parameters, files, ratings.
//! And whether their chats are kept at all.

use std::collections::HashMap;

use kernel::{Kind, Message, MessageRole, Permission, Refusal, Rights};
use serde_json::{Map, Value};

use crate::{ChatChange, Desk, MessageDraft, WorkspaceError, change::object};

/// Where Open WebUI's clients keep the rating of an answer, beside its text.
const RATING: [&str; 2] = ["annotation", "feedbackId"];
/// Where they keep what is attached, in a message and in a chat.
const FILES: &str = "files";

impl Desk {
    /// Refuses to keep anything of somebody whose chats are not to be kept: `chats_not_kept`.
    pub(crate) fn may_keep(&self) -> Result<(), WorkspaceError> {
        if !self.person().rights.permissions.has(Permission::ChatTemporaryEnforced) {
            return Ok(());
        }
        let words = "Your chats are not to be kept here ('chat.temporary_enforced'), and Wardroom has no other ones. An \
             administrator can change that; models can still be asked through the API.";
        Err(WorkspaceError::NotAllowed(Refusal::new(Kind::Forbidden, "chats_not_kept", words)))
    }

    /// Refuses messages that do what I may not. What is stored already and does not change is fine.
    pub(crate) fn may_say(&self, change: &ChatChange, stored: &[Message]) -> Result<(), WorkspaceError> {
        let known: HashMap<_, _> = stored.iter().map(|message| (&message.id, message)).collect();
        for draft in &change.messages {
            let before = known.get(&draft.id).copied();
            if before.is_some_and(|before| draft.rewrites(before)) {
                self.require(Permission::ChatEdit)?;
            }
            if draft.extra.is_empty() {
                continue;
            }
            let kept = before.map(|before| object(&before.extra)).unwrap_or_default();
            let sets = |name: &str| sets(name, &draft.extra, &kept);
            if sets(FILES) {
                self.require(Permission::ChatFileUpload)?;
            }
            if RATING.into_iter().any(sets) {
                self.require(Permission::ChatRateResponse)?;
            }
            // One model stands in a field of its own.
            if sets("models") {
                self.require(Permission::ChatMultipleModels)?;
            }
        }
        Ok(())
    }

    /// Refuses a change that gives the chat something that I may not choose. What is stored already and does not
    /// change is no choice.
    pub(crate) fn may_choose(&self, change: &ChatChange, stored: &str) -> Result<(), WorkspaceError> {
        if change.models.as_ref().is_some_and(|models| models.len() > 1) {
            self.require(Permission::ChatMultipleModels)?;
        }
        let Some(merged) = change.merged_extra(stored) else { return Ok(()) };
        if sets(FILES, &object(&merged), &object(stored)) {
            self.require(Permission::ChatFileUpload)?;
        }
        let (before, after) = (Controls::of(stored), Controls::of(&merged));
        let sets_system = after.system != before.system && after.system.is_some();
        let sets_params = after.params != before.params && !after.params.is_empty();
        if sets_system || sets_params {
            self.require(Permission::ChatControls)?;
        }
        if sets_system {
            self.require(Permission::ChatSystemPrompt)?;
        }
        if sets_params {
            self.require(Permission::ChatParams)?;
        }
        Ok(())
    }

    /// Refuses messages in the role of the system: they are a system prompt, whatever they hang below.
    pub(crate) fn may_instruct_by(&self, messages: &[Message]) -> Result<(), WorkspaceError> {
        if messages.iter().any(|message| message.role == MessageRole::System) {
            self.require(Permission::ChatControls)?;
            self.require(Permission::ChatSystemPrompt)?;
        }
        Ok(())
    }

    /// A chat's further fields without what I may not use at this moment, however it got there.
    pub(crate) fn usable(&self, extra: &str) -> String {
        let rights = &self.person().rights;
        let has = |permission| rights.permissions.has(permission);
        let system = may_instruct(rights);
        let params = has(Permission::ChatControls) && has(Permission::ChatParams);
        if system && params {
            return extra.to_owned();
        }
        let mut fields = object(extra);
        if !system {
            fields.remove("system");
        }
        if let Some(Value::Object(map)) = fields.get_mut("params") {
            map.retain(|name, _| if name == "system" { system } else { params });
        }
        Value::Object(fields).to_string()
    }
}

/// Whether a model is told what the person wrote as a system prompt.
pub(crate) fn may_instruct(rights: &Rights) -> bool {
    rights.permissions.has(Permission::ChatControls) && rights.permissions.has(Permission::ChatSystemPrompt)
}

/// What stands beside the messages and changes what a model does.
#[derive(Debug, PartialEq)]
struct Controls {
    system: Option<String>,
    /// Without the system prompt.
    params: Map<String, Value>,
}

impl Controls {
    fn of(extra: &str) -> Self {
        let mut fields = object(extra);
        let mut params = match fields.remove("params") {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let system = text(params.remove("system")).or_else(|| text(fields.remove("system")));
        params.retain(|_, value| !value.is_null());
        Self { system, params }
    }
}

impl MessageDraft {
    /// Whether a stored message gets other words, another speaker or another place.
    fn rewrites(&self, stored: &Message) -> bool {
        stored.content != self.content || stored.role != self.role || stored.parent != self.parent
    }
}

/// Whether a field says something that it did not say before.
fn sets(name: &str, after: &Map<String, Value>, before: &Map<String, Value>) -> bool {
    let says = |value: &&Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    after.get(name).filter(says).is_some_and(|value| before.get(name) != Some(value))
}
