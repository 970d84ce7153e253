//! Prices are found by name, and never by a name that only looks alike.

use kernel::{Money, Pricing, TokenCount};
use llm::Prices;

fn dollars(amount: f64) -> Money {
    Money::from_dollars(amount).unwrap()
}

#[test]
fn the_table_of_the_repository_is_readable_and_dated() {
    let prices = Prices::built_in();
    assert!(prices.date().starts_with("2026-11-"));
    let mini = prices.find("gpt-4o-mini").unwrap();
    assert_eq!(mini.pricing.prompt, dollars(0.15));
    assert_eq!(mini.pricing.completion, dollars(0.60));
    assert_eq!(mini.pricing.cached_prompt, Some(dollars(0.075)));
    assert_eq!((mini.limits.context_length, mini.limits.most_output), (Some(128_000), Some(16_384)));
    let tokens = TokenCount { prompt: 100, cached: 20, completion: 50, reasoning: 0 };
    assert_eq!(mini.pricing.cost(&tokens), dollars(4.35e-5));
}

#[test]
fn a_name_is_found_with_vendor_and_with_date() {
    let prices = Prices::built_in();
    let plain = prices.find("gpt-4o").unwrap();
    for name in ["openai/gpt-4o", "gpt-4o-2024-11-20", "openai/gpt-4o-2024-08-06", "a/b/gpt-4o"] {
        assert_eq!(prices.find(name), Some(plain), "{name}");
    }
    assert_eq!(prices.find("claude-haiku-4-5-20251001"), prices.find("claude-haiku-4-5"));
    assert_ne!(prices.find("gpt-4o-2024-05-13"), Some(plain), "the first edition was dearer");
}

#[test]
fn a_name_that_is_only_similar_has_no_price() {
    let prices = Prices::built_in();
    for name in [
        "",
        "gpt",
        "gpt-4o-",
        "GPT-4o",
        "gpt-4o:free",
        "openai/gpt-4o:online",
        "gpt-4o-2024-11",
        "gpt-4o-1234-56-78",
        "gpt-4o-12345678",
        "gpt-4o/",
        "gpt-4o-audio-preview",
        "demo/echo",
    ] {
        assert_eq!(prices.find(name), None, "{name}");
    }
}

#[test]
fn the_operators_numbers_come_first() {
    let price = |prompt, completion| Pricing {
        prompt: dollars(prompt),
        completion: dollars(completion),
        cached_prompt: None,
    };
    let operators = [("gpt-4o".to_owned(), price(1.0, 2.0)), ("llama-local".to_owned(), price(0.0, 0.0))];
    let prices = Prices::built_in().with(operators);
    assert_eq!(prices.find("openai/gpt-4o-2024-08-06").unwrap().pricing.prompt, dollars(1.0));
    assert_eq!(prices.find("llama-local").unwrap().pricing.completion, Money::ZERO);
    assert!(prices.overridden("gpt-4o").is_some() && prices.overridden("gpt-4o-mini").is_none());
    assert!(prices.find("gpt-4o-mini").is_some(), "the table is still there");
}

#[test]
fn a_price_of_the_operators_leaves_the_limits_of_the_table_alone() {
    let free = Pricing { prompt: Money::ZERO, completion: Money::ZERO, cached_prompt: None };
    let prices = Prices::built_in().with([("gpt-4o-mini".to_owned(), free), ("mine".to_owned(), free)]);
    let mini = prices.find("gpt-4o-mini").unwrap();
    assert_eq!((mini.pricing, mini.limits.most_output), (free, Some(16_384)));
    assert_eq!(prices.find("mine").unwrap().limits.most_output, None);
}
