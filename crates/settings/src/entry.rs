//! What is known about a setting before anybody sets it.

use crate::setting::Wrong;

/// One setting of the list.
#[derive(Debug)]
pub struct Entry {
    /// The environment variable.
    pub name: &'static str,
    /// Further variables with the same meaning, used when the ones before them are not set.
    pub aliases: &'static [&'static str],
    /// The value when nobody sets one, as an operator would write it.
    pub default: Option<&'static str>,
    /// What the manual says instead of a literal default, e.g. "the number of cores".
    pub default_note: Option<&'static str>,
    /// Smallest and largest number: of a whole number itself, of a time its seconds, of a size its bytes, of
    /// a text its characters.
    pub range: Option<(u64, u64)>,
    /// Where it may be set.
    pub places: Places,
    /// Whether a change takes effect at the next start only.
    pub needs_restart: bool,
    /// Whether the value may be the path of a file that holds it.
    pub may_be_path: bool,
    /// Whether a time must name its unit: people who write `30` mean different things.
    pub needs_unit: bool,
    /// The heading of the manual.
    pub group: &'static str,
    /// The manual's text, as it stands in the list.
    pub doc: &'static str,
    /// How the value is written.
    pub grammar: Grammar,
    /// Whether a text is a value.
    pub(crate) check: fn(&str, &Self) -> Result<(), Wrong>,
}

/// Where a setting may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// By the environment and the `.env` file only: whoever holds an administrator's account cannot change it.
    Environment,
    /// There and, by an administrator, in the database.
    Stored,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// `true` or `false`, `1` or `0`, `yes` or `no`.
    Boolean,
    /// Digits.
    Whole,
    /// A time such as `1h30m`; a bare number is seconds.
    Duration,
    /// The same, or `0` or `-1` for no limit.
    Span,
    /// A moment in UTC: a date, or a date and a time.
    Moment,
    /// A number of bytes, also with `KiB`, `MiB` or `GiB`.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// A path.
    Path,
    /// An e-mail address.
    Email,
    /// An IP address.
    Address,
    /// IP addresses and networks, comma-separated.
    Networks,
    /// Paths, comma-separated.
    Paths,
    /// One http or https address.
    Url,
    /// Several, separated by `;`.
    Urls,
    /// A secret.
    Secret,
    /// Several secrets, separated by `;`.
    Secrets,
    /// `sqlite:///path` or `postgresql://...`.
    Database,
    /// The name of a database schema.
    SchemaName,
    /// A JSON object of prices.
    Prices,
    /// A text that must be what these words say.
    Worded(&'static str),
}

impl Entry {
    /// A setting of this environment variable: no default, environment only, no restart.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            default: None,
            default_note: None,
            range: None,
            places: Places::Environment,
            needs_restart: false,
            may_be_path: false,
            needs_unit: false,
            group: "",
            doc: "",
            grammar: Grammar::Text,
            check: |_, _| Err(Wrong::PLAIN),
        }
    }

    pub(crate) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(crate) const fn default_note(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    pub(crate) const fn range(mut self, from: u64, to: u64) -> Self {
        self.range = Some((from, to));
        self
    }

    pub(crate) const fn stored(mut self) -> Self {
        self.places = Places::Stored;
        self
    }

    pub(crate) const fn restart(mut self) -> Self {
        self.needs_restart = true;
        self
    }

    pub(crate) const fn or_path(mut self) -> Self {
        self.may_be_path = true;
        self
    }

    pub(crate) const fn with_unit(mut self) -> Self {
        self.needs_unit = true;
        self
    }

    /// The variable and its aliases, the one that wins first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }

    /// The manual's text in one line.
    pub fn prose(&self) -> String {
        self.doc.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether the value is shown as a fingerprint, and `NAME_FILE` may name the file that holds it.
    pub const fn is_secret(&self) -> bool {
        matches!(self.grammar, Grammar::Secret | Grammar::Secrets | Grammar::Database)
    }

    /// Whether an error must not repeat the value: secrets, personal data, and addresses, in which people
    /// leave passwords.
    pub(crate) const fn is_private(&self) -> bool {
        self.is_secret() || matches!(self.grammar, Grammar::Email | Grammar::Url | Grammar::Urls)
    }

    /// How a value must look, as the end of the sentence "it must be ...".
    pub fn expected(&self) -> String {
        let (from, to) = self.range.unwrap_or((0, u64::MAX));
        match self.grammar {
            Grammar::Boolean => "true or false (or 1, 0, yes, no)".into(),
            Grammar::Whole => format!("a whole number from {from} to {to}"),
            Grammar::Duration => format!("a time such as 30s, 10m or 1h30m, from {from} to {to} seconds"),
            Grammar::Span => {
                "a time such as 30s, 10m, 1h30m or 4w (units ms, s, m, h, d, w), or -1 for no limit".into()
            }
            Grammar::Moment => "a moment in UTC such as 2026-12-01 or 2026-12-01T18:00:00Z".into(),
            Grammar::Size => format!("a number of bytes such as 33554432 or 32MiB, from {from} to {to}"),
            Grammar::Choice(words) => format!("one of {}", words.join(", ")),
            Grammar::Text => format!("a text of at most {to} characters in one line"),
            Grammar::Path => "a path".into(),
            Grammar::Email => "an e-mail address such as name@example.com".into(),
            Grammar::Address => "an IP address such as 127.0.0.1, 0.0.0.0 or ::1".into(),
            Grammar::Networks => {
                "IP addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8, or *".into()
            }
            Grammar::Paths => "paths such as /chats,/folders, separated by commas".into(),
            Grammar::Url => "an address such as https://chat.example.com".into(),
            Grammar::Urls => "addresses such as https://api.openai.com/v1, separated by ;".into(),
            Grammar::Secret => "a text in one line".into(),
            Grammar::Secrets => "texts separated by ;".into(),
            Grammar::Database => {
                "sqlite:///path/to/file.db or postgresql://user:password@host:5432/name".into()
            }
            Grammar::Worded(words) => words.into(),
            Grammar::SchemaName => "letters, digits and _, not beginning with a digit, at most 63".into(),
            Grammar::Prices => concat!(
                r#"a JSON object such as {"gpt-4o-mini":{"prompt":0.15,"completion":0.6}} "#,
                "(US dollars per million tokens), or the path of a file with one"
            )
            .into(),
        }
    }
}
