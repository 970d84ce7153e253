//! Deletes what ended by itself: sessions whose time is over. Nothing depends on it but the size of a table.

use std::time::Duration;

use identity::Identity;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_hours(1);

/// Sweeps at start and every hour until `shutdown`.
pub(crate) async fn run(identity: Identity, shutdown: CancellationToken) {
    loop {
        match identity.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "expired sessions were deleted"),
            Err(refusal) => {
                tracing::warn!(%refusal, "expired sessions could not be deleted; the next try is in an hour");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
