//! The few fields of a request that Wardroom acts on, read without building a tree of the body.
//!
//! A field is refused, not interpreted, where another reader could see something else than we do: named
//! twice, spelled in another case (Go's decoder ignores case), half a character. Otherwise a caller could
//! show us a cheap model and the provider an expensive one.

use std::{borrow::Cow, fmt, ops::Range};

use kernel::{Endpoint, ModelId};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::lexical::{self, DEEPEST, Objection};

mod field;

pub(crate) use field::Spot;
use field::{FIELDS, FORBIDDEN, Field, REROUTING};

/// What we read of a request body. It borrows the body.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// Which API the body is for.
    pub endpoint: Endpoint,
    /// The model that the caller asks for: 1 to 256 bytes, no control characters.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Whether the caller asks for a usage event at the end of a stream (`stream_options.include_usage`).
    pub includes_usage: bool,
    /// The most tokens that the caller wants of each answer. Where several fields say so, the largest
    /// counts, because the provider may follow any; none where only a field says so that this endpoint does
    /// not know, because the provider may follow none.
    pub output_limit: Option<u64>,
    /// How many answers the provider will generate and bill: `n` or `best_of`, 1 to 128, for each prompt of a
    /// batch of completions.
    pub answers: u64,
    /// The raw JSON of `messages`, `prompt` or `input`.
    pub prompt: Option<&'a str>,
    /// A field by which some provider would answer with another model than `model`.
    pub reroutes: Option<&'static str>,
    /// Where the fields stand, for [`crate::Rewrite`].
    pub(crate) spots: Spots,
    /// The whole body.
    pub(crate) body: &'a str,
}

/// Where fields stand in the body, in bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spots {
    /// After the opening brace of the body.
    pub(crate) start: usize,
    pub(crate) model: Range<usize>,
    pub(crate) stream_options: Option<Spot>,
    pub(crate) include_usage: Option<Range<usize>>,
    /// Fields that limit the output.
    pub(crate) limits: Vec<Limit>,
}

/// A field that limits the output.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// Where its value stands.
    pub(crate) place: Range<usize>,
    /// None for `null`.
    pub(crate) tokens: Option<u64>,
    /// Whether providers read it at this endpoint.
    pub(crate) is_own: bool,
}

/// Why a body is not a request, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Bytes that are no text.
    #[error("The request body is not valid UTF-8 (at byte {at}).")]
    NotUtf8 {
        /// The first bad byte.
        at: usize,
    },
    /// Not JSON, or something after it.
    #[error(
        "The request body is not valid JSON (line {line}, column {column}). Check quotes, commas and brackets there."
    )]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON that ends too early.
    #[error("The request body ends in the middle of its JSON. Was it cut off?")]
    CutOff,
    /// Nothing at all.
    #[error("The request body is empty. Send a JSON object.")]
    Empty,
    /// JSON, but an array, a string …
    #[error("The request body must be a JSON object.")]
    NotAnObject,
    /// Too many brackets in brackets.
    #[error("The request body is nested deeper than {DEEPEST} levels.")]
    TooDeep,
    /// Half of a surrogate pair.
    #[error(
        "The request body has half of a surrogate pair, an escape such as \\ud83d without its partner, at byte {at}."
    )]
    LoneSurrogate {
        /// Where the escape begins.
        at: usize,
    },
    /// A required field is not there.
    #[error("The field `{field}` is missing.")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field of another type or out of range.
    #[error("The field `{field}` must be {expected}.")]
    Type {
        /// Its name.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A field that we read is there twice.
    #[error("The field `{field}` is given twice. Give it once.")]
    Duplicate {
        /// Its name.
        field: &'static str,
    },
    /// A field that we read is spelled in another case.
    #[error("A field is spelled like `{field}` but with other letters. Write `{field}`.")]
    Spelling {
        /// The right name.
        field: &'static str,
    },
    /// A field that would lead the request elsewhere.
    #[error(
        "The field `{field}` is not allowed in a request: connections and their keys are set up by an administrator."
    )]
    Forbidden {
        /// Its name.
        field: &'static str,
    },
}

