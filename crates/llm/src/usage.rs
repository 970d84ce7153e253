//! The `usage` object in the spellings of the providers.

use kernel::{Money, TokenCount};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a provider says a request used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens; `cached` is at most `prompt`, `reasoning` at most `completion`.
    pub tokens: TokenCount,
    /// What the provider says it charges, in US dollars (OpenRouter's `cost`). For the record: our own price
    /// decides what a key pays.
    pub reported_cost: Option<Money>,
}

/// Chat completions and embeddings say prompt and completion, the Responses API says input and output.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    /// `DeepSeek`.
    #[serde(borrow)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
}

impl Usage {
    /// Reads a `usage` object; none when it is no object or says nothing. A field of a wrong type is left
    /// out, the others still count.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let raw: Raw<'_> = serde_json::from_str(json).ok()?;
        let prompt = count(raw.prompt_tokens).or_else(|| count(raw.input_tokens)).unwrap_or(0);
        let mut completion = count(raw.completion_tokens).or_else(|| count(raw.output_tokens)).unwrap_or(0);
        let in_prompt = details(raw.prompt_tokens_details.or(raw.input_tokens_details));
        let in_completion = details(raw.completion_tokens_details.or(raw.output_tokens_details));
        let cached = count(in_prompt.cached_tokens)
            .or_else(|| count(raw.prompt_cache_hit_tokens))
            .or_else(|| count(raw.cached_tokens))
            .unwrap_or(0);
        let reasoning =
            count(in_completion.reasoning_tokens).or_else(|| count(raw.reasoning_tokens)).unwrap_or(0);
        // Some providers leave reasoning out of the completion and only count it in the total.
        if let Some(total) = count(raw.total_tokens) {
            completion = completion.max(total.saturating_sub(prompt));
        }
        if prompt == 0 && completion == 0 {
            return None;
        }
        let tokens = TokenCount {
            prompt,
            cached: cached.min(prompt),
            completion,
            reasoning: reasoning.min(completion),
        };
        let dollars = raw.cost.and_then(|raw| raw.get().parse().ok());
        Some(Self { tokens, reported_cost: dollars.and_then(|amount| Money::from_dollars(amount).ok()) })
    }
}

fn details(raw: Option<&RawValue>) -> Details<'_> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The largest count that is believed: far above any context, far below what would overflow a price.
const MOST_TOKENS: u64 = 1_000_000_000;

/// A number of tokens; some providers write `12.0`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked on the line above")]
fn count(raw: Option<&RawValue>) -> Option<u64> {
    let text = raw?.get();
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.min(MOST_TOKENS));
    }
    let number: f64 = text.parse().ok()?;
    (0.0..1e9).contains(&number).then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: &str) -> Option<(u64, u64, u64, u64)> {
        Usage::read(json).map(|usage| {
            let it = usage.tokens;
            (it.prompt, it.cached, it.completion, it.reasoning)
        })
    }

    #[test]
    fn every_spelling_is_understood() {
        let cases = [
            (
                r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":20,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":30}}"#,
                (100, 20, 50, 30),
            ),
            (
                r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":20},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":30},"total_tokens":150}"#,
                (100, 20, 50, 30),
            ),
            (r#"{"prompt_tokens":9,"total_tokens":9}"#, (9, 0, 0, 0)),
            (r#"{"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":8}"#, (10, 8, 2, 0)),
            (r#"{"prompt_tokens":10.0,"completion_tokens":2.0}"#, (10, 0, 2, 0)),
            (r#"{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":null}"#, (10, 0, 2, 0)),
            (r#"{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":"x"}"#, (10, 0, 2, 0)),
        ];
        for (json, expected) in cases {
            assert_eq!(tokens(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn reasoning_that_only_the_total_counts_is_part_of_the_completion() {
        let json = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"completion_tokens_details":{"reasoning_tokens":100}}"#;
        assert_eq!(tokens(json), Some((10, 0, 105, 100)));
    }

    #[test]
    fn parts_are_never_larger_than_their_whole() {
        let json = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":99},"completion_tokens_details":{"reasoning_tokens":99}}"#;
        assert_eq!(tokens(json), Some((10, 10, 5, 5)));
    }

    #[test]
    fn a_usage_that_says_nothing_is_none() {
        for json in
            ["null", "[]", "{}", r#"{"prompt_tokens":0,"completion_tokens":0}"#, r#"{"prompt_tokens":-5}"#]
        {
            assert_eq!(tokens(json), None, "{json}");
        }
    }

    #[test]
    fn the_cost_that_a_provider_reports_is_kept_for_the_record() {
        let cost = |json: &str| Usage::read(json).unwrap().reported_cost;
        assert_eq!(cost(r#"{"prompt_tokens":1,"cost":0.0000435}"#), Some(Money::from_nanos(43_500)));
        assert_eq!(cost(r#"{"prompt_tokens":1,"cost":-1}"#), None);
        assert_eq!(cost(r#"{"prompt_tokens":1,"cost":null}"#), None);
    }
}
