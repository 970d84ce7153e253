//! Stop 3: how much may run at once. Overload is refused at the door instead of being felt by everybody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Kind, Refusal};

use crate::Inner;

/// Counts running requests.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    running: Arc<AtomicUsize>,
    limit: usize,
}

/// A place among the running requests; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        Self { running: Arc::default(), limit }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 503 with `retry-after` when too much runs, or when usage can no longer be written: a request that
/// cannot be accounted for is not served.
pub(crate) fn enter(inner: &Inner) -> Result<Slot, Refusal> {
    let busy = |code: &'static str, words: &'static str| {
        Err(Refusal::new(Kind::Unavailable, code, words).after(Duration::from_secs(1)))
    };
    if inner.ledger.is_behind() {
        return busy(
            "ledger_behind",
            "Usage cannot be recorded at present, so nothing is served. Try again shortly.",
        );
    }
    let slots = &inner.slots;
    if slots.running.fetch_add(1, Ordering::Relaxed) >= slots.limit {
        slots.running.fetch_sub(1, Ordering::Relaxed);
        return busy("overloaded", "Too many requests are running at present. Try again shortly.");
    }
    Ok(Slot(slots.running.clone()))
}
