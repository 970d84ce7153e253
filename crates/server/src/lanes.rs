//! The threads that serve requests: each has one runtime, its connections and its pool of connections to providers.
//!
//! A request that stays on one thread needs no lock, no wake-up of another thread and no stealing; beside a runtime
//! that many threads share this saves a fifth to a third of the CPU of a request. In exchange a request that
//! computes for long holds up its lane, so long computations go to `spawn_blocking`.

use std::{io, num::NonZero, thread::JoinHandle};

use settings::Settings;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// How many threads shall serve requests.
pub(crate) fn wanted(settings: &Settings) -> usize {
    settings
        .worker_threads
        .value
        .map_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get), usize::from)
}

/// The running threads. Stopping them, or dropping this, cuts whatever still runs on them.
pub(crate) struct Lanes {
    handles: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Lanes {
    /// Starts `count` threads.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let mut lanes = Self { handles: Vec::new(), threads: Vec::new(), stop: CancellationToken::new() };
        for number in 1..=count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            lanes.handles.push(runtime.handle().clone());
            let stop = lanes.stop.clone();
            let run = move || {
                egress::enter_lane(number);
                runtime.block_on(stop.cancelled());
                // Does not wait for what `spawn_blocking` still computes.
                runtime.shutdown_background();
            };
            lanes.threads.push(std::thread::Builder::new().name(format!("lane-{number}")).spawn(run)?);
        }
        Ok(lanes)
    }

    /// For the door, to hand connections over.
    pub(crate) fn door(&self) -> web::door::Lanes {
        web::door::Lanes(self.handles.clone())
    }

    /// Ends the threads. Call it when no request is left that may end by itself.
    pub(crate) fn stop(mut self) {
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
