//! The records of the database: their seals, their order, their index, and what was signed about them.

use std::path::Path;

use kernel::audit::Sealer;
use store::{
    Db, StoreError,
    audit::{Checkpoint, Head, Record as Stored},
};
use vault::{Notary, Paper};

use super::{Report, ledger::Ledger};
use crate::{
    chain::hex,
    checkpoint::{self, NoCheckpoint},
    record::Record,
};

const PAGE: u32 = 500;

/// A place in the chain that somebody wrote down elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The record.
    pub seq: i64,
    /// Its seal.
    pub hash: [u8; 32],
}

impl std::str::FromStr for Expected {
    type Err = &'static str;

    /// Reads `SEQ:HASH`, with 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = "write it as SEQ:HASH, e.g. 120:9f86d081…, as `wardroom audit status` shows it";
        let (seq, hash) = text.split_once(':').ok_or(words)?;
        let hash = crate::chain::unhex(hash.to_ascii_lowercase().as_bytes()).ok_or(words)?;
        Ok(Self { seq: seq.parse().map_err(|_| words)?, hash })
    }
}

/// What the chain is compared with besides itself.
struct Anchors {
    signed: Vec<Checkpoint>,
    expected: Option<Expected>,
}

/// Verifies all records up to where the chain ends now. `checkpoint` is the file of signed places.
pub async fn records(
    db: &Db,
    sealer: &dyn Sealer,
    notary: &Notary,
    checkpoint: &Path,
    expected: Option<Expected>,
) -> Result<(Report, Head), StoreError> {
    let mut report = Report::default();
    let mut ledger = Ledger::read(db, &mut report).await?;
    let anchors = Anchors { signed: signed(db, notary, checkpoint, &mut report).await?, expected };
    // Read first: what is added meanwhile is not looked at.
    let head = store::audit::head(db).await?;
    let mut walk = Walk {
        report: &mut report,
        sealer,
        anchors: &anchors,
        ledger: &mut ledger,
        next: 1,
        previous: [0; 32],
        at: i64::MIN,
    };
    loop {
        let page = page(db, walk.next, walk.report).await?;
        let Some(last) = page.last().map(|it| it.seq) else { break };
        for stored in page.iter().filter(|it| it.seq <= head.seq) {
            walk.step(stored);
        }
        if last >= head.seq {
            break;
        }
    }
    let (next, previous) = (walk.next, walk.previous);
    if next <= head.seq {
        report.problem(format!("The records {next} to {} are missing.", head.seq));
    } else if head.seq > 0 && previous != head.hash {
        report.problem(format!(
            "The chain does not end with record {} as the database says it does.",
            head.seq
        ));
    }
    ledger.end(db, &mut report).await?;
    beyond(db, &head, &anchors, &mut report).await?;
    responses(db, notary, &mut report).await?;
    Ok((report, head))
}

/// Places that were signed, in the database and beside it.
async fn signed(
    db: &Db,
    notary: &Notary,
    file: &Path,
    report: &mut Report,
) -> Result<Vec<Checkpoint>, StoreError> {
    let mut all = Vec::new();
    for stored in store::audit::checkpoints(db).await? {
        if checkpoint::is_ours(&stored, notary) {
            all.push(stored);
        } else {
            report.problem(format!(
                "The stored checkpoint of record {} was changed: its signature does not fit.",
                stored.seq
            ));
        }
    }
    match checkpoint::read(file, notary) {
        Ok(Ok(checkpoint)) => all.push(checkpoint),
        Ok(Err(NoCheckpoint::Missing)) if all.is_empty() => {}
        Ok(Err(NoCheckpoint::Missing)) => {
            report.problem("The file audit.checkpoint is missing from the data directory.".to_owned());
        }
        Ok(Err(NoCheckpoint::Changed)) => {
            report.problem("The file audit.checkpoint was changed: its signature does not fit.".to_owned());
        }
        Err(error) => report.problem(format!("The file audit.checkpoint cannot be read: {error}.")),
    }
    Ok(all)
}

/// A page of records. One that cannot even be read is told and left out.
async fn page(db: &Db, from: i64, report: &mut Report) -> Result<Vec<Stored>, StoreError> {
    let mut from = from;
    loop {
        match store::audit::walk(db, from, PAGE).await {
            Err(StoreError::Damaged { id, .. }) => {
                report.problem(format!("Record {id} was changed: it cannot be read."));
                let Ok(damaged) = id.parse::<i64>() else { return Ok(Vec::new()) };
                let before = u32::try_from(damaged - from).unwrap_or(0);
                if before > 0 {
                    return store::audit::walk(db, from, before).await;
                }
                from = damaged + 1;
            }
            other => return other,
        }
    }
}

