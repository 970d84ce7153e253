//! The proof: reads everything again and says where it is not what was written. It needs the keys and nothing else,
//! and it changes nothing.

mod ledger;
mod log;
mod records;

pub use log::{log, single_file};
pub use records::{Expected, records};

/// So many problems are told; the rest is counted.
const MOST_TOLD: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Records read.
    pub records: u64,
    /// Lines read.
    pub lines: u64,
    /// The newest record that has a line, where a log was read.
    pub newest_line: Option<u64>,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
    /// What is worth knowing and no sign of tampering.
    pub notes: Vec<String>,
    untold: u64,
}

impl Report {
    /// Whether everything is as it was written.
    pub const fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, sentence: String) {
        if self.problems.len() < MOST_TOLD {
            self.problems.push(sentence);
        } else {
            self.untold += 1;
        }
    }

    /// Both together. Lines of records that are not in the database are a problem that only both can find.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let (records, newest) = (self.records.max(other.records), self.newest_line.or(other.newest_line));
        self.records = records;
        self.lines += other.lines;
        self.newest_line = newest;
        other.problems.into_iter().for_each(|it| self.problem(it));
        self.notes.extend(other.notes);
        self.untold += other.untold;
        self
    }

    /// Compares the newest line with where the records end, and closes the report.
    #[must_use]
    pub fn closed(mut self, last_record: u64) -> Self {
        if let Some(newest) = self.newest_line.filter(|newest| *newest > last_record) {
            self.problem(format!(
                "The newest records are missing: the log file tells about record {newest}, and the database ends with record {last_record}."
            ));
        }
        if self.untold > 0 {
            let untold = std::mem::take(&mut self.untold);
            self.problems.push(format!("There are {untold} more problems."));
        }
        self
    }
}