impl EnvelopeError {
    /// The `param` of OpenAI's error: the field at fault.
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field }
            | Self::Type { field, .. }
            | Self::Duplicate { field }
            | Self::Spelling { field }
            | Self::Forbidden { field } => Some(field),
            _ => None,
        }
    }

    /// The `code` of OpenAI's error: stable and machine-readable.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing_required_parameter",
            Self::Type { .. } => "invalid_type",
            Self::Duplicate { .. } => "duplicate_parameter",
            Self::Spelling { .. } => "unknown_parameter",
            Self::Forbidden { .. } => "parameter_not_allowed",
            _ => "invalid_json",
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of a request for this endpoint. Unknown fields are left alone.
    pub fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self, EnvelopeError> {
        let (body, start, found) = read(body)?;
        build(endpoint, body, start, &found)
    }

    /// Names the model of a request whose body may name another, or none, or hold `null` in its place.
    /// Refuses what is no request for any endpoint.
    pub fn with_model(body: &'a [u8], model: &str) -> Result<Vec<u8>, EnvelopeError> {
        let (body, start, found) = read(body)?;
        let name = serde_json::json!(model);
        let text = if let Some(raw) = field::value(&found, "model") {
            let old = field::span(body, raw);
            format!("{}{name}{}", &body[..old.start], &body[old.end..])
        } else {
            let (head, rest) = body.split_at(start);
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
            format!("{head}\"model\":{name}{comma}{rest}")
        };
        Ok(text.into_bytes())
    }
}

/// The body as text, where its first field would stand, and the fields that we know.
fn read(body: &[u8]) -> Result<(&str, usize, Found<'_>), EnvelopeError> {
    let body = str::from_utf8(body).map_err(|error| EnvelopeError::NotUtf8 { at: error.valid_up_to() })?;
    let Some(start) = body.bytes().position(|byte| !byte.is_ascii_whitespace()) else {
        return Err(EnvelopeError::Empty);
    };
    // An early end of an array or a string is "not an object" just as well.
    if body.as_bytes()[start] != b'{' && b"[\"-0123456789tfn".contains(&body.as_bytes()[start]) {
        return Err(EnvelopeError::NotAnObject);
    }
    lexical::check(body.as_bytes()).map_err(|objection| match objection {
        Objection::TooDeep => EnvelopeError::TooDeep,
        Objection::LoneSurrogate(at) => EnvelopeError::LoneSurrogate { at },
    })?;
    Ok((body, start + 1, read_fields(body)?))
}

/// The raw values of [`FIELDS`], in the same order, and a field of [`REROUTING`].
#[derive(Default)]
struct Found<'a> {
    values: [Option<&'a RawValue>; FIELDS.len()],
    reroutes: Option<&'static str>,
}

fn read_fields(body: &str) -> Result<Found<'_>, EnvelopeError> {
    let mut refusal = None;
    let mut json = serde_json::Deserializer::from_str(body);
    let found = Fields { refusal: &mut refusal }.deserialize(&mut json).and_then(|found| {
        json.end()?;
        Ok(found)
    });
    found.map_err(|error| match refusal {
        Some(refusal) => refusal,
        None if error.is_eof() => EnvelopeError::CutOff,
        None => EnvelopeError::NotJson { line: error.line(), column: error.column() },
    })
}

/// Walks the top level. What it refuses in its own words it leaves in `refusal`.
struct Fields<'r> {
    refusal: &'r mut Option<EnvelopeError>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Found<'de>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Found<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        while let Some(Text(key)) = map.next_key()? {
            let refusal = match field::of_name(&key) {
                Ok(None) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Ok(Some(Field::Forbidden(at))) => EnvelopeError::Forbidden { field: FORBIDDEN[at] },
                Ok(Some(Field::Rerouting(at))) => {
                    if !matches!(map.next_value::<&RawValue>()?.get(), "null" | "[]" | "{}" | "\"\"") {
                        found.reroutes = Some(REROUTING[at]);
                    }
                    continue;
                }
                Ok(Some(Field::Known(at))) if found.values[at].is_none() => {
                    found.values[at] = Some(map.next_value()?);
                    continue;
                }
                Ok(Some(Field::Known(at))) => EnvelopeError::Duplicate { field: FIELDS[at] },
                Err(field) => EnvelopeError::Spelling { field },
            };
            *self.refusal = Some(refusal);
            return Err(serde::de::Error::custom("refused"));
        }
        Ok(found)
    }
}

