//! What commands print: the only place that writes to the terminal.

use std::io::Write;

use serde::Serialize;

use crate::error::StartError;

/// One line to standard output. A closed pipe (`wardroom settings | head`) is no error.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Text as it is to standard output, line breaks included.
pub(crate) fn text(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// One line to standard error.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Why the command failed.
pub(crate) fn error(error: &StartError) {
    note(&format!("wardroom: {error}"));
}

/// JSON for a script, indented for a person who looks at it.
pub(crate) fn json(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).expect("what commands print has text keys only"));
}

/// Rows below headings, in columns as wide as they need.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(padded.join("  ").trim_end());
    };
    print(&mut headings.iter().copied());
    for row in rows {
        print(&mut row.iter().map(String::as_str));
    }
}
