//! What a stream was worth, and what of it goes on, however it is cut.

use bytes::Bytes;
use kernel::{Endpoint, Money, TokenCount};
use llm::{Forward, Meter, Metered, UsageChunk};
use proptest::prelude::*;

/// Feeds the chunks and returns what was forwarded together with the result.
fn metered(endpoint: Endpoint, usage_chunk: UsageChunk, chunks: &[&[u8]]) -> (String, Metered) {
    let mut meter = Meter::new(endpoint, usage_chunk);
    let mut out = Vec::new();
    for chunk in chunks {
        let chunk = Bytes::copy_from_slice(chunk);
        match meter.feed(&chunk) {
            Forward::AsIs => out.extend_from_slice(&chunk),
            Forward::Replace(bytes) => out.extend_from_slice(&bytes),
            Forward::Nothing => {}
        }
    }
    let metered = meter.finish();
    out.extend_from_slice(&metered.rest);
    (String::from_utf8(out).unwrap(), metered)
}

fn chat(stream: &str) -> Metered {
    metered(Endpoint::ChatCompletions, UsageChunk::Pass, &[stream.as_bytes()]).1
}

fn tokens(prompt: u64, cached: u64, completion: u64, reasoning: u64) -> TokenCount {
    TokenCount { prompt, cached, completion, reasoning }
}

const TEXT: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hello there\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const FINISH: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11,\"prompt_tokens_details\":{\"cached_tokens\":4},\"cost\":0.001}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn a_chat_stream_reports_its_usage_text_and_end() {
    let it = chat(&[TEXT, FINISH, USAGE, DONE].concat());
    assert_eq!(it.tokens, Some(tokens(9, 4, 2, 0)));
    assert_eq!(it.estimated_completion, 3, "11 bytes are three tokens");
    assert_eq!(it.reported_cost, Some(Money::from_nanos(1_000_000)));
    assert!(it.saw_done && it.saw_finish && it.error.is_none());
}

#[test]
fn without_usage_the_text_is_the_measure() {
    let it = chat(&[TEXT, TEXT].concat());
    assert_eq!((it.tokens, it.estimated_completion), (None, 6));
    assert!(!it.saw_done && !it.saw_finish);
}

#[test]
fn the_usage_chunk_that_nobody_asked_for_is_hidden_and_everything_else_passes() {
    let stream = [": keep-alive\n\n", TEXT, FINISH, USAGE, DONE].concat();
    let (out, it) = metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[stream.as_bytes()]);
    assert_eq!(out, [": keep-alive\n\n", TEXT, FINISH, DONE].concat());
    assert_eq!(it.tokens, Some(tokens(9, 4, 2, 0)));
}

#[test]
fn usage_beside_a_choice_is_not_hidden() {
    let both = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    let (out, it) = metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[both.as_bytes()]);
    assert_eq!(out, both);
    assert_eq!(it.tokens, Some(tokens(1, 0, 1, 0)));
    let filter = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    assert_eq!(metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[filter.as_bytes()]).0, filter);
}

#[test]
fn whole_events_pass_without_a_copy() {
    let chunk = Bytes::from([TEXT, FINISH].concat());
    let mut meter = Meter::new(Endpoint::ChatCompletions, UsageChunk::Hide);
    assert_eq!(meter.feed(&chunk), Forward::AsIs);
    let half = Bytes::from([TEXT, "data: {\"cho"].concat());
    match meter.feed(&half) {
        Forward::Replace(bytes) => assert_eq!((bytes.as_ptr(), bytes.len()), (half.as_ptr(), TEXT.len())),
        other => panic!("{other:?}"),
    }
    assert_eq!(Meter::new(Endpoint::ChatCompletions, UsageChunk::Pass).feed(&half), Forward::AsIs);
}

#[test]
fn the_first_content_is_noticed() {
    let mut meter = Meter::new(Endpoint::ChatCompletions, UsageChunk::Pass);
    meter.feed(&Bytes::from_static(
        b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    ));
    assert!(!meter.has_content());
    meter.feed(&Bytes::from(TEXT));
    assert!(meter.has_content());
}

#[test]
fn an_error_inside_a_stream_is_noticed_in_each_dialect() {
    let cases = [
        (
            Endpoint::ChatCompletions,
            "data: {\"error\":{\"message\":\"overloaded\",\"code\":502}}\n\n",
            "overloaded",
        ),
        (
            Endpoint::ChatCompletions,
            "data: {\"id\":\"c\",\"error\":{\"message\":\"overloaded\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
            "overloaded",
        ),
        (Endpoint::ChatCompletions, "event: error\ndata: {\"error\":\"overloaded\"}\n\n", "overloaded"),
        (
            Endpoint::Responses,
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"overloaded\",\"param\":null}\n\n",
            "overloaded",
        ),
        (
            Endpoint::Responses,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"overloaded\"},\"usage\":null}}\n\n",
            "overloaded",
        ),
    ];
    for (endpoint, stream, message) in cases {
        let (out, it) = metered(endpoint, UsageChunk::Hide, &[stream.as_bytes()]);
        assert_eq!(it.error.map(|error| error.message).as_deref(), Some(message), "{stream}");
        assert_eq!(out, stream);
    }
    let quoting = "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"error\\\":{\\\"message\\\":\\\"x\\\"},\\\"usage\\\":{\\\"prompt_tokens\\\":5}}\"}}],\"error\":null}\n\n";
    let it = chat(quoting);
    assert_eq!((it.error, it.tokens), (None, None), "what the model writes is not what the provider says");
}

