//! A small HTTP client: one connection per request, so that dropping an answer hangs up as a closed program does.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header::HeaderName, header::HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    rt::{Read, Write},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use crate::{Answer, Event, PATIENCE, sse, tls};

/// Where requests go, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Who is asked.
    pub(crate) to: SocketAddr,
    /// The own address; any of 127.0.0.0/8 may be taken. The system's choice when none is given.
    pub(crate) from: Option<IpAddr>,
    /// What is spoken.
    pub(crate) wire: Wire,
}

/// What is spoken below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

impl Way {
    /// The plain way to an address.
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { to: address, from: None, wire: Wire::Plain }
    }

    async fn connect(self) -> std::io::Result<TcpStream> {
        let Some(from) = self.from else { return TcpStream::connect(self.to).await };
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(self.to).await
    }
}

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(crate) way: Way,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The connection broke before the answer was there, for tests that kill servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl Draft {
    /// Adds a header; a second value of the same name is added too.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a test gives a header's name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a test gives a header's value"));
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A body as it is, without a content type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        self.open().await.answer().await
    }

    /// Sends it and waits for the head of the answer only.
    pub async fn open(self) -> Live {
        let what = format!("{} {}", self.method, self.path);
        let opened = self.try_open().await;
        assert!(opened.is_ok(), "no answer to {what}");
        opened.expect("asserted above")
    }

    /// The same for servers that may die.
    pub async fn try_send(self) -> Result<Answer, Broken> {
        self.try_open().await?.try_answer().await
    }

    async fn try_open(self) -> Result<Live, Broken> {
        let what = format!("{} {}", self.method, self.path);
        let opened = timeout(PATIENCE, self.dial()).await;
        assert!(opened.is_ok(), "{what} hangs");
        opened.expect("asserted above")
    }

    async fn dial(self) -> Result<Live, Broken> {
        let stream = self.way.connect().await.map_err(|_| Broken)?;
        stream.set_nodelay(true).map_err(|_| Broken)?;
        let (mut sender, connection) = match self.way.wire {
            Wire::Plain => converse(TokioIo::new(stream)).await?,
            Wire::Tls => converse(TokioIo::new(tls::over(stream).await.map_err(|_| Broken)?)).await?,
        };
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a test gives a path");
        *request.headers_mut() = self.headers;
        if !request.headers().contains_key("host") {
            let host = HeaderValue::from_str(&self.way.to.to_string()).expect("an address is visible ASCII");
            request.headers_mut().insert("host", host);
        }
        let response = sender.send_request(request).await.map_err(|_| Broken)?;
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        Ok(Live { status, headers, body, buffer: Vec::new(), connection })
    }
}

/// Begins HTTP/1.1 on a connection.
async fn converse<T>(stream: T) -> Result<(SendRequest<Full<Bytes>>, Connection), Broken>
where
    T: Read + Write + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(|_| Broken)?;
    Ok((sender, Connection(crate::spawn(async move { drop(connection.await) }))))
}

/// Hangs up when dropped.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer that is still coming. Dropping it closes the connection.
#[derive(Debug)]
pub struct Live {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    buffer: Vec<u8>,
    #[expect(dead_code, reason = "held for its drop, which closes the socket")]
    connection: Connection,
}

impl Live {
    /// The next piece as it arrives; none at the end.
    pub async fn next_piece(&mut self) -> Option<Bytes> {
        self.try_piece().await.expect("the connection broke in the middle of the answer")
    }

    async fn try_piece(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            match frame.expect("the answer hangs") {
                None => return Ok(None),
                Some(Err(_)) => return Err(Broken),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The next event as it arrives; none at the end.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.try_event().await.expect("the connection broke in the middle of the stream")
    }

    /// The same for servers that may die.
    pub async fn try_event(&mut self) -> Result<Option<Event>, Broken> {
        loop {
            if let Some(event) = sse::take(&mut self.buffer) {
                return Ok(Some(event));
            }
            match self.try_piece().await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }

    /// All events up to the end.
    pub async fn events(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next_event().await {
            events.push(event);
        }
        events
    }

    /// Whether nothing comes for this long.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.body.frame()).await.is_err()
    }

    /// The rest, read to the end.
    pub async fn answer(self) -> Answer {
        self.try_answer().await.expect("the connection broke in the middle of the answer")
    }

    async fn try_answer(mut self) -> Result<Answer, Broken> {
        let mut body = std::mem::take(&mut self.buffer);
        while let Some(piece) = self.try_piece().await? {
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: self.status, headers: std::mem::take(&mut self.headers), body: body.into() })
    }
}
