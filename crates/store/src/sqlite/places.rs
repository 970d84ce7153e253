//! Which value belongs to which parameter. To SQLite `$n` is a name, and it numbers names by first occurrence,
//! so that `$2 … $1` would swap when bound by position.
//!
//! Asking SQLite for each name walks a list from its start: with the ledger's 1280 parameters that alone cost
//! more than the rest of the statement. One pass over the text says the same. It knows literals in single
//! quotes and nothing else of SQL; whoever binds compares the count with SQLite's own.

/// The numbers `n` of the statement's `$n` in the order in which SQLite numbers them.
pub(super) fn of(sql: &str) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = Vec::new();
    let mut is_literal = false;
    let mut rest = sql.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            // A doubled quote ends the literal and begins it again at once.
            b'\'' => is_literal = !is_literal,
            b'$' if !is_literal => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = number(&rest[..digits]);
                rest = &rest[digits..];
                if number >= seen.len() {
                    seen.resize(number + 1, false);
                }
                if !std::mem::replace(&mut seen[number], true) {
                    order.push(number);
                }
            }
            _ => {}
        }
    }
    order
}

/// Five digits are enough: SQLite has at most 32766 parameters, and refuses a longer number by itself.
fn number(digits: &[u8]) -> usize {
    digits.iter().take(5).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_by_their_first_occurrence() {
        assert_eq!(of("UPDATE t SET a = $2, b = $2 WHERE id = $1 AND c < $10"), [2, 1, 10]);
        assert_eq!(of("SELECT 1"), [0; 0]);
    }

    #[test]
    fn a_dollar_in_a_literal_is_no_parameter() {
        assert_eq!(of("SELECT '$3', 'it''s $4', $1 WHERE a = 'x' AND b = $2"), [1, 2]);
    }

    #[test]
    fn the_order_is_sqlites_own() {
        let sql = "SELECT $3, $1, '$9', $3, $2, $12";
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let prepared = connection.prepare(sql).unwrap();
        let names: Vec<usize> = (1..=prepared.parameter_count())
            .map(|index| prepared.parameter_name(index).unwrap()[1..].parse().unwrap())
            .collect();
        assert_eq!(of(sql), names);
    }
}
