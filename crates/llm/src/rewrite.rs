//! Changes to a request by splicing the original bytes. What is not changed stays as the caller wrote it.

use std::ops::Range;

use bytes::Bytes;
use kernel::Endpoint;

use crate::{
    Envelope,
    envelope::{Spot, Spots},
};

/// Changes to one request body, collected and then made in one copy, or in none.
#[derive(Debug)]
pub struct Rewrite<'e> {
    envelope: &'e Envelope<'e>,
    /// What to put where. The ranges do not overlap.
    edits: Vec<(Range<usize>, String)>,
}

impl<'e> Rewrite<'e> {
    /// No changes so far.
    pub const fn of(envelope: &'e Envelope<'e>) -> Self {
        Self { envelope, edits: Vec::new() }
    }

    /// Asks the provider for another model.
    #[must_use]
    pub fn model(mut self, name: &str) -> Self {
        if self.envelope.model != name {
            self.edits.push((self.spots().model.clone(), quoted(name)));
        }
        self
    }

    /// Makes the provider report the tokens of a stream. Only chat and completions know the field, and only
    /// for streams; for everything else, and where the caller asked already, this changes nothing.
    #[must_use]
    pub fn usage_reported(mut self) -> Self {
        let knows = matches!(self.envelope.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
        if !knows || !self.envelope.is_stream || self.envelope.includes_usage {
            return self;
        }
        let edit = match (&self.spots().include_usage, &self.spots().stream_options) {
            (Some(value), _) => (value.clone(), "true".to_owned()),
            (None, Some(Spot::Null(value))) => (value.clone(), r#"{"include_usage":true}"#.to_owned()),
            (None, Some(Spot::Empty(at))) => (*at..*at, r#""include_usage":true"#.to_owned()),
            (None, Some(Spot::Filled(at))) => (*at..*at, r#""include_usage":true,"#.to_owned()),
            (None, None) => self.first(r#""stream_options":{"include_usage":true}"#),
        };
        self.edits.push(edit);
        self
    }

    /// Lets each answer have at most `limit` tokens: larger numbers become this one, smaller ones stay, and
    /// where the caller says nothing the field is added. Embeddings have no output to limit.
    #[must_use]
    pub fn output_capped(mut self, limit: u64) -> Self {
        if matches!(self.envelope.endpoint, Endpoint::Embeddings | Endpoint::Models) {
            return self;
        }
        let limits = &self.spots().limits;
        let larger = limits.iter().filter(|it| it.tokens.is_some_and(|tokens| tokens > limit));
        let mut edits: Vec<_> = larger.map(|it| (it.place.clone(), limit.to_string())).collect();
        if self.envelope.output_limit.is_none() {
            // A `null` is taken as the place: a second field of the same name would be a duplicate.
            edits.push(match limits.iter().find(|it| it.is_own) {
                Some(it) => (it.place.clone(), limit.to_string()),
                None => self.first(&format!("\"{}\":{limit}", self.limiting_field())),
            });
        }
        self.edits.extend(edits);
        self
    }

    /// The body with all changes. Without any it is the same `Bytes`, not a copy.
    ///
    /// `original` must be the body that the envelope was read from.
    pub fn apply(mut self, original: &Bytes) -> Bytes {
        debug_assert_eq!(original.len(), self.envelope.body.len(), "the envelope belongs to this body");
        if self.edits.is_empty() {
            return original.clone();
        }
        self.edits.sort_by_key(|(range, _)| range.start);
        let added: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        let mut body = Vec::with_capacity(original.len() + added);
        let mut done = 0;
        for (range, text) in &self.edits {
            body.extend_from_slice(&original[done..range.start]);
            body.extend_from_slice(text.as_bytes());
            done = range.end;
        }
        body.extend_from_slice(&original[done..]);
        body.into()
    }

    const fn spots(&self) -> &Spots {
        &self.envelope.spots
    }

    /// A new first field. The body has at least `model` behind it, so a comma is always right.
    fn first(&self, field: &str) -> (Range<usize>, String) {
        let at = self.spots().start;
        (at..at, format!("{field},"))
    }

    /// The field that limits the output of this endpoint. OpenAI's reasoning models refuse `max_tokens`,
    /// most other providers know nothing else.
    fn limiting_field(&self) -> &'static str {
        let model = self.envelope.model.rsplit('/').next().unwrap_or_default();
        let is_reasoning = ["gpt-5", "o1", "o3", "o4"].iter().any(|family| model.starts_with(family));
        match self.envelope.endpoint {
            Endpoint::Responses => "max_output_tokens",
            Endpoint::ChatCompletions if is_reasoning => "max_completion_tokens",
            _ => "max_tokens",
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always valid JSON")
}
