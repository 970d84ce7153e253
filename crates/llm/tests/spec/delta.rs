//! What an event adds to an answer.

use kernel::TokenCount;
use llm::{Delta, DeltaError, FinishReason, ToolCallPiece};

fn read(data: &str) -> Vec<Delta> {
    Delta::read(data.as_bytes()).unwrap()
}

fn choice(delta: &str) -> Vec<Delta> {
    read(&format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#))
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

#[test]
fn text_and_reasoning_are_told_apart_in_every_spelling() {
    assert_eq!(choice(r#"{"role":"assistant","content":"Hé\n"}"#), [text("Hé\n")]);
    assert_eq!(choice(r#"{"reasoning_content":"hm"}"#), [reasoning("hm")]);
    assert_eq!(
        choice(r#"{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#),
        [reasoning("hm")]
    );
    assert_eq!(
        choice(r#"{"reasoning":null,"reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]}"#),
        [reasoning("hm")]
    );
    assert_eq!(choice(r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}"#), []);
    assert_eq!(choice(r#"{"reasoning":"hm","content":"ok"}"#), [reasoning("hm"), text("ok")]);
    assert_eq!(
        choice(r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#),
        [text("ab")]
    );
    assert_eq!(choice(r#"{"refusal":"no"}"#), [text("no")]);
}

#[test]
fn what_adds_nothing_is_nothing() {
    for delta in
        ["{}", "null", r#"{"role":"assistant","content":""}"#, r#"{"content":null}"#, r#"{"content":5}"#]
    {
        assert_eq!(choice(delta), [], "{delta}");
    }
    assert_eq!(read(r#"{"choices":[]}"#), []);
    assert_eq!(read(r#"{"choices":null,"usage":null,"error":null}"#), []);
    assert_eq!(read(r#"{"choices":[{"index":1,"delta":{"content":"another answer"}}]}"#), []);
}

#[test]
fn pieces_of_tool_calls_keep_their_place() {
    let first = r#"{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]}"#;
    let begun = ToolCallPiece {
        index: 1,
        id: Some("call_1".into()),
        name: Some("weather".into()),
        arguments: String::new(),
    };
    assert_eq!(choice(first), [Delta::ToolCall(begun)]);
    let next = r#"{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\":\"B"}}]}"#;
    let piece = ToolCallPiece { index: 1, arguments: "{\"city\":\"B".into(), ..ToolCallPiece::default() };
    assert_eq!(choice(next), [Delta::ToolCall(piece)]);
}

#[test]
fn tool_calls_of_looser_providers_are_understood() {
    let calls = r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"","function":{"name":"g"}}]}"#;
    let f = ToolCallPiece {
        index: 0,
        id: Some("a".into()),
        name: Some("f".into()),
        arguments: "{\"x\":1}".into(),
    };
    let g = ToolCallPiece { index: 1, id: None, name: Some("g".into()), arguments: String::new() };
    assert_eq!(choice(calls), [Delta::ToolCall(f), Delta::ToolCall(g)]);
}

#[test]
fn the_reason_of_the_end_is_known_by_its_word() {
    for (word, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("function_call", FinishReason::ToolCalls),
        ("content_filter", FinishReason::ContentFilter),
        ("error", FinishReason::Error),
        ("eos", FinishReason::Stop),
    ] {
        let event = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#);
        assert_eq!(read(&event), [Delta::Finish(reason)], "{word}");
    }
}

#[test]
fn usage_errors_and_the_end_are_events_of_their_own() {
    let usage = TokenCount { prompt: 9, cached: 0, completion: 2, reasoning: 0 };
    assert_eq!(
        read(r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#),
        [Delta::Usage(usage)]
    );
    assert_eq!(read(" [DONE] "), [Delta::Done]);
    match read(r#"{"error":{"message":"overloaded","code":502}}"#).as_slice() {
        [Delta::Error(error)] => assert_eq!(error.message, "overloaded"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_answer_reads_like_one_large_event() {
    let answer = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let usage = TokenCount { prompt: 1, cached: 0, completion: 1, reasoning: 0 };
    assert_eq!(read(answer), [text("Hi"), Delta::Finish(FinishReason::Stop), Delta::Usage(usage)]);
}

#[test]
fn what_is_no_event_is_said_to_be_that() {
    for data in ["", "null", "[]", "<html>", r#"{"choices":["#] {
        assert_eq!(Delta::read(data.as_bytes()), Err(DeltaError), "{data}");
    }
}
