//! The settings for people: `wardroom settings`, the administrator's form, and what that form may store.

use kernel::Secret;
use serde_json::Value as Json;

use crate::{Entry, Given, Grammar, Places, Problem, Settings, Source, catalogue};

/// A value on its way to a person.
pub(crate) enum Shown<'a> {
    /// As it is.
    Plain(Json),
    /// As fingerprints.
    Secrets(Vec<&'a Secret<String>>),
}

/// One setting for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The environment variable.
    pub name: &'static str,
    /// The manual's text in one line.
    pub doc: String,
    /// The heading of the manual.
    pub group: &'static str,
    /// The value in force; of a secret what `fingerprint` made of it, `null` when it is not set.
    pub value: Json,
    /// The value when nobody sets one.
    pub default: Json,
    /// Where the value came from.
    pub source: Source,
    /// Whether an administrator cannot change it at present.
    pub is_locked: bool,
    /// Whether the value is a secret.
    pub is_secret: bool,
    /// Whether a change takes effect at the next start only.
    pub needs_restart: bool,
    /// `boolean`, `number`, `duration`, `size`, `choice`, `text`, `secret` or `prices`.
    pub kind: &'static str,
    /// The words of a `choice`.
    pub choices: &'static [&'static str],
}

impl Source {
    /// `default`, `environment` or `stored`. The `.env` file is part of the environment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Environment(_) | Self::File(_) => "environment",
            Self::Stored => "stored",
        }
    }
}

impl Grammar {
    /// The kind of form field that suits.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Whole => "number",
            Self::Duration | Self::Span => "duration",
            Self::Size => "size",
            Self::Choice(_) => "choice",
            Self::Secret | Self::Secrets => "secret",
            Self::Prices => "prices",
            Self::Text
            | Self::Moment
            | Self::Path
            | Self::Email
            | Self::Address
            | Self::Networks
            | Self::Paths
            | Self::Url
            | Self::Urls
            | Self::Database
            | Self::Worded(_)
            | Self::SchemaName => "text",
        }
    }
}

impl Settings {
    /// Every setting with the value in force. `fingerprint` turns a secret into what may be shown of it.
    pub fn rows(&self, fingerprint: &dyn Fn(&Secret<String>) -> Json) -> Vec<Row> {
        let mut rows = Vec::new();
        let show = |shown: Shown<'_>| match shown {
            Shown::Plain(json) => json,
            Shown::Secrets(secrets) => match secrets.as_slice() {
                [] => Json::Null,
                [one] => fingerprint(one),
                many => many.iter().map(|secret| fingerprint(secret)).collect(),
            },
        };
        self.visit(&mut |entry, source, value, default| {
            rows.push(Row {
                name: entry.name,
                doc: entry.prose(),
                group: entry.group,
                value: show(value),
                default: show(default),
                source,
                is_locked: self.is_locked(entry, source),
                is_secret: entry.is_secret(),
                needs_restart: entry.needs_restart,
                kind: entry.grammar.kind(),
                choices: if let Grammar::Choice(words) = entry.grammar { words } else { &[] },
            });
        });
        rows
    }

    /// The text to store for a value that an administrator sends; `None` when the value is to be forgotten
    /// (`null` or an empty text). Nothing is stored that would not be read again.
    pub fn storable(&self, name: &str, value: &Json) -> Result<Option<String>, Problem> {
        let unknown = || Problem::Unknown { name: name.chars().take(64).collect(), suggestion: None };
        let entry = catalogue().iter().find(|entry| entry.name == name).ok_or_else(unknown)?;
        if entry.places == Places::Environment {
            return Err(Problem::EnvironmentOnly(entry.name));
        }
        let mut source = Source::Default;
        self.visit(&mut |visited, found, _, _| {
            if visited.name == name {
                source = found;
            }
        });
        if self.is_locked(entry, source) {
            return Err(Problem::Locked(entry.name));
        }
        let wrong =
            |given, why| Problem::Wrong { name: name.to_owned(), given, expected: entry.expected(), why };
        let text = match value {
            Json::Null => return Ok(None),
            Json::Bool(value) => value.to_string(),
            Json::Number(number) => number.to_string(),
            Json::String(text) => text.trim().to_owned(),
            Json::Array(_) => return Err(wrong(Given::Json("array"), None)),
            Json::Object(_) => return Err(wrong(Given::Json("object"), None)),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let given =
            if entry.is_private() { Given::Private(text.chars().count()) } else { Given::text(&text) };
        match (entry.check)(&text, entry) {
            Ok(()) => Ok(Some(text)),
            Err(error) => Err(wrong(given, error.0)),
        }
    }

    fn is_locked(&self, entry: &Entry, source: Source) -> bool {
        match entry.places {
            Places::Environment => true,
            Places::Stored => source.as_str() == "environment" && !self.enable_persistent_config.value,
        }
    }
}
