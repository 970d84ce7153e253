//! Lists of models as providers give them (`GET …/models`).

use std::collections::HashSet;

use kernel::{ModelId, Money, Pricing, UpstreamModel};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most models that are read from one provider.
const MOST_MODELS: usize = 5_000;

/// The longest owner and the longest name, in bytes.
const LONGEST: usize = 256;

/// Why a body is not a list of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is not a list of models; is the base URL right? It mostly ends in /v1")]
pub struct ModelListError;

/// OpenAI's list, `{"data":[…]}`; some providers say `{"models":[…]}`.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    models: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    created: Option<&'a RawValue>,
    #[serde(borrow)]
    owned_by: Option<&'a RawValue>,
    #[serde(borrow)]
    context_length: Option<&'a RawValue>,
    #[serde(borrow)]
    context_window: Option<&'a RawValue>,
    /// vLLM.
    #[serde(borrow)]
    max_model_len: Option<&'a RawValue>,
    #[serde(borrow)]
    pricing: Option<&'a RawValue>,
}

/// OpenRouter: US dollars per token, as strings.
#[derive(Deserialize)]
struct PerToken<'a> {
    #[serde(borrow)]
    prompt: &'a RawValue,
    #[serde(borrow)]
    completion: &'a RawValue,
    #[serde(borrow, default)]
    input_cache_read: Option<&'a RawValue>,
}

/// Reads a provider's list. Entries without a usable id and repeated ids are left out; of a field of a wrong
/// type only the field is. At most 5000 models are read.
pub fn parse_models(body: &[u8]) -> Result<Vec<UpstreamModel>, ModelListError> {
    let entries = entries(body).ok_or(ModelListError)?;
    let mut seen = HashSet::new();
    let models = entries.into_iter().filter_map(model).filter(|model| seen.insert(model.id.clone()));
    Ok(models.take(MOST_MODELS).collect())
}

/// The entries of a list, or of a bare array.
fn entries(body: &[u8]) -> Option<Vec<&RawValue>> {
    if body.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(body).ok();
    }
    let list: List<'_> = serde_json::from_slice(body).ok()?;
    list.data.or(list.models)
}

fn model(raw: &RawValue) -> Option<UpstreamModel> {
    // Some small servers list bare names.
    let entry: Entry<'_> = match raw.get().as_bytes().first()? {
        b'"' => Entry { id: Some(raw), ..Entry::default() },
        _ => serde_json::from_str(raw.get()).ok()?,
    };
    // OpenAI's SDK calls it `id`; a list of `{"name":…}` alone is Ollama's own API.
    let id = text(entry.id).or_else(|| text(entry.name))?;
    ModelId::parse(&id)?;
    let context = entry.context_length.or(entry.context_window).or(entry.max_model_len);
    Some(UpstreamModel {
        name: text(entry.name).filter(|name| *name != id),
        created: entry.created.and_then(number).map_or(0, u64::cast_signed),
        owned_by: text(entry.owned_by).unwrap_or_default(),
        context_length: context.and_then(number),
        pricing: entry.pricing.and_then(pricing),
        id,
    })
}

/// A short text without control characters.
fn text(raw: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(raw?.get()).ok()?;
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    fits.then_some(text)
}

/// A number that is plausible as a count or a time; some servers send `1700000000.0`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn number(raw: &RawValue) -> Option<u64> {
    let number: f64 = raw.get().parse().ok()?;
    (1.0..1e12).contains(&number).then_some(number as u64)
}

fn pricing(raw: &RawValue) -> Option<Pricing> {
    let raw: PerToken<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(Pricing {
        prompt: per_million(raw.prompt)?,
        completion: per_million(raw.completion)?,
        cached_prompt: raw.input_cache_read.and_then(per_million),
    })
}

/// Dollars per token, a string or a number, as dollars per million. OpenRouter says -1 for "it depends".
fn per_million(raw: &RawValue) -> Option<Money> {
    let dollars: f64 = raw.get().trim_matches('"').parse().ok()?;
    Money::from_dollars(dollars * 1e6).ok()
}
