//! What a new password must be like, and how its digest is made.

use std::fmt;

use fancy_regex::{Regex, RegexBuilder};
use serde_json::json;

use crate::{
    Entry, Grammar,
    choice::choice,
    report::Shown,
    setting::{Setting, Wrong, within},
};

/// Steps back that matching one password may take. A pattern that needs more is one that hangs on some passwords.
const MOST_STEPS: usize = 200_000;

choice! {
    /// How digests of new passwords are made.
    PasswordHash {
        /// Argon2id.
        Argon2 = "argon2" | "argon2id",
        /// Bcrypt, which takes at most 72 bytes.
        Bcrypt = "bcrypt",
    }
}

/// A regular expression that new passwords must match from their first character on, as Python's `re.match` does.
/// Look-ahead works. Cheap to clone.
#[derive(Clone)]
pub struct PasswordPattern {
    written: String,
    regex: Regex,
}

impl PasswordPattern {
    /// Whether the password matches. Where that takes too many steps to find out, it does not.
    pub fn matches(&self, password: &str) -> bool {
        self.regex.is_match(password).unwrap_or(false)
    }
}

impl fmt::Debug for PasswordPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PasswordPattern").field(&self.written).finish()
    }
}

impl Setting for PasswordPattern {
    const GRAMMAR: Grammar = Grammar::Worded(r"a regular expression such as ^(?=.*\d).{12,}$");

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        within(text.chars().count() as u64, entry)?;
        // By itself first: a pattern that closes a group too many must not be saved by the group around it.
        Regex::new(text).map_err(|error| Wrong::because(format!("it cannot be read: {error}")))?;
        let anchored = format!(r"\A(?:{text})");
        let regex = RegexBuilder::new(&anchored).backtrack_limit(MOST_STEPS).build();
        let regex = regex.map_err(|error| Wrong::because(format!("it cannot be read: {error}")))?;
        Ok(Self { written: text.to_owned(), regex })
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry::new("PASSWORD_VALIDATION_REGEX_PATTERN").range(1, 1000);

    fn matches(pattern: &str, password: &str) -> bool {
        PasswordPattern::read(pattern, &ENTRY).unwrap().matches(password)
    }

    #[test]
    fn look_ahead_works() {
        let usual = r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s]).{8,}$";
        assert!(matches(usual, "Velvet-Harbour-7"));
        for lacking in ["velvet-harbour-7", "VELVET-HARBOUR-7", "Velvet-Harbour", "VelvetHarbour7", "Va-7"] {
            assert!(!matches(usual, lacking), "{lacking}");
        }
        assert!(
            matches(r"^(?!.*(.)\1\1).{8,}$", "aabbaabb") && !matches(r"^(?!.*(.)\1\1).{8,}$", "aaabbaabb")
        );
    }

    #[test]
    fn it_is_matched_from_the_first_character_on_and_not_to_the_last() {
        assert!(!matches(r"\d{4}", "x1234"));
        assert!(matches(r"\d{4}", "1234x"));
        assert!(!matches("a|b", "xb"), "also where it has alternatives");
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_an_error_that_says_why() {
        for broken in ["(", "a)(b", "[z-a]", "(?<=a+)b(", "*"] {
            let Err(Wrong(why)) = PasswordPattern::read(broken, &ENTRY) else { panic!("{broken} was read") };
            assert!(why.unwrap().starts_with("it cannot be read"), "{broken}");
        }
        assert!(PasswordPattern::read(&"a".repeat(1001), &ENTRY).is_err());
    }

    #[test]
    fn a_pattern_that_explodes_refuses_instead_of_hanging() {
        assert!(!matches(r"^(?=(a+)+\1$)b", &"a".repeat(1000)));
    }
}
