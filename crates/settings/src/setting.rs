//! Types that a setting can have: how each is read, shown and described.

use std::{net::IpAddr, path::PathBuf};

use kernel::{BaseUrl, Email, Role, Secret};
use serde_json::json;

use crate::{Entry, Grammar, report::Shown};

/// A type that a setting can have.
pub(crate) trait Setting: Sized {
    /// How values are written.
    const GRAMMAR: Grammar;

    /// Reads a value that is not empty. Unless it is a secret, white space around it is gone.
    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong>;

    /// The value when nobody sets one and the entry has no default.
    fn unset() -> Option<Self> {
        None
    }

    /// The value for people.
    fn show(&self) -> Shown<'_>;
}

/// Why a text is not a value, beyond what [`Entry::expected`] says. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) Option<String>);

impl Wrong {
    /// There is nothing to add to what is expected.
    pub(crate) const PLAIN: Self = Self(None);

    /// With this explanation, a sentence without capital letter and full stop.
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self(Some(why.into()))
    }
}

/// The number within the entry's range.
pub(crate) fn within(number: u64, entry: &Entry) -> Result<u64, Wrong> {
    let (from, to) = entry.range.unwrap_or((0, u64::MAX));
    if (from..=to).contains(&number) { Ok(number) } else { Err(Wrong::PLAIN) }
}

impl Setting for bool {
    const GRAMMAR: Grammar = Grammar::Boolean;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err(Wrong::PLAIN),
        }
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self))
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const GRAMMAR: Grammar = Grammar::Whole;

            fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
                let number: $type = text.parse().map_err(|_| Wrong::PLAIN)?;
                within(u64::from(number), entry).map(|_| number)
            }

            fn show(&self) -> Shown<'_> {
                Shown::Plain(json!(self))
            }
        }
    )+};
}

whole_numbers!(u16, u32);

impl Setting for String {
    const GRAMMAR: Grammar = Grammar::Text;

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        if text.chars().any(char::is_control) {
            return Err(Wrong::because("it has line breaks or control characters"));
        }
        within(text.chars().count() as u64, entry).map(|_| text.to_owned())
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self))
    }
}

impl Setting for Secret<String> {
    const GRAMMAR: Grammar = Grammar::Secret;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        if text.contains(['\n', '\r', '\0']) {
            return Err(Wrong::because("it has line breaks"));
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> Shown<'_> {
        Shown::Secrets(vec![self])
    }
}

impl Setting for PathBuf {
    const GRAMMAR: Grammar = Grammar::Path;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        if text.contains('\0') { Err(Wrong::PLAIN) } else { Ok(Self::from(text)) }
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.to_string_lossy()))
    }
}

impl Setting for IpAddr {
    const GRAMMAR: Grammar = Grammar::Address;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let text = if text == "localhost" { "127.0.0.1" } else { text };
        text.parse().map_err(|_| Wrong::PLAIN)
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self))
    }
}

impl Setting for Email {
    const GRAMMAR: Grammar = Grammar::Email;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|error| Wrong::because(error.to_string()))
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.as_str()))
    }
}

impl Setting for BaseUrl {
    const GRAMMAR: Grammar = Grammar::Url;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|error| Wrong::because(error.to_string()))
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.as_str()))
    }
}

impl Setting for Role {
    const GRAMMAR: Grammar = Grammar::Choice(&["pending", "user", "admin"]);

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        Self::parse(&text.to_ascii_lowercase()).ok_or(Wrong::PLAIN)
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.as_str()))
    }
}

impl<T: Setting> Setting for Option<T> {
    const GRAMMAR: Grammar = T::GRAMMAR;

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        T::read(text, entry).map(Some)
    }

    fn unset() -> Option<Self> {
        Some(None)
    }

    fn show(&self) -> Shown<'_> {
        self.as_ref().map_or(Shown::Plain(serde_json::Value::Null), Setting::show)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Entry = Entry::new("PORT").range(1, 65_535);

    #[test]
    fn yes_and_no_have_three_spellings_each_in_any_case() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("TRUE", Ok(true)),
            ("Yes", Ok(true)),
            ("1", Ok(true)),
            ("false", Ok(false)),
            ("NO", Ok(false)),
            ("0", Ok(false)),
            ("on", Err(Wrong::PLAIN)),
            ("2", Err(Wrong::PLAIN)),
            ("truee", Err(Wrong::PLAIN)),
        ] {
            assert_eq!(bool::read(text, &PORT), expected, "{text}");
        }
    }

    #[test]
    fn numbers_outside_the_range_or_the_type_are_refused() {
        assert_eq!(u16::read("8080", &PORT), Ok(8080));
        for text in ["0", "65536", "-1", "80.5", "0x50", "8080 ", "٨", "99999999999999999999"] {
            assert_eq!(u16::read(text, &PORT), Err(Wrong::PLAIN), "{text}");
        }
    }

    #[test]
    fn a_text_stays_in_its_line() {
        const NAME: Entry = Entry::new("WEBUI_NAME").range(1, 5);
        assert_eq!(String::read("Größe", &NAME), Ok("Größe".to_owned()));
        assert!(String::read("a\nb", &NAME).is_err());
        assert!(String::read("sixsix", &NAME).is_err());
    }
}
