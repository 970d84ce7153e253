//! The task behind the trail: reads what was committed, proves it, has its lines written, and signs checkpoints.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use kernel::{RequestId, Timestamp, World, audit::Sealer};
use store::{
    Db, StoreError,
    audit::{Checkpoint, Which},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use vault::{Notary, Paper};

use crate::{
    checkpoint::{self, NoCheckpoint},
    file::Addition,
    line,
    prover::Prover,
    record::Record,
    status::Status,
    trail::{Answered, PATIENCE},
    writer::Writer,
};

/// How often the database is asked for records of other processes.
const TICK: Duration = Duration::from_millis(500);
/// Records read at once.
const PAGE: u32 = 500;
/// Streams that are watched at once for the body of their answer.
const MOST_LATE: usize = 4_096;
/// A checkpoint is stored after so many records, or after so much time when there is a new one.
const CHECKPOINT_EACH: i64 = 1_000;
const CHECKPOINT_AFTER: Duration = Duration::from_mins(10);

/// What somebody wants of the task.
pub(crate) enum Order {
    CatchUp(oneshot::Sender<()>),
    Expect(RequestId),
    Answered(Answered),
    Later(RequestId),
    Never(RequestId),
}

pub(crate) struct Follower {
    world: World,
    db: Db,
    sealer: Arc<dyn Sealer>,
    notary: Arc<Notary>,
    checkpoint: PathBuf,
    writer: Writer,
    status: Arc<Status>,
    /// The next record to get a line.
    next: i64,
    has_lines: bool,
    /// The last record that was seen, by its place and seal.
    seen: Option<(i64, [u8; 32])>,
    /// The last place that was signed in the file, and in the database.
    signed: i64,
    stored: (i64, Timestamp),
    waiting: Vec<oneshot::Sender<()>>,
    /// Requests whose answer will come before long.
    expected: HashMap<String, Instant>,
    /// Answers that came before their line.
    answers: HashMap<String, Answered>,
    /// Requests that are answered later than their line, with the records they left.
    late: HashMap<String, Vec<Record>>,
}

impl Follower {
    pub(crate) fn new(world: World, prover: Prover, writer: Writer, status: Arc<Status>) -> Self {
        let Prover { db, sealer, notary, checkpoint, log: _ } = prover;
        Self {
            world,
            db,
            sealer,
            notary,
            checkpoint,
            writer,
            status,
            next: 1,
            has_lines: false,
            seen: None,
            signed: 0,
            stored: (0, Timestamp::from_micros(0)),
            waiting: Vec::new(),
            expected: HashMap::new(),
            answers: HashMap::new(),
            late: HashMap::new(),
        }
    }

    /// Compares what was signed before with what is there now.
    pub(crate) async fn look_back(
        &mut self,
        next: i64,
        has_lines: bool,
    ) -> Result<Option<String>, StoreError> {
        (self.next, self.has_lines) = (next, has_lines);
        let signed = match checkpoint::read(&self.checkpoint, &self.notary) {
            Ok(Ok(signed)) => signed,
            Ok(Err(NoCheckpoint::Missing)) => return Ok(None),
            Ok(Err(NoCheckpoint::Changed)) => {
                return Ok(Some("the file audit.checkpoint was changed".to_owned()));
            }
            Err(error) => return Ok(Some(format!("the file audit.checkpoint cannot be read: {error}"))),
        };
        self.signed = signed.seq;
        self.stored = (signed.seq, signed.at);
        let found = store::audit::by_seq(&self.db, signed.seq).await?;
        let problem = match found {
            Some(record) if record.hash == signed.hash => None,
            Some(_) => Some(format!("record {} is not the one that was signed", signed.seq)),
            None => Some(format!("the records up to {} were signed and are not all there", signed.seq)),
        };
        if problem.is_some() {
            // What was signed stays, as the proof of what is missing.
            self.status.hold_checkpoint();
        }
        Ok(problem)
    }

    pub(crate) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        thread: JoinHandle<()>,
        shutdown: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_held = !self.expected.is_empty() && !self.waiting.is_empty();
            let mut is_due = true;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(order) = orders.recv() => {
                    self.note(order);
                    while let Ok(order) = orders.try_recv() {
                        self.note(order);
                    }
                    is_due = !self.waiting.is_empty() || !self.answers.is_empty();
                }
                () = tokio::time::sleep(Duration::from_millis(5)), if is_held => {}
                _ = tick.tick() => {
                    self.tell_repeated(Which::Due).await;
                    self.sign().await;
                }
            }
            if is_due {
                self.follow().await;
            }
        }
        // Requests are over by now.
        self.expected.clear();
        self.tell_repeated(Which::All).await;
        self.follow().await;
        self.sign().await;
        self.store_checkpoint().await;
        self.writer.remember().await;
        self.writer.end();
        // The thread ends at once: nothing is handed over any more.
        drop(tokio::task::spawn_blocking(move || thread.join()).await);
    }

    fn note(&mut self, order: Order) {
        match order {
            Order::CatchUp(done) => self.waiting.push(done),
            Order::Expect(request) => {
                self.expected.insert(request.as_str().to_owned(), Instant::now() + PATIENCE);
            }
            Order::Answered(answer) => {
                self.expected.remove(answer.request.as_str());
                self.answers.insert(answer.request.as_str().to_owned(), answer);
            }
            Order::Never(request) => {
                self.expected.remove(request.as_str());
            }
            Order::Later(request) => {
                self.expected.remove(request.as_str());
                self.comes_late(request.as_str().to_owned());
            }
        }
    }

    /// Writes what can be written, and tells those who wait.
    async fn follow(&mut self) {
        let is_done = match self.lines().await {
            Ok(is_done) => is_done,
            Err(error) => {
                tracing::warn!(%error, "records cannot be read for the audit log's lines; trying again");
                true
            }
        };
        self.answer_late().await;
        if is_done {
            for done in self.waiting.drain(..) {
                // Whoever waited may have gone away.
                done.send(()).ok();
            }
        }
    }

    /// `false` when a record waits for its answer.
    async fn lines(&mut self) -> Result<bool, StoreError> {
        if !self.has_lines {
            return Ok(true);
        }
        loop {
            let Some(page) = self.page().await? else { continue };
            let is_last = page.len() < PAGE as usize;
            let mut additions = Vec::new();
            let mut kept = Vec::new();
            let mut is_held = false;
            for stored in page {
                if self.waits(stored.request_id.as_deref()) {
                    is_held = true;
                    break;
                }
                self.prove(&stored);
                let Ok(record) = serde_json::from_str::<Record>(&stored.body) else {
                    self.status.found(&format!("record {} cannot be read", stored.seq));
                    self.next = stored.seq + 1;
                    continue;
                };
                let answer = record.request.id.as_ref().and_then(|id| self.answers.get(id).cloned());
                let response = answer.as_ref().map_or("", |answer| &answer.body);
                additions.push(Addition { line: line::of_record(&record, response), seq: Some(record.seq) });
                kept.push((stored.seq, stored.hash, record, answer));
            }
            let last = kept.last().map(|(seq, hash, ..)| (*seq, *hash));
            if let Some(last) = last {
                if !self.writer.records(additions).await {
                    // The file is away; the records are where they must be, and their lines come later.
                    self.seen = None;
                    return Ok(true);
                }
                self.next = last.0 + 1;
                self.seen = Some(last);
                for (_, _, record, answer) in kept {
                    self.keep_answer(record, answer).await;
                }
            }
            if is_held || is_last {
                return Ok(!is_held);
            }
        }
    }

    /// Records that have no line yet. One that cannot even be read gets none: it is told, and left out.
    async fn page(&mut self) -> Result<Option<Vec<store::audit::Record>>, StoreError> {
        match store::audit::walk(&self.db, self.next, PAGE).await {
            Err(StoreError::Damaged { id, table }) => {
                self.status.found(&format!("record {id} was changed: it cannot be read"));
                let damaged = id.parse::<i64>().map_err(|_| StoreError::Damaged { id, table })?;
                let before = u32::try_from(damaged - self.next).unwrap_or(0);
                if before > 0 {
                    return store::audit::walk(&self.db, self.next, before).await.map(Some);
                }
                self.next = damaged + 1;
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    fn waits(&mut self, request: Option<&str>) -> bool {
        let Some(until) = request.and_then(|request| self.expected.get(request)) else { return false };
        if Instant::now() < *until {
            return true;
        }
        if let Some(request) = request {
            self.expected.remove(request);
            self.comes_late(request.to_owned());
        }
        false
    }

    /// Remembers that this request is answered after its lines. Answers that never come must not fill the memory.
    fn comes_late(&mut self, request: String) {
        if self.late.len() >= MOST_LATE {
            self.late.clear();
        }
        self.late.entry(request).or_default();
    }

    /// Compares a record's seal with the one before it, where that was seen.
    fn prove(&self, stored: &store::audit::Record) {
        let Some((seq, hash)) = self.seen else { return };
        if stored.seq == seq + 1 && self.sealer.seal_record(&hash, stored.body.as_bytes()) != stored.hash {
            self.status.found(&format!("record {} was changed, or the one before it", stored.seq));
        }
    }

    async fn keep_answer(&mut self, record: Record, answer: Option<Answered>) {
        match answer {
            Some(answer) => self.store_answer(&record, &answer).await,
            None => {
                if let Some(left) = record.request.id.as_ref().and_then(|id| self.late.get_mut(id)) {
                    left.push(record);
                }
            }
        }
    }

    async fn store_answer(&self, record: &Record, answer: &Answered) {
        let place = [record.seq.to_be_bytes().as_slice(), &answer.status.to_be_bytes()].concat();
        let seal = self.notary.seal(Paper::Response, &[&place, answer.body.as_bytes()]);
        let seq = i64::try_from(record.seq).unwrap_or(i64::MAX);
        let kept = store::audit_response::add(&self.db, seq, answer.status, &answer.body, &seal).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the body of an answer could not be kept");
        }
    }

    /// Answers that come after the lines of their records, as streams do, get lines of their own.
    async fn answer_late(&mut self) {
        let ready: Vec<String> = self.answers.keys().cloned().collect();
        let expected: HashSet<String> = self.expected.keys().cloned().collect();
        for request in ready.into_iter().filter(|it| !expected.contains(it)) {
            let Some(answer) = self.answers.remove(&request) else { continue };
            for record in self.late.remove(&request).unwrap_or_default() {
                self.store_answer(&record, &answer).await;
                let line = line::of_answer(&record, answer.status, &answer.body);
                self.writer.records(vec![Addition { line, seq: None }]).await;
            }
        }
    }

    async fn tell_repeated(&self, which: Which) {
        if let Err(error) = store::audit::tell_repeated(&self.db, which).await {
            tracing::warn!(%error, "the count of refused requests could not be recorded; it is kept");
        }
    }

    /// Signs the newest place in the file, and now and then in the database.
    async fn sign(&mut self) {
        let Ok(head) = store::audit::head(&self.db).await else { return };
        if head.seq == self.signed || self.status.holds_checkpoint() {
            return;
        }
        if head.seq < self.signed {
            self.status.found("records that were signed are not there any more");
            self.status.hold_checkpoint();
            return;
        }
        let signed = checkpoint::sign(head.seq, head.hash, self.world.now(), &self.notary);
        match checkpoint::write(&self.checkpoint, &signed, &self.notary) {
            Ok(()) => {
                self.signed = head.seq;
                self.status.signed(head.seq, signed.at);
            }
            Err(error) => tracing::warn!(%error, "the file audit.checkpoint could not be written"),
        }
        let is_due =
            head.seq >= self.stored.0 + CHECKPOINT_EACH || signed.at.since(self.stored.1) >= CHECKPOINT_AFTER;
        if is_due {
            self.put(signed).await;
        }
    }

    async fn put(&mut self, signed: Checkpoint) {
        match store::audit::add_checkpoint(&self.db, &signed).await {
            Ok(()) => self.stored = (signed.seq, signed.at),
            Err(error) => tracing::warn!(%error, "a checkpoint could not be stored"),
        }
    }

    async fn store_checkpoint(&mut self) {
        if self.signed <= self.stored.0 || self.status.holds_checkpoint() {
            return;
        }
        if let Ok(Ok(signed)) = checkpoint::read(&self.checkpoint, &self.notary) {
            self.put(signed).await;
        }
    }
}
