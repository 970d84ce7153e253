//! What tests need and the product does not: the real binary in a place of its own ([`TestApp`]), people and
//! programs who use it ([`actors`]), a provider that behaves as badly as a test wants ([`FakeProvider`]), a real
//! proxy ([`Nginx`]), and throw-away databases. Links nothing of the product: it knows only what can be seen from outside.

pub mod actors;
mod answer;
mod app;
mod authenticator;
mod backend;
mod client;
mod command;
mod free_port;
mod nginx;
pub mod postgres;
mod provider;
mod raw;
mod sql;
mod sse;
mod stage;
mod tls;
pub mod token;
mod twin;
mod usage;

pub use actors::{Admin, Anonymous, Caller, Person, Program};
pub use answer::Answer;
pub use app::TestApp;
pub use authenticator::{AuthenticatorApp, Device};
pub use backend::{Backend, Given};
pub use client::{Broken, Draft, Live};
pub use command::Ran;
pub use nginx::Nginx;
pub use provider::{FakeProvider, Gate, Received, Reply};
pub use raw::exchange;
pub use sse::Event;
pub use stage::{MASTER_KEY, MODEL, Stage};
pub use twin::Twin;
pub use usage::Usage;

use std::{future::Future, time::Duration};

/// The longest that anything in a test may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The sentences of a chapter, each run against both databases: a table of contents.
///
/// Every name is an async function of a [`TestApp`] that runs, or of a [`Stage`] on which the test starts it
/// as it needs. One that is left out of the list is dead code, and the compiler says so.
///
/// ```text
/// spec! {
///     a_stranger_is_refused;
/// }
///
/// async fn a_stranger_is_refused(app: TestApp) {
///     app.anonymous().chat("Hello").await.expect(401);
/// }
/// ```
#[macro_export]
macro_rules! spec {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let backend = $crate::Backend::sqlite(env!("CARGO_BIN_EXE_wardroom"));
                $crate::tell(backend, super::$name).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(backend) = $crate::Backend::postgres(env!("CARGO_BIN_EXE_wardroom")) {
                    $crate::tell(backend, super::$name).await;
                }
            }
        )*}
    };
}

/// Sentences that are about files or about the embedded database, so that one run says it all.
#[macro_export]
macro_rules! spec_sqlite {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod sqlite_alone {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let backend = $crate::Backend::sqlite(env!("CARGO_BIN_EXE_wardroom"));
                $crate::tell(backend, super::$name).await;
            }
        )*}
    };
}

/// Gives a sentence what it wants and runs it.
pub async fn tell<G: Given, F: Future<Output = ()>>(backend: Backend, sentence: impl FnOnce(G) -> F) {
    sentence(G::on(backend).await).await;
}

/// Asks again until there is an answer, for what happens soon but behind the caller's back.
///
/// Panics with `what` after [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with the test, nobody has to wait for them"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(task)
}
