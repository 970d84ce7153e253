//! A mock OpenAI provider that is faster than any gateway: HTTP/1.1, one single-threaded runtime per core behind
//! `SO_REUSEPORT`, answers rendered before the first request.
//!
//! `bench-provider --port 9100 --threads 2`. It checks no key and keeps no state.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, Sleep};
use wardroom_bench::answers::{Answers, Script, script_of, wants_usage};
use wardroom_bench::arguments::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::parse(std::env::args().skip(1))?;
    let port = arguments.take("port", 9100_u16)?;
    let threads = arguments.take("threads", 1_usize)?;
    arguments.finish()?;

    let answers = Answers::render();
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let answers = answers.clone();
            std::thread::spawn(move || serve(port, answers))
        })
        .collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker thread ended by a panic")??;
    }
    Ok(())
}

/// One core's share: its own listener on the common port, its own runtime.
fn serve(port: u16, answers: Answers) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, accept(port, answers))
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(4096)
}

async fn accept(port: u16, answers: Answers) -> std::io::Result<()> {
    let listener = listen(port)?;
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.set_nodelay(true).is_err() {
            continue; // The caller is gone already.
        }
        let answers = answers.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| answer(request, answers.clone()));
            // A caller that goes away in the middle of a stream ends the connection with an error; that is its right.
            let _ = hyper::server::conn::http1::Builder::new()
                .half_close(false)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, answers: Answers) -> Result<Response<Answer>, Infallible> {
    let (head, body) = request.into_parts();
    let whole = |bytes: Bytes| Answer::Whole(Some(bytes));
    Ok(match (head.method, head.uri.path()) {
        (Method::GET, "/v1/models") => json(StatusCode::OK, whole(answers.models)),
        (Method::POST, "/v1/embeddings") => {
            let _ = collect(body).await;
            json(StatusCode::OK, whole(answers.embedding))
        }
        (Method::POST, "/v1/chat/completions") => chat(&collect(body).await, answers),
        _ => json(StatusCode::NOT_FOUND, whole(answers.unknown_path)),
    })
}

fn chat(body: &[u8], answers: Answers) -> Response<Answer> {
    let (chunks, pause) = match script_of(body) {
        None => return json(StatusCode::NOT_FOUND, Answer::Whole(Some(answers.unknown_model))),
        Some(Script::Whole) => return json(StatusCode::OK, Answer::Whole(Some(answers.chat))),
        Some(Script::Burst { chunks }) => (chunks, None),
        Some(Script::Paced { chunks, pause }) => (chunks, Some(pause)),
    };
    let stream = Stream {
        content_left: chunks,
        usage: wants_usage(body).then(|| answers.usage.clone()),
        done: Some(answers.done.clone()),
        chunk: answers.chunk,
        pace: pause.map(|pause| (pause, Box::pin(tokio::time::sleep(Duration::ZERO)))),
        rested: true,
    };
    let mut response = Response::new(Answer::Stream(stream));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn json(status: StatusCode, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The request's body in one piece; what arrived before a broken connection is returned as it is.
async fn collect(mut body: Incoming) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(data) = frame.data_ref() {
            all.extend_from_slice(data);
        }
    }
    all
}

enum Answer {
    Whole(Option<Bytes>),
    Stream(Stream),
}

/// A stream of events. It answers `Pending` once between two chunks, so that each is written to the socket on its own,
/// as a provider does that writes a chunk for each token.
struct Stream {
    chunk: Bytes,
    content_left: u32,
    usage: Option<Bytes>,
    done: Option<Bytes>,
    pace: Option<(Duration, Pin<Box<Sleep>>)>,
    rested: bool,
}

impl Stream {
    fn next(&mut self) -> Option<Bytes> {
        if self.content_left > 0 {
            self.content_left -= 1;
            return Some(self.chunk.clone());
        }
        self.usage.take().or_else(|| self.done.take())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.pace {
            Some((pause, sleep)) if self.content_left > 0 => {
                std::task::ready!(sleep.as_mut().poll(cx));
                // From the due time and not from now: a late chunk does not delay the ones behind it.
                let due = (sleep.deadline() + *pause).max(Instant::now());
                sleep.as_mut().reset(due);
            }
            _ if !self.rested => {
                self.rested = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        self.rested = false;
        Poll::Ready(self.next())
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Stream(stream) => std::task::ready!(stream.poll(cx)),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
