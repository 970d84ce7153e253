//! Server-sent events as a browser reads them, one at a time.

use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty for unnamed ones.
    pub name: String,
    /// The `id` field; empty without one.
    pub id: String,
    /// The `data` lines.
    pub data: String,
}

impl Event {
    /// The data as JSON. Panics when it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.data);
        assert!(parsed.is_ok(), "the event is no JSON: {}", self.data);
        parsed.unwrap_or_default()
    }

    /// Whether it is OpenAI's last event.
    pub fn is_done(&self) -> bool {
        self.data == "[DONE]"
    }

    /// The text that a chat completion's chunk adds.
    pub fn delta(&self) -> String {
        let parsed: Value = serde_json::from_str(&self.data).unwrap_or_default();
        parsed["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

/// Takes the first whole event off the buffer; comments are skipped.
pub(crate) fn take(buffer: &mut Vec<u8>) -> Option<Event> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        let (end, length) =
            ["\r\n\r\n", "\n\n"].iter().filter_map(|mark| Some((text.find(mark)?, mark.len()))).min()?;
        let block: Vec<u8> = buffer.drain(..end + length).take(end).collect();
        if let Some(event) = parse(&String::from_utf8_lossy(&block)) {
            return Some(event);
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| -> Vec<String> {
        block
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
            .collect()
    };
    let data = field("data");
    let event = Event { name: field("event").concat(), id: field("id").concat(), data: data.join("\n") };
    (!data.is_empty()).then_some(event)
}
