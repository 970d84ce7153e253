//! Whether somebody who watches a stream of the workspace may still watch it. Answers of models look after that
//! themselves.

use kernel::Caller;

use crate::app::App;

/// Ends when the session or API key by which the stream was opened no longer opens the door, or when that cannot be
/// found out.
pub(crate) async fn over(app: App, caller: Caller) {
    let refusal = app.services().identity.has_left(&caller).await;
    tracing::debug!(actor = caller.label(), %refusal, "a stream ends with what opened it");
}
