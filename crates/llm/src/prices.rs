//! What tokens cost: a dated table in the repository, and the operator's own numbers above it.
//!
//! A model that is not in the table has no price. Nothing is guessed: whoever pays by budget is told so.

use std::collections::HashMap;

use kernel::{Money, Pricing};
use serde::Deserialize;

use crate::ModelLimits;

/// The table that is part of the binary.
const TABLE: &str = include_str!("../prices/2026-11.json");

/// What is known of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceEntry {
    /// Per one million tokens.
    pub pricing: Pricing,
    /// Context and output, where known.
    pub limits: ModelLimits,
}

/// Prices by model name.
#[derive(Debug, Clone)]
pub struct Prices {
    table: HashMap<String, PriceEntry>,
    overrides: HashMap<String, PriceEntry>,
    date: String,
}

/// The file in the repository.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    /// For the reader of the file: where the numbers come from.
    #[serde(rename = "about")]
    _about: Vec<String>,
    models: HashMap<String, Line>,
}

/// One model, in US dollars per million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prompt: f64,
    /// Never left out by mistake: a missing price would be a free model.
    completion: f64,
    #[serde(default)]
    cached_prompt: Option<f64>,
    #[serde(default)]
    context_length: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
}

impl Prices {
    /// The table of the repository alone.
    pub fn built_in() -> Self {
        let file: File = serde_json::from_str(TABLE).expect("a test reads the table of the repository");
        let table = file.models.into_iter().map(|(model, line)| (model, line.entry())).collect();
        Self { table, overrides: HashMap::new(), date: file.date }
    }

    /// With the operator's numbers above the table: what `MODEL_PRICES` says. What the table knows of a
    /// model's limits stays.
    #[must_use]
    pub fn with(mut self, prices: impl IntoIterator<Item = (String, Pricing)>) -> Self {
        for (model, pricing) in prices {
            let limits = self.find(&model).map(|known| known.limits).unwrap_or_default();
            self.overrides.insert(model, PriceEntry { pricing, limits });
        }
        self
    }

    /// The date of the table, `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// What the operator says about exactly this name.
    pub fn overridden(&self, model: &str) -> Option<PriceEntry> {
        self.overrides.get(model).copied()
    }

    /// What is known of a model: by its name as it is, without its vendor (`openai/gpt-4o`), without its date
    /// (`gpt-4o-2024-08-06`), without both. The operator's numbers come first at each step.
    ///
    /// A variant such as `:free` or `:online` has a price of its own and is never taken for the plain model.
    pub fn find(&self, model: &str) -> Option<PriceEntry> {
        let bare = model.rsplit_once('/').map_or(model, |(_, bare)| bare);
        [model, bare, undated(model), undated(bare)]
            .into_iter()
            .find_map(|name| self.overrides.get(name).or_else(|| self.table.get(name)).copied())
    }
}

impl Line {
    fn entry(&self) -> PriceEntry {
        let money = |dollars| Money::from_dollars(dollars).expect("a test reads the table of the repository");
        PriceEntry {
            pricing: Pricing {
                prompt: money(self.prompt),
                completion: money(self.completion),
                cached_prompt: self.cached_prompt.map(money),
            },
            limits: ModelLimits { context_length: self.context_length, most_output: self.max_output },
        }
    }
}

/// The name without a date at its end: `-2024-08-06` or `-20250929`.
fn undated(model: &str) -> &str {
    let is_digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((name, compact)) = model.rsplit_once('-')
        && is_digits(compact, 8)
        && compact.starts_with("20")
    {
        return name;
    }
    let mut parts = model.rsplitn(4, '-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year), Some(name))
            if is_digits(day, 2) && is_digits(month, 2) && is_digits(year, 4) && year.starts_with("20") =>
        {
            name
        }
        _ => model,
    }
}
