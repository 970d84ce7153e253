//! One page of a list.

use crate::value::Value;

/// Which part of a list. Pages are numbered from 1; page 0 is taken for page 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: u32,
    size: u32,
}

impl Page {
    /// The page with this number of a list cut into pages of `size`, at most 1000.
    pub fn new(number: u32, size: u32) -> Self {
        Self { number: number.max(1), size: size.clamp(1, 1000) }
    }

    pub(crate) fn limit(self) -> Value {
        self.size.into()
    }

    pub(crate) fn offset(self) -> Value {
        (u64::from(self.number - 1) * u64::from(self.size)).into()
    }
}

/// The most of a text that is looked for, in characters.
const MOST_SOUGHT: usize = 100;

/// A text as a pattern for `LOWER(column) LIKE $n ESCAPE '!'` that finds it anywhere, in any case.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    // Long enough for any name. SQLite refuses patterns beyond 50 000 bytes.
    for c in text.chars().take(MOST_SOUGHT).flat_map(char::to_lowercase) {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
