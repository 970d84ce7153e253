//! Watches a stream in passing: who forwards the bytes learns at the end what they were worth.
//!
//! Most events cost a few searches for a word. Only an event that names `usage` or `error` is parsed.

use std::{mem, sync::LazyLock};

use bytes::Bytes;
use kernel::{Endpoint, Money, TokenCount};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Event, ProviderError, Usage,
    sse::Boundary,
    text::{self, value_after_colon},
};

static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"error\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));
static COMPLETED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"response.completed\""));
static INCOMPLETE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"response.incomplete\""));

/// The largest event that is looked into, in bytes. The last event of the Responses API repeats the whole
/// answer; larger ones pass through unread.
const MOST_EVENT_BYTES: usize = 4 << 20;

/// What becomes of the event without choices that only reports usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// The caller asked for it.
    Pass,
    /// We asked for it in the caller's place; a client that did not ask may trip over empty `choices`.
    Hide,
}

/// What to send on for a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward {
    /// The chunk itself.
    AsIs,
    /// These bytes instead.
    Replace(Bytes),
    /// Nothing for now.
    Nothing,
}

/// The meter of one stream.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent things that a stream has shown so far")]
pub struct Meter {
    endpoint: Endpoint,
    usage_chunk: UsageChunk,
    boundary: Boundary,
    /// The event that has not ended yet. With [`UsageChunk::Hide`] it has not been forwarded either.
    carry: Vec<u8>,
    /// In the middle of an event that is too large to look into.
    is_skipping: bool,
    usage: Option<Usage>,
    text_bytes: u64,
    has_content: bool,
    saw_done: bool,
    saw_finish: bool,
    error: Option<ProviderError>,
}

/// What a stream was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// What the provider reported last; none when it reported nothing or zero.
    pub tokens: Option<TokenCount>,
    /// Tokens of the text that was delivered, a quarter of its bytes: for settling when `tokens` is none.
    pub estimated_completion: u64,
    /// What the provider says it charges, for the record.
    pub reported_cost: Option<Money>,
    /// Whether the end was announced: `[DONE]`, or the last event of the Responses API.
    pub saw_done: bool,
    /// Whether a choice said why it finished; some providers leave `[DONE]` out.
    pub saw_finish: bool,
    /// An error in the middle of the stream.
    pub error: Option<ProviderError>,
    /// Bytes that were held back and are still to be forwarded; mostly empty.
    pub rest: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Hide,
}

impl Meter {
    /// A meter for the answer of this endpoint.
    pub const fn new(endpoint: Endpoint, usage_chunk: UsageChunk) -> Self {
        Self {
            endpoint,
            usage_chunk,
            boundary: Boundary::new(),
            carry: Vec::new(),
            is_skipping: false,
            usage: None,
            text_bytes: 0,
            has_content: false,
            saw_done: false,
            saw_finish: false,
            error: None,
        }
    }

    /// Whether the model has delivered anything yet: text, reasoning or a tool call.
    pub const fn has_content(&self) -> bool {
        self.has_content
    }

    /// Watches the next chunk and says what to forward. With [`UsageChunk::Pass`] that is always the chunk.
    pub fn feed(&mut self, chunk: &Bytes) -> Forward {
        let mut done = 0;
        // Set once what goes out is no longer a part of the chunk.
        let mut copy: Option<Vec<u8>> = None;
        while let Some(length) = self.boundary.find(&chunk[done..]) {
            let piece = &chunk[done..done + length];
            if mem::take(&mut self.is_skipping) {
                keep(&mut copy, piece);
            } else if self.carry.is_empty() {
                match self.watch(piece) {
                    Fate::Keep => keep(&mut copy, piece),
                    Fate::Hide => drop(copy.get_or_insert_with(|| chunk[..done].to_vec())),
                }
            } else {
                let mut whole = mem::take(&mut self.carry);
                whole.extend_from_slice(piece);
                let fate = self.watch(&whole);
                let copy = copy.get_or_insert_default();
                if fate == Fate::Keep {
                    copy.extend_from_slice(&whole);
                }
                whole.clear();
                self.carry = whole;
            }
            done += length;
        }
        self.hold(&chunk[done..], &mut copy, &mut done);
        match (self.usage_chunk, copy) {
            (UsageChunk::Pass, _) => Forward::AsIs,
            (UsageChunk::Hide, None) if done == chunk.len() => Forward::AsIs,
            (UsageChunk::Hide, None) if done > 0 => Forward::Replace(chunk.slice(..done)),
            (UsageChunk::Hide, Some(copy)) if !copy.is_empty() => Forward::Replace(copy.into()),
            (UsageChunk::Hide, _) => Forward::Nothing,
        }
    }

