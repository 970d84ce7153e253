//! Notices what other processes (the command line, another replica) changed in the database, within half
//! a second and without Redis: one cheap look at the revision counters, and a reload of what moved.

use std::{collections::BTreeMap, time::Duration};

use store::revision::{self, Topic};
use tokio_util::sync::CancellationToken;
use web::App;

const INTERVAL: Duration = Duration::from_millis(250);

/// Watches until `shutdown`. A database that is away is asked again; what moved meanwhile is seen then.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    let mut seen: BTreeMap<Topic, i64> = BTreeMap::new();
    loop {
        // Nobody waits for it, so it is written here: who was seen since the last look.
        if let Err(refusal) = app.services().identity.write_activity().await {
            tracing::warn!(%refusal, "it could not be noted when people were last seen");
        }
        match revision::read_all(&app.services().db).await {
            Ok(current) => {
                for (topic, value) in current {
                    // What is seen for the first time may have moved since the start read it.
                    let is_known = seen.get(&topic) == Some(&value);
                    if !is_known && reload(&app, topic).await {
                        seen.insert(topic, value);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "changes of other processes cannot be seen at present"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Reloads one topic; `false` when it has to be tried again.
async fn reload(app: &App, topic: Topic) -> bool {
    let services = app.services();
    let done = match topic {
        Topic::Keys => services.gateway.keys_changed().await.map_err(|error| error.to_string()),
        Topic::Connections => services.gateway.connections_changed().await.map_err(|error| error.to_string()),
        Topic::Identity => {
            services.identity.forget();
            // The role of a key's owner limits the key.
            services.gateway.access_changed().await.map_err(|error| error.to_string())
        }
        Topic::ApiKeys => services.identity.api_keys_changed().await.map_err(|error| error.to_string()),
        Topic::Settings => app.settings_changed().await,
        Topic::Access => app.access_changed().await.map_err(|error| error.to_string()),
    };
    done.inspect_err(|error| tracing::warn!(?topic, error, "a change of another process could not be loaded"))
        .is_ok()
}
