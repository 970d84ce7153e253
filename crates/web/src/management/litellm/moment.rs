//! Dates as LiteLLM's clients write them: `2026-11-21` or `2026-11-21 01:18:56`, in UTC.

use kernel::{Refusal, Timestamp};

/// Reads the parameter `name`; a date alone is its midnight.
pub(super) fn read(name: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).ok_or_else(|| {
        let words = format!("The parameter {name} must look like 2026-11-21 or 2026-11-21 01:18:56.");
        Refusal::field(name, "invalid_date", words)
    })
}
