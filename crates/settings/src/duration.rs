//! Times such as `4w` and `1h30m`, in the grammar of Open WebUI's `JWT_EXPIRES_IN`.

use std::{fmt::Write, time::Duration};

use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong, within},
};

/// A time that may have no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// This long.
    For(Duration),
    /// Without end: `0` or `-1`.
    Unlimited,
}

impl Span {
    /// The limit, if there is one.
    pub const fn limit(self) -> Option<Duration> {
        match self {
            Self::For(time) => Some(time),
            Self::Unlimited => None,
        }
    }
}

impl Setting for Span {
    const GRAMMAR: Grammar = Grammar::Span;

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        if matches!(text, "0" | "-1") {
            return Ok(Self::Unlimited);
        }
        if entry.needs_unit && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Wrong::because("a number needs its unit; write 90s for ninety seconds"));
        }
        match parse(text)? {
            Duration::ZERO => Err(Wrong::because("it is less than a microsecond; write -1 for no limit")),
            time => within(time.as_secs(), entry).map(|_| Self::For(time)),
        }
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.limit().map_or("-1".to_owned(), print)))
    }
}

impl Setting for Duration {
    const GRAMMAR: Grammar = Grammar::Duration;

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        let time = parse(text)?;
        let whole_seconds = within(time.as_secs(), entry)?;
        let (_, most) = entry.range.unwrap_or((0, u64::MAX));
        if whole_seconds == most && time.subsec_nanos() > 0 { Err(Wrong::PLAIN) } else { Ok(time) }
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(print(*self)))
    }
}

/// Reads a time in the settings' grammar; `None` when it is none.
pub fn duration(text: &str) -> Option<Duration> {
    parse(text.trim()).ok()
}

/// Sums parts such as `1h` and `30m`; a bare number is seconds. At most a thousand years.
fn parse(text: &str) -> Result<Duration, Wrong> {
    if let Ok(seconds) = text.parse::<u64>() {
        return in_range(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(Wrong::PLAIN)?;
        let (amount, after) = rest.split_at(number);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total = in_range(total.saturating_add(part(amount, unit)?))?;
        rest = after;
    }
    Ok(total)
}

fn part(amount: &str, unit: &str) -> Result<Duration, Wrong> {
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(Wrong::PLAIN),
    };
    let amount: f64 = amount.parse().map_err(|_| Wrong::PLAIN)?;
    let time = Duration::try_from_secs_f64(amount * seconds).map_err(|_| Wrong::PLAIN)?;
    // A tenth of a second has no exact binary form; whole microseconds are exact enough.
    Ok(Duration::from_micros(u64::try_from(time.as_micros()).map_err(|_| Wrong::PLAIN)?))
}

fn in_range(time: Duration) -> Result<Duration, Wrong> {
    const THOUSAND_YEARS: Duration = Duration::from_hours(1_000 * 366 * 24);
    if time > THOUSAND_YEARS { Err(Wrong::because("it is longer than a thousand years")) } else { Ok(time) }
}

/// The shortest spelling that reads back as the same time.
fn print(time: Duration) -> String {
    let mut millis = time.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        let count = millis / size;
        millis %= size;
        if count > 0 {
            write!(text, "{count}{unit}").expect("writing to a string cannot fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: Entry = Entry::new("JWT_EXPIRES_IN");

    #[test]
    fn parts_are_summed_and_fractions_count() {
        for (text, seconds) in [
            ("4w", 2_419_200.0),
            ("1h30m", 5_400.0),
            ("1.5h", 5_400.0),
            ("90", 90.0),
            ("500ms", 0.5),
            ("1d12h30m15s250ms", 131_415.25),
            ("30m1h", 5_400.0),
        ] {
            assert_eq!(Span::read(text, &JWT), Ok(Span::For(Duration::from_secs_f64(seconds))), "{text}");
        }
    }

    #[test]
    fn nought_and_minus_one_have_no_end_where_that_makes_sense() {
        assert_eq!(Span::read("-1", &JWT), Ok(Span::Unlimited));
        assert_eq!(Span::read("0", &JWT), Ok(Span::Unlimited));
        assert!(Duration::read("-1", &JWT).is_err());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["4 w", "w", "4x", "4W", "-2", "-1h", "1h-30m", "1..5h", "1h30", "4w;", "1e3s", "inf", "2000y"]
        {
            assert!(Span::read(text, &JWT).is_err(), "{text}");
        }
        assert!(Span::read("9999999999w", &JWT).is_err());
        assert!(Span::read("0.0ms", &JWT).is_err());
    }

    #[test]
    fn a_bare_number_is_refused_where_the_unit_must_be_said() {
        const LIFE: Entry = Entry::new("JWT_EXPIRES_IN").range(1, u64::MAX).with_unit();
        for text in ["10", "3600", "007"] {
            assert!(Span::read(text, &LIFE).is_err(), "{text}");
        }
        assert!(Span::read("999ms", &LIFE).is_err(), "nobody could use such a sign-in");
        for text in ["0", "-1"] {
            assert_eq!(Span::read(text, &LIFE), Ok(Span::Unlimited), "{text}");
        }
        assert_eq!(Span::read("10s", &LIFE), Ok(Span::For(Duration::from_secs(10))));
    }

    #[test]
    fn a_time_stays_in_its_range() {
        const WAIT: Entry = Entry::new("WARDROOM_PROVIDER_CONNECT_TIMEOUT").range(1, 300);
        assert_eq!(Duration::read("5m", &WAIT), Ok(Duration::from_mins(5)));
        for text in ["0", "999ms", "300.5s", "6m"] {
            assert_eq!(Duration::read(text, &WAIT), Err(Wrong::PLAIN), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_reads_back_as_it_was_printed(millis in 1_u64..=31_000_000_000_000) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(parse(&print(time)), Ok(time));
        }

        #[test]
        fn any_text_is_read_or_refused_and_never_panics(text in "[0-9.smhdw-]{0,20}") {
            let _ = Span::read(&text, &JWT);
        }
    }
}
