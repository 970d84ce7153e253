//! Beside all stops from the second on: whoever pays must be allowed to for as long as the answer lasts.
//!
//! A session that ends, a key that is blocked, a model that is taken away: each ends what is being answered, be it
//! waiting at the provider or in the middle of a stream, and with it the provider's work. It is asked again at once
//! when something changed, and now and then for what ends by the clock.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use kernel::{Caller, Endpoint, ModelId, Refusal};
use tokio::sync::watch;

use crate::{Gateway, Payer, authorise, unknown_key};

/// How often it is asked when nothing is heard.
const INTERVAL: Duration = Duration::from_millis(500);

/// Says who a caller is at this moment, or how the next request would be refused. People are somebody else's
/// business.
pub type SameCaller = Arc<dyn Fn(Caller) -> BoxFuture<'static, Result<Caller, Refusal>> + Send + Sync>;

/// Ends when whoever pays may not go on, with the refusal for it.
pub(crate) type Leaving = Pin<Box<dyn Future<Output = Refusal> + Send>>;

/// Waits for it; for ever where it cannot happen.
pub(crate) async fn of(leaving: &mut Option<Leaving>) -> Refusal {
    match leaving {
        Some(leaving) => leaving.await,
        None => std::future::pending().await,
    }
}

impl Gateway {
    /// For this model; never for whoever cannot lose access.
    pub(crate) fn leaving(&self, payer: &Payer, endpoint: Endpoint, model: &ModelId) -> Option<Leaving> {
        let (gateway, payer, model) = (self.clone(), payer.clone(), model.clone());
        let ask = move |payer: Payer| -> Result<(), Refusal> {
            authorise::may_use(&gateway, &payer, endpoint, &model).map(drop)
        };
        self.asking(payer, ask)
    }

    /// Ends when `may` refuses whoever pays, as they are then.
    pub(crate) fn asking(
        &self,
        payer: Payer,
        may: impl Fn(Payer) -> Result<(), Refusal> + Send + 'static,
    ) -> Option<Leaving> {
        if matches!(&payer, Payer::Caller(caller) if caller.person().is_none()) {
            return None;
        }
        let (gateway, mut news): (_, watch::Receiver<()>) = (self.clone(), self.0.news.subscribe());
        Some(Box::pin(async move {
            loop {
                // Time over or something changed: ask either way. The bell lives as long as the gateway.
                drop(tokio::time::timeout(INTERVAL, news.changed()).await);
                if let Err(refusal) = gateway.as_of_now(&payer).await.and_then(&may) {
                    return refusal;
                }
            }
        }))
    }

    async fn as_of_now(&self, payer: &Payer) -> Result<Payer, Refusal> {
        match payer {
            Payer::Caller(caller) => (self.0.same_caller)(caller.clone()).await.map(Payer::Caller),
            Payer::Key(held) => self.0.keys.by_id(&held.key.id).map(Payer::Key).ok_or_else(unknown_key),
        }
    }
}
