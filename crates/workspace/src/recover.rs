//! What to do with answers that a process left unfinished when it was killed: they keep what was saved
//! and are marked as interrupted.
//!
//! Another process may be writing on the same database. It saves each of its answers every
//! [`SIGN_OF_LIFE`], so an answer counts as left behind when it was silent for longer.

use std::{sync::Arc, time::Duration};

use store::{StoreError, chats::Unfinished};

use crate::{
    turn::{SIGN_OF_LIFE, interrupted},
    workspace::Inner,
};

/// Silence after which nobody writes an answer any more: two signs of life, and time to save them.
const SILENCE: Duration = SIGN_OF_LIFE.saturating_mul(2).saturating_add(Duration::from_secs(1));

/// Marks what was silent for long, and comes back for the rest.
pub(crate) async fn leftovers(inner: &Arc<Inner>) -> Result<(), StoreError> {
    let now = inner.world.now();
    let unfinished = store::chats::unfinished_messages(&inner.db).await?;
    let (silent, fresh): (Vec<_>, Vec<_>) =
        unfinished.into_iter().partition(|message| now.since(message.saved_at) >= SILENCE);
    interrupt(inner, &silent).await?;
    if !fresh.is_empty() {
        inner.tasks.spawn(later(inner.clone(), fresh));
    }
    Ok(())
}

async fn later(inner: Arc<Inner>, fresh: Vec<Unfinished>) {
    tokio::select! {
        () = tokio::time::sleep(SILENCE) => {}
        // The next start finds them.
        () = inner.shutdown.cancelled() => return,
    }
    if let Err(error) = interrupt(&inner, &fresh).await {
        tracing::warn!(%error, "answers of an earlier process could not be marked as interrupted");
    }
}

/// Those that were saved since they were listed are alive, and stay.
async fn interrupt(inner: &Inner, messages: &[Unfinished]) -> Result<(), StoreError> {
    let now = inner.world.now();
    for message in messages {
        if store::chats::interrupt(&inner.db, message, &interrupted(), now).await? {
            tracing::info!(chat.id = %message.chat, message.id = %message.message, "an unfinished answer was interrupted");
        }
    }
    Ok(())
}
