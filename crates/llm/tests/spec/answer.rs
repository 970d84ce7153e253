//! What a whole answer was worth, and when it is none.

use kernel::{Endpoint, TokenCount};
use llm::{Answer, AnswerError};

fn chat(body: &str) -> Result<Answer, AnswerError> {
    Answer::read(Endpoint::ChatCompletions, body.as_bytes())
}

#[test]
fn the_reported_usage_counts() {
    let it = chat(r#"{"choices":[{"message":{"content":"Hello there!"}}],"usage":{"prompt_tokens":9,"completion_tokens":12}}"#).unwrap();
    assert_eq!(it.tokens, Some(TokenCount { prompt: 9, cached: 0, completion: 12, reasoning: 0 }));
    assert_eq!((it.estimated_completion, it.error), (3, None));
}

#[test]
fn without_usage_the_text_is_the_measure() {
    let tools = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#;
    assert_eq!(chat(tools).unwrap().estimated_completion, 2, "eight bytes of name and arguments");
    let responses =
        r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"Hello there!"}]}]}"#;
    let it = Answer::read(Endpoint::Responses, responses.as_bytes()).unwrap();
    assert_eq!((it.tokens, it.estimated_completion), (None, 3));
    let embeddings =
        r#"{"data":[{"embedding":[0.1],"text":"x"}],"usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    let it = Answer::read(Endpoint::Embeddings, embeddings.as_bytes()).unwrap();
    assert_eq!((it.tokens.unwrap().prompt, it.estimated_completion), (5, 0));
}

#[test]
fn an_error_inside_a_success_is_an_error() {
    let it = chat(r#"{"error":{"message":"Provider returned error","code":502}}"#).unwrap();
    let error = it.error.unwrap();
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("Provider returned error", Some("502")));
    for fine in [r#"{"error":null,"choices":[]}"#, r#"{"choices":[]}"#, r#"{"error":{},"choices":[]}"#] {
        assert_eq!(chat(fine).unwrap().error, None, "{fine}");
    }
}

#[test]
fn what_is_no_answer_is_told_apart() {
    assert_eq!(chat(" \n"), Err(AnswerError::Empty));
    assert_eq!(chat("<html>"), Err(AnswerError::NotJson));
    assert_eq!(chat(r#"{"choices":["#), Err(AnswerError::NotJson));
    assert_eq!(chat("{} trailing"), Err(AnswerError::NotJson));
    assert_eq!(chat("[]"), Err(AnswerError::NotAnObject));
    assert_eq!(chat("null"), Err(AnswerError::NotAnObject));
}
