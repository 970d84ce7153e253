//! Events come out the same however the bytes are cut.

use llm::{Event, EventTooLarge, Splitter};
use proptest::prelude::*;

/// Data, id and event of everything in these chunks.
fn events(chunks: &[&[u8]]) -> Vec<(String, Option<String>, Option<String>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut events = Vec::new();
    let mut splitter = Splitter::new(1 << 16);
    let mut take = |event: Event<'_>| {
        events.push((text(&event.data), event.id.map(text), event.event.map(text)));
    };
    for chunk in chunks {
        splitter.feed(chunk, &mut take).unwrap();
    }
    splitter.finish(take);
    events
}

fn data(stream: &str) -> Vec<String> {
    events(&[stream.as_bytes()]).into_iter().map(|(data, ..)| data).collect()
}

#[test]
fn all_three_line_ends_end_lines() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = ["data: a", "", "data: b", "data: c", "", ""].join(end);
        assert_eq!(data(&stream), ["a", "b\nc"], "{end:?}");
    }
}

#[test]
fn comments_keep_alives_and_events_without_data_are_no_events() {
    assert_eq!(data(": PROCESSING\n\n\n\nevent: ping\n\ndata: a\n\n"), ["a"]);
}

#[test]
fn one_space_after_the_colon_is_not_data_and_a_field_without_colon_is_empty() {
    assert_eq!(data("data:a\n\ndata:  b\n\ndata\n\n"), ["a", " b", ""]);
}

#[test]
fn id_and_event_are_read_and_an_id_with_nul_is_ignored() {
    let read = events(&[b"id: 7\nevent: delta\ndata: x\n\nid: a\0b\ndata: y\n\n"]);
    let text = |text: &str| text.to_owned();
    assert_eq!(read, [(text("x"), Some(text("7")), Some(text("delta"))), (text("y"), None, None)]);
}

#[test]
fn a_byte_order_mark_at_the_begin_is_skipped() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
}

#[test]
fn the_last_event_counts_also_without_a_blank_line() {
    assert_eq!(data("data: a\n\ndata: [DONE]"), ["a", "[DONE]"]);
}

#[test]
fn an_event_within_one_chunk_is_not_copied() {
    let chunk = b"data: hello\n\n";
    Splitter::new(1024)
        .feed(chunk, |event| assert!(chunk.as_ptr_range().contains(&event.data.as_ptr())))
        .unwrap();
}

#[test]
fn an_event_that_never_ends_is_cut_off() {
    let mut splitter = Splitter::new(100);
    assert_eq!(splitter.feed(&[b'x'; 60], |_| {}), Ok(()));
    assert_eq!(splitter.feed(&[b'x'; 60], |_| {}), Err(EventTooLarge { limit: 100 }));
}

proptest! {
    #[test]
    fn where_the_stream_is_cut_makes_no_difference(
        lines in proptest::collection::vec("(data|id|event|: c|)(:|: |)[a-z é]{0,4}", 0..12),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\r\n"), Just("\r\r\n")],
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let stream = format!("\u{feff}{}{end}", lines.join(end)).into_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let bytewise: Vec<&[u8]> = stream.chunks(1).collect();
        let whole = events(&[&stream]);
        prop_assert_eq!(&events(&chunks), &whole);
        prop_assert_eq!(&events(&bytewise), &whole);
    }
}