/// A JSON string, borrowed unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn build<'a>(
    endpoint: Endpoint,
    body: &'a str,
    start: usize,
    found: &Found<'a>,
) -> Result<Envelope<'a>, EnvelopeError> {
    let get = |name: &str| field::value(found, name);
    let model = get("model").ok_or(EnvelopeError::Missing { field: "model" })?;
    let options = get("stream_options").map(|raw| field::stream_options(body, raw)).transpose()?;
    let mut spots = Spots { start, model: field::span(body, model), ..Spots::default() };
    let mut includes_usage = false;
    if let Some(options) = options {
        includes_usage = options.includes_usage;
        spots.include_usage = options.include_usage;
        spots.stream_options = Some(options.spot);
    }
    for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
        if let Some(raw) = get(name) {
            let tokens = field::whole_number(field::known(name), raw)?;
            let is_own = limiting_fields(endpoint).contains(&name);
            spots.limits.push(Limit { place: field::span(body, raw), tokens, is_own });
        }
    }
    let is_limited = spots.limits.iter().any(|limit| limit.is_own && limit.tokens.is_some());
    let output_limit = spots.limits.iter().filter_map(|limit| limit.tokens).max().filter(|_| is_limited);
    let prompt = prompt(endpoint, found)?;
    refuse_background(endpoint, get("background"))?;
    Ok(Envelope {
        endpoint,
        model: model_name(model)?,
        is_stream: get("stream").map_or(Ok(None), |raw| field::boolean("stream", raw))?.unwrap_or(false),
        includes_usage,
        output_limit,
        answers: answers(endpoint, get("n"), get("best_of"))?.saturating_mul(prompts(endpoint, prompt)),
        prompt,
        reroutes: found.reroutes,
        spots,
        body,
    })
}

fn model_name(raw: &RawValue) -> Result<Cow<'_, str>, EnvelopeError> {
    let wrong = EnvelopeError::Type {
        field: "model",
        expected: "a string of 1 to 256 bytes without control characters, the name of a model",
    };
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(Text(name)) if ModelId::parse(&name).is_some() => Ok(name),
        _ => Err(wrong),
    }
}

/// The fields that providers read at this endpoint. Another one would be left unread, and the answer unlimited.
const fn limiting_fields(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::ChatCompletions => &["max_tokens", "max_completion_tokens"],
        Endpoint::Completions => &["max_tokens"],
        Endpoint::Responses => &["max_output_tokens"],
        Endpoint::Embeddings | Endpoint::Models => &[],
    }
}

/// `n` and `best_of`: what the provider bills for, whichever is more.
fn answers(
    endpoint: Endpoint,
    n: Option<&RawValue>,
    best_of: Option<&RawValue>,
) -> Result<u64, EnvelopeError> {
    let read = |field, raw: Option<&RawValue>| -> Result<u64, EnvelopeError> {
        let number = raw.map_or(Ok(None), |raw| field::whole_number(field, raw))?.unwrap_or(1);
        let expected = "a whole number from 1 to 128";
        if (1..=128).contains(&number) { Ok(number) } else { Err(EnvelopeError::Type { field, expected }) }
    };
    match endpoint {
        // Some servers know `best_of` for chats, too; the others leave it unread.
        Endpoint::ChatCompletions | Endpoint::Completions => Ok(read("n", n)?.max(read("best_of", best_of)?)),
        _ => Ok(1),
    }
}

/// The Responses API can answer later, to whoever asks for the id. What such an answer took would never be
/// seen here.
fn refuse_background(endpoint: Endpoint, raw: Option<&RawValue>) -> Result<(), EnvelopeError> {
    let expected = "false or left out: an answer that is fetched later cannot be accounted for";
    match raw {
        Some(raw) if endpoint == Endpoint::Responses && !matches!(raw.get(), "false" | "null") => {
            Err(EnvelopeError::Type { field: "background", expected })
        }
        _ => Ok(()),
    }
}

/// How many prompts there are to be answered: completions take an array of them, of strings or of arrays of
/// tokens. An array of numbers is the tokens of one.
fn prompts(endpoint: Endpoint, prompt: Option<&str>) -> u64 {
    match prompt {
        Some(text) if endpoint == Endpoint::Completions => field::texts_in(text).max(1),
        _ => 1,
    }
}

/// The field that holds the prompt, checked for presence and type.
fn prompt<'a>(endpoint: Endpoint, found: &Found<'a>) -> Result<Option<&'a str>, EnvelopeError> {
    let (field, starts, expected): (_, &[u8], _) = match endpoint {
        Endpoint::ChatCompletions => ("messages", b"[", "an array of messages"),
        Endpoint::Completions => ("prompt", b"[\"", "a string or an array"),
        Endpoint::Embeddings | Endpoint::Responses => ("input", b"[\"", "a string or an array"),
        Endpoint::Models => return Ok(None),
    };
    match field::value(found, field).map(RawValue::get) {
        Some(text) if starts.contains(&text.as_bytes()[0]) => Ok(Some(text)),
        // The Responses API also takes a stored prompt or a previous response instead of an input.
        Some("null") | None if endpoint == Endpoint::Responses => Ok(None),
        Some(_) => Err(EnvelopeError::Type { field, expected }),
        None => Err(EnvelopeError::Missing { field }),
    }
}
