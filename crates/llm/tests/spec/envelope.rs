//! What is read of a request, and what is refused in which words.

use kernel::Endpoint;
use llm::{Envelope, EnvelopeError};
use proptest::prelude::*;

fn chat(body: &str) -> Result<Envelope<'_>, EnvelopeError> {
    Envelope::parse(Endpoint::ChatCompletions, body.as_bytes())
}

/// A chat request with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"model":"m","messages":[],{field}}}"#)
}

fn refusal(field: &str) -> EnvelopeError {
    chat(&with(field)).unwrap_err()
}

#[test]
fn the_fields_we_act_on_are_read_wherever_they_stand() {
    let body = r#" {"temperature":0.5,"messages":[{"role":"user","content":"hi"}],"n":3,"stream":true,
        "stream_options":{"x":1,"include_usage":true},"max_tokens":7,"tools":[{"a":{}}],"model":"gpt-4o"} "#;
    let envelope = chat(body).unwrap();
    assert_eq!(envelope.model, "gpt-4o");
    assert!(envelope.is_stream && envelope.includes_usage);
    assert_eq!((envelope.output_limit, envelope.answers), (Some(7), 3));
    assert_eq!(envelope.prompt, Some(r#"[{"role":"user","content":"hi"}]"#));
}

#[test]
fn what_is_left_out_or_null_is_the_default() {
    for field in [r#""x":1"#, r#""stream":null,"stream_options":null,"max_tokens":null,"n":null"#] {
        let body = with(field);
        let envelope = chat(&body).unwrap();
        assert!(!envelope.is_stream && !envelope.includes_usage);
        assert_eq!((envelope.output_limit, envelope.answers), (None, 1));
    }
}

#[test]
fn escapes_in_names_and_values_mean_what_they_stand_for() {
    let body = r#"{"\u006dodel":"gpt\u002d4o","messages":[],"strea\u006d":true}"#;
    let envelope = chat(body).unwrap();
    assert_eq!(envelope.model, "gpt-4o");
    assert!(envelope.is_stream);
}

#[test]
fn a_second_value_is_refused_because_the_provider_might_take_the_other_one() {
    for (body, field) in [
        (r#"{"model":"cheap","messages":[],"model":"dear"}"#, "model"),
        (r#"{"model":"cheap","messages":[],"m\u006fdel":"dear"}"#, "model"),
        (r#"{"model":"m","messages":[],"stream":false,"stream":true}"#, "stream"),
        (r#"{"model":"m","messages":[],"messages":[1]}"#, "messages"),
        (
            r#"{"model":"m","messages":[],"stream_options":{"include_usage":true,"include_usage":false}}"#,
            "stream_options.include_usage",
        ),
    ] {
        assert_eq!(chat(body).unwrap_err(), EnvelopeError::Duplicate { field }, "{body}");
    }
}

#[test]
fn another_spelling_that_some_decoder_takes_for_ours_is_refused() {
    for (field, right) in [
        (r#""Model":"dear""#, "model"),
        (r#""MAX_TOKENS":100000"#, "max_tokens"),
        (r#""ſtream":true"#, "stream"),
        (r#""max_to\u212aens":1"#, "max_tokens"),
        (r#""stream_options":{"Include_Usage":true}"#, "stream_options.include_usage"),
    ] {
        assert_eq!(refusal(field), EnvelopeError::Spelling { field: right }, "{field}");
    }
}

#[test]
fn a_field_that_leads_elsewhere_is_refused_by_name() {
    for field in ["api_base", "base_url", "user_config", "model_list", "api_key"] {
        let refused = refusal(&format!("\"{field}\":null"));
        assert_eq!(refused, EnvelopeError::Forbidden { field });
        assert_eq!(refused.param(), Some(field));
    }
    assert_eq!(refusal(r#""API_BASE":"x""#), EnvelopeError::Forbidden { field: "api_base" });
    assert!(chat(&with(r#""metadata":{"api_base":"x"}"#)).is_ok());
}

#[test]
fn a_wrong_type_names_the_field_and_what_would_be_right() {
    for (field, words) in [
        (r#""stream":"yes""#, "The field `stream` must be true or false."),
        (r#""stream":1"#, "The field `stream` must be true or false."),
        (r#""stream_options":[]"#, "The field `stream_options` must be an object."),
        (
            r#""stream_options":{"include_usage":1}"#,
            "The field `stream_options.include_usage` must be true or false.",
        ),
        (r#""max_tokens":"9""#, "The field `max_tokens` must be a whole number, 0 or more."),
        (r#""max_tokens":-1"#, "The field `max_tokens` must be a whole number, 0 or more."),
        (
            r#""max_completion_tokens":1.5"#,
            "The field `max_completion_tokens` must be a whole number, 0 or more.",
        ),
        (r#""max_tokens":1e99"#, "The field `max_tokens` must be a whole number, 0 or more."),
        (r#""n":0"#, "The field `n` must be a whole number from 1 to 128."),
        (r#""n":129"#, "The field `n` must be a whole number from 1 to 128."),
    ] {
        assert_eq!(refusal(field).to_string(), words, "{field}");
    }
}

#[test]
fn a_model_is_a_name() {
    for model in
        ["1", "null", "[]", "\"\"", "\"a\\u0000b\"", "\"a\\nb\"", &format!("\"{}\"", "x".repeat(257))]
    {
        let body = format!(r#"{{"messages":[],"model":{model}}}"#);
        let refused = chat(&body).unwrap_err();
        assert_eq!((refused.param(), refused.code()), (Some("model"), "invalid_type"), "{model}");
    }
    assert_eq!(chat(r#"{"messages":[]}"#).unwrap_err(), EnvelopeError::Missing { field: "model" });
}

#[test]
fn each_endpoint_wants_its_own_prompt() {
    use Endpoint::{ChatCompletions, Completions, Embeddings, Responses};
    for (endpoint, field, good, bad) in [
        (ChatCompletions, "messages", "[]", "\"hi\""),
        (Completions, "prompt", "\"hi\"", "1"),
        (Embeddings, "input", "[\"a\"]", "{}"),
        (Responses, "input", "\"hi\"", "{}"),
    ] {
        let parse = |text: String| Envelope::parse(endpoint, text.as_bytes()).map(|_| ());
        assert_eq!(parse(format!(r#"{{"model":"m","{field}":{good}}}"#)), Ok(()));
        let wrong = parse(format!(r#"{{"model":"m","{field}":{bad}}}"#)).unwrap_err();
        assert_eq!((wrong.param(), wrong.code()), (Some(field), "invalid_type"));
        let missing = parse(r#"{"model":"m"}"#.to_owned());
        let expected = if endpoint == Responses { Ok(()) } else { Err(EnvelopeError::Missing { field }) };
        assert_eq!(missing, expected);
    }
}

#[test]
fn each_prompt_of_a_batch_has_its_own_answers() {
    let answers = |prompt: &str, fields: &str| {
        let body = format!(r#"{{"model":"m","prompt":{prompt}{fields}}}"#);
        Envelope::parse(Endpoint::Completions, body.as_bytes()).unwrap().answers
    };
    assert_eq!(answers(r#""one""#, ""), 1);
    assert_eq!(answers(r#"["one"]"#, ""), 1);
    assert_eq!(answers(r#"["one","two","three"]"#, ""), 3);
    assert_eq!(answers(r#"["one","two","three"]"#, r#","n":2,"best_of":4"#), 12);
    assert_eq!(answers("[15496,11,995]", ""), 1);
    assert_eq!(answers("[[15496,11],[995]]", ""), 2);
    assert_eq!(answers("[]", ""), 1);
}

#[test]
fn a_limit_that_this_endpoint_does_not_know_limits_nothing() {
    let limit = |endpoint, field: &str| {
        let body = format!(r#"{{"model":"m","messages":[],"prompt":"","input":"",{field}}}"#);
        Envelope::parse(endpoint, body.as_bytes()).unwrap().output_limit
    };
    assert_eq!(limit(Endpoint::Responses, r#""max_tokens":1"#), None);
    assert_eq!(limit(Endpoint::Responses, r#""max_completion_tokens":1"#), None);
    assert_eq!(limit(Endpoint::ChatCompletions, r#""max_output_tokens":1"#), None);
    assert_eq!(limit(Endpoint::Completions, r#""max_completion_tokens":1"#), None);
    assert_eq!(limit(Endpoint::Responses, r#""max_output_tokens":1"#), Some(1));
    // Beside one that it knows the larger counts: some providers read both.
    assert_eq!(limit(Endpoint::Responses, r#""max_output_tokens":1,"max_tokens":9"#), Some(9));
}

#[test]
fn a_field_that_leads_to_another_model_is_noticed_in_any_case() {
    let reroutes = |field: &str| chat(&with(field)).unwrap().reroutes;
    assert_eq!(reroutes(r#""models":["dear"]"#), Some("models"));
    assert_eq!(reroutes(r#""Mod\u0065ls":["dear"]"#), Some("models"));
    assert_eq!(reroutes(r#""fallbacks":["dear"]"#), Some("fallbacks"));
    assert_eq!(reroutes(r#""preset":"dear""#), Some("preset"));
    assert_eq!(reroutes(r#""extra_body":{"model":"dear"}"#), Some("extra_body"));
    assert_eq!(reroutes(r#""models":[],"fallbacks":null"#), None);
    assert_eq!(reroutes(r#""models":["dear"],"fallbacks":null"#), Some("models"));
}

#[test]
fn an_answer_that_is_fetched_later_is_refused_because_nobody_could_count_it() {
    let background = |endpoint, value: &str| {
        let body = format!(r#"{{"model":"m","messages":[],"input":"","background":{value}}}"#);
        Envelope::parse(endpoint, body.as_bytes()).map(drop)
    };
    assert_eq!(background(Endpoint::Responses, "true").unwrap_err().param(), Some("background"));
    assert!(background(Endpoint::Responses, "1").is_err());
    assert!(
        background(Endpoint::Responses, "false").is_ok() && background(Endpoint::Responses, "null").is_ok()
    );
    assert!(background(Endpoint::ChatCompletions, "true").is_ok());
}

#[test]
fn the_answers_that_a_provider_bills_for_are_counted() {
    let completion = |fields: &str| {
        let body = format!(r#"{{"model":"m","prompt":"hi",{fields}}}"#);
        Envelope::parse(Endpoint::Completions, body.as_bytes()).map(|envelope| envelope.answers)
    };
    assert_eq!(completion(r#""n":2,"best_of":5"#), Ok(5));
    assert!(completion(r#""best_of":1000"#).is_err());
    assert_eq!(chat(&with(r#""max_tokens":5,"max_completion_tokens":9"#)).unwrap().output_limit, Some(9));
}

#[test]
fn what_is_no_json_object_is_said_to_be_that() {
    for (body, words) in [
        ("", "The request body is empty. Send a JSON object."),
        (" \n ", "The request body is empty. Send a JSON object."),
        ("[]", "The request body must be a JSON object."),
        ("\"text\"", "The request body must be a JSON object."),
        ("null", "The request body must be a JSON object."),
        (r#"{"model":"m","messages":["#, "The request body ends in the middle of its JSON. Was it cut off?"),
    ] {
        assert_eq!(chat(body).unwrap_err().to_string(), words, "{body:?}");
    }
    for body in [
        "hello",
        "model=m&messages=x",
        r#"{"model":"m","messages":[],}"#,
        r#"{"model":"m","messages":[]} x"#,
        r#"{"model":"m","messages":[]}{"model":"n"}"#,
        "{'model':'m'}",
        "{\"model\":\"m\",\"messages\":[\"a\0b\"]}",
        "{\"model\":\"m\",\"messages\":[\"line\nbreak\"]}",
        "\u{feff}{\"model\":\"m\",\"messages\":[]}",
        r#"{"model":"m","messages":[],"x":01}"#,
    ] {
        assert!(matches!(chat(body), Err(EnvelopeError::NotJson { .. })), "{body:?}: {:?}", chat(body));
    }
}

#[test]
fn an_error_of_grammar_says_where() {
    let body = "{\"model\":\"m\",\n  \"messages\":[}";
    assert_eq!(chat(body).unwrap_err(), EnvelopeError::NotJson { line: 2, column: 15 });
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let body = b"{\"model\":\"m\",\"messages\":[\"\xff\"]}";
    let refused = Envelope::parse(Endpoint::ChatCompletions, body).unwrap_err();
    assert_eq!(refused, EnvelopeError::NotUtf8 { at: 26 });
    let half = refusal(r#""user":"\ud83d""#);
    assert_eq!(half, EnvelopeError::LoneSurrogate { at: 35 });
    assert!(chat(&with(r#""user":"\ud83d\ude00""#)).is_ok());
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| with(&format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels)));
    assert!(chat(&nested(127)).is_ok());
    assert_eq!(chat(&nested(128)).unwrap_err(), EnvelopeError::TooDeep);
    assert_eq!(chat(&nested(1_000_000)).unwrap_err(), EnvelopeError::TooDeep);
}

#[test]
fn no_refusal_repeats_what_the_caller_wrote() {
    let secret = "hunter2";
    for body in [
        format!(r#"{{"model":"m","messages":"{secret}"}}"#),
        format!(r#"{{"model":{{"{secret}":1}},"messages":[]}}"#),
        format!(r#"{{"model":"m","messages":[{secret}]}}"#),
        format!(r#"{{"{secret}"}}"#),
    ] {
        let refused = chat(&body).unwrap_err();
        assert!(!refused.to_string().contains(secret), "{refused}");
    }
}

proptest! {
    /// Whatever serde_json reads as an object with a model and messages, we read alike; whatever it refuses,
    /// we refuse.
    #[test]
    fn a_body_is_accepted_exactly_when_it_is_a_request(body in any_body()) {
        let oracle = serde_json::from_str::<serde_json::Value>(&body).ok();
        let model = oracle.as_ref().and_then(|it| it.get("model")).and_then(|it| it.as_str());
        let is_request = oracle.as_ref().and_then(|it| it.get("messages")).is_some_and(serde_json::Value::is_array);
        match chat(&body) {
            Ok(envelope) => prop_assert_eq!(Some(&*envelope.model), model),
            Err(refused) => prop_assert!(!is_request || model.is_none(), "{} for {}", refused, body),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::parse(Endpoint::ChatCompletions, &body);
    }
}

/// JSON-like texts around a request: with odd whitespace, extra fields, and sometimes cut off.
fn any_body() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        "[a-z\"\\\\{}\\[\\]:, é😀]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i32>().prop_map(|number| number.to_string()),
        Just(r#"{"model":"inner","a":[1,{}]}"#.to_owned()),
        Just("[]".to_owned()),
    ];
    let fields = proptest::collection::vec(("[a-m]{1,3}", value), 0..4);
    ("[ \n\t]{0,3}", fields, "[a-z/]{1,5}", any::<bool>(), proptest::option::of(0..80usize)).prop_map(
        |(space, fields, model, has_messages, cut)| {
            let mut seen = std::collections::BTreeSet::from(["n".to_owned()]);
            let mut parts: Vec<String> = fields
                .into_iter()
                .filter(|(name, _)| seen.insert(name.clone()))
                .map(|(name, value)| format!("\"{name}\"{space}:{value}"))
                .collect();
            parts.push(format!("\"model\":\"{model}\""));
            if has_messages {
                parts.insert(0, "\"messages\":[{\"content\":\"}\\\"\"}]".to_owned());
            }
            let whole = format!("{space}{{{}}}{space}", parts.join(&format!(",{space}")));
            match cut.filter(|&cut| whole.is_char_boundary(cut.min(whole.len()))) {
                Some(cut) => whole[..cut.min(whole.len())].to_owned(),
                None => whole,
            }
        },
    )
}
