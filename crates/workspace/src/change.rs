//! Changes to a chat as Open WebUI's clients send them: the whole `chat` object again and again, of which
//! only what differs is written. Pure.

use std::collections::HashMap;

use kernel::{Message, MessageId, MessageRole, Timestamp, ToolCall, TurnError};
use serde_json::{Map, Value};

use crate::{WorkspaceError, title, tree::Tree};

/// The longest text of one message, in bytes.
pub(crate) const LONGEST_CONTENT: usize = 4 << 20;
/// The most JSON of further fields, of a chat or of one message, in bytes.
const MOST_EXTRA: usize = 4 << 20;
/// The longest title, in characters.
pub(crate) const LONGEST_TITLE: usize = 200;
/// The most models chosen at once, and the longest name of one, in bytes.
const MOST_MODELS: (usize, usize) = (32, 256);
/// Top-level fields of Open WebUI's `chat` object that are kept elsewhere or follow from the messages.
const DERIVED: [&str; 5] = ["id", "timestamp", "messages", "history", "user_id"];

/// A change to a chat, merged by top-level field: what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct ChatChange {
    /// A new title.
    pub title: Option<String>,
    /// The models for the next message.
    pub models: Option<Vec<String>>,
    /// The leaf of the branch to show.
    pub current: Option<MessageId>,
    /// Messages to add or change. Those that are not given stay.
    pub messages: Vec<MessageDraft>,
    /// Further top-level fields of the `chat` object; each replaces the stored one.
    pub extra: Map<String, Value>,
}

/// A message as a client sends it.
#[derive(Debug, Clone)]
pub struct MessageDraft {
    /// Chosen by the client.
    pub id: MessageId,
    /// What it hangs below.
    pub parent: Option<MessageId>,
    /// Who speaks.
    pub role: MessageRole,
    /// The text.
    pub content: String,
    /// The model that answered or was asked; the first one when several were.
    pub model: Option<String>,
    /// Unix seconds; the present when there are none.
    pub timestamp: Option<i64>,
    /// What the model thought. Of a message that is already stored, this and the next three fields stay
    /// as they are: what an answer was is not for clients to rewrite.
    pub reasoning: Option<String>,
    /// Tools the model asked for.
    pub tool_calls: Vec<ToolCall>,
    /// What went wrong.
    pub error: Option<TurnError>,
    /// Whether somebody pressed stop.
    pub is_stopped: bool,
    /// Further fields, kept as they came.
    pub extra: Map<String, Value>,
}

impl ChatChange {
    /// Refuses what is too long, before anything is read or written.
    pub(crate) fn check(&self) -> Result<(), WorkspaceError> {
        let input = |field, words| Err(WorkspaceError::Input { field, words });
        if self.title.as_ref().is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
            return input("chat.title", "A title has at most 200 characters.");
        }
        let (most, longest) = MOST_MODELS;
        if self.models.iter().any(|models| models.len() > most || models.iter().any(|it| it.len() > longest))
        {
            return input(
                "chat.models",
                "A chat has at most 32 models, each with a name of at most 256 bytes.",
            );
        }
        if self.messages.iter().any(|message| message.content.len() > LONGEST_CONTENT) {
            return input("chat.history.messages", "A message has at most 4 MiB of text.");
        }
        if self.messages.iter().any(|message| size(&message.extra) > MOST_EXTRA) {
            return input("chat.history.messages", "A message has at most 4 MiB of further fields.");
        }
        if size(&self.extra) > MOST_EXTRA {
            return input("chat", "A chat has at most 4 MiB of fields beside its messages.");
        }
        Ok(())
    }

    /// The title in one line; none when it is not to change.
    pub(crate) fn clean_title(&self) -> Option<String> {
        self.title.as_deref().map(title::one_line).filter(|title| !title.is_empty())
    }

    /// The stored further fields with the given ones over them; none when nothing changes.
    pub(crate) fn merged_extra(&self, stored: &str) -> Option<String> {
        let before = object(stored);
        let mut after = before.clone();
        let given = self.extra.iter().filter(|(name, _)| !DERIVED.contains(&name.as_str()));
        after.extend(given.map(|(name, value)| (name.clone(), value.clone())));
        (after != before).then(|| Value::Object(after).to_string())
    }

    /// The messages that differ from the stored ones and have to be written, in the order given. Messages
    /// that are being written by a turn are left alone. What results must be a tree.
    pub(crate) fn changed_messages(
        &self,
        stored: &[Message],
        is_being_written: impl Fn(&MessageId) -> bool,
        now: Timestamp,
    ) -> Result<Vec<Message>, WorkspaceError> {
        let known: HashMap<_, _> = stored.iter().map(|message| (&message.id, message)).collect();
        let mut changed = Vec::new();
        for draft in &self.messages {
            let before = known.get(&draft.id).copied();
            let after = draft.over(before, now);
            if before != Some(&after) && !is_being_written(&draft.id) {
                changed.push(after);
            }
        }
        if !changed.is_empty() {
            let replaced: HashMap<_, _> = changed.iter().map(|message| (&message.id, message)).collect();
            let kept = stored.iter().filter(|message| !replaced.contains_key(&message.id));
            let all: Vec<Message> = kept.chain(&changed).cloned().collect();
            Tree::checked(&all)?;
        }
        Ok(changed)
    }
}

