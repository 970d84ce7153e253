//! Command-line arguments of the benchmark programs: `--name value` pairs with defaults.
//!
//! A name that nobody asked for is an error, so that a misspelt option never measures something else in silence.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Why a program cannot start with the arguments that it was given.
#[derive(Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// The word stands where `--name` was expected, or the name has no value behind it.
    Malformed(String),
    /// The option exists, but its value does not parse.
    Value {
        /// Name of the option, without dashes.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// The program has no such option.
    Unknown(String),
}

impl std::fmt::Display for ArgumentError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(word) => write!(out, "expected `--name value` at `{word}`"),
            Self::Value { name, value } => write!(out, "--{name} cannot be `{value}`"),
            Self::Unknown(name) => write!(out, "there is no option --{name}"),
        }
    }
}

impl std::error::Error for ArgumentError {}

/// The options that were given and not yet taken.
pub struct Arguments {
    given: BTreeMap<String, String>,
}

impl Arguments {
    /// Reads `--name value` pairs; the program's own name must already be gone.
    ///
    /// # Errors
    /// [`ArgumentError::Malformed`] for a word without dashes or a name without a value.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, ArgumentError> {
        let mut given = BTreeMap::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                return Err(ArgumentError::Malformed(word));
            };
            let Some(value) = words.next() else {
                return Err(ArgumentError::Malformed(word));
            };
            given.insert(name.to_owned(), value);
        }
        Ok(Self { given })
    }

    /// Takes one option, or its default when it was not given.
    ///
    /// # Errors
    /// [`ArgumentError::Value`] when the given text does not parse as `T`.
    pub fn take<T: FromStr>(&mut self, name: &'static str, default: T) -> Result<T, ArgumentError> {
        match self.given.remove(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| ArgumentError::Value { name, value }),
        }
    }

    /// Ends the reading: whatever is left was not asked for.
    ///
    /// # Errors
    /// [`ArgumentError::Unknown`] with the first name that is left over.
    pub fn finish(self) -> Result<(), ArgumentError> {
        match self.given.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(ArgumentError::Unknown(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Arguments, ArgumentError> {
        Arguments::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_given_value_wins_over_the_default() {
        let mut arguments = words("--port 9001").unwrap();
        assert_eq!(arguments.take("port", 1_u16), Ok(9001));
        assert_eq!(arguments.take("threads", 2_usize), Ok(2));
        assert_eq!(arguments.finish(), Ok(()));
    }

    #[test]
    fn a_misspelt_option_is_an_error_and_not_a_silent_default() {
        let mut arguments = words("--prot 9001").unwrap();
        assert_eq!(arguments.take("port", 1_u16), Ok(1));
        assert_eq!(arguments.finish(), Err(ArgumentError::Unknown("prot".into())));
    }

    #[test]
    fn a_value_that_does_not_parse_names_its_option() {
        let error = words("--port many").unwrap().take("port", 1_u16).unwrap_err();
        assert_eq!(error.to_string(), "--port cannot be `many`");
    }
}
