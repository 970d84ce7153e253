//! Keeps an answer in the database: as it grows, and when it is done.

use std::time::Duration;

use kernel::{MessagePatch, Permit, WriteChat};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::live::Turn;
use crate::workspace::Inner;

/// How often a growing answer is saved at most: what a crash can lose.
const PACE: Duration = Duration::from_millis(400);
/// How often an answer is saved at least, even when nothing came: the sign of life that keeps a server
/// that starts from taking it for a leftover, see [`crate::recover`].
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// Waits between attempts to save a finished answer.
const PATIENCE: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Saves until `over`. When the message is gone, stops the turn. Must not be dropped in the middle: a save
/// on its way could overtake the last one.
pub(super) async fn as_it_grows(
    inner: &Inner,
    turn: &Turn,
    permit: &Permit<WriteChat>,
    over: &CancellationToken,
) {
    let mut numbers = turn.numbers();
    let mut saved_at = Instant::now();
    loop {
        tokio::select! {
            () = over.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
        let has_news = numbers.has_changed().unwrap_or(false);
        if !has_news && saved_at.elapsed() < SIGN_OF_LIFE {
            continue;
        }
        numbers.mark_unchanged();
        saved_at = Instant::now();
        let now = inner.world.now();
        match store::chats::patch_message(&inner.db, &turn.chat, &turn.message, &turn.so_far(), now, permit)
            .await
        {
            Ok(true) => {}
            Ok(false) => turn.stop.cancel(),
            // The next save carries everything again.
            Err(error) => tracing::warn!(chat.id = %turn.chat, %error, "a growing answer could not be saved"),
        }
    }
}

/// Saves the finished answer, with some patience; whether it worked.
pub(super) async fn finished(
    inner: &Inner,
    turn: &Turn,
    permit: &Permit<WriteChat>,
    patch: &MessagePatch,
) -> bool {
    let mut patience = PATIENCE.into_iter();
    loop {
        let now = inner.world.now();
        // A message that is gone meanwhile needs no saving.
        let Err(error) =
            store::chats::patch_message(&inner.db, &turn.chat, &turn.message, patch, now, permit).await
        else {
            return true;
        };
        let Some(wait) = patience.next() else {
            tracing::error!(chat.id = %turn.chat, message.id = %turn.message, %error, "an answer could not be saved");
            return false;
        };
        tracing::warn!(chat.id = %turn.chat, %error, "an answer could not be saved yet");
        tokio::time::sleep(wait).await;
    }
}
