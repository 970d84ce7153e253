//! How many tokens a request may take, before anybody has counted them.
//!
//! Two questions, two answers. A *reservation* must not be too small: every token of the known vocabularies
//! covers at least one byte, so the bytes of the body are an upper bound for its text. An *expectation*
//! settles a request whose provider reported nothing: four bytes a token is the usual mean for English text
//! and code (OpenAI, "What are tokens and how to count them").
//!
//! Neither the bytes of an image nor the length of its address say anything about its tokens, so each image
//! counts a fixed number. What the provider adds from its own memory (a previous response, a stored file)
//! cannot be seen from here; then the whole context is reserved.

use std::{ops::Range, sync::LazyLock};

use kernel::Endpoint;
use memchr::memmem::{self, Finder};

use crate::{Envelope, text::value_after_colon};

/// Tokens of one image at its largest. The 36 tiles' worth of `gpt-4o-mini` are the exception among the
/// models whose rules are published (OpenAI, "Images and vision": 2833 + 6 x 5667).
const IMAGE_AT_MOST: u64 = 4_000;
const IMAGE_AT_MOST_4O_MINI: u64 = 36_835;

/// Tokens of a usual image: 765 for `gpt-4o` at 1024 x 1024 in high detail, 1,600 for Claude at most.
const IMAGE_EXPECTED: u64 = 1_000;

/// What a provider's template may put around a prompt: roles, separators, the frame of a tool list.
const TEMPLATE: u64 = 64;

/// The context that is assumed where the model's is not known and something unseen is part of the prompt.
const DEFAULT_CONTEXT: u64 = 200_000;

/// The answer that is assumed where neither the caller nor the table names a limit.
const DEFAULT_OUTPUT: u64 = 4_096;

static IMAGE_URL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"image_url\""));

/// Keys of what the provider adds to the prompt from the network or from files that it keeps.
const UNSEEN: [&str; 4] = ["\"file_id\"", "\"file_url\"", "\"video_url\"", "\"audio_url\""];

/// The same for the Responses API, which also remembers.
const REMEMBERED: [&str; 3] = ["\"previous_response_id\"", "\"conversation\"", "\"prompt\""];

/// A file by its address (OpenRouter), where others have the file itself.
const FILE_DATA: &str = "\"file_data\"";

/// What is known of a model, from the price table, the provider's list or an administrator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelLimits {
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// Tokens of one answer.
    pub most_output: Option<u64>,
}

/// Tokens that a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// What the provider can count for the prompt at most: for reserving.
    pub prompt_at_most: u64,
    /// What the prompt probably is: for settling without a report.
    pub prompt_expected: u64,
    /// What the provider can bill for all answers together: for reserving.
    pub completion_at_most: u64,
    /// Where neither the caller nor `limits` bound the answer: the tokens of each that the sum above assumes.
    /// Cap the request to make it true.
    pub assumed_output: Option<u64>,
}

impl Estimate {
    /// Estimates a request.
    pub fn of(envelope: &Envelope<'_>, limits: ModelLimits) -> Self {
        let images = Images::in_prompt(envelope.prompt.unwrap_or_default().as_bytes());
        let text = (envelope.body.len() as u64).saturating_sub(images.bytes);
        let image =
            if envelope.model.contains("gpt-4o-mini") { IMAGE_AT_MOST_4O_MINI } else { IMAGE_AT_MOST };
        let mut prompt_at_most = text + images.count * image + TEMPLATE;
        if has_unseen(envelope.endpoint, envelope.body.as_bytes()) {
            prompt_at_most = prompt_at_most.max(limits.context_length.unwrap_or(DEFAULT_CONTEXT));
        }
        // No provider bills more than the context for one prompt; embeddings bill for every input of a batch.
        if let Some(context) = limits.context_length.filter(|_| envelope.endpoint != Endpoint::Embeddings) {
            prompt_at_most = prompt_at_most.min(context);
        }
        let output = match (envelope.output_limit, limits.most_output) {
            (Some(asked), Some(most)) => asked.min(most),
            (Some(asked), None) => asked,
            (None, most) => most.unwrap_or(DEFAULT_OUTPUT),
        };
        let has_output = envelope.endpoint != Endpoint::Embeddings;
        let is_bounded = envelope.output_limit.or(limits.most_output).is_some();
        Self {
            prompt_at_most,
            prompt_expected: tokens_in(text)
                .saturating_add(images.count * IMAGE_EXPECTED)
                .min(prompt_at_most),
            completion_at_most: if has_output { output.saturating_mul(envelope.answers) } else { 0 },
            assumed_output: (has_output && !is_bounded).then_some(DEFAULT_OUTPUT),
        }
    }
}

/// The expected tokens of this many bytes of text.
pub const fn tokens_in(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

fn has_unseen(endpoint: Endpoint, body: &[u8]) -> bool {
    let remembered: &[&str] = if endpoint == Endpoint::Responses { &REMEMBERED } else { &[] };
    let can_have = matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Responses);
    can_have
        && (UNSEEN.iter().chain(remembered).any(|key| values_of(key, body).next().is_some())
            || values_of(FILE_DATA, body).any(|value| value.starts_with(b"\"http"))
            || has_disguise(body))
}

/// What stands behind each occurrence of a key.
fn values_of<'a>(key: &'a str, body: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    memmem::find_iter(body, key).filter_map(|at| value_after_colon(&body[at + key.len()..]))
}

/// Whether a letter, a digit, an underscore or a colon is written as an escape. No encoder does that, so it may
/// hide one of the keys, or an address, from a search for words.
fn has_disguise(body: &[u8]) -> bool {
    memmem::find_iter(body, "\\u00").any(|at| {
        let before = body[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        let digits = body.get(at + 4..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
        let letter = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        before % 2 == 0 && letter.is_some_and(|it| it.is_ascii_alphanumeric() || b"_:".contains(&it))
    })
}

/// The images of a prompt: `"image_url":"…"` or `"image_url":{"url":"…"}`.
struct Images {
    count: u64,
    /// How many of the prompt's bytes are base64 of images.
    bytes: u64,
}

impl Images {
    fn in_prompt(prompt: &[u8]) -> Self {
        let mut images = Self { count: 0, bytes: 0 };
        let mut counted = 0;
        for at in IMAGE_URL.find_iter(prompt) {
            let Some(value) = value_after_colon(&prompt[at + IMAGE_URL.needle().len()..]) else { continue };
            images.count += 1;
            if let Some(data) = base64(value) {
                let start = prompt.len() - value.len() + data.start;
                // Keys within keys may lead to the same bytes; they are taken off the text once.
                if start >= counted {
                    images.bytes += data.len() as u64;
                    counted = start + data.len();
                }
            }
        }
        images
    }
}

/// Where the base64 stands in the value of `image_url`; none when it is an address or anything else.
///
/// Only what stands where a provider looks for an image is taken off the count of text. The same bytes
/// under another key might be read as text, and would then be free.
fn base64(value: &[u8]) -> Option<Range<usize>> {
    let url = if value.starts_with(b"{") {
        let head = &value[..value.len().min(256)];
        let key = memmem::find(head, b"\"url\"")?;
        value_after_colon(&value[key + 5..])?
    } else {
        value
    };
    let url = url.strip_prefix(b"\"data:image/")?;
    let comma = url.iter().take(64).position(|&byte| byte == b',')?;
    let data = &url[comma + 1..];
    let length = data.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+/=-_".contains(byte))?;
    let start = value.len() - data.len();
    (url[..comma].ends_with(b";base64") && data[length] == b'"').then_some(start..start + length)
}
