//! What people may put into their chats, beyond words: models side by side, system prompts, parameters.

use kernel::{Message, MessageRole, Permission, Rights};
use serde_json::{Map, Value};

use crate::{ChatChange, Desk, WorkspaceError, change::object};

impl Desk {
    /// Refuses a change that gives the chat something that I may not choose. What is stored already and does not
    /// change is no choice.
    pub(crate) fn may_choose(&self, change: &ChatChange, stored: &str) -> Result<(), WorkspaceError> {
        if change.models.as_ref().is_some_and(|models| models.len() > 1) {
            self.require(Permission::ChatMultipleModels)?;
        }
        let Some(merged) = change.merged_extra(stored) else { return Ok(()) };
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

impl ChatChange {
    /// Whether a stored message gets other words.
    pub(crate) fn rewrites(&self, stored: &[Message]) -> bool {
        self.messages.iter().any(|draft| {
            stored.iter().any(|message| message.id == draft.id && message.content != draft.content)
        })
    }
}
