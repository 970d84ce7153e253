//! The audit log as a file for other programs: JSON lines like those of the log, or a table.

use kernel::{Permit, ReadAudit, Timestamp};
use serde_json::Value;
use store::{Db, StoreError};

use crate::{chain::hex, line, record::Record};

/// Records read at once.
const PAGE: u32 = 500;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line: the log's fields, and the record's seal.
    JsonLines,
    /// Comma-separated values (RFC 4180).
    Csv,
}

impl Format {
    /// Reads `jsonl` or `csv`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "jsonl" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// The word, which is also the end of a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// For the header `content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// Which records, by the time of writing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// An export that is read piece by piece, so that any number of records fits.
#[derive(Debug)]
pub struct Export {
    db: Db,
    format: Format,
    span: Span,
    next: i64,
    /// Records that come while it is read are not part of it.
    last: i64,
    has_begun: bool,
}

impl Export {
    /// Of the records that there are now.
    pub async fn begin(
        db: &Db,
        format: Format,
        span: Span,
        _permit: &Permit<ReadAudit>,
    ) -> Result<Self, StoreError> {
        let last = store::audit::head(db).await?.seq;
        Ok(Self { db: db.clone(), format, span, next: 1, last, has_begun: false })
    }

    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let mut piece = String::new();
        if !self.has_begun {
            self.has_begun = true;
            if self.format == Format::Csv {
                piece.push_str(&COLUMNS.join(","));
                piece.push_str("\r\n");
            }
        }
        while self.next <= self.last {
            let page = store::audit::walk(&self.db, self.next, PAGE).await?;
            let Some(end) = page.last().map(|it| it.seq) else { break };
            for stored in page.iter().filter(|it| it.seq <= self.last && self.span.holds(it.at)) {
                piece.push_str(&self.format.row(stored));
            }
            self.next = end + 1;
            if !piece.is_empty() {
                break;
            }
        }
        Ok((!piece.is_empty()).then_some(piece))
    }
}

impl Span {
    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

impl Format {
    fn row(self, stored: &store::audit::Record) -> String {
        let Ok(record) = serde_json::from_str::<Record>(&stored.body) else {
            // A damaged record is part of what somebody exports to look into.
            let row =
                serde_json::json!({ "seq": stored.seq, "damaged": stored.body, "hash": hex(&stored.hash) });
            return match self {
                Self::JsonLines => line::visible_json(&row) + "\n",
                Self::Csv => format!("{},{}\r\n", stored.seq, cell(&stored.body)),
            };
        };
        match self {
            Self::JsonLines => {
                let line = String::from_utf8_lossy(&line::of_record(&record, "")).into_owned();
                format!("{line},\"hash\":\"{}\"}}\n", hex(&stored.hash))
            }
            Self::Csv => {
                let cells: Vec<String> = cells(&record, &stored.hash).iter().map(|text| cell(text)).collect();
                cells.join(",") + "\r\n"
            }
        }
    }
}

const COLUMNS: [&str; 21] = [
    "seq",
    "id",
    "time",
    "event",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_email",
    "actor_name",
    "actor_role",
    "credential",
    "target_kind",
    "target_id",
    "address",
    "user_agent",
    "method",
    "uri",
    "status",
    "request_id",
    "detail",
    "hash",
];

fn cells(record: &Record, hash: &[u8; 32]) -> [String; 21] {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let word = |it: Option<&Value>| it.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (actor, request) = (&record.actor, &record.request);
    [
        record.seq.to_string(),
        record.id.clone(),
        Timestamp::from_micros(record.at).rfc3339(),
        record.event.clone(),
        record.outcome.clone(),
        actor.kind.clone(),
        text(&actor.id),
        text(&actor.email),
        text(&actor.name),
        text(&actor.role),
        text(&actor.credential),
        word(record.target.as_ref().and_then(|it| it.get("kind"))),
        word(record.target.as_ref().and_then(|it| it.get("id"))),
        text(&request.address),
        text(&request.agent),
        text(&request.method),
        text(&request.uri),
        request.status.map(|it| it.to_string()).unwrap_or_default(),
        text(&request.id),
        line::visible_json(&record.detail),
        hex(hash),
    ]
}

/// A cell that no spreadsheet takes for a formula, in quotes where it must be.
fn cell(text: &str) -> String {
    // Some programs take away what stands before the sign, and know its wide forms.
    let shown = text.trim_start_matches(|c: char| c.is_whitespace() || line::is_invisible(c));
    let begins_formula = shown
        .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        || text.starts_with(['\t', '\r', '\n']);
    let safe = if begins_formula { format!("'{text}") } else { text.to_owned() };
    let visible: String = safe.chars().map(|c| if line::is_invisible(c) { ' ' } else { c }).collect();
    if visible.contains([',', '"', ' ', '\'']) {
        format!("\"{}\"", visible.replace('"', "\"\""))
    } else {
        visible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_row() {
        for (text, expected) in [
            ("Ada", "Ada"),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            (" =1+1", "\"' =1+1\""),
            ("\u{200b}=1+1", "\"' =1+1\""),
            ("\u{ff1d}1+1", "\"'\u{ff1d}1+1\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("a\r\n=b", "\"a  =b\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
