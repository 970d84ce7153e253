//! The ledger of usage: each batch of its rows must add up to what was recorded about it.

use std::collections::BTreeMap;

use kernel::{
    Timestamp,
    audit::{Event, Level},
};
use store::{Db, StoreError, usage::BatchProof};

use super::Report;
use crate::record::Record;

/// What the ledger holds, and what the records say about it.
pub(super) struct Ledger {
    found: BTreeMap<i64, BatchProof>,
    /// Batches of later records may have come after the ledger was read.
    certain_up_to: i64,
    /// When the first record was written; from then on every row has a batch.
    begin: Option<Timestamp>,
    /// Whether the log was ever switched off: rows of that time have none.
    was_off: bool,
}

impl Ledger {
    /// Reads the whole ledger.
    pub(super) async fn read(db: &Db, report: &mut Report) -> Result<Self, StoreError> {
        let certain_up_to = store::audit::head(db).await?.seq;
        let found = match store::usage::batches(db).await {
            Err(StoreError::Damaged { id, .. }) => {
                report.problem(format!("The usage row behind {id:?} was changed: it cannot be read."));
                BTreeMap::new()
            }
            other => other?,
        };
        Ok(Self { found, certain_up_to, begin: None, was_off: false })
    }

    /// Takes in what a record says about the ledger.
    pub(super) fn hear(&mut self, record: &Record, report: &mut Report) {
        self.begin.get_or_insert(Timestamp::from_micros(record.at));
        match Event::parse(&record.event) {
            Some(Event::UsageRecorded) => self.compare(record, report),
            Some(Event::ServerStarted) => {
                let level = record.detail.get("level").and_then(serde_json::Value::as_str);
                self.was_off |= level == Some(Level::None.as_str());
            }
            _ => {}
        }
    }

    /// Compares the rows of one batch with the record about it.
    fn compare(&mut self, record: &Record, report: &mut Report) {
        let detail = &record.detail;
        let Some(batch) = detail.get("batch").and_then(serde_json::Value::as_i64) else { return };
        let count = detail.get("count").and_then(serde_json::Value::as_u64);
        let digest = detail.get("digest").and_then(serde_json::Value::as_str);
        let seq = record.seq;
        match self.found.remove(&batch) {
            Some(rows) if Some(rows.count) == count && Some(rows.digest.as_str()) == digest => {}
            Some(rows) if Some(rows.count) == count => {
                report.problem(format!("Usage rows that record {seq} tells about were changed."));
            }
            Some(rows) => {
                let count = count.unwrap_or_default();
                report.problem(format!(
                    "Record {seq} tells about {count} usage rows, and there are {} of them: some were deleted or inserted.",
                    rows.count
                ));
            }
            None if i64::try_from(seq).is_ok_and(|seq| seq <= self.certain_up_to) => {
                report.problem(format!("The usage rows that record {seq} tells about are missing."));
            }
            None => {}
        }
    }

    /// What is left was never recorded.
    pub(super) async fn end(self, db: &Db, report: &mut Report) -> Result<(), StoreError> {
        if let Some(begin) = self.begin.filter(|_| !self.was_off) {
            let outside = store::usage::outside_batches(db, begin).await?;
            if outside > 0 {
                report.problem(format!(
                    "{outside} usage rows say that they belong to no record: they were inserted or changed."
                ));
            }
        }
        let rows: u64 = self.found.values().map(|batch| batch.count).sum();
        if rows > 0 {
            report.problem(format!("{rows} usage rows were inserted: no record tells about them."));
        }
        Ok(())
    }
}
