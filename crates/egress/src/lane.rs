//! Which pool of connections the present thread uses.
//!
//! A connection lives on the runtime that opened it. A request on another runtime would wake that one's thread to
//! send and again to receive, which costs more than the rest of the way; so each runtime that serves on a thread of
//! its own has a pool of its own.

use std::cell::Cell;

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(0) };
}

/// Makes the present thread the one of this lane, from 1. A thread that never said so shares the pool of lane 0.
///
/// For threads that run one current-thread runtime; on a runtime of many threads lanes would only split its pool.
pub fn enter_lane(lane: usize) {
    LANE.set(lane);
}

pub(crate) fn lane() -> usize {
    LANE.get()
}
