//! A field of a change: left out, `null`, or a value. The three mean "stays", "is cleared" and "is set".

use serde::{Deserialize, Deserializer};

/// One field of a change. Takes `#[serde(default)]`, so that a field that is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// Left out.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

impl<T> Patch<T> {
    /// Reads the value, if there is one.
    pub(crate) fn read<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(read(value)?),
        })
    }

    /// Turns the value into another one.
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(into(value)),
        }
    }

    /// The value, where there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// As the inner crates say it: `None` leaves alone, the inner `None` clears.
    #[expect(clippy::option_option, reason = "the inner crates' changes are written so")]
    pub(crate) fn change(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<T: Default> Patch<T> {
    /// For what has no "nothing" but an empty value: cleared is empty.
    pub(crate) fn or_empty(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(T::default()),
            Self::Set(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Change {
        #[serde(default)]
        budget: Patch<u32>,
    }

    #[test]
    fn left_out_null_and_a_value_are_three_things() {
        let read = |json| serde_json::from_str::<Change>(json).unwrap().budget;
        assert_eq!(read("{}"), Patch::Keep);
        assert_eq!(read(r#"{"budget":null}"#), Patch::Clear);
        assert_eq!(read(r#"{"budget":5}"#), Patch::Set(5));
        assert_eq!(Patch::<u32>::Clear.change(), Some(None));
    }
}
