//! Takes one turn to its end, whoever watches: asks, saves, names the chat, and says the last word.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use gateway::{Call, Closed, Payer};
use kernel::{Caller, Endpoint, Outcome, Permit, Provenance, RequestId, TurnError, WriteChat};
use tokio::{sync::oneshot, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    answer,
    event::{EndReason, TurnEvent},
    live::Turn,
    name,
    registry::{Seat, Turns},
    save,
};
use crate::workspace::Inner;

/// How long a turn that is over can still be watched.
const AFTERGLOW: Duration = Duration::from_mins(1);
/// The longest the last word waits for a title.
const TITLE_PATIENCE: Duration = Duration::from_secs(2);
/// The longest wait for the gateway's account after an answer is over; it comes at once.
const ACCOUNT_PATIENCE: Duration = Duration::from_secs(1);

/// Everything a turn needs.
pub(super) struct Work {
    pub(super) inner: Arc<Inner>,
    pub(super) turn: Arc<Turn>,
    pub(super) seat: Seat,
    /// Of whoever asked, on whose account it runs.
    pub(super) permit: Permit<WriteChat>,
    pub(super) body: Bytes,
    /// The question, when the chat has no title yet.
    pub(super) untitled: Option<String>,
}

/// How the writing ended.
struct Written {
    reason: EndReason,
    error: Option<TurnError>,
    provenance: Option<Provenance>,
}

pub(super) async fn run(work: Work) {
    let Work { inner, turn, seat, permit, body, untitled } = work;
    let caller = permit.by().clone();
    let last_word = LastWord { turn: &turn, turns: &inner.turns };
    let naming = untitled.map(|question| {
        inner.tasks.spawn(name::untitled_chat(inner.clone(), turn.clone(), permit.clone(), question))
    });
    let over = CancellationToken::new();
    let writing = async {
        let written = written(&inner, &turn, caller, body).await;
        over.cancel();
        written
    };
    let (Written { reason, mut error, provenance }, ()) =
        tokio::join!(writing, save::as_it_grows(&inner, &turn, &permit, &over));
    drop(seat);

    let mut patch = turn.finished(error.clone(), provenance.clone());
    patch.is_stopped = reason == EndReason::Stopped;
    if !save::finished(&inner, &turn, &permit, &patch).await {
        let words = "The answer could not be saved. Copy what you need before you leave this page.";
        error = error.or_else(|| Some(TurnError { content: words.to_owned(), code: "not_saved".to_owned() }));
    }
    if reason != EndReason::Interrupted {
        if let Some(error) = error {
            tell(&turn, TurnEvent::Error(error));
        }
        if let Some(naming) = naming {
            // A title that comes later is stored all the same.
            drop(tokio::time::timeout(TITLE_PATIENCE, naming).await);
        }
    }
    tell(&turn, TurnEvent::End { reason, provenance });
    tokio::select! {
        () = tokio::time::sleep(AFTERGLOW) => {}
        () = inner.shutdown.cancelled() => {}
    }
    drop(last_word);
}

/// Writes until the model is done, somebody stops it, whoever asked is not signed in any more, or the server goes
/// down. All but the first end the provider's work.
async fn written(inner: &Inner, turn: &Turn, caller: Caller, body: Bytes) -> Written {
    let (on_close, account) = oneshot::channel();
    let call = Call {
        id: RequestId::new(&inner.world),
        at: inner.world.now(),
        started: Instant::now(),
        endpoint: Endpoint::ChatCompletions,
        payer: Payer::Caller(caller),
        body,
        model_in_path: None,
        on_close: Some(on_close),
    };
    let first_token = OnceLock::new();
    let (reason, error) = tokio::select! {
        biased;
        () = turn.stop.cancelled() => (EndReason::Stopped, None),
        () = inner.shutdown.cancelled() => (EndReason::Interrupted, Some(interrupted())),
        outcome = answer::write(&inner.gateway, call, turn, &first_token) => match outcome {
            Ok(reason) => (reason, None),
            Err(error) => (EndReason::Error, Some(error)),
        },
    };
    let closed = tokio::time::timeout(ACCOUNT_PATIENCE, account).await.ok().and_then(Result::ok);
    let (reason, error) = match &closed {
        // Whoever asked is out, and knows why or is not to know.
        Some(closed) if closed.is_cut => (EndReason::Stopped, None),
        _ => (reason, error),
    };
    let provenance = closed.and_then(|closed| provenance(closed, first_token.get().copied()));
    Written { reason, error, provenance }
}

/// What the answer took; none when there is no answer to speak of.
fn provenance(closed: Closed, first_token_milliseconds: Option<u64>) -> Option<Provenance> {
    if first_token_milliseconds.is_none() && matches!(closed.outcome, Outcome::Refused | Outcome::Failed) {
        return None;
    }
    Some(Provenance {
        tokens: closed.tokens,
        is_estimated: closed.is_estimated,
        cost: closed.cost,
        milliseconds: closed.milliseconds,
        first_token_milliseconds,
        connection: closed.connection?,
    })
}

/// What an answer that a server left behind says about itself.
pub(crate) fn interrupted() -> TurnError {
    let words = "The server stopped while this answer was being written. Ask again to get the whole of it.";
    TurnError { content: words.to_owned(), code: "interrupted".to_owned() }
}

/// Titles, errors and ends always have room.
fn tell(turn: &Turn, event: TurnEvent) {
    if turn.say(event).is_err() {
        tracing::error!(turn.id = %turn.id, "the last word of a turn could not be said");
    }
}

/// However a turn ends, panics included, nobody waits for it in vain and nobody finds it any more.
struct LastWord<'a> {
    turn: &'a Turn,
    turns: &'a Turns,
}

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        if !self.turn.is_over() {
            let words = "Something went wrong on our side while this answer was being written.";
            tell(
                self.turn,
                TurnEvent::Error(TurnError { content: words.to_owned(), code: "internal".to_owned() }),
            );
            tell(self.turn, TurnEvent::End { reason: EndReason::Error, provenance: None });
        }
        self.turns.leave(&self.turn.id);
    }
}
