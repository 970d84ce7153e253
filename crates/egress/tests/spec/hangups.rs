//! When the caller goes away, the provider learns it at once.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::mpsc,
    time::{Duration, Instant},
};

use http_body_util::BodyExt;

use crate::provider::{Provider, egress, read_request};

/// Waits until the other side has closed and says how long that took.
fn closed_after(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut piece = [0; 64];
    match stream.read(&mut piece) {
        Ok(0) => begun.elapsed(),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => begun.elapsed(),
        other => panic!("the connection is still open: {other:?}"),
    }
}

/// Takes one request, writes `answer`, tells the test, then waits for the end of the connection.
fn provider(answer: &'static str) -> (Provider, mpsc::Receiver<()>, mpsc::Receiver<Duration>) {
    let (ready, is_ready) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let provider = Provider::start(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        ready.send(()).unwrap();
        gone.send(closed_after(&mut stream)).unwrap();
    });
    (provider, is_ready, is_gone)
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_body_of_a_silent_stream_closes_the_connection_within_a_second() {
    let (provider, _is_ready, is_gone) = provider(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    let to = provider.destination();
    let mut response = egress().send(&to, crate::provider::request(&to)).await.unwrap();
    assert_eq!(response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap(), "hello");

    drop(response);
    let took = tokio::task::spawn_blocking(move || is_gone.recv_timeout(Duration::from_secs(10)).unwrap());
    assert!(took.await.unwrap() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_request_before_its_answer_closes_the_connection_within_a_second() {
    let (provider, is_ready, is_gone) = provider("");
    let to = provider.destination();
    let egress = egress();
    let request = crate::provider::request(&to);
    let arrived = tokio::task::spawn_blocking(move || is_ready.recv_timeout(Duration::from_secs(5)).unwrap());
    tokio::select! {
        answer = egress.send(&to, request) => panic!("there is no answer: {answer:?}"),
        arrived = arrived => arrived.unwrap(),
    }

    let took = tokio::task::spawn_blocking(move || is_gone.recv_timeout(Duration::from_secs(10)).unwrap());
    assert!(took.await.unwrap() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_body_of_a_busy_stream_stops_the_provider_too() {
    let (gone, is_gone) = mpsc::channel();
    let provider = Provider::start(move |mut stream| {
        read_request(&mut stream);
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        while stream.write_all(b"5\r\nhello\r\n").is_ok() {}
        gone.send(Instant::now()).unwrap();
    });
    let to = provider.destination();
    let mut response = egress().send(&to, crate::provider::request(&to)).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();

    drop(response);
    let dropped = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || is_gone.recv_timeout(Duration::from_secs(10)).unwrap());
    assert!(stopped.await.unwrap().duration_since(dropped) < Duration::from_secs(1));
}
