//! Dates as LiteLLM's clients write them: `2026-11-21` or `2026-11-21 01:18:56`, in UTC.

use kernel::{Refusal, Timestamp};

/// Reads the parameter `name`; a date alone is its midnight.
pub(super) fn read(name: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    parse(text).ok_or_else(|| {
        let words = format!("The parameter {name} must look like 2026-11-21 or 2026-11-21 01:18:56.");
        Refusal::field(name, "invalid_date", words)
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches('Z');
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_date = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 60;
    if !is_date || !is_time {
        return None;
    }
    Some(Timestamp::from_seconds(
        days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second,
    ))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let is_plain = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<i64> = text
        .split(separator)
        .map(|part| is_plain(part).then(|| part.parse().ok())?)
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    (year - 1970) * 365 + leap_days + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_printed() {
        for (text, printed) in [
            ("1970-01-01", "1970-01-01T00:00:00.000000+00:00"),
            ("2000-03-01", "2000-03-01T00:00:00.000000+00:00"),
            ("2024-02-29", "2024-02-29T00:00:00.000000+00:00"),
            ("2026-11-21 01:18:56", "2026-11-21T01:18:56.000000+00:00"),
            ("2100-12-31T23:59:59Z", "2100-12-31T23:59:59.000000+00:00"),
        ] {
            assert_eq!(read("start_date", text).unwrap().rfc3339(), printed);
        }
    }

    #[test]
    fn what_is_no_date_is_refused_by_name() {
        for text in [
            "",
            "today",
            "2026-13-01",
            "2023-02-29",
            "2026-11-21 25:00:00",
            "2026-11",
            "-1-1-1",
            "2026-11-21 1:2",
        ] {
            assert_eq!(read("end_date", text).unwrap_err().field.as_deref(), Some("end_date"), "{text:?}");
        }
    }
}
