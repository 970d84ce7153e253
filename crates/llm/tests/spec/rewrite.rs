//! Requests are changed where they must be and nowhere else.

use bytes::Bytes;
use kernel::Endpoint;
use llm::{Envelope, Rewrite};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Makes changes to a body of an endpoint.
fn rewritten(
    endpoint: Endpoint,
    body: &str,
    change: impl for<'e> FnOnce(Rewrite<'e>) -> Rewrite<'e>,
) -> String {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let envelope = Envelope::parse(endpoint, &bytes).unwrap();
    let changed = change(Rewrite::of(&envelope)).apply(&bytes);
    String::from_utf8(changed.to_vec()).unwrap()
}

fn with_usage(it: Rewrite<'_>) -> Rewrite<'_> {
    it.usage_reported()
}

#[test]
fn nothing_to_change_is_the_very_same_memory() {
    let body = Bytes::from_static(
        br#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"messages":[]}"#,
    );
    let envelope = Envelope::parse(Endpoint::ChatCompletions, &body).unwrap();
    let same = Rewrite::of(&envelope).model("m").usage_reported().output_capped(5).apply(&body);
    assert_eq!(same.as_ptr(), body.as_ptr());
    assert_eq!(same, body);
}

#[test]
fn only_the_model_name_changes_and_every_other_byte_stays() {
    let body = r#"{ "messages" : [ ],  "x":1.0e5, "model" : "\u0061", "x":2 }"#;
    let changed = rewritten(Endpoint::ChatCompletions, body, |it| it.model("vendor/b\"c"));
    assert_eq!(changed, r#"{ "messages" : [ ],  "x":1.0e5, "model" : "vendor/b\"c", "x":2 }"#);
}

#[test]
fn usage_is_asked_for_in_every_shape_of_stream_options() {
    for (options, expected) in [
        ("", r#"{"stream_options":{"include_usage":true},"model":"m","messages":[],"stream":true}"#),
        (
            r#","stream_options":null"#,
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#","stream_options":{ }"#,
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true }}"#,
        ),
        (
            r#","stream_options":{"a":1}"#,
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"a":1}}"#,
        ),
        (
            r#","stream_options":{"a":1,"include_usage":false}"#,
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"a":1,"include_usage":true}}"#,
        ),
        (
            r#","stream_options":{"include_usage":null}"#,
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        let body = format!(r#"{{"model":"m","messages":[],"stream":true{options}}}"#);
        assert_eq!(rewritten(Endpoint::ChatCompletions, &body, with_usage), expected);
    }
}

#[test]
fn usage_is_not_asked_for_where_the_field_is_unknown() {
    let whole = r#"{"model":"m","messages":[]}"#;
    assert_eq!(rewritten(Endpoint::ChatCompletions, whole, with_usage), whole);
    let responses = r#"{"model":"m","input":"hi","stream":true}"#;
    assert_eq!(rewritten(Endpoint::Responses, responses, with_usage), responses);
}

