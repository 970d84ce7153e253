//! The door: accepts connections, bounds what a stranger can send, and gives every request its id, its
//! headers and its line in the log.

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use futures_util::FutureExt;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use kernel::{Caller, RequestId, World};
use settings::Live;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::service_fn;

use crate::{
    caller, client,
    cors::Cors,
    dialect::Dialect,
    headers::{Headers, IsHttps},
    host,
    linger::{Heard, Interrupted, Lingering},
    table,
};

/// Bytes of request head; hyper answers 431 beyond.
const MAX_HEAD: usize = 64 * 1024;
/// Lines of request head.
const MAX_HEADERS: usize = 100;
/// A head that is not complete by then ends the connection, and so does a connection on which nobody asks
/// anything from its begin on.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The most of a method or a path that is logged, in bytes.
const MOST_LOGGED: usize = 512;
/// How often an HTTP/2 connection is asked whether anybody is still there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// When and under which id a request came in. Handlers find it in the request's extensions.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// In the log line and in `x-request-id`.
    pub id: RequestId,
    /// For measuring how long it took.
    pub started: Instant,
    /// The address at the other end of the connection.
    pub peer: SocketAddr,
}

/// Put into an answer by handlers that write the log line themselves, once they know tokens and cost.
#[derive(Debug, Clone, Copy)]
pub struct LogsItself;

/// What is behind the door.
pub struct House {
    /// The routes.
    pub router: Router,
    /// Clock and dice.
    pub world: World,
    /// The settings in force: under which names the house answers, and what it says to browsers.
    pub settings: Live,
}

/// The house, with what is made once of its settings.
struct Open {
    house: House,
    headers: Headers,
}

/// The runtimes that serve connections, each connection on one of them for all its life. Empty: the present one.
#[derive(Debug, Clone, Default)]
pub struct Lanes(pub Vec<Handle>);

/// How serving ends, in two steps.
#[derive(Debug, Clone, Default)]
pub struct Closing {
    /// Nobody new is let in, and running requests may end.
    pub gently: CancellationToken,
    /// What still runs is dropped, and so settles what it used.
    pub at_once: CancellationToken,
}

/// Serves until it is told to close. Over when `tasks` is empty.
pub async fn serve(listener: TcpListener, house: House, lanes: Lanes, tasks: TaskTracker, closing: Closing) {
    let headers = Headers::of(&house.settings.load().settings);
    let house = Arc::new(Open { house, headers });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .max_header_list_size(64 * 1024)
        .max_concurrent_streams(256);
    let server = Arc::new(server);
    let mut turn = lanes.0.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.gently.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (server, house, closing) = (server.clone(), house.clone(), closing.clone());
                match turn.next() {
                    None => drop(tasks.spawn(converse(server, stream, peer, house, closing))),
                    Some(lane) => {
                        // A socket belongs to the runtime that waits for it, so it moves before it is used.
                        let Ok(stream) = stream.into_std() else { continue };
                        let conversation = async move {
                            if let Ok(stream) = TcpStream::from_std(stream) {
                                converse(server, stream, peer, house, closing).await;
                            }
                        };
                        drop(tasks.spawn_on(conversation, lane));
                    }
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(
    server: Arc<auto::Builder<TokioExecutor>>,
    stream: TcpStream,
    peer: SocketAddr,
    house: Arc<Open>,
    closing: Closing,
) {
    // Without it a token of a stream may wait 40 ms for the acknowledgement of the one before.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = has_asked.clone();
    let interrupted = Interrupted::default();
    let stream = Lingering::over(stream, interrupted.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let house = house.clone();
        let request = request.map(|body| Body::new(Heard::of(body, interrupted.clone())));
        asked.store(true, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(handle(&house, peer, request).await) }
    });
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    // What ends a connection early (a client that went away, a broken head) is not our fault, and whatever
    // it cut short has told its own log line.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = never_asking(&has_asked) => return,
        () = closing.gently.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection.as_mut() => {}
        () = closing.at_once.cancelled() => {}
    }
}

/// What a stranger wrote, as it may stand in the log: short, and in visible ASCII, because a terminal obeys
/// control characters beyond it and right-to-left marks make a line look like another one.
fn logged(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_LOGGED && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let shown = text.bytes().take(MOST_LOGGED).fold(String::new(), |mut shown, byte| {
        if byte.is_ascii_graphic() {
            shown.push(char::from(byte));
        } else {
            write!(shown, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        shown
    });
    if text.len() > MOST_LOGGED { format!("{shown}...").into() } else { shown.into() }
}

/// Ends when a connection is old enough to have asked something and has not. While hyper waits for the first
/// bytes, by which it tells HTTP/1 from HTTP/2, none of its own time limits runs yet.
async fn never_asking(has_asked: &AtomicBool) {
    tokio::time::sleep(HEAD_TIMEOUT).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

async fn handle(open: &Open, peer: SocketAddr, mut request: Request<Body>) -> Response {
    let Open { house, headers } = open;
    let arrival = Arrival { id: RequestId::new(&house.world), started: Instant::now(), peer };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(arrival.clone());

    let (is_https, cors, early) = receive(&house.settings, &mut request, peer);
    let mut response = match early {
        Some(response) => response,
        None => enter(house, request, &arrival, &path).await,
    };
    headers.secure(response.headers_mut(), is_https);
    cors.mark(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(arrival.id.as_str()) {
        response.headers_mut().insert("x-request-id", id);
    }
    if response.extensions().get::<LogsItself>().is_none() {
        let actor = response.extensions().get::<Caller>().map_or_else(String::new, Caller::label);
        let milliseconds = arrival.started.elapsed().as_millis();
        let status = response.status().as_u16();
        let (method, path) = (logged(method.as_str()), logged(&path));
        tracing::info!(target: "request", request_id = %arrival.id, %method, %path, status, %actor, milliseconds, "request");
    }
    response
}

/// Believes of a request what may be believed, and answers at the door what need not come in: requests for
/// somebody else, and browsers that ask whether a page may ask.
fn receive(
    settings: &Live,
    request: &mut Request<Body>,
    peer: SocketAddr,
) -> (IsHttps, Cors, Option<Response>) {
    let loaded = settings.load();
    client::strip_claims(request.headers_mut(), peer.ip(), &loaded);
    caller::rename_key_header(request.headers_mut(), &loaded);
    let is_https = client::is_https(request.headers(), peer.ip(), &loaded);
    let cors = Cors::of(request.method(), request.headers(), request.uri(), &loaded);
    let path = request.uri().path();
    let early = match host::check(request, &loaded) {
        Err(stranger) => Some(stranger.answer(path)),
        Ok(()) => cors.preflight(path),
    };
    (is_https, cors, early)
}

async fn enter(house: &House, request: Request<Body>, arrival: &Arrival, path: &str) -> Response {
    let answer = std::panic::AssertUnwindSafe(tower::ServiceExt::oneshot(house.router.clone(), request))
        .catch_unwind()
        .await;
    match answer {
        Ok(Ok(response)) => response,
        Err(_) => {
            tracing::error!(request_id = %arrival.id, "a handler panicked");
            table::dialect_of(path).unwrap_or(Dialect::Workspace).render(&kernel::Refusal::internal())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_stands_in_the_log_as_short_visible_ascii() {
        assert_eq!(logged("/v1/models/a%20b"), "/v1/models/a%20b");
        assert_eq!(logged("/x\u{9b}31m\u{202e}"), "/x%C2%9B31m%E2%80%AE");
        assert!(logged(&"/ä".repeat(5_000)).len() <= 3 * MOST_LOGGED + 3);
    }
}
