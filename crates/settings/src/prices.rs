//! Prices of models that replace the built-in table.

use std::collections::BTreeMap;

use kernel::{Money, Pricing};
use serde_json::{Value, json};

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

/// What models cost, by public or provider's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(pub BTreeMap<String, Pricing>);

impl Setting for Prices {
    const GRAMMAR: Grammar = Grammar::Prices;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let Value::Object(models) =
            serde_json::from_str(text).map_err(|error| Wrong::because(error.to_string()))?
        else {
            return Err(Wrong::PLAIN);
        };
        let prices = models.into_iter().map(|(model, price)| {
            let pricing = pricing(&price).map_err(|why| Wrong::because(format!("of {model:?} {why}")))?;
            Ok((model, pricing))
        });
        prices.collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Shown<'_> {
        let shown = self.0.iter().map(|(model, price)| {
            let mut fields = json!({
                "prompt": price.prompt.dollars(),
                "completion": price.completion.dollars(),
            });
            if let Some(cached) = price.cached_prompt {
                fields["cached_prompt"] = json!(cached.dollars());
            }
            (model.clone(), fields)
        });
        Shown::Plain(Value::Object(shown.collect()))
    }
}

fn pricing(price: &Value) -> Result<Pricing, String> {
    let fields = price.as_object().ok_or("the price is not an object")?;
    if let Some(other) =
        fields.keys().find(|name| !["prompt", "completion", "cached_prompt"].contains(&name.as_str()))
    {
        return Err(format!("the field {other:?} is none of prompt, completion and cached_prompt"));
    }
    let amount = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(value) => {
            let dollars = value.as_f64().ok_or(format!("{name} is not a number"))?;
            Money::from_dollars(dollars).map(Some).map_err(|error| format!("{name}: {error}"))
        }
    };
    let required = |name: &str| amount(name)?.ok_or(format!("{name} is missing"));
    Ok(Pricing {
        prompt: required("prompt")?,
        completion: required("completion")?,
        cached_prompt: amount("cached_prompt")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Prices, Wrong> {
        Prices::read(text, &Entry::new("MODEL_PRICES"))
    }

    #[test]
    fn prices_are_dollars_per_million_tokens() {
        let prices = read(r#"{"a/b":{"prompt":0.15,"completion":0.6,"cached_prompt":0.075},"free":{"prompt":0,"completion":0}}"#).unwrap();
        assert_eq!(prices.0["a/b"].prompt, Money::from_nanos(150_000_000));
        assert_eq!(prices.0["a/b"].cached_prompt, Some(Money::from_nanos(75_000_000)));
        assert_eq!(prices.0["free"].cached_prompt, None);
    }

    #[test]
    fn a_price_that_could_be_misread_is_refused_and_named() {
        for (text, expected) in [
            (r#"{"m":{"prompt":1}}"#, "completion is missing"),
            (r#"{"m":{"prompt":-1,"completion":1}}"#, "negative"),
            (r#"{"m":{"prompt":"1","completion":1}}"#, "not a number"),
            (r#"{"m":{"input":1,"completion":1}}"#, r#""input""#),
            (r#"{"m":5}"#, "not an object"),
            (r#"{"m":{"prompt":1,"completion":1}"#, "EOF"),
        ] {
            let why = read(text).unwrap_err().0.unwrap();
            assert!(why.contains(expected), "{text}: {why}");
        }
        assert_eq!(read("[]"), Err(Wrong::PLAIN));
    }
}
