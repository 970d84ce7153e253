//! Reservations are never too small, images are not text.

use kernel::Endpoint;
use llm::{Envelope, Estimate, ModelLimits};

fn estimate(endpoint: Endpoint, body: &str, limits: ModelLimits) -> Estimate {
    Estimate::of(&Envelope::parse(endpoint, body.as_bytes()).unwrap(), limits)
}

fn chat(content: &str) -> Estimate {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#);
    estimate(Endpoint::ChatCompletions, &body, ModelLimits::default())
}

#[test]
fn a_prompt_is_at_most_its_bytes_and_probably_a_quarter_of_them() {
    let it = chat(&format!("\"{}\"", "word ".repeat(1000)));
    assert!(it.prompt_at_most >= 5000 && it.prompt_at_most < 5200, "{it:?}");
    assert!(it.prompt_expected >= 1250 && it.prompt_expected < 1300, "{it:?}");
}

#[test]
fn the_bytes_of_an_image_are_not_text() {
    let data = "A".repeat(1 << 20);
    for part in [
        format!(r#"[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]"#),
        format!(
            r#"[{{"type":"image_url","image_url": {{"detail":"high","url": "data:image/png;base64,{data}"}}}}]"#
        ),
        format!(r#"[{{"type":"input_image","image_url":"data:image/jpeg;base64,{data}"}}]"#),
    ] {
        let it = chat(&part);
        assert!(it.prompt_at_most < 5_000 && it.prompt_expected < 1_200, "{it:?}");
    }
}

#[test]
fn every_image_counts_also_by_address() {
    let none = chat("[]").prompt_expected;
    let two = chat(
        r#"[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"image_url":"https://example.com/b.png"}]"#,
    );
    assert!(two.prompt_expected >= none + 2_000, "{two:?}");
}

#[test]
fn base64_that_a_model_might_read_as_text_is_reserved_as_text() {
    let data = "A".repeat(10_000);
    for content in [
        format!(r#""data:image/png;base64,{data}""#),
        format!(r#"[{{"type":"text","text":"data:image/png;base64,{data}"}}]"#),
        format!(r#"[{{"image_url":{{"x":1}},"text":"data:image/png;base64,{data}"}}]"#),
        format!(r#"[{{"image_url":{{"url":"data:image/png;base64,{data} and words"}}}}]"#),
        format!(r#""\"image_url\":\"data:image/png;base64,{data}\"""#),
        format!(r#"[{{"type":"file","file":{{"file_data":"data:application/pdf;base64,{data}"}}}}]"#),
    ] {
        assert!(chat(&content).prompt_at_most >= 10_000, "{}", &content[..60]);
    }
}

#[test]
fn the_bytes_of_one_image_are_taken_off_once() {
    let data = "A".repeat(10_000);
    let nested = format!(
        r#"{{"image_url":{{"image_url":{{"image_url":{{"url":"data:image/png;base64,{data}"}}}}}}}}"#
    );
    let content = format!(r#"[{nested},{{"type":"text","text":"{}"}}]"#, "x".repeat(30_000));
    assert!(chat(&content).prompt_at_most >= 30_000);
}

#[test]
fn no_provider_bills_more_than_the_context_of_a_model() {
    let limits = ModelLimits { context_length: Some(8_000), most_output: None };
    let body = format!(r#"{{"model":"m","prompt":"{}"}}"#, "x".repeat(100_000));
    assert_eq!(estimate(Endpoint::Completions, &body, limits).prompt_at_most, 8_000);
    let batch = format!(r#"{{"model":"m","input":["{}"]}}"#, "x".repeat(100_000));
    assert!(
        estimate(Endpoint::Embeddings, &batch, limits).prompt_at_most > 100_000,
        "each input has a context"
    );
}

#[test]
fn what_the_provider_remembers_reserves_the_whole_context() {
    let limits = ModelLimits { context_length: Some(400_000), most_output: None };
    let body = r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#;
    assert_eq!(estimate(Endpoint::Responses, body, limits).prompt_at_most, 400_000);
    assert!(estimate(Endpoint::Responses, r#"{"model":"m","input":"hi"}"#, limits).prompt_at_most < 1_000);
}

#[test]
fn the_answers_are_bounded_by_the_caller_the_model_and_their_number() {
    let most = |fields: &str, most_output| {
        let body = format!(r#"{{"model":"m","messages":[]{fields}}}"#);
        let limits = ModelLimits { context_length: None, most_output };
        estimate(Endpoint::ChatCompletions, &body, limits).completion_at_most
    };
    assert_eq!(most("", None), 4_096);
    assert_eq!(most("", Some(16_384)), 16_384);
    assert_eq!(most(r#","max_tokens":10,"n":3"#, Some(16_384)), 30);
    assert_eq!(most(r#","max_tokens":99999999"#, Some(16_384)), 16_384);
    assert_eq!(most(r#","max_tokens":18446744073709551615,"n":2"#, None), u64::MAX);
    let embedding = estimate(Endpoint::Embeddings, r#"{"model":"m","input":"hi"}"#, ModelLimits::default());
    assert_eq!(embedding.completion_at_most, 0);
}

#[test]
fn an_answer_that_nobody_bounds_is_assumed_to_have_a_length_that_the_request_can_be_held_to() {
    let assumed = |endpoint, fields: &str, most_output| {
        let body = format!(r#"{{"model":"m","messages":[],"input":""{fields}}}"#);
        estimate(endpoint, &body, ModelLimits { context_length: None, most_output }).assumed_output
    };
    assert_eq!(assumed(Endpoint::ChatCompletions, "", None), Some(4_096));
    assert_eq!(assumed(Endpoint::Responses, r#","max_tokens":1"#, None), Some(4_096));
    assert_eq!(assumed(Endpoint::ChatCompletions, r#","max_tokens":1"#, None), None);
    assert_eq!(assumed(Endpoint::ChatCompletions, "", Some(16_384)), None);
    assert_eq!(assumed(Endpoint::Embeddings, "", None), None);
}

#[test]
fn what_a_provider_fetches_for_a_chat_reserves_the_whole_context() {
    let file = |part: &str| chat(&format!(r#"[{{"type":"file","file":{{{part}}}}}]"#)).prompt_at_most;
    assert_eq!(file(r#""file_id":"file-1""#), 200_000);
    assert_eq!(file(r#""file_data":"https://example.com/large.pdf""#), 200_000);
    assert_eq!(
        chat(r#"[{"type":"video_url","video_url":{"url":"https://example.com/v"}}]"#).prompt_at_most,
        200_000
    );
    assert!(file(r#""file_data":"data:application/pdf;base64,AAAA""#) < 1_000);
}

#[test]
fn a_key_that_is_disguised_by_escapes_is_reserved_for_as_if_it_were_found() {
    assert_eq!(chat(r#"[{"file":{"file\u005fid":"file-1"}}]"#).prompt_at_most, 200_000);
    assert_eq!(
        chat(r#"[{"type":"image_url","image\u005furl":"https://example.com/a.png"}]"#).prompt_at_most,
        200_000
    );
    // What encoders write for safety is no disguise, and neither is text about escapes.
    assert!(chat(r#""a \u003cb\u003e \u00e9 \u0027 \u000a""#).prompt_at_most < 1_000);
    assert!(chat(r#""in JSON \\u0041 is an A""#).prompt_at_most < 1_000);
}
