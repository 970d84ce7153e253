//! What the audit log says: closed lists of events, outcomes and targets, and one entry of it.
//!
//! An entry knows its [`Caller`], and with it the request. It never holds a secret, nor the words of a message.

mod event;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::event::Event;
use crate::{
    ApiKeyId, Caller, ChatId, ConnectionId, GroupId, KeyId, MessageId, PasskeyId, SessionId, ShareId, TurnId,
    UserId,
};

/// The most of one text in [`Entry::detail`] and of a target's id, in bytes.
const MOST_TEXT: usize = 512;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It was tried and did not work, e.g. a sign-in with a wrong password.
    Failed,
    /// The policy said no.
    Denied,
}

/// How much of a request is kept (`AUDIT_LOG_LEVEL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing is recorded.
    None,
    /// Who did what to what, when and from where.
    Metadata,
    /// Also the request's body.
    Request,
    /// Also the answer's body.
    RequestResponse,
}

/// Kinds of things that something is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// An account of a person.
    Account,
    /// A sign-in.
    Session,
    /// A group of people.
    Group,
    /// A key of a person.
    ApiKey,
    /// A virtual key.
    VirtualKey,
    /// A connection to a provider.
    Connection,
    /// A model, by its public name.
    Model,
    /// A chat.
    Chat,
    /// A message of a chat.
    Message,
    /// An answer being written.
    Turn,
    /// A stored setting.
    Setting,
    /// A passkey.
    Passkey,
    /// A shared copy of a chat.
    Share,
    /// What people may do by default.
    Permissions,
    /// The audit log itself.
    Audit,
    /// A route, by its path, where there is nothing more exact.
    Route,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            #[doc = concat!("Reads [`", stringify!($name), "::as_str`].")]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text)
            }
        }
    };
}
pub(super) use words;

words!(Outcome { Done = "done", Failed = "failed", Denied = "denied" });
words!(Level {
    None = "NONE",
    Metadata = "METADATA",
    Request = "REQUEST",
    RequestResponse = "REQUEST_RESPONSE",
});
words!(TargetKind {
    Account = "account",
    Session = "session",
    Group = "group",
    ApiKey = "api_key",
    VirtualKey = "virtual_key",
    Connection = "connection",
    Model = "model",
    Chat = "chat",
    Message = "message",
    Turn = "turn",
    Setting = "setting",
    Passkey = "passkey",
    Share = "share",
    Permissions = "permissions",
    Audit = "audit",
    Route = "route",
});

/// What something was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What kind of thing.
    pub kind: TargetKind,
    /// Which one; at most 512 bytes.
    pub id: String,
}

impl Target {
    /// A thing of this kind.
    pub fn new(kind: TargetKind, id: &str) -> Self {
        Self { kind, id: cut(id).to_owned() }
    }
}

macro_rules! targets {
    ($($id:ty => $kind:ident),* $(,)?) => {$(
        impl From<&$id> for Target {
            fn from(id: &$id) -> Self {
                Self::new(TargetKind::$kind, id.as_str())
            }
        }
    )*};
}

targets! {
    UserId => Account,
    SessionId => Session,
    GroupId => Group,
    ApiKeyId => ApiKey,
    KeyId => VirtualKey,
    ConnectionId => Connection,
    ChatId => Chat,
    MessageId => Message,
    TurnId => Turn,
    PasskeyId => Passkey,
    ShareId => Share,
}

/// One line to be written. Give it to `store::audit::append` as the last statement of the transaction that makes
/// the change, or to `store::audit::record` when there is no change.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// How it ended.
    pub outcome: Outcome,
    /// Who did it, by which request.
    pub caller: Caller,
    /// What it was done to.
    pub target: Option<Target>,
    /// The status that the caller is answered with; none for work that is no HTTP request.
    pub status: Option<u16>,
    /// A few flat facts: numbers, words, ids, names of changed fields. Never a secret, never a message.
    pub detail: BTreeMap<&'static str, Value>,
}

impl Entry {
    /// It happened.
    pub fn done(event: Event, caller: &Caller) -> Self {
        let status = caller.request().success_status();
        Self { status: (status > 0).then_some(status), ..Self::new(event, Outcome::Done, caller) }
    }

    /// It was tried and did not work; the caller is answered with `status`.
    pub fn failed(event: Event, caller: &Caller, status: u16) -> Self {
        Self { status: Some(status), ..Self::new(event, Outcome::Failed, caller) }
    }

    /// It was not allowed; the caller is answered with `status`.
    pub fn denied(event: Event, caller: &Caller, status: u16) -> Self {
        Self { status: Some(status), ..Self::new(event, Outcome::Denied, caller) }
    }

    fn new(event: Event, outcome: Outcome, caller: &Caller) -> Self {
        Self { event, outcome, caller: caller.clone(), target: None, status: None, detail: BTreeMap::new() }
    }

    /// What it was done to: an id, or a [`Target`].
    #[must_use]
    pub fn on(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// One more fact. Texts are cut at 512 bytes.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) if text.len() > MOST_TEXT => Value::String(cut(&text).to_owned()),
            value => value,
        };
        self.detail.insert(name, value);
        self
    }

    /// The names of the fields that became different, in [`Entry::detail`] as `changed`.
    #[must_use]
    pub fn changed<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<Value> = names.into_iter().map(Value::from).collect();
        self.with("changed", names)
    }
}

/// The longest begin of at most [`MOST_TEXT`] bytes that ends with a whole character.
fn cut(text: &str) -> &str {
    let end = (0..=MOST_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Binds each record to the one before it with a key that only this program has.
pub trait Sealer: Send + Sync {
    /// The seal over the previous seal and the record's bytes.
    fn seal_record(&self, previous: &[u8; 32], record: &[u8]) -> [u8; 32];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_tells_is_cut_between_characters() {
        let entry = Entry::done(Event::AccountMade, &Caller::operator())
            .on(Target::new(TargetKind::Route, &"ä".repeat(400)))
            .with("long", "é".repeat(400));
        assert_eq!(entry.target.unwrap().id.len(), 512);
        assert_eq!(entry.detail["long"].as_str().unwrap().len(), 512);
    }

    #[test]
    fn every_word_is_read_back_and_stands_for_one_thing() {
        for kind in TargetKind::ALL {
            assert_eq!(TargetKind::parse(kind.as_str()), Some(*kind));
        }
        for event in Event::ALL {
            assert_eq!(Event::parse(event.as_str()), Some(*event));
        }
        assert_eq!(Event::parse("account.renamed"), None);
        assert!(Level::Request > Level::Metadata);
    }
}
