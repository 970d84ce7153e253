//! Models: their names and what their tokens cost.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Money, TokenCount};

/// The name under which callers ask for a model, at most 256 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// Reads a name; `None` when it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one million tokens cost. One nano-dollar per token is a tenth of a cent per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// Of the prompt.
    pub prompt: Money,
    /// Of the answer, reasoning included.
    pub completion: Money,
    /// Of prompt tokens that the provider read from its cache; the prompt's price when none is known.
    pub cached_prompt: Option<Money>,
}

impl Pricing {
    /// What these tokens cost, rounded up to the nano-dollar.
    pub fn cost(&self, tokens: &TokenCount) -> Money {
        let cached = tokens.cached.min(tokens.prompt);
        let nanos = i128::from(self.prompt.nanos()) * i128::from(tokens.prompt - cached)
            + i128::from(self.cached_prompt.unwrap_or(self.prompt).nanos()) * i128::from(cached)
            + i128::from(self.completion.nanos()) * i128::from(tokens.completion);
        Money::from_nanos(i64::try_from((nanos + 999_999) / 1_000_000).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_a_price_of_their_own() {
        let dollars = |amount| Money::from_dollars(amount).unwrap();
        let mini =
            Pricing { prompt: dollars(0.15), completion: dollars(0.60), cached_prompt: Some(dollars(0.075)) };
        let tokens = TokenCount { prompt: 100, cached: 20, completion: 50, reasoning: 0 };
        assert_eq!(mini.cost(&tokens), dollars(4.35e-05));
    }

    #[test]
    fn a_provider_that_claims_more_cached_tokens_than_prompt_tokens_gains_nothing() {
        let dollars = |amount| Money::from_dollars(amount).unwrap();
        let price =
            Pricing { prompt: dollars(1.0), completion: dollars(1.0), cached_prompt: Some(Money::ZERO) };
        let tokens = TokenCount { prompt: 10, cached: 1_000, completion: 1, reasoning: 0 };
        assert_eq!(price.cost(&tokens), Money::from_nanos(1_000));
    }
}
