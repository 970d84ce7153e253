//! Lists of models are read tolerantly and within bounds.

use kernel::Money;
use llm::{ModelListError, parse_models};

fn ids(body: &str) -> Vec<String> {
    parse_models(body.as_bytes()).unwrap().into_iter().map(|model| model.id).collect()
}

#[test]
fn openai_lists_are_read() {
    let body = r#"{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"}]}"#;
    let models = parse_models(body.as_bytes()).unwrap();
    assert_eq!((models[0].id.as_str(), models[0].created), ("gpt-4o", 1_715_367_049));
    assert_eq!((models[0].owned_by.as_str(), models[0].name.as_deref()), ("system", None));
    assert_eq!((models[0].context_length, models[0].pricing), (None, None));
}

#[test]
fn openrouter_lists_bring_names_contexts_and_prices() {
    let body = r#"{"data":[{"id":"openai/gpt-4o-mini","name":"OpenAI: GPT-4o-mini","created":1721260800,"context_length":128000,
        "pricing":{"prompt":"0.00000015","completion":"0.0000006","request":"0","image":"0.000217","input_cache_read":"0.000000075"}}]}"#;
    let model = &parse_models(body.as_bytes()).unwrap()[0];
    assert_eq!(model.name.as_deref(), Some("OpenAI: GPT-4o-mini"));
    assert_eq!(model.context_length, Some(128_000));
    let pricing = model.pricing.unwrap();
    assert_eq!(pricing.prompt, Money::from_dollars(0.15).unwrap());
    assert_eq!(pricing.completion, Money::from_dollars(0.6).unwrap());
    assert_eq!(pricing.cached_prompt, Some(Money::from_dollars(0.075).unwrap()));
}

#[test]
fn a_price_that_depends_is_no_price() {
    let body = r#"{"data":[{"id":"openrouter/auto","pricing":{"prompt":"-1","completion":"-1"}},{"id":"b","pricing":{"prompt":"1"}},{"id":"c","pricing":"free"}]}"#;
    assert!(parse_models(body.as_bytes()).unwrap().iter().all(|model| model.pricing.is_none()));
}

#[test]
fn bad_and_repeated_entries_are_left_out_and_the_others_stay() {
    let body = r#"{"data":[{"id":"a"},{"id":""},{"id":7},{},null,3,"b",{"id":"a"},{"id":"line\nbreak"},{"id":"c","created":"soon","context_length":-5,"owned_by":null}]}"#;
    assert_eq!(ids(body), ["a", "b", "c"]);
}

#[test]
fn other_shapes_of_list_are_read() {
    assert_eq!(ids(r#"{"models":[{"name":"llama3"}]}"#), ["llama3"]);
    assert_eq!(ids(r#"[{"id":"a"},{"id":"b"}]"#), ["a", "b"]);
    assert_eq!(ids(r#"{"data":[]}"#), [""; 0]);
}

#[test]
fn what_is_no_list_is_said_to_be_that() {
    for body in [
        "",
        "<html></html>",
        "{}",
        r#"{"data":"x"}"#,
        r#"{"error":{"message":"no"}}"#,
        r#"{"data":[{"id":"a"}"#,
    ] {
        assert_eq!(parse_models(body.as_bytes()), Err(ModelListError), "{body}");
    }
}

#[test]
fn a_list_without_end_is_cut_off() {
    let many: Vec<String> = (0..6000).map(|number| format!("{{\"id\":\"m{number}\"}}")).collect();
    assert_eq!(ids(&format!("{{\"data\":[{}]}}", many.join(","))).len(), 5000);
}