#[test]
fn the_output_is_capped_by_lowering_never_by_raising() {
    let capped = |endpoint, body: &str| rewritten(endpoint, body, |it| it.output_capped(100));
    for (body, expected) in [
        (r#"{"model":"m","messages":[]}"#, r#"{"max_tokens":100,"model":"m","messages":[]}"#),
        (r#"{"model":"m","messages":[],"max_tokens":7}"#, r#"{"model":"m","messages":[],"max_tokens":7}"#),
        (
            r#"{"model":"m","messages":[],"max_tokens":700}"#,
            r#"{"model":"m","messages":[],"max_tokens":100}"#,
        ),
        (
            r#"{"model":"m","messages":[],"max_tokens":null}"#,
            r#"{"model":"m","messages":[],"max_tokens":100}"#,
        ),
        (
            r#"{"model":"m","messages":[],"max_tokens":700,"max_completion_tokens":7}"#,
            r#"{"model":"m","messages":[],"max_tokens":100,"max_completion_tokens":7}"#,
        ),
        (
            r#"{"model":"openai/gpt-5-mini","messages":[]}"#,
            r#"{"max_completion_tokens":100,"model":"openai/gpt-5-mini","messages":[]}"#,
        ),
    ] {
        assert_eq!(capped(Endpoint::ChatCompletions, body), expected);
    }
    let responses = r#"{"model":"m","input":"hi"}"#;
    assert_eq!(
        capped(Endpoint::Responses, responses),
        r#"{"max_output_tokens":100,"model":"m","input":"hi"}"#
    );
    // What the endpoint does not know is no place for the limit, and no limit.
    assert_eq!(
        capped(Endpoint::Responses, r#"{"model":"m","input":"hi","max_tokens":null}"#),
        r#"{"max_output_tokens":100,"model":"m","input":"hi","max_tokens":null}"#
    );
    assert_eq!(
        capped(Endpoint::ChatCompletions, r#"{"model":"m","messages":[],"max_output_tokens":7}"#),
        r#"{"max_tokens":100,"model":"m","messages":[],"max_output_tokens":7}"#
    );
    let embeddings = r#"{"model":"m","input":"hi"}"#;
    assert_eq!(capped(Endpoint::Embeddings, embeddings), embeddings);
}

proptest! {
    /// The same changes, made to the parsed tree, give the same tree.
    #[test]
    fn splicing_and_editing_the_tree_agree(
        (body, tree) in request(),
        model in "[a-z\"\\\\é]{1,6}",
        limit in 1..1000u64,
    ) {
        let changed = rewritten(Endpoint::ChatCompletions, &body, |it| {
            it.model(&model).usage_reported().output_capped(limit)
        });
        let mut expected = tree;
        if expected["stream"] == json!(true) {
            if !expected["stream_options"].is_object() {
                expected["stream_options"] = json!({});
            }
            expected["stream_options"]["include_usage"] = json!(true);
        }
        let given = expected.get("max_tokens").filter(|it| !it.is_null()).and_then(Value::as_u64);
        expected["max_tokens"] = json!(given.map_or(limit, |given| given.min(limit)));
        expected["model"] = json!(model);
        prop_assert_eq!(serde_json::from_str::<Value>(&changed).unwrap(), expected, "{}", changed);
    }
}

/// A request in some order and with some whitespace, and the tree of it.
fn request() -> impl Strategy<Value = (String, Value)> {
    let options = prop_oneof![
        Just(None),
        Just(Some("null")),
        Just(Some("{}")),
        Just(Some("{ }")),
        Just(Some(r#"{"a":[1]}"#)),
        Just(Some(r#"{ "include_usage" : false }"#)),
        Just(Some(r#"{"b":{},"include_usage":true,"c":"}"}"#)),
    ];
    let tokens =
        proptest::option::of(prop_oneof![Just("null".to_owned()), (0..2000u64).prop_map(|n| n.to_string())]);
    (
        options,
        tokens,
        any::<bool>(),
        "[ \n\t]{0,2}",
        "[a-z\"\\\\{}é]{0,9}",
        Just(()).prop_perturb(|(), rng| rng),
    )
        .prop_map(|(options, tokens, is_stream, space, text, mut rng)| {
            let quoted = serde_json::to_string(&text).unwrap();
            let mut fields = vec![
                "\"model\":\"old\"".to_owned(),
                format!("\"messages\":[{{\"role\":\"user\",\"content\":{quoted}}}]"),
                format!("\"stream\":{is_stream}"),
                format!("\"user\"{space}:{quoted}"),
            ];
            fields.extend(options.map(|options| format!("\"stream_options\":{space}{options}")));
            fields.extend(tokens.map(|tokens| format!("\"max_tokens\":{space}{tokens}")));
            for at in (1..fields.len()).rev() {
                fields.swap(at, rng.random_range(0..=at));
            }
            let body = format!("{space}{{{space}{}{space}}}{space}", fields.join(&format!("{space},")));
            let tree = serde_json::from_str(&body).unwrap();
            (body, tree)
        })
}
