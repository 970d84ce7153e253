//! Stop 7 for streams: each chunk is passed on as it comes while the meter looks for usage in passing.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use egress::EgressError;
use futures_util::ready;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use kernel::{Endpoint, Outcome, Refusal};
use llm::{Forward, Meter, UsageChunk};
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep},
};

use crate::{Answering, call::ProviderBody, presence, receipt::Receipt, route::Plan, whole};

/// Hands the provider's stream on.
///
/// A provider that answers a request for a stream with a whole JSON document (an error under a 200, or no
/// support for streams) is read whole and refused like any other nonsense.
pub(crate) async fn answer(
    answering: Answering<'_>,
    usage: UsageChunk,
) -> Result<Response<AnswerBody>, Refusal> {
    let is_stream = answering
        .response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
    if !is_stream {
        return refuse_whole(answering).await;
    }
    let Answering { inner, response, endpoint, plan, receipt, leaving } = answering;
    let flow = Flow::Running(Running {
        body: response.into_body(),
        meter: Meter::new(endpoint, usage),
        receipt,
        silence: Silence::new(inner.config.idle_timeout),
        plan,
        endpoint,
        waiting: None,
    });
    let flow = Arc::new(Mutex::new(flow));
    let watched = leaving.map(|leaving| {
        let (watched, gone) = oneshot::channel();
        // In a task of its own: a client that does not read keeps nobody from ending the provider's work.
        inner.tasks.spawn(cut_when_over(flow.clone(), leaving, gone));
        watched
    });
    let mut response = Response::new(AnswerBody(Inside::Metered(Metered { flow, _watched: watched })));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Ends the stream when whoever pays may not go on, unless it is over before.
async fn cut_when_over(flow: Arc<Mutex<Flow>>, leaving: presence::Leaving, gone: oneshot::Receiver<()>) {
    let refusal = tokio::select! {
        refusal = leaving => refusal,
        _ = gone => return,
    };
    let reader = {
        let mut flow = locked(&flow);
        match std::mem::replace(&mut *flow, Flow::Over) {
            Flow::Running(mut running) => {
                let reader = running.waiting.take();
                *flow = Flow::LastWord(running.cut(refusal));
                reader
            }
            Flow::LastWord(_) | Flow::Over => None,
        }
    };
    if let Some(reader) = reader {
        reader.wake();
    }
}

async fn refuse_whole(answering: Answering<'_>) -> Result<Response<AnswerBody>, Refusal> {
    let Answering { inner, response, endpoint, plan, mut receipt, mut leaving } = answering;
    let collected = tokio::select! {
        biased;
        collected = egress::collect(response.into_body(), inner.config.max_answer, inner.config.idle_timeout) => collected,
        refusal = presence::of(&mut leaving) => return Err(receipt.cut(refusal)),
    };
    let bytes = match collected {
        Ok(bytes) => bytes,
        Err(error) => return Err(receipt.fail(whole::cut_short(&plan, &error))),
    };
    match whole::check(&bytes, endpoint, &plan) {
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
    Metered(Metered),
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
            Inside::Metered(metered) => matches!(*locked(&metered.flow), Flow::Over),
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
    /// Shared with whoever may cut it.
    flow: Arc<Mutex<Flow>>,
    /// Dropped with the answer, which ends the watch over it.
    _watched: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved twice in its life, and another allocation costs more"
)]
enum Flow {
    /// Chunks come.
    Running(Running),
    /// It was cut, and this is to be said about it.
    LastWord(Bytes),
    /// Nothing comes any more.
    Over,
}

fn locked(flow: &Mutex<Flow>) -> MutexGuard<'_, Flow> {
    // A panic in the middle of a chunk leaves a stream that goes on or ends, and either is a true one.
    flow.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metered {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut flow = locked(&self.flow);
        if let Flow::Running(running) = &mut *flow {
            match running.poll_chunk(context) {
                Poll::Pending => {
                    running.waits(context);
                    return Poll::Pending;
                }
                Poll::Ready(Next::Chunk(chunk)) => return Poll::Ready(Some(chunk)),
                Poll::Ready(Next::End(broken)) => {
                    return match std::mem::replace(&mut *flow, Flow::Over) {
                        Flow::Running(running) => Poll::Ready(running.end(broken.as_ref())),
                        Flow::LastWord(_) | Flow::Over => Poll::Ready(None),
                    };
                }
            }
        }
        match std::mem::replace(&mut *flow, Flow::Over) {
            Flow::LastWord(word) => Poll::Ready(Some(word)),
            Flow::Running(_) | Flow::Over => Poll::Ready(None),
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let flow = std::mem::replace(&mut *locked(&self.flow), Flow::Over);
        if let Flow::Running(running) = flow {
            // The client went away: what was delivered counts, and the receipt, dropped, says so.
            drop(running.counted());
        }
    }
}

/// What a provider does next.
enum Next {
    Chunk(Bytes),
    /// With its last word, or broken.
    End(Option<EgressError>),
}

/// A stream that is not over.
#[derive(Debug)]
struct Running {
    body: ProviderBody,
    meter: Meter,
    receipt: Receipt,
    silence: Silence,
    plan: Plan,
    endpoint: Endpoint,
    /// Whoever waits for the next chunk.
    waiting: Option<Waker>,
}

impl Running {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.silence.poll(context));
                    return Poll::Ready(Next::End(Some(EgressError::Stalled)));
                }
            };
            match frame {
                Some(Ok(frame)) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    self.silence.broken();
                    let bytes = match self.meter.feed(&chunk) {
                        Forward::AsIs => chunk,
                        Forward::Replace(bytes) => bytes,
                        Forward::Nothing => continue,
                    };
                    return Poll::Ready(Next::Chunk(self.plan.provider.redacted(bytes)));
                }
                Some(Err(error)) => return Poll::Ready(Next::End(Some(error))),
                None => return Poll::Ready(Next::End(None)),
            }
        }
    }

    fn waits(&mut self, context: &Context<'_>) {
        if !self.waiting.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            self.waiting = Some(context.waker().clone());
        }
    }

    /// The provider ended its stream: with its last word, with an error of its own, or in the middle. The
    /// last two leave an event behind that says why.
    fn end(self, broken: Option<&EgressError>) -> Option<Bytes> {
        let Self { meter, mut receipt, plan, endpoint, .. } = self;
        let metered = meter.finish();
        receipt.count(metered.tokens, metered.estimated_completion);
        let rest = Some(plan.provider.redacted(metered.rest)).filter(|rest| !rest.is_empty());
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
            None => whole::cut_short(&plan, &EgressError::Closed),
            Some(error) => whole::cut_short(&plan, error),
        };
        receipt.close(Outcome::Failed, 200, Some(refusal.code.clone().into_owned()));
        Some(error_event(endpoint, &refusal))
    }

    /// Whoever pays may not go on: the provider's work ends here. What is left to say.
    fn cut(self, refusal: Refusal) -> Bytes {
        let endpoint = self.endpoint;
        error_event(endpoint, &self.counted().cut(refusal))
    }

    /// What was delivered until now counts.
    fn counted(self) -> Receipt {
        let Self { meter, mut receipt, .. } = self;
        let metered = meter.finish();
        receipt.count(metered.tokens, metered.estimated_completion);
        receipt
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
