//! Asks providers which models they have, at the start and every now and then.

use std::time::{Duration, Instant};

use bytes::Bytes;
use egress::EgressError;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use kernel::{Connection, ConnectionKind, UpstreamModel};

use crate::{
    Gateway, Inner,
    admin::AdminError,
    call::{self, ProviderBody},
    connections,
    provider::{Provider, Transport},
};

/// How long a provider may take to list its models.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest list that is read, in bytes. OpenRouter's, the longest known, has one megabyte.
const MOST_LIST: usize = 16 * 1024 * 1024;
/// How long a request for an unknown model waits for the first round.
const FIRST_FETCH: Duration = Duration::from_secs(5);

/// What came of asking a provider for its models.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The models, or why there are none, in words for an administrator.
    pub(crate) models: Result<Vec<UpstreamModel>, String>,
    /// The provider's status, when it answered at all.
    pub(crate) status: Option<StatusCode>,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Gateway {
    /// Starts the task that keeps model lists fresh.
    pub(crate) fn keep_models_fresh(&self) {
        let gateway = self.clone();
        self.0.tasks.spawn(async move {
            loop {
                if let Err(error) = gateway.fetch_all_models().await {
                    tracing::warn!(%error, "model lists could not be fetched");
                }
                gateway.0.connections.first_fetch.send_replace(true);
                tokio::select! {
                    () = gateway.0.serving.cancelled() => return,
                    () = tokio::time::sleep(gateway.0.config.refresh_interval) => {}
                }
            }
        });
    }

    /// Waits until every provider was asked once after the start, but not for long.
    pub(crate) async fn first_fetch_done(&self) {
        let mut done = self.0.connections.first_fetch.subscribe();
        // Time over, or the gateway is going down: the caller looks at what there is.
        drop(tokio::time::timeout(FIRST_FETCH, done.wait_for(|done| *done)).await);
    }

    async fn fetch_all_models(&self) -> Result<(), AdminError> {
        let rows = store::connections::list(&self.0.db).await?;
        let asked = rows.iter().filter(|row| row.is_enabled && row.kind == ConnectionKind::OpenAi);
        let fetched = futures_util::future::join_all(asked.map(|row| self.fetch_models(row))).await;
        fetched.into_iter().collect::<Result<(), AdminError>>()?;
        self.reload_connections().await
    }

    /// Asks one provider and offers what it answered.
    pub(crate) async fn fetch_and_reload(&self, row: &Connection) -> Result<(), AdminError> {
        self.fetch_models(row).await?;
        self.reload_connections().await
    }

    /// Asks one provider and notes the answer; [`Gateway::reload_connections`] makes it visible.
    pub(crate) async fn fetch_models(&self, row: &Connection) -> Result<(), AdminError> {
        let inner = &*self.0;
        let models = match connections::provider(inner, row) {
            Ok(provider) => list(inner, &provider).await.models,
            Err(obstacle) => Err(obstacle),
        };
        // Whoever changed the address while we waited must not find the models of the old one.
        let is_same = |now: &Connection| now.base_url == row.base_url;
        if !store::connections::by_id(&inner.db, &row.id).await?.is_some_and(|now| is_same(&now)) {
            return Ok(());
        }
        let answer = models.as_deref().map_err(String::as_str);
        store::connections::put_models(&inner.db, &row.id, inner.world.now(), answer).await?;
        Ok(())
    }
}

/// Asks a provider for its models.
pub(crate) async fn list(inner: &Inner, provider: &Provider) -> Listing {
    let started = Instant::now();
    let mut status = None;
    let models = match tokio::time::timeout(PATIENCE, ask(inner, provider, &mut status)).await {
        Ok(models) => models,
        Err(_) => Err(format!("The provider did not answer within {} seconds.", PATIENCE.as_secs())),
    };
    Listing { models, status, took: started.elapsed() }
}

async fn ask(
    inner: &Inner,
    provider: &Provider,
    status: &mut Option<StatusCode>,
) -> Result<Vec<UpstreamModel>, String> {
    let Transport::Http { destination, credential } = &provider.transport else {
        return Ok(crate::demo::models());
    };
    let unreachable = |error: EgressError| call::unreachable(provider, &error).detail.into_owned();
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = destination.uri("/models", None).map_err(unreachable)?;
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("Wardroom"));
    if let Some(credential) = credential {
        request.headers_mut().insert(header::AUTHORIZATION, credential.header());
    }
    let response = inner.egress.send(destination, request).await.map_err(unreachable)?;
    *status = Some(response.status());
    let code = response.status();
    let bytes = egress::collect(ProviderBody::Http(response.into_body()), MOST_LIST, PATIENCE)
        .await
        .map_err(unreachable)?;
    if !code.is_success() {
        let secrets: Vec<&str> = call::secret(provider).into_iter().collect();
        let message = llm::scrub(&llm::ProviderError::read(&bytes).message, &secrets);
        return Err(format!("The provider answered {code}: {message}"));
    }
    llm::parse_models(&bytes).map_err(|error| error.to_string())
}
