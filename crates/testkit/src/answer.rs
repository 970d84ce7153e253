//! What came back, read whole.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Answer {
    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics when it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        assert!(parsed.is_ok(), "status {}, and the body is no JSON: {}", self.status, self.text());
        parsed.unwrap_or_default()
    }

    /// One header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer itself when it has this status. Panics with the body when not.
    #[expect(clippy::return_self_not_must_use, reason = "to have asserted is use enough")]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The stable code of a refusal, in whichever dialect: `error.code` or `code`.
    #[track_caller]
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json.pointer("/error/code").or_else(|| json.get("code"));
        let code = code.and_then(Value::as_str);
        assert!(code.is_some(), "no code in {}", self.text());
        code.unwrap_or_default().to_owned()
    }

    /// The sentence of a refusal, in whichever dialect: `error.message` or `detail`.
    #[track_caller]
    pub fn message(&self) -> String {
        let json = self.json();
        let message = json.pointer("/error/message").or_else(|| json.get("detail"));
        let message = message.and_then(Value::as_str);
        assert!(message.is_some(), "no message in {}", self.text());
        message.unwrap_or_default().to_owned()
    }

    /// The text of a chat completion.
    #[track_caller]
    pub fn said(&self) -> String {
        let json = self.json();
        json["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }
}
