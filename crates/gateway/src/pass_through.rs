//! Requests for which Wardroom has no route, passed on to a provider as they are: `ENABLE_OPENAI_API_PASSTHROUGH`.
//!
//! Nothing here knows models, prices or budgets, which is why it is for people alone, and only for those who may use
//! every model, with a key that is not limited to some. The provider gets the method, the path, the query and the body; of the headers only what says
//! how the body is written. The caller gets the status, the kind and the body.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use kernel::{
    Caller, Kind, Refusal,
    audit::{Entry, Event},
};
use std::sync::Arc;

use crate::{
    Gateway, Payer,
    call::{self, ProviderBody},
    limit, presence,
    provider::{Provider, Transport},
    unknown_key,
};

/// What Wardroom serves itself, with limits and accounts: never a way around them.
const OWN: [&str; 5] = ["chat/completions", "completions", "embeddings", "responses", "models"];

/// A request that is passed on.
#[derive(Debug)]
pub struct Passage {
    /// As it came.
    pub method: Method,
    /// Below the provider's base URL, with a slash in front.
    pub path: String,
    /// Without the question mark.
    pub query: Option<String>,
    /// How the body is written.
    pub content_type: Option<HeaderValue>,
    /// As it came.
    pub body: Bytes,
}

impl Gateway {
    /// Passes a request on, and reads the answer whole. 403 for whoever may not use every model, 400 for a path
    /// that could lead elsewhere, 404 for what Wardroom serves itself and where there is no provider, else the
    /// provider's own refusals as everywhere.
    pub async fn pass_through(&self, caller: &Caller, passage: Passage) -> Result<Response<Bytes>, Refusal> {
        self.may_pass(caller)?;
        let gateway = self.clone();
        let mut leaving = self.asking(Payer::Caller(caller.clone()), move |payer| match payer {
            Payer::Caller(caller) => gateway.may_pass(&caller),
            Payer::Key(_) => Err(unknown_key()),
        });
        tokio::select! {
            biased;
            answer = self.pass(caller, passage) => answer,
            refusal = presence::of(&mut leaving) => Err(refusal),
        }
    }

    fn may_pass(&self, caller: &Caller) -> Result<(), Refusal> {
        let (person, _) = caller.may_use_workspace()?;
        if person.is_limited_to_models() {
            let words =
                "This API key is limited to models, and on this way Wardroom cannot see which one is asked.";
            return Err(Refusal::new(Kind::Forbidden, "key_model_access_denied", words));
        }
        if self.may_reach_all(&Payer::Caller(caller.clone())) {
            return Ok(());
        }
        let words =
            "You may not use every model here, and on this way Wardroom cannot see which one is asked.";
        Err(Refusal::new(Kind::Forbidden, "grant_missing", words))
    }

    async fn pass(&self, caller: &Caller, passage: Passage) -> Result<Response<Bytes>, Refusal> {
        let inner = &*self.0;
        let provider = self.provider_for(&passage).await?;
        let Transport::Http { destination, credential } = &provider.transport else {
            return Err(Refusal::not_found("path"));
        };
        let uri = if is_own(&passage.path) {
            Err(Refusal::not_found("path"))
        } else {
            destination.uri(&passage.path, passage.query.as_deref()).map_err(|_| wrong_path())
        }?;
        let _slot = limit::enter(inner)?;
        let entry = Entry::done(Event::ProviderPassthrough, caller).on(&provider.id);
        let entry = entry.with("method", passage.method.as_str()).with("path", passage.path.as_str());
        store::audit::record(&inner.db, &entry).await?;
        tracing::info!(actor = caller.label(), connection.id = %provider.id, "a request is passed on to a provider");

        let mut request = Request::new(Full::new(passage.body));
        *request.method_mut() = passage.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Wardroom"));
        headers.extend(passage.content_type.map(|kind| (header::CONTENT_TYPE, kind)));
        headers.extend(credential.as_ref().map(|credential| (header::AUTHORIZATION, credential.header())));
        let sent = inner.egress.send(destination, request).await;
        let response = sent.map_err(|error| call::unreachable(&provider, &error))?.map(ProviderBody::Http);
        if !response.status().is_success() {
            return Err(call::refused(&provider, response).await);
        }
        let (head, body) = response.into_parts();
        let collected = egress::collect(body, inner.config.max_answer, inner.config.idle_timeout).await;
        let body = collected.map_err(|error| call::unreachable(&provider, &error))?;
        Ok(answer(head.status, head.headers.get(header::CONTENT_TYPE), provider.redacted(body)))
    }

    /// The provider of the model that the body names, else the first.
    async fn provider_for(&self, passage: &Passage) -> Result<Arc<Provider>, Refusal> {
        let catalog = self.settled_catalog().await;
        let named = serde_json::from_slice::<Named>(&passage.body).ok().and_then(|body| body.model);
        let target =
            named.and_then(|model| catalog.find(&model)).or_else(|| catalog.offered().next().cloned());
        let provider = target.map(|target| target.provider.clone()).or_else(|| catalog.silent_provider());
        provider.ok_or_else(|| Refusal::not_found("provider"))
    }
}

/// What of a body says where it goes.
#[derive(serde::Deserialize)]
struct Named {
    model: Option<String>,
}

/// Whether a provider could take the path for one that Wardroom serves itself.
fn is_own(path: &str) -> bool {
    let path = path.trim_matches('/').to_ascii_lowercase();
    OWN.iter().any(|own| path == *own || path.ends_with(&format!("/{own}")))
}

fn wrong_path() -> Refusal {
    let words =
        "A path that is passed on consists of plain segments: no '..', no empty ones, nothing encoded.";
    Refusal::new(Kind::Invalid, "invalid_path", words)
}

/// The answer without a header of the provider's but the kind of its body, where a browser would not run it.
fn answer(status: StatusCode, kind: Option<&HeaderValue>, body: Bytes) -> Response<Bytes> {
    let is_harmless = |kind: &&HeaderValue| {
        let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
        let plain = ["application/json", "application/jsonl", "text/plain", "text/event-stream"];
        let media = ["audio/", "video/", "image/png", "image/jpeg", "image/webp"];
        plain.into_iter().chain(media).any(|harmless| kind.starts_with(harmless))
    };
    let kind = kind.filter(is_harmless).cloned();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wardroom_serves_itself_is_not_passed_on_in_any_spelling() {
        for own in ["/chat/completions", "/Chat/Completions/", "/v1/embeddings", "/engines/x/completions"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["/files", "/audio/speech", "/images/generations", "/models-of-mine", "/responses/x"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn an_answer_has_a_kind_that_no_browser_runs() {
        for (kind, expected) in [
            ("application/json; charset=utf-8", "application/json; charset=utf-8"),
            ("audio/mpeg", "audio/mpeg"),
            ("text/html", "application/octet-stream"),
            ("image/svg+xml", "application/octet-stream"),
        ] {
            let response = answer(StatusCode::OK, Some(&HeaderValue::from_static(kind)), Bytes::new());
            assert_eq!(response.headers()[header::CONTENT_TYPE], expected);
        }
    }
}
