//! The manual's page of settings, from the one definition.

use std::fmt::Write;

use crate::{Entry, Places, catalogue};

const HEAD: &str = "\
# Settings

<!-- Made from crates/settings. To change it: UPDATE_DOCS=1 cargo test -p settings -->

Every setting is an environment variable. The same lines may stand in a `.env` file in the working directory; \
the environment goes before the file, and both go before what an administrator stored, unless \
`ENABLE_PERSISTENT_CONFIG` is `true`. An empty variable counts as not set. `wardroom settings` shows the values in \
force and where each came from.

A secret `NAME` may also be given as `NAME_FILE`, the path of a file that holds it; never both. Times are written \
as `30s`, `10m`, `1h30m` or `4w` (units `ms s m h d w`); a bare number is seconds. Nothing in a value is ever \
replaced by another variable.
";

/// The page, in Markdown.
pub fn docs() -> String {
    let mut page = HEAD.to_owned();
    let mut group = "";
    for entry in catalogue() {
        if entry.group != group {
            group = entry.group;
            write!(page, "\n## {group}\n\n| Setting | Default | Meaning |\n|---|---|---|\n")
                .expect("writing to a string cannot fail");
        }
        writeln!(page, "| {} | {} | {} |", names(entry), default(entry), meaning(entry))
            .expect("writing to a string cannot fail");
    }
    page
}

fn names(entry: &Entry) -> String {
    let mut cell = format!("`{}`", entry.name);
    for alias in entry.aliases {
        write!(cell, "<br>or `{alias}`").expect("writing to a string cannot fail");
    }
    cell
}

fn default(entry: &Entry) -> String {
    match (entry.default, entry.default_note) {
        (_, Some(note)) => note.to_owned(),
        (Some(text), None) => format!("`{}`", cell(text)),
        (None, None) => "not set".to_owned(),
    }
}

fn meaning(entry: &Entry) -> String {
    let mut text = entry.prose();
    write!(text, " Value: {}.", entry.expected()).expect("writing to a string cannot fail");
    if entry.is_secret() {
        write!(text, " Secret: also `{}_FILE`.", entry.name).expect("writing to a string cannot fail");
    }
    if entry.places == Places::Stored {
        text.push_str(" Administrators can change it.");
    } else if entry.needs_restart {
        text.push_str(" Needs a restart.");
    }
    cell(&text)
}

/// Text in a cell of a table: a bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
