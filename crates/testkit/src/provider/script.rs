//! What exactly goes over the wire, step by step.

use std::time::Duration;

use bytes::Bytes;

use super::gate::Gate;

/// One step of an answer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Bytes of the body, or of the whole answer when it is raw.
    Send(Bytes),
    /// Waiting.
    Pause(Duration),
    /// Waiting for the test.
    Wait(Gate),
    /// Never anything again, with the connection open.
    Silence,
    /// The connection ends without the body's end.
    Cut,
}

/// How the body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// `content-length`.
    Length,
    /// `transfer-encoding: chunked`.
    Chunked,
    /// The steps are the whole answer, head included, and its end closes the connection.
    Raw,
}

/// An answer that is ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) framing: Framing,
    /// Before the head.
    pub(super) before: Vec<Step>,
    pub(super) steps: Vec<Step>,
}

impl Script {
    pub(super) fn new(status: u16, content_type: &str, framing: Framing, steps: Vec<Step>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, framing, before: Vec::new(), steps }
    }

    /// The head as bytes.
    pub(super) fn head(&self) -> Vec<u8> {
        let lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let framing = match self.framing {
            Framing::Chunked => "transfer-encoding: chunked".to_owned(),
            Framing::Length | Framing::Raw => format!("content-length: {}", self.length()),
        };
        format!("HTTP/1.1 {} Fake\r\n{}{framing}\r\n\r\n", self.status, lines.concat()).into_bytes()
    }

    fn length(&self) -> usize {
        let length = |step: &Step| match step {
            Step::Send(bytes) => bytes.len(),
            // Announced and never sent: the answer is cut off.
            Step::Cut | Step::Silence => 1000,
            Step::Pause(_) | Step::Wait(_) => 0,
        };
        self.steps.iter().map(length).sum()
    }
}
