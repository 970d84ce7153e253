//! Lists of endpoints that API keys are limited to.

use kernel::EndpointRule;
use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

/// The endpoints of `API_KEYS_ALLOWED_ENDPOINTS`; each means what is below it too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(pub Vec<EndpointRule>);

impl Setting for Endpoints {
    const GRAMMAR: Grammar =
        Grammar::Worded("paths such as /api/v1/chats or GET /api/models, separated by commas");

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let rules = text.split(',').enumerate().map(|(index, part)| {
            EndpointRule::parse_prefix(part)
                .map_err(|error| Wrong::because(format!("entry {}: {error}", index + 1)))
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> Shown<'_> {
        let texts: Vec<String> =
            self.0.iter().map(|rule| rule.to_string().trim_end_matches("/*").to_owned()).collect();
        Shown::Plain(json!(texts.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_open_webui_is_taken_as_it_is() {
        let entry = Entry::new("API_KEYS_ALLOWED_ENDPOINTS");
        let list = Endpoints::read("/api/v1/messages, /api/v1/channels,GET /api/models", &entry).unwrap();
        assert!(list.0[0].admits("POST", "/api/v1/messages/1"));
        assert!(!list.0[2].admits("POST", "/api/models"));
        for text in ["messages", "/a,,/b", "/a b", "/"] {
            assert!(Endpoints::read(text, &entry).is_err(), "{text}");
        }
    }
}