impl MessageDraft {
    /// The message as it is to be stored, given what is stored.
    fn over(&self, before: Option<&Message>, now: Timestamp) -> Message {
        let created_at = match (before, self.timestamp) {
            // The wire has whole seconds; a message that only went there and back keeps its moment.
            (Some(before), Some(seconds)) if before.created_at.seconds() == seconds => before.created_at,
            (Some(before), None) => before.created_at,
            (_, Some(seconds)) => Timestamp::from_seconds(seconds),
            (None, None) => now,
        };
        let given = Message {
            id: self.id.clone(),
            parent: self.parent.clone(),
            role: self.role,
            content: self.content.clone(),
            model: self.model.clone(),
            is_done: true,
            reasoning: self.reasoning.clone(),
            tool_calls: self.tool_calls.clone(),
            error: self.error.clone(),
            is_stopped: self.is_stopped,
            provenance: None,
            extra: Value::Object(self.extra.clone()).to_string(),
            created_at,
        };
        match before {
            None => given,
            Some(before) => Message {
                model: given.model.or_else(|| before.model.clone()),
                is_done: before.is_done,
                reasoning: before.reasoning.clone(),
                tool_calls: before.tool_calls.clone(),
                error: before.error.clone(),
                is_stopped: before.is_stopped,
                provenance: before.provenance.clone(),
                ..given
            },
        }
    }
}