struct Walk<'a> {
    report: &'a mut Report,
    sealer: &'a dyn Sealer,
    anchors: &'a Anchors,
    ledger: &'a mut Ledger,
    next: i64,
    previous: [u8; 32],
    at: i64,
}

impl Walk<'_> {
    fn step(&mut self, stored: &Stored) {
        self.report.records += 1;
        let seq = stored.seq;
        let is_next = seq == self.next;
        if !is_next {
            let (from, to) = (self.next, seq - 1);
            self.report.problem(if from == to {
                format!("Record {from} is missing.")
            } else {
                format!("The records {from} to {to} are missing.")
            });
        }
        // Behind a gap nobody knows the seal before, so only what follows can be compared again.
        if is_next && self.sealer.seal_record(&self.previous, stored.body.as_bytes()) != stored.hash {
            self.report
                .problem(format!("Record {seq} was changed, inserted or moved: its seal does not fit."));
        }
        self.index(stored);
        self.anchored(stored);
        (self.next, self.previous) = (seq + 1, stored.hash);
    }

    /// The columns that are searched must say what the sealed text says.
    fn index(&mut self, stored: &Stored) {
        let seq = stored.seq;
        let Ok(record) = serde_json::from_str::<Record>(&stored.body) else {
            return self.report.problem(format!("Record {seq} was changed: its text cannot be read."));
        };
        let target =
            |field: &str| record.target.as_ref().and_then(|it| it.get(field)).and_then(|it| it.as_str());
        let fields = [
            ("seq", u64::try_from(seq).is_ok_and(|seq| seq == record.seq)),
            ("id", stored.id == record.id),
            ("at", stored.at.micros() == record.at),
            ("event", stored.event == record.event),
            ("outcome", stored.outcome == record.outcome),
            ("actor_kind", stored.actor_kind == record.actor.kind),
            ("actor_id", stored.actor_id == record.actor.id),
            ("target_kind", stored.target_kind.as_deref() == target("kind")),
            ("target_id", stored.target_id.as_deref() == target("id")),
            ("address", stored.address == record.request.address),
            ("request_id", stored.request_id == record.request.id),
        ];
        for (name, _) in fields.iter().filter(|(_, fits)| !fits) {
            self.report
                .problem(format!("Record {seq} was changed: its column {name} is not what was sealed."));
        }
        if record.at < self.at {
            self.report.problem(format!("Record {seq} is older than the one before it."));
        }
        self.at = record.at;
        self.ledger.hear(&record, self.report);
    }

    fn anchored(&mut self, stored: &Stored) {
        let seq = stored.seq;
        if self.anchors.signed.iter().any(|it| it.seq == seq && it.hash != stored.hash) {
            self.report.problem(format!("Record {seq} is not the one that was signed in a checkpoint."));
        }
        if self.anchors.expected.is_some_and(|it| it.seq == seq && it.hash != stored.hash) {
            let found = hex(&stored.hash);
            self.report.problem(format!("Record {seq} is not the expected one: its seal is {found}."));
        }
    }
}

/// What should be there and is not, and the other way around.
async fn beyond(db: &Db, head: &Head, anchors: &Anchors, report: &mut Report) -> Result<(), StoreError> {
    // Records may have come since the head was read; they are behind the head that is there now.
    let now = store::audit::head(db).await?;
    if let Some(extra) = store::audit::walk(db, now.seq + 1, 1).await?.first() {
        report.problem(format!("Record {} is behind the end of the chain: it was inserted.", extra.seq));
    }
    let newest = anchors.signed.iter().max_by_key(|it| it.seq);
    if let Some(newest) = newest.filter(|it| it.seq > now.seq) {
        report.problem(format!(
            "The newest records are missing: record {} was signed at {}, and the chain ends with record {}.",
            newest.seq,
            newest.at.rfc3339(),
            head.seq
        ));
    }
    if let Some(expected) = anchors.expected.filter(|it| it.seq > now.seq) {
        report.problem(format!(
            "Record {} is expected, and the chain ends with record {}.",
            expected.seq, head.seq
        ));
    }
    Ok(())
}

async fn responses(db: &Db, notary: &Notary, report: &mut Report) -> Result<(), StoreError> {
    let mut from = i64::MIN;
    loop {
        let page = store::audit_response::walk(db, from, PAGE).await?;
        let Some(last) = page.last().map(|it| it.seq) else { return Ok(()) };
        for response in page {
            let place = [response.seq.to_be_bytes().as_slice(), &response.status.to_be_bytes()].concat();
            if notary.seal(Paper::Response, &[&place, response.body.as_bytes()]) != response.seal {
                report.problem(format!(
                    "The answer kept with record {} was changed: its seal does not fit.",
                    response.seq
                ));
            }
        }
        from = last + 1;
    }
}
