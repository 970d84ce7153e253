//! The reference: the smallest proxy that hyper and tokio make possible. It forwards bytes and decides nothing.
//!
//! `bench-passthrough --port 9200 --upstream 127.0.0.1:9100`. Its cost is the floor under everything that a gateway on
//! the same stack adds: no key, no budget, no metering.

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use wardroom_bench::arguments::Arguments;

type Upstream = Client<HttpConnector, Incoming>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::parse(std::env::args().skip(1))?;
    let port = arguments.take("port", 9200_u16)?;
    let upstream: String = arguments.take("upstream", "127.0.0.1:9100".to_owned())?;
    arguments.finish()?;
    // As many workers as the process may use cores, so `taskset` decides.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(port, &upstream))
}

async fn serve(port: u16, upstream: &str) -> Result<(), Box<dyn Error>> {
    let host = HeaderValue::from_str(upstream)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream = Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.set_nodelay(true).is_err() {
            continue; // The caller is gone already.
        }
        let (client, host) = (client.clone(), host.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| forward(request, client.clone(), host.clone()));
            // A caller that goes away ends its connection with an error, and with it the upstream's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn forward(
    mut request: Request<Incoming>,
    client: Upstream,
    host: HeaderValue,
) -> Result<Response<Forwarded>, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://{}{path}", host.to_str().unwrap_or_default()).parse::<Uri>() else {
        return Ok(bad_gateway());
    };
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().remove(CONNECTION);
    let Ok(mut response) = client.request(request).await else {
        return Ok(bad_gateway());
    };
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    Ok(response.map(|body| Forwarded(Some(body))))
}

fn bad_gateway() -> Response<Forwarded> {
    let mut response = Response::new(Forwarded(None));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// The upstream's body as it is, or nothing when there was no upstream.
struct Forwarded(Option<Incoming>);

impl Body for Forwarded {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
