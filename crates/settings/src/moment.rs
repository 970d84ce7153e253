//! Moments in UTC.

use kernel::Timestamp;
use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

impl Setting for Timestamp {
    const GRAMMAR: Grammar = Grammar::Moment;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        Self::parse(text).ok_or(Wrong::PLAIN)
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.rfc3339()))
    }
}
