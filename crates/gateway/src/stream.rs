//! Stop 7 for streams: each chunk is passed on as it comes while the meter looks for usage in passing.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use egress::EgressError;
use futures_util::ready;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use kernel::{Endpoint, Outcome, Refusal};
use llm::{Forward, Meter, UsageChunk};
use tokio::time::{Instant, Sleep};

use crate::{Inner, call::ProviderBody, receipt::Receipt, route::Plan, whole};

/// Hands the provider's stream on.
///
/// A provider that answers a request for a stream with a whole JSON document (an error under a 200, or no
/// support for streams) is read whole and refused like any other nonsense.
pub(crate) async fn answer(
    inner: &Inner,
    response: Response<ProviderBody>,
    endpoint: Endpoint,
    usage: UsageChunk,
    plan: Plan,
    receipt: Receipt,
) -> Result<Response<AnswerBody>, Refusal> {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
    if !is_stream {
        return refuse_whole(inner, response, endpoint, &plan, receipt).await;
    }
    let body = Metered {
        body: response.into_body(),
        running: Some((Meter::new(endpoint, usage), receipt)),
        silence: Silence::new(inner.config.idle_timeout),
        plan,
        endpoint,
    };
    let mut response = Response::new(AnswerBody(Inside::Metered(Box::new(body))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

async fn refuse_whole(
    inner: &Inner,
    response: Response<ProviderBody>,
    endpoint: Endpoint,
    plan: &Plan,
    mut receipt: Receipt,
) -> Result<Response<AnswerBody>, Refusal> {
    let collected =
        egress::collect(response.into_body(), inner.config.max_answer, inner.config.idle_timeout).await;
    let bytes = match collected {
        Ok(bytes) => bytes,
        Err(error) => return Err(receipt.fail(whole::cut_short(plan, &error))),
    };
    match whole::check(&bytes, endpoint, plan) {
        Err(refusal) => Err(receipt.refuse(refusal)),
        Ok(answer) => {
            receipt.count(answer.tokens, answer.estimated_completion);
            let words = format!(
                "The provider '{}' does not stream this model. Ask again with \"stream\": false.",
                plan.provider.name
            );
            Err(receipt.fail(Refusal::new(kernel::Kind::BadGateway, "provider_bad_answer", words)))
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct AnswerBody(Inside);

#[derive(Debug)]
enum Inside {
    Whole(Option<Bytes>),
    // Boxed: the answer travels through many hands, and a stream's state is large.
    Metered(Box<Metered>),
}

impl AnswerBody {
    /// A body that is already there.
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self(Inside::Whole(Some(bytes)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Inside::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inside::Metered(metered) => {
                metered.poll_chunk(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inside::Whole(bytes) => bytes.is_none(),
            Inside::Metered(metered) => metered.running.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inside::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Inside::Metered(_) => SizeHint::default(),
        }
    }
}

/// A stream on its way through. Dropped early, its receipt settles what was counted until then, and the
/// provider's body goes with it, which ends the provider's work.
#[derive(Debug)]
struct Metered {
    body: ProviderBody,
    /// Taken when the stream is over.
    running: Option<(Meter, Receipt)>,
    silence: Silence,
    plan: Plan,
    endpoint: Endpoint,
}

impl Metered {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while let Some((meter, _)) = &mut self.running {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.silence.poll(context));
                    return Poll::Ready(self.end(Some(&EgressError::Stalled)));
                }
            };
            match frame {
                Some(Ok(frame)) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    self.silence.broken();
                    match meter.feed(&chunk) {
                        Forward::AsIs => return Poll::Ready(Some(self.plan.provider.redacted(chunk))),
                        Forward::Replace(bytes) => {
                            return Poll::Ready(Some(self.plan.provider.redacted(bytes)));
                        }
                        Forward::Nothing => {}
                    }
                }
                Some(Err(error)) => return Poll::Ready(self.end(Some(&error))),
                None => return Poll::Ready(self.end(None)),
            }
        }
        Poll::Ready(None)
    }

    /// The provider ended its stream: with its last word, with an error of its own, or in the middle. The
    /// last two leave an event behind that says why.
    fn end(&mut self, broken: Option<&EgressError>) -> Option<Bytes> {
        let (meter, mut receipt) = self.running.take()?;
        let metered = meter.finish();
        receipt.count(metered.tokens, metered.estimated_completion);
        let rest = Some(self.plan.provider.redacted(metered.rest)).filter(|rest| !rest.is_empty());
        if metered.error.is_some() {
            receipt.close(Outcome::Failed, 200, Some("provider_error".to_owned()));
            return rest;
        }
        let is_complete = metered.saw_done || metered.saw_finish;
        let refusal = match broken {
            None if is_complete => {
                receipt.close(Outcome::Ok, 200, None);
                return rest;
            }
            None => whole::cut_short(&self.plan, &EgressError::Closed),
            Some(error) => whole::cut_short(&self.plan, error),
        };
        receipt.close(Outcome::Failed, 200, Some(refusal.code.clone().into_owned()));
        Some(error_event(self.endpoint, &refusal))
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        // The client went away: what was delivered counts, and the receipt, dropped, says so.
        if let Some((meter, mut receipt)) = self.running.take() {
            let metered = meter.finish();
            receipt.count(metered.tokens, metered.estimated_completion);
        }
    }
}

/// An error inside a stream, as OpenAI's SDKs read it: a `data:` event with an `error` object, or the
/// `error` event of the Responses API. It begins with an empty line, in case half an event went before.
fn error_event(endpoint: Endpoint, refusal: &Refusal) -> Bytes {
    let (message, code) = (&refusal.detail, &refusal.code);
    let text = if endpoint == Endpoint::Responses {
        let event = serde_json::json!({ "type": "error", "code": code, "message": message, "param": null });
        format!("\n\nevent: error\ndata: {event}\n\n")
    } else {
        let event = serde_json::json!({ "error": { "message": message, "type": "api_error", "param": null, "code": code } });
        format!("\n\ndata: {event}\n\n")
    };
    Bytes::from(text)
}

/// Notices when nothing came for too long. The timer is set once and moved only when it rings, because
/// moving it with each chunk would cost more than passing the chunk on.
#[derive(Debug)]
struct Silence {
    longest: Duration,
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    fn new(longest: Duration) -> Self {
        Self { longest, since: Instant::now(), timer: Box::pin(tokio::time::sleep(longest)) }
    }

    fn broken(&mut self) {
        self.since = Instant::now();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let end = self.since + self.longest;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(end);
        }
    }
}
