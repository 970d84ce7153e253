//! Stop 6: the call to the provider, with its own credential and only the bytes that have to differ.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use egress::{EgressError, Incoming};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use kernel::{Endpoint, Kind, Refusal};
use llm::{Estimate, ProviderError, Rewrite};

use crate::{
    Inner,
    account::Reservation,
    demo,
    parse::Ask,
    provider::{Credential, Provider, Transport},
    reserve,
    route::Plan,
};

/// The most of a provider's error that is read, in bytes.
const MOST_ERROR: usize = 64 * 1024;
/// How long a provider may take to send its error.
const ERROR_TIMEOUT: Duration = Duration::from_secs(10);

/// Changes what has to differ: the model's name, the request for usage that we need and the caller did not
/// make, and the length of an answer that the budget does not afford. Without changes the bytes are the same.
pub(crate) fn prepare(ask: &Ask<'_>, plan: &Plan, reservation: &Reservation, estimate: &Estimate) -> Bytes {
    let rewrite = Rewrite::of(&ask.envelope).model(&plan.upstream_id).usage_reported();
    let rewrite = match reserve::affordable_answer(reservation, ask, plan, estimate) {
        Some(tokens) => rewrite.output_capped(tokens),
        None => rewrite,
    };
    rewrite.apply(ask.body)
}

/// The body of a provider's answer.
#[derive(Debug)]
pub(crate) enum ProviderBody {
    /// From the network.
    Http(Incoming),
    /// From inside the binary.
    Demo(demo::DemoBody),
}

impl Body for ProviderBody {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        match &mut *self {
            Self::Http(body) => Pin::new(body).poll_frame(context).map_err(|_| EgressError::Closed),
            Self::Demo(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
        }
    }
}

/// Calls the provider and waits for the head of its answer. A status that is no success becomes a refusal.
pub(crate) async fn send(
    inner: &Inner,
    plan: &Plan,
    endpoint: Endpoint,
    body: Bytes,
) -> Result<Response<ProviderBody>, Refusal> {
    let response = match &plan.provider.transport {
        Transport::Demo => demo::answer(endpoint, &plan.upstream_id, &body).map(ProviderBody::Demo),
        Transport::Http { destination, credential } => {
            let uri = destination
                .uri(endpoint.provider_path(), None)
                .map_err(|error| unreachable(&plan.provider, &error))?;
            let request = request(uri, credential.as_ref(), body);
            let sent = inner.egress.send(destination, request).await;
            sent.map_err(|error| unreachable(&plan.provider, &error))?.map(ProviderBody::Http)
        }
    };
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refused(&plan.provider, response).await)
}

fn request(uri: http::Uri, credential: Option<&Credential>, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Wardroom"));
    if let Some(credential) = credential {
        headers.insert(header::AUTHORIZATION, credential.header());
    }
    request
}

/// A provider that could not be reached, in words that name the connection and give no address away.
pub(crate) fn unreachable(provider: &Provider, error: &EgressError) -> Refusal {
    if matches!(error, EgressError::HeadTimeout | EgressError::ConnectTimeout | EgressError::Stalled) {
        let words = format!("The provider '{}' did not answer in time.", provider.name);
        return Refusal::new(Kind::Timeout, "provider_timeout", words);
    }
    tracing::warn!(connection.id = %provider.id, %error, "a provider could not be reached");
    let words = format!("The provider '{}' could not be reached: {error}.", provider.name);
    Refusal::new(Kind::BadGateway, "provider_unreachable", words)
}

/// A provider's own refusal: its status and message, without anything that looks like a key.
///
/// 401 and 403 become 502: they are about our credential there, and a caller would take them for its own.
pub(crate) async fn refused(provider: &Provider, response: Response<ProviderBody>) -> Refusal {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse().ok())
        .map(Duration::from_secs);
    let collected = egress::collect(response.into_body(), MOST_ERROR, ERROR_TIMEOUT).await;
    let error = ProviderError::read(&collected.unwrap_or_default());
    let secrets: Vec<&str> = secret(provider).into_iter().collect();
    let message = llm::scrub(&error.message, &secrets);

    let mut refusal = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let words = format!(
                "The provider '{}' refused our key. An administrator must check this connection.",
                provider.name
            );
            Refusal::new(Kind::BadGateway, "provider_auth_error", words)
        }
        status if status.is_client_error() || status.is_server_error() => {
            let is_clean = |word: &String| llm::scrub(word, &secrets) == *word;
            let code = error.code.filter(is_clean).unwrap_or_else(|| "provider_error".to_owned());
            let words = if message.is_empty() {
                format!("The provider answered {status} without a reason.")
            } else {
                message
            };
            Refusal {
                field: error.param.filter(is_clean).map(Into::into),
                ..Refusal::new(Kind::Provider(status.as_u16()), code, words)
            }
        }
        status => {
            let words =
                format!("The provider '{}' answered with the unexpected status {status}.", provider.name);
            Refusal::new(Kind::BadGateway, "provider_bad_answer", words)
        }
    };
    refusal.retry_after = retry_after;
    refusal
}

/// The provider's key, to be removed from what it says.
pub(crate) fn secret(provider: &Provider) -> Option<&str> {
    match &provider.transport {
        Transport::Http { credential: Some(credential), .. } => Some(credential.secret().expose().as_str()),
        _ => None,
    }
}
