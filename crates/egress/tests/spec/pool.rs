//! Connections are kept, and kept apart.

use std::{
    io::{Read, Write},
    sync::mpsc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use egress::{Egress, EgressConfig, Reach, collect};
use http::Request;
use http_body_util::Full;

use crate::{
    provider::{Provider, destination, egress, quick, read_request, request},
    stage::Stage,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn read(response: http::Response<hyper::body::Incoming>) -> Bytes {
    collect(response.into_body(), 1024, Duration::from_secs(5)).await.unwrap()
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let provider = Provider::answering(OK);
    let (egress, to) = (egress(), provider.destination());
    for _ in 0..5 {
        assert_eq!(read(egress.send(&to, request(&to)).await.unwrap()).await, "ok");
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_thread_with_a_lane_of_its_own_keeps_connections_of_its_own() {
    let provider = Provider::answering(OK);
    let egress = Egress::new(EgressConfig { lanes: 2, ..quick() });
    let on_lane = |lane: usize| {
        let (egress, to) = (egress.clone(), provider.destination());
        let serve = move || {
            egress::enter_lane(lane);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..3 {
                    assert_eq!(read(egress.send(&to, request(&to)).await.unwrap()).await, "ok");
                }
            });
        };
        thread::spawn(serve).join().unwrap();
    };
    on_lane(1);
    assert_eq!(provider.connections(), 1);
    on_lane(2);
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn a_connection_made_for_a_named_destination_never_serves_a_public_one() {
    let canary = Provider::answering(OK);
    let stage = Stage::with_canary(canary.address)
        .answers("both.example.net", &["10.0.0.5"])
        .answers("both.example.net", &["93.184.215.14"]);
    let egress = Egress::on(stage.clone(), quick());
    for reach in [Reach::Named, Reach::Public] {
        let to = destination("http://both.example.net/v1", reach);
        read(egress.send(&to, request(&to)).await.unwrap()).await;
    }
    assert_eq!(stage.dialled(), ["10.0.0.5", "93.184.215.14"]);
}

#[tokio::test]
async fn a_connection_that_the_provider_closed_while_it_was_idle_costs_the_caller_nothing() {
    let provider = Provider::start(|mut stream| {
        read_request(&mut stream);
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let (egress, to) = (egress(), provider.destination());
    for _ in 0..20 {
        assert_eq!(read(egress.send(&to, request(&to)).await.unwrap()).await, "ok");
        // The end of the connection is in our socket now; a moment lets the client notice it.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn head_and_body_leave_in_one_write() {
    let (ear, received) = mpsc::channel();
    let provider = Provider::start(move |mut stream| {
        let mut piece = vec![0; 256 * 1024];
        // Long enough for a second write to arrive separately, had there been one.
        thread::sleep(Duration::from_millis(50));
        let first = stream.read(&mut piece).unwrap();
        ear.send(String::from_utf8_lossy(&piece[..first]).into_owned()).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let to = provider.destination();
    let body = Full::new(Bytes::from_static(b"{\"model\":\"m\"}"));
    let post = Request::post(to.uri("/chat/completions", None).unwrap()).body(body).unwrap();

    egress().send(&to, post).await.unwrap();
    let first = received.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(first.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{first}");
    assert!(first.ends_with("\r\n\r\n{\"model\":\"m\"}"), "{first}");
}

#[tokio::test]
async fn the_host_header_is_the_destination_whatever_the_request_says() {
    let (ear, received) = mpsc::channel();
    let provider = Provider::start(move |mut stream| {
        ear.send(read_request(&mut stream).unwrap()).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let to = provider.destination();
    let mut request = request(&to);
    request.headers_mut().insert("host", "evil.example".parse().unwrap());

    egress().send(&to, request).await.unwrap();
    let head = received.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(head.contains(&format!("host: {}", provider.address)), "{head}");
    assert!(!head.contains("evil"), "{head}");
}