#[test]
fn the_responses_api_reports_usage_in_its_last_event() {
    let stream = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null,\"error\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hello\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null,\"usage\":{\"input_tokens\":36,\"input_tokens_details\":{\"cached_tokens\":6},\"output_tokens\":87,\"output_tokens_details\":{\"reasoning_tokens\":10},\"total_tokens\":123}}}\n\n",
    );
    let (out, it) = metered(Endpoint::Responses, UsageChunk::Hide, &[stream.as_bytes()]);
    assert_eq!(out, stream);
    assert_eq!(it.tokens, Some(tokens(36, 6, 87, 10)));
    assert_eq!(it.estimated_completion, 2);
    assert!(it.saw_done && it.error.is_none());
}

#[test]
fn a_response_that_ended_early_has_ended_too() {
    for kind in ["response.incomplete", "response.completed"] {
        let stream = format!("data: {{\"type\":\"{kind}\",\"response\":{{\"usage\":null}}}}\n\n");
        assert!(metered(Endpoint::Responses, UsageChunk::Pass, &[stream.as_bytes()]).1.saw_done, "{kind}");
    }
}

#[test]
fn usage_of_zeros_counts_as_none_and_the_last_usage_wins() {
    let zeros = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n";
    assert_eq!(chat(&[TEXT, zeros].concat()).tokens, None);
    let early =
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";
    assert_eq!(chat(&[early, USAGE, zeros].concat()).tokens, Some(tokens(9, 4, 2, 0)));
}

#[test]
fn half_an_event_at_the_end_is_forwarded_and_the_rest_still_counts() {
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel";
    let (out, it) = metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[TEXT.as_bytes(), half.as_bytes()]);
    assert_eq!(out, [TEXT, half].concat());
    assert!(!it.saw_done && it.error.is_none());
    assert_eq!(it.estimated_completion, 4);
}

#[test]
fn an_end_without_a_blank_line_is_an_end() {
    let (out, it) =
        metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[TEXT.as_bytes(), USAGE.trim_end().as_bytes()]);
    assert_eq!(out, TEXT);
    assert!(it.tokens.is_some());
    assert!(chat("data: [DONE]").saw_done);
}

#[test]
fn an_event_too_large_to_look_into_passes_and_the_next_one_is_read_again() {
    let large =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(5 << 20));
    let stream = [TEXT, &large, USAGE, DONE].concat();
    let chunks: Vec<&[u8]> = stream.as_bytes().chunks(1 << 16).collect();
    let (out, it) = metered(Endpoint::ChatCompletions, UsageChunk::Hide, &chunks);
    assert!(out == [TEXT, &large, DONE].concat());
    assert_eq!(it.tokens, Some(tokens(9, 4, 2, 0)));
    assert!(it.saw_done);
}

#[test]
fn bytes_that_are_no_stream_pass_too() {
    let (out, it) = metered(Endpoint::ChatCompletions, UsageChunk::Hide, &[b"<html>Bad Gateway</html>"]);
    assert_eq!(out, "<html>Bad Gateway</html>");
    assert_eq!((it.tokens, it.saw_done), (None, false));
}

proptest! {
    #[test]
    fn where_the_stream_is_cut_makes_no_difference(
        parts in proptest::collection::vec(prop_oneof![
            Just(TEXT), Just(FINISH), Just(USAGE), Just(DONE), Just(": ping\n\n"), Just("data: {\"choices\":[\n\n"), Just("\n"),
        ], 0..8),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        hide in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let stream = format!("{}data: {{\"half\":", parts.concat().replace('\n', end)).into_bytes();
        let usage_chunk = if hide { UsageChunk::Hide } else { UsageChunk::Pass };
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let bytewise: Vec<&[u8]> = stream.chunks(1).collect();

        let (out, whole) = metered(Endpoint::ChatCompletions, usage_chunk, &[&stream]);
        for chunks in [&chunks, &bytewise] {
            let (cut_out, cut) = metered(Endpoint::ChatCompletions, usage_chunk, chunks);
            // A line end that is cut in two may leave its second half, an empty line, of a hidden event.
            prop_assert!(cut_out == out || hide && visible(&cut_out) == visible(&out));
            prop_assert_eq!(Metered { rest: Bytes::new(), ..cut }, Metered { rest: Bytes::new(), ..whole.clone() });
        }
        let expected: String = parts.iter().filter(|part| !(hide && **part == USAGE)).copied().collect();
        prop_assert_eq!(out, format!("{}data: {{\"half\":", expected.replace('\n', end)));
    }
}

/// Everything but line ends.
fn visible(stream: &str) -> String {
    stream.replace(['\r', '\n'], "")
}
