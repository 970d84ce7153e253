//! Numbers of bytes.

use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong, within},
};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// The number.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Setting for Size {
    const GRAMMAR: Grammar = Grammar::Size;

    fn read(text: &str, entry: &Entry) -> Result<Self, Wrong> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            // Powers of ten, as Open WebUI reads them.
            "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(Wrong::because("the units are KiB, MiB and GiB, or KB, MB and GB")),
        };
        let number: u64 = number.parse().map_err(|_| Wrong::PLAIN)?;
        within(number.checked_mul(scale).ok_or(Wrong::PLAIN)?, entry).map(Self)
    }

    fn show(&self) -> Shown<'_> {
        let units = [
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("", 1),
        ];
        let largest = units.into_iter().find(|(_, scale)| self.0.is_multiple_of(*scale) && self.0 > 0);
        Shown::Plain(json!(
            largest.map_or("0".to_owned(), |(unit, scale)| format!("{}{unit}", self.0 / scale))
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_in_the_units_they_name() {
        const BODY: Entry = Entry::new("WARDROOM_MAX_BODY_SIZE").range(1024, 1 << 32);
        for (text, bytes) in [
            ("33554432", 1 << 25),
            ("32MiB", 1 << 25),
            ("1 KiB", 1024),
            ("4GiB", 1 << 32),
            ("10MB", 10_000_000),
        ] {
            assert_eq!(Size::read(text, &BODY).map(Size::bytes), Ok(bytes), "{text}");
        }
        for text in ["", "1023", "32mb", "32M", "5GiB", "MiB", "-1", "99999999999999999999GiB", "1.5MiB"] {
            assert!(Size::read(text, &BODY).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_unit_that_fits() {
        for (bytes, expected) in
            [(1 << 25, "32MiB"), (1 << 30, "1GiB"), (10_000_000, "10MB"), (1500, "1500"), (0, "0")]
        {
            let Shown::Plain(shown) = Size(bytes).show() else { panic!("a size is shown") };
            assert_eq!(shown, json!(expected));
        }
    }
}
