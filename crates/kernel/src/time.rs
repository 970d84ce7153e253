//! Points in time, as the databases keep them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment in UTC, in microseconds since 1970-01-01. Leap seconds are not counted (POSIX time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The last second of the year 9999: what is later, no calendar shows.
    pub const LATEST: Self = Self::from_seconds(253_402_300_799);

    /// From whole seconds since 1970; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment moved forward; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this moment; zero when the clock went backwards.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads a moment in UTC as people write it: `2026-11-21`, which is its midnight, `2026-11-21 01:18:56` or
    /// RFC 3339 without fractions and with `Z`. `None` when it is none, or before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix('Z').unwrap_or(text);
        let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let is_date = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day);
        let is_time = hour < 24 && minute < 60 && second < 60;
        (is_date && is_time).then(|| {
            let days = days_from_civil(year, month, day);
            Self::from_seconds(days * 86_400 + hour * 3_600 + minute * 60 + second)
        })
    }

    /// RFC 3339 with microseconds, e.g. `2026-11-21T01:18:56.676000+00:00`, as LiteLLM prints times.
    pub fn rfc3339(self) -> String {
        let (days, micros) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        let (year, month, day) = civil_from_days(days);
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:06}+00:00",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// Year, month and day of a day count since 1970, proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The days from 1970-01-01 to this date of 1970 or later.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    (year - 1970) * 365 + leap_days + months + day - 1
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let is_plain = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<i64> = text
        .split(separator)
        .map(|part| is_plain(part).then(|| part.parse().ok())?)
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_rfc_3339_in_utc_also_before_1970_and_on_leap_days() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00.000000+00:00"),
            (1_795_223_936_676_000, "2026-11-21T01:18:56.676000+00:00"),
        ];
        for (micros, text) in cases {
            assert_eq!(Timestamp::from_micros(micros).rfc3339(), text);
        }
    }

    #[test]
    fn a_clock_that_went_backwards_measures_nothing() {
        let later = Timestamp::from_seconds(10);
        assert_eq!(Timestamp::from_seconds(9).since(later), Duration::ZERO);
        assert_eq!(later.plus(Duration::from_secs(1)).since(later), Duration::from_secs(1));
    }

    #[test]
    fn dates_are_read_as_they_are_printed() {
        for (text, printed) in [
            ("1970-01-01", "1970-01-01T00:00:00.000000+00:00"),
            ("2000-03-01", "2000-03-01T00:00:00.000000+00:00"),
            ("2024-02-29", "2024-02-29T00:00:00.000000+00:00"),
            ("2026-11-21 01:18:56", "2026-11-21T01:18:56.000000+00:00"),
            ("2100-12-31T23:59:59Z", "2100-12-31T23:59:59.000000+00:00"),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::rfc3339).as_deref(), Some(printed));
        }
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "today",
            "2026-13-01",
            "2023-02-29",
            "2026-11-21 25:00:00",
            "2026-11",
            "-1-1-1",
            "2026-11-21 1:2",
            "2026-11-21ZZ",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }
}