/// A stored JSON object; what does not parse counts as empty.
pub(crate) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn size(extra: &Map<String, Value>) -> usize {
    if extra.is_empty() { 0 } else { Value::Object(extra.clone()).to_string().len() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::said;

    const NOW: Timestamp = Timestamp::from_seconds(2_000);

    /// What a client sends back that changes nothing.
    fn returned(message: &Message) -> MessageDraft {
        MessageDraft {
            id: message.id.clone(),
            parent: message.parent.clone(),
            role: message.role,
            content: message.content.clone(),
            model: message.model.clone(),
            timestamp: Some(message.created_at.seconds()),
            reasoning: None,
            tool_calls: Vec::new(),
            error: None,
            is_stopped: false,
            extra: object(&message.extra),
        }
    }

    fn changed(stored: &[Message], messages: Vec<MessageDraft>) -> Result<Vec<Message>, WorkspaceError> {
        ChatChange { messages, ..ChatChange::default() }.changed_messages(stored, |_| false, NOW)
    }

    fn long_chat() -> Vec<Message> {
        let parent = |n: usize| n.checked_sub(1).map(|n| format!("m{n}"));
        let mut messages: Vec<_> = (0..1000).map(|n| said(&format!("m{n}"), parent(n).as_deref())).collect();
        for (n, message) in messages.iter_mut().enumerate() {
            message.created_at = Timestamp::from_micros(1_000_000_000 + i64::try_from(n).unwrap());
            message.reasoning = Some("thought".to_owned());
        }
        messages
    }

    #[test]
    fn a_long_chat_sent_again_with_one_change_writes_one_message() {
        let stored = long_chat();
        let mut drafts: Vec<_> = stored.iter().map(returned).collect();
        assert_eq!(changed(&stored, drafts.clone()).unwrap(), []);

        drafts[500].content = "other words".to_owned();
        let written = changed(&stored, drafts).unwrap();
        assert_eq!(written.len(), 1);
        assert_eq!(written[0].content, "other words");
        assert_eq!(written[0].created_at, stored[500].created_at);
    }

    #[test]
    fn messages_that_are_not_sent_stay_and_new_ones_are_added() {
        let stored = [said("a", None), said("b", Some("a"))];
        let new = returned(&said("c", Some("a")));
        let written = changed(&stored, vec![new]).unwrap();
        assert_eq!(written.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), ["c"]);
        assert!(written[0].is_done);
    }

    #[test]
    fn what_an_answer_was_is_not_rewritten_by_clients() {
        let stored = Message { is_stopped: true, reasoning: Some("thought".to_owned()), ..said("a", None) };
        let draft = MessageDraft {
            content: "new".to_owned(),
            reasoning: Some("forged".to_owned()),
            ..returned(&stored)
        };
        let written = changed(std::slice::from_ref(&stored), vec![draft]).unwrap();
        assert_eq!(written, [Message { content: "new".to_owned(), ..stored }]);
    }

    #[test]
    fn an_answer_that_is_being_written_is_left_to_its_turn() {
        let stored = [Message { is_done: false, ..said("a", None) }];
        let draft = MessageDraft { content: "stale".to_owned(), ..returned(&stored[0]) };
        let change = ChatChange { messages: vec![draft], ..ChatChange::default() };
        let is_written = |id: &MessageId| id.as_str() == "a";
        assert_eq!(change.changed_messages(&stored, is_written, NOW).unwrap(), []);
    }

    #[test]
    fn a_change_that_would_leave_no_tree_is_refused_whole() {
        let stored = [said("a", None), said("b", Some("a"))];
        let circle = MessageDraft { parent: Some("b".parse().unwrap()), ..returned(&stored[0]) };
        assert!(matches!(changed(&stored, vec![circle]), Err(WorkspaceError::Tree(_))));
        let lost = returned(&said("c", Some("nobody")));
        assert!(matches!(changed(&stored, vec![lost]), Err(WorkspaceError::Tree(_))));
    }

    #[test]
    fn further_fields_merge_by_name_and_what_follows_from_the_messages_is_not_kept_twice() {
        let extra = json!({ "params": { "temperature": 0.5 }, "messages": [1], "timestamp": 5 });
        let change = ChatChange { extra: extra.as_object().unwrap().clone(), ..ChatChange::default() };
        let merged = object(&change.merged_extra(r#"{"files":[],"params":{"seed":1}}"#).unwrap());
        assert_eq!(Value::Object(merged.clone()), json!({ "files": [], "params": { "temperature": 0.5 } }));
        assert_eq!(change.merged_extra(&Value::Object(merged).to_string()), None);
    }

    #[test]
    fn a_title_is_one_line_and_a_blank_one_changes_nothing() {
        let with = |title: &str| ChatChange { title: Some(title.to_owned()), ..ChatChange::default() };
        assert_eq!(with(" two\n lines ").clean_title().as_deref(), Some("two lines"));
        assert_eq!(with("  ").clean_title(), None);
        assert!(with(&"x".repeat(201)).check().is_err());
        assert!(with(&"ä".repeat(200)).check().is_ok());
    }
}
