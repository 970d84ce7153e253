//! The fields by name: which we read, which we refuse, and how a raw value becomes a typed one.

use std::{fmt, ops::Range};

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{EnvelopeError, Found, Text};

/// What we read. Another spelling of one of these is refused.
pub(super) const FIELDS: [&str; 12] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "messages",
    "prompt",
    "input",
    "background",
];

/// What would send the request elsewhere or with another key if some provider's library listened to it.
pub(super) const FORBIDDEN: [&str; 5] = ["api_base", "base_url", "user_config", "model_list", "api_key"];

/// What makes some provider answer with another model than the one that is asked: lists to fall back on
/// (OpenRouter, LiteLLM), stored settings by name (OpenRouter), and fields that are unpacked over the others
/// (LiteLLM).
pub(super) const REROUTING: [&str; 6] =
    ["models", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "preset", "extra_body"];

/// A field that concerns us, by its place in [`FIELDS`], [`FORBIDDEN`] or [`REROUTING`].
pub(super) enum Field {
    Known(usize),
    Forbidden(usize),
    Rerouting(usize),
}

/// Which field a key names; none when it is no concern of ours. The error is the right spelling of a key
/// that some decoders would take for one of ours.
pub(super) fn of_name(key: &str) -> Result<Option<Field>, &'static str> {
    if let Some(at) = FIELDS.iter().position(|name| *name == key) {
        return Ok(Some(Field::Known(at)));
    }
    if let Some(at) = FORBIDDEN.iter().position(|name| folds_to(key, name)) {
        return Ok(Some(Field::Forbidden(at)));
    }
    if let Some(at) = REROUTING.iter().position(|name| folds_to(key, name)) {
        return Ok(Some(Field::Rerouting(at)));
    }
    FIELDS.into_iter().find(|name| folds_to(key, name)).map_or(Ok(None), Err)
}

/// Whether a decoder that ignores case takes `key` for `name`. Go's also folds the long s and the Kelvin
/// sign into ASCII.
fn folds_to(key: &str, name: &str) -> bool {
    let folded = key.chars().map(|character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(name.chars())
}

/// The static name of a field that we read.
pub(super) fn known(name: &str) -> &'static str {
    FIELDS.into_iter().find(|field| *field == name).expect("the callers name fields of the list")
}

/// The raw value of a field that we read.
pub(super) fn value<'a>(found: &Found<'a>, name: &str) -> Option<&'a RawValue> {
    FIELDS.iter().position(|field| *field == name).and_then(|at| found.values[at])
}

/// Where a raw value stands in the body that it was borrowed from.
pub(super) fn span(body: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - body.as_ptr().addr();
    start..start + raw.get().len()
}

/// `true`, `false`, or none for `null`.
pub(super) fn boolean(field: &'static str, raw: &RawValue) -> Result<Option<bool>, EnvelopeError> {
    match raw.get() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        "null" => Ok(None),
        _ => Err(EnvelopeError::Type { field, expected: "true or false" }),
    }
}

/// A number from 0 on, or none for `null`.
pub(super) fn whole_number(field: &'static str, raw: &RawValue) -> Result<Option<u64>, EnvelopeError> {
    match raw.get() {
        "null" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| EnvelopeError::Type { field, expected: "a whole number, 0 or more" }),
    }
}

/// How many strings and arrays there are directly in an array; none in anything else.
pub(super) fn texts_in(json: &str) -> u64 {
    serde_json::Deserializer::from_str(json).deserialize_any(Texts).unwrap_or(0)
}

/// Counts without keeping: a body of many short prompts must not be blown up.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut count = 0;
        while let Some(item) = items.next_element::<&RawValue>()? {
            count += u64::from(item.get().starts_with(['"', '[']));
        }
        Ok(count)
    }
}

/// Where an object stands that a field may be put into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// `null`: to be replaced.
    Null(Range<usize>),
    /// An object without fields: the place after its brace.
    Empty(usize),
    /// An object with fields: the place after its brace.
    Filled(usize),
}

/// `stream_options` as far as we act on it.
pub(super) struct StreamOptions {
    pub(super) spot: Spot,
    pub(super) includes_usage: bool,
    pub(super) include_usage: Option<Range<usize>>,
}

const OPTIONS: &str = "stream_options";
const INCLUDE_USAGE: &str = "stream_options.include_usage";

/// Reads `stream_options`: an object or `null`.
pub(super) fn stream_options(body: &str, raw: &RawValue) -> Result<StreamOptions, EnvelopeError> {
    let span = span(body, raw);
    if raw.get() == "null" {
        return Ok(StreamOptions { spot: Spot::Null(span), includes_usage: false, include_usage: None });
    }
    if !raw.get().starts_with('{') {
        return Err(EnvelopeError::Type { field: OPTIONS, expected: "an object" });
    }
    let mut refusal = None;
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let walked = json.deserialize_map(Options { refusal: &mut refusal });
    let (inner, has_fields) = match (walked, refusal) {
        (_, Some(refusal)) => return Err(refusal),
        (Err(_), None) => return Err(EnvelopeError::Type { field: OPTIONS, expected: "an object" }),
        (Ok(walked), None) => walked,
    };
    let inside = span.start + 1;
    Ok(StreamOptions {
        spot: if has_fields { Spot::Filled(inside) } else { Spot::Empty(inside) },
        includes_usage: inner.map_or(Ok(None), |raw| boolean(INCLUDE_USAGE, raw))?.unwrap_or(false),
        include_usage: inner.map(|raw| self::span(body, raw)),
    })
}

/// Walks `stream_options`: the raw `include_usage`, and whether there is any field.
struct Options<'r> {
    refusal: &'r mut Option<EnvelopeError>,
}

impl<'de> Visitor<'de> for Options<'_> {
    type Value = (Option<&'de RawValue>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut has_fields) = (None, false);
        while let Some(Text(key)) = map.next_key()? {
            has_fields = true;
            if key == "include_usage" && found.is_none() {
                found = Some(map.next_value()?);
            } else if folds_to(&key, "include_usage") {
                *self.refusal = Some(if key == "include_usage" {
                    EnvelopeError::Duplicate { field: INCLUDE_USAGE }
                } else {
                    EnvelopeError::Spelling { field: INCLUDE_USAGE }
                });
                return Err(serde::de::Error::custom("refused"));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok((found, has_fields))
    }
}
