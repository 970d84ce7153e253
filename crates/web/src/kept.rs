//! What of a request goes into the audit log besides its records: its body, its answer, and that a record has its line
//! before the answer leaves. At the usual level bodies cost nothing here: nobody looks at them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use audit::{
    Answered, Trail,
    redact::{Piece, Presented, WINDOW},
};
use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, Method, header, request::Parts};
use http_body::{Frame, SizeHint};
use kernel::{
    Caller, Refusal, RequestId,
    audit::{Entry, Event, Target, TargetKind},
};

use crate::app::App;

/// Of an answer that comes in pieces, so much is looked at.
const FIRST_PIECES: usize = 64 * 1024;

/// Hands the body of a request to its records, without its secrets.
pub(crate) fn request(app: &App, parts: &Parts, body: &Bytes) {
    let keeping = app.services().trail.keeping();
    let caller = parts.extensions.get::<Caller>().filter(|_| keeping.keeps_requests());
    if let Some(caller) = caller {
        let piece = Piece {
            content_type: text(&parts.headers, header::CONTENT_TYPE),
            bytes: &body[..body.len().min(WINDOW)],
            length: body.len(),
        };
        caller.request().capture_body(keeping.body(&piece, &presented(&parts.headers)));
    }
}

fn presented(headers: &HeaderMap) -> Presented {
    Presented::of(headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What is to be done when the answer is known.
pub(crate) struct Watch {
    trail: Trail,
    /// Where the bodies of answers are kept: which request, and what it presented.
    answer: Option<(RequestId, Presented)>,
    /// Where successful readings are recorded: the route.
    reading: Option<String>,
}

impl Watch {
    /// Looks at a request of this route before it is answered.
    pub(crate) fn over(app: &App, parts: &Parts, caller: &Caller, route: Option<&str>) -> Self {
        let trail = app.services().trail.clone();
        let keeping = trail.keeping();
        let id = caller.request().id().filter(|_| keeping.keeps_answers());
        let answer = id.map(|id| {
            trail.expect_answer(id.clone());
            (id.clone(), presented(&parts.headers))
        });
        let is_reading = parts.method == Method::GET && keeping.keeps_get_requests();
        let reading = route.filter(|_| is_reading).map(str::to_owned);
        Self { trail, answer, reading }
    }

    /// Sees to it that whatever was recorded has its line before the answer leaves.
    pub(crate) async fn end(
        mut self,
        app: &App,
        caller: &Caller,
        response: Response,
    ) -> Result<Response, Refusal> {
        let is_unrecorded = || caller.request().records() == 0;
        if let Some(route) = self.reading.take().filter(|_| response.status().is_success() && is_unrecorded())
        {
            let entry = Entry::done(Event::DataRead, caller).on(Target::new(TargetKind::Route, &route));
            store::audit::record(&app.services().db, &entry).await?;
        }
        if is_unrecorded() {
            return Ok(response);
        }
        let response = match self.answer.take() {
            None => response,
            Some((request, presented)) => keep(&self.trail, request, presented, response).await,
        };
        self.trail.caught_up().await;
        Ok(response)
    }
}

/// Nobody answers any more, or nothing of it is to be kept.
impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((request, _)) = self.answer.take() {
            self.trail.answers_never(request);
        }
    }
}

/// Keeps the answer: whole when it is there, its first pieces as they pass when it is a stream.
async fn keep(trail: &Trail, request: RequestId, presented: Presented, response: Response) -> Response {
    let content_type = text(response.headers(), header::CONTENT_TYPE).map(str::to_owned);
    let note =
        Note { trail: trail.clone(), request, presented, content_type, status: response.status().as_u16() };
    let (parts, mut body) = response.into_parts();
    let size = body.size_hint().exact().and_then(|it| usize::try_from(it).ok());
    if size.is_some_and(|size| size <= WINDOW) {
        // It is in memory already, so this does not wait.
        match axum::body::to_bytes(body, WINDOW).await {
            Ok(bytes) => {
                note.tell(&bytes, bytes.len());
                body = Body::from(bytes);
            }
            Err(_) => body = Body::empty(),
        }
        return Response::from_parts(parts, body);
    }
    trail.answers_later(note.request.clone());
    let tee = Tee { inner: body, seen: Vec::new(), length: 0, note: Some(note) };
    Response::from_parts(parts, Body::new(tee))
}

struct Note {
    trail: Trail,
    request: RequestId,
    presented: Presented,
    content_type: Option<String>,
    status: u16,
}

impl Note {
    fn tell(self, bytes: &[u8], length: usize) {
        let piece = Piece { content_type: self.content_type.as_deref(), bytes, length };
        let body = self.trail.keeping().body(&piece, &self.presented);
        self.trail.answered(Answered { request: self.request, status: self.status, body });
    }
}

/// A body of which the first pieces are seen in passing. Tells when it ends, also when the client left.
struct Tee {
    inner: Body,
    seen: Vec<u8>,
    length: usize,
    note: Option<Note>,
}

impl HttpBody for Tee {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            let space = FIRST_PIECES.saturating_sub(self.seen.len());
            self.length += data.len();
            self.seen.extend_from_slice(&data[..data.len().min(space)]);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        if let Some(note) = self.note.take() {
            note.tell(&self.seen, self.length);
        }
    }
}
