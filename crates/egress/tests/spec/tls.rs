//! TLS, and HTTP/2 where the provider offers it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use egress::{Destination, Egress, EgressError, Reach, System, collect};
use futures_util::future::join_all;
use http::{Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::provider::{destination, quick, request};

const AUTHORITY: &[u8] = include_bytes!("../data/tls/authority.der");
const CERTIFICATE: &[u8] = include_bytes!("../data/tls/localhost.der");
const KEY: &[u8] = include_bytes!("../data/tls/localhost.key.der");

/// A TLS server whose answers stream what the test sends. It stops with the test.
struct Secure {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// The body of an answer, and what tells that it was dropped.
type Stream = StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

impl Secure {
    /// Answers each request with `body()`; offers these protocols.
    async fn start(protocols: &[&str], body: impl Fn() -> Stream + Send + Sync + 'static) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(KEY.to_vec()).into();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(CERTIFICATE.to_vec())], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, body) = (connections.clone(), Arc::new(body));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (acceptor, body) = (acceptor.clone(), body.clone());
                open.spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    let answer = service_fn(move |_: Request<Incoming>| {
                        let answer = Response::new(body());
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that goes away in the middle is an error here and the point of some tests.
                    drop(server.serve_connection(TokioIo::new(stream), answer).await);
                });
            }
        });
        Self { address, connections, _tasks: tasks }
    }

    fn destination(&self) -> Destination {
        destination(&format!("https://localhost:{}/v1", self.address.port()), Reach::Named)
    }
}

fn whole(text: &'static str) -> Stream {
    let frame = Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    StreamBody::new(Box::pin(futures_util::stream::iter([frame])))
}

fn trusting() -> Egress {
    Egress::trusting(System, quick(), &[AUTHORITY]).unwrap()
}

#[tokio::test]
async fn a_provider_with_a_trusted_certificate_is_reached_by_what_it_offers() {
    for (protocols, version) in
        [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"][..], Version::HTTP_11)]
    {
        let server = Secure::start(protocols, || whole("ok")).await;
        let to = server.destination();
        let response = trusting().send(&to, request(&to)).await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(collect(response.into_body(), 10, Duration::from_secs(5)).await.unwrap(), "ok");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Secure::start(&["h2"], || whole("ok")).await;
    let to = server.destination();
    let sent = Egress::new(quick()).send(&to, request(&to)).await;
    assert_eq!(sent.unwrap_err(), EgressError::Tls);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Secure::start(&["h2"], || whole("ok")).await;
    let other = destination(&format!("https://127.0.0.2:{}/v1", server.address.port()), Reach::Named);
    let network = crate::stage::Stage::with_canary(server.address);
    let egress = Egress::trusting(network, quick(), &[AUTHORITY]).unwrap();
    assert_eq!(egress.send(&other, request(&other)).await.unwrap_err(), EgressError::Tls);
}

#[test]
fn an_authority_that_is_no_certificate_is_said_to_be_that() {
    let read = Egress::trusting(System, quick(), &[b"-----BEGIN CERTIFICATE-----"]);
    assert_eq!(read.unwrap_err(), EgressError::Authority);
}

#[tokio::test]
async fn many_requests_share_one_http_2_connection() {
    let server = Secure::start(&["h2"], || whole("ok")).await;
    let (egress, to) = (trusting(), server.destination());
    egress.send(&to, request(&to)).await.unwrap();
    let answers = join_all((0..50).map(|_| egress.send(&to, request(&to)))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_body_of_an_http_2_stream_ends_it_at_the_provider_within_a_second() {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let server = Secure::start(&["h2"], move || {
        let frames = receiver.lock().unwrap().take().unwrap();
        let stream = futures_util::stream::unfold(frames, |mut frames: mpsc::Receiver<&'static str>| async {
            let text = frames.recv().await?;
            Some((Ok(Frame::data(Bytes::from_static(text.as_bytes()))), frames))
        });
        StreamBody::new(Box::pin(stream))
    })
    .await;
    let to = server.destination();
    sender.send("hello").await.unwrap();
    let mut response = trusting().send(&to, request(&to)).await.unwrap();
    assert_eq!(response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap(), "hello");

    drop(response);
    tokio::time::timeout(Duration::from_secs(1), sender.closed()).await.expect("the provider stops");
}
