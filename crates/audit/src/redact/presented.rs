//! The credentials that a request carries itself. Whoever sends one also somewhere else must not find it in the log.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::{REMOVED, names};

/// Shorter values would be found everywhere.
const SHORTEST: usize = 6;
/// The shortest run of letters that is tried as base64.
const SHORTEST_WORD: usize = 8;

/// Secrets of one request. Prints nothing of them.
#[derive(Clone, Default)]
pub struct Presented(Vec<String>);

impl Presented {
    /// From the headers: what has a secret's name, as a whole and each part of it.
    pub fn of<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut found = Vec::new();
        for (_, value) in headers.filter(|(name, _)| names::is_secret(name)) {
            for part in value.split([' ', ';', ',']) {
                let part = part.trim();
                let after = part.split_once('=').map_or(part, |(_, after)| after);
                found.extend([part.to_owned(), after.to_owned()]);
                // `Basic`: the password behind the name.
                let decoded = base64_words(part).next();
                found.extend(
                    decoded.and_then(|pair| pair.split_once(':').map(|(_, secret)| secret.to_owned())),
                );
            }
        }
        found.retain(|secret| secret.len() >= SHORTEST && !secret.eq_ignore_ascii_case("bearer"));
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.dedup();
        Self(found)
    }

    /// The text without them.
    pub(super) fn remove(&self, text: &str) -> String {
        let is_there = |secret: &&String| text.contains(secret.as_str());
        self.0.iter().filter(is_there).fold(text.to_owned(), |text, secret| text.replace(secret, REMOVED))
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({})", self.0.len())
    }
}

/// What the words of a text mean in base64, where they mean a text.
pub(super) fn base64_words(text: &str) -> impl Iterator<Item = String> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    text.split(move |c: char| !is_of_word(c)).filter(|word| word.len() >= SHORTEST_WORD).filter_map(|word| {
        let bytes = STANDARD_NO_PAD.decode(word).or_else(|_| URL_SAFE_NO_PAD.decode(word)).ok()?;
        String::from_utf8(bytes).ok()
    })
}
