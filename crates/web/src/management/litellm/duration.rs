//! LiteLLM's durations: `30s`, `5m`, `12h`, `30d`, `2w`, `1mo`. A month has 30 days.

use std::time::Duration;

use kernel::{Refusal, Timestamp};

use crate::patch::Patch;

/// The longest time, about a hundred years: what is longer is a mistake.
const LONGEST: Duration = Duration::from_hours(24 * 36_500);

/// When a key that works this long from `now` ends; `-1` is never.
pub(super) fn end(text: &str, now: Timestamp) -> Result<Patch<Timestamp>, Refusal> {
    if text == "-1" {
        return Ok(Patch::Clear);
    }
    let words =
        "The duration must look like 30s, 5m, 12h, 30d, 2w or 1mo, or be -1 for a key that never expires.";
    let length = length(text).ok_or_else(|| Refusal::field("duration", "invalid_duration", words))?;
    Ok(Patch::Set(now.plus(length)))
}

fn length(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "mo" => 30 * 86_400,
        _ => return None,
    };
    let length = Duration::from_secs(count.parse::<u64>().ok()?.checked_mul(seconds)?);
    (length > Duration::ZERO && length <= LONGEST).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_counts_from_now() {
        let now = Timestamp::from_seconds(1_000);
        let cases = [
            ("30s", 30),
            ("5m", 300),
            ("12h", 43_200),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1mo", 2_592_000),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                end(text, now).unwrap(),
                Patch::Set(Timestamp::from_seconds(1_000 + seconds)),
                "{text}"
            );
        }
        assert_eq!(end("-1", now).unwrap(), Patch::Clear);
    }

    #[test]
    fn what_is_no_duration_is_refused_by_name() {
        for text in
            ["", "d", "1", "1y", "0d", "-2d", "1.5h", "1d1h", "99999999999999999999s", "999999mo", "½d"]
        {
            assert_eq!(
                end(text, Timestamp::from_seconds(0)).unwrap_err().field.as_deref(),
                Some("duration"),
                "{text:?}"
            );
        }
    }
}