    /// Keeps the begin of an event for the next chunk, unless it grows too large to be looked into.
    fn hold(&mut self, tail: &[u8], copy: &mut Option<Vec<u8>>, done: &mut usize) {
        if !self.is_skipping && self.carry.len() + tail.len() <= MOST_EVENT_BYTES {
            self.carry.extend_from_slice(tail);
            return;
        }
        self.is_skipping = true;
        if !self.carry.is_empty() {
            copy.get_or_insert_default().append(&mut self.carry);
        }
        keep(copy, tail);
        *done += tail.len();
    }

    /// The end of the stream, also of one that was cut off. Forward `rest` if the client is still there.
    pub fn finish(mut self) -> Metered {
        let carry = mem::take(&mut self.carry);
        let fate = self.watch(&carry);
        let is_held = self.usage_chunk == UsageChunk::Hide && fate == Fate::Keep;
        Metered {
            tokens: self.usage.map(|usage| usage.tokens),
            estimated_completion: self.text_bytes.div_ceil(4),
            reported_cost: self.usage.and_then(|usage| usage.reported_cost),
            saw_done: self.saw_done,
            saw_finish: self.saw_finish,
            error: self.error,
            rest: if is_held { carry.into() } else { Bytes::new() },
        }
    }

    /// Looks at one whole event.
    fn watch(&mut self, event: &[u8]) -> Fate {
        let written = text::in_event(self.endpoint, event);
        self.text_bytes += written;
        self.has_content |= written > 0;
        self.saw_finish = self.saw_finish || has_value(&FINISH, event);
        let is_done = event.len() < 64 && event.windows(6).any(|six| six == b"[DONE]");
        let is_last = self.endpoint == Endpoint::Responses
            && (COMPLETED.find(event).is_some() || INCOMPLETE.find(event).is_some());
        if !is_done && !is_last && !has_value(&USAGE, event) && !mentions(&ERROR, event) {
            return Fate::Keep;
        }
        let Some(event) = Event::read(event) else { return Fate::Keep };
        if event.data.trim_ascii() == b"[DONE]" {
            self.saw_done = true;
            return Fate::Keep;
        }
        let data = String::from_utf8_lossy(&event.data);
        serde_json::from_str(&data).map_or(Fate::Keep, |report| self.note(&report))
    }

    /// Notes what an event reports.
    fn note(&mut self, report: &Report<'_>) -> Fate {
        let inner = report.response.and_then(|raw| serde_json::from_str::<Response<'_>>(raw.get()).ok());
        let inner = inner.unwrap_or_default();
        let usage = report.usage.or(inner.usage).and_then(|raw| Usage::read(raw.get()));
        self.usage = usage.or(self.usage);
        let kind = report.r#type.map_or("", RawValue::get);
        self.saw_done |=
            matches!(kind, r#""response.completed""# | r#""response.incomplete""# | r#""response.failed""#);
        let is_error = kind == r#""error""# || kind == r#""response.failed""#;
        if let Some(error) = report.error.or(inner.error).filter(|raw| raw.get() != "null") {
            self.error = Some(ProviderError::read(error.get().as_bytes()));
        } else if is_error {
            let message = report.message.map_or("\"\"", RawValue::get);
            let mut error = ProviderError::read(message.as_bytes());
            error.code = report.code.and_then(|raw| serde_json::from_str(raw.get()).ok());
            self.error = Some(error);
        }
        let is_empty = report.choices.is_some_and(|raw| raw.get()[1..].trim_start() == "]");
        let is_report =
            is_empty && report.usage.is_some_and(|raw| raw.get() != "null") && report.error.is_none();
        if self.usage_chunk == UsageChunk::Hide && is_report { Fate::Hide } else { Fate::Keep }
    }
}

/// The fields of an event that are worth reading.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Report<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

/// The `response` inside the last event of the Responses API.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Appends to what goes out in copy; while there is no copy, the chunk itself goes out.
fn keep(copy: &mut Option<Vec<u8>>, piece: &[u8]) {
    if let Some(copy) = copy {
        copy.extend_from_slice(piece);
    }
}

/// Whether the word occurs as a key with a value other than `null`. Inside a JSON string its quotes would
/// be escaped, so what the model writes cannot be mistaken for it.
fn has_value(word: &Finder<'_>, event: &[u8]) -> bool {
    word.find_iter(event).any(|at| {
        value_after_colon(&event[at + word.needle().len()..]).is_some_and(|value| !value.starts_with(b"null"))
    })
}

/// Whether the word occurs as a value, or as a key with a value other than `null`.
fn mentions(word: &Finder<'_>, event: &[u8]) -> bool {
    word.find_iter(event).any(|at| {
        value_after_colon(&event[at + word.needle().len()..]).is_none_or(|value| !value.starts_with(b"null"))
    })
}
