//! The part of CBOR (RFC 8949) that authenticators speak: definite lengths, the shortest form of each number,
//! maps without double keys, a few levels deep. Everything else is refused, so that no two readers can see
//! different things in the same bytes.

/// How deep values may be nested: an attestation statement holds certificates in an array in a map.
const DEEPEST: usize = 4;
/// The most entries of one map or array.
const MOST_ENTRIES: u64 = 64;

/// One value, borrowed from the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Item<'a>>),
    Map(Vec<(Item<'a>, Item<'a>)>),
    Bool(bool),
    Null,
}

impl<'a> Item<'a> {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &Item<'_>) -> Option<&Item<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) const fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// Reads one value and says what is left after it; `None` for whatever is not in the subset.
pub(super) fn read(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let mut reader = Reader { rest: bytes };
    let item = reader.item(DEEPEST)?;
    Some((item, reader.rest))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn item(&mut self, depth: usize) -> Option<Item<'a>> {
        let first = *self.take(1)?.first()?;
        let (kind, short) = (first >> 5, first & 31);
        if kind == 7 {
            return match short {
                20 => Some(Item::Bool(false)),
                21 => Some(Item::Bool(true)),
                22 => Some(Item::Null),
                _ => None,
            };
        }
        let number = self.number(short)?;
        match kind {
            0 => i64::try_from(number).ok().map(Item::Int),
            1 => i64::try_from(number).ok().map(|number| Item::Int(-1 - number)),
            2 => self.take(number).map(Item::Bytes),
            3 => std::str::from_utf8(self.take(number)?).ok().map(Item::Text),
            4 if number <= MOST_ENTRIES => {
                let depth = depth.checked_sub(1)?;
                (0..number).map(|_| self.item(depth)).collect::<Option<_>>().map(Item::Array)
            }
            5 if number <= MOST_ENTRIES => self.map(number, depth.checked_sub(1)?),
            _ => None,
        }
    }

    /// The number in or behind the first byte, refused where a shorter form would have done.
    fn number(&mut self, short: u8) -> Option<u64> {
        let (width, least) = match short {
            0..=23 => return Some(short.into()),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let number = self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        (number >= least).then_some(number)
    }

    fn map(&mut self, count: u64, depth: usize) -> Option<Item<'a>> {
        let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.item(depth)?;
            if !matches!(key, Item::Int(_) | Item::Text(_)) || entries.iter().any(|(known, _)| *known == key)
            {
                return None;
            }
            entries.push((key, self.item(depth)?));
        }
        Some(Item::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(hex: &str) -> Option<String> {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        read(&bytes).filter(|(_, rest)| rest.is_empty()).map(|(item, _)| format!("{item:?}"))
    }

    #[test]
    fn the_examples_of_rfc_8949_appendix_a_are_read() {
        for (hex, shown) in [
            ("00", "Int(0)"),
            ("17", "Int(23)"),
            ("1818", "Int(24)"),
            ("1903e8", "Int(1000)"),
            ("1b000000e8d4a51000", "Int(1000000000000)"),
            ("20", "Int(-1)"),
            ("3903e7", "Int(-1000)"),
            ("4401020304", "Bytes([1, 2, 3, 4])"),
            ("6449455446", "Text(\"IETF\")"),
            ("83010203", "Array([Int(1), Int(2), Int(3)])"),
            ("a201020304", "Map([(Int(1), Int(2)), (Int(3), Int(4))])"),
            ("f4", "Bool(false)"),
            ("f5", "Bool(true)"),
            ("f6", "Null"),
        ] {
            assert_eq!(whole(hex).as_deref(), Some(shown), "{hex}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (hex, why) in [
            ("1817", "a longer form than needed"),
            ("190017", "a longer form than needed"),
            ("1bffffffffffffffff", "beyond what we count"),
            ("5f42010243030405ff", "indefinite length"),
            ("9fff", "indefinite length"),
            ("bf6161019fff", "indefinite length"),
            ("a201020103", "a key twice"),
            ("a1f502", "a key that is neither number nor text"),
            ("c249010000000000000000", "a tag"),
            ("fb3ff199999999999a", "a float"),
            ("f7", "undefined"),
            ("62c328", "text that is not UTF-8"),
            ("44010203", "cut short"),
            ("a101", "cut short"),
            ("", "nothing"),
            ("818181818100", "too deep"),
            ("9b00000001000000ff", "an array larger than anything"),
        ] {
            assert_eq!(whole(hex), None, "{why}: {hex}");
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_allocates_nothing_and_ends() {
        assert_eq!(whole("5b7fffffffffffffff"), None);
        assert_eq!(whole("983f"), None);
    }
}
