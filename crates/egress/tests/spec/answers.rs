//! What a provider may answer, and what becomes of the rest.

use std::{io::Write, net::TcpListener, thread, time::Duration};

use bytes::Bytes;
use egress::{Egress, EgressConfig, EgressError, Reach, collect};
use http::StatusCode;

use crate::{
    provider::{Provider, destination, egress, quick, read_request, request},
    stage::Stage,
};

/// The error of a provider that answers these bytes and closes.
async fn error_of(answer: impl Into<Vec<u8>>) -> EgressError {
    let answer = answer.into();
    let provider = Provider::start(move |mut stream| {
        read_request(&mut stream);
        // The client may have hung up in the middle of a flood.
        drop(stream.write_all(&answer));
    });
    let to = provider.destination();
    egress().send(&to, request(&to)).await.unwrap_err()
}

/// Reads an answer whole.
async fn body_of(answer: impl Into<Vec<u8>>, limit: usize) -> Result<Bytes, EgressError> {
    let answer = answer.into();
    let provider = Provider::start(move |mut stream| {
        read_request(&mut stream);
        drop(stream.write_all(&answer));
    });
    let to = provider.destination();
    let response = egress().send(&to, request(&to)).await.unwrap();
    collect(response.into_body(), limit, Duration::from_secs(5)).await
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other_and_is_not_followed() {
    let elsewhere = Provider::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let provider = Provider::answering(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.address
    ));
    let to = provider.destination();
    let response = egress().send(&to, request(&to)).await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn nonsense_instead_of_http_is_said_to_be_that() {
    assert_eq!(error_of("220 mail.example.net ESMTP\r\n").await, EgressError::Protocol);
    assert_eq!(error_of("HTTP/1.1 200 OK\r\nbad header\r\n\r\n").await, EgressError::Protocol);
}

#[tokio::test]
async fn a_provider_that_hangs_up_without_an_answer_is_said_to_have_closed() {
    assert_eq!(error_of("").await, EgressError::Closed);
    assert_eq!(error_of("HTTP/1.1 200 OK\r\ncontent-ty").await, EgressError::Closed);
}

#[tokio::test]
async fn a_flood_of_header_fields_is_cut_off() {
    let many = "x-flood: 1\r\n".repeat(200);
    assert_eq!(error_of(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await, EgressError::HeadTooLarge);
    let long = "a".repeat(200 * 1024);
    assert_eq!(error_of(format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n")).await, EgressError::HeadTooLarge);
}

#[tokio::test]
async fn an_answer_is_read_whole_in_one_piece_or_in_many() {
    assert_eq!(body_of("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 5).await.unwrap(), "hello");
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n";
    assert_eq!(body_of(chunked, 5).await.unwrap(), "hello");
    assert_eq!(body_of("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0).await.unwrap(), "");
}

#[tokio::test]
async fn an_answer_above_the_limit_is_refused_announced_or_not() {
    let too_large = Err(EgressError::TooLarge { limit: 4 });
    assert_eq!(body_of("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 4).await, too_large);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    assert_eq!(body_of(chunked, 4).await, too_large);
}

#[tokio::test]
async fn an_answer_that_ends_half_way_is_not_taken_for_a_whole_one() {
    let closed = Err(EgressError::Closed);
    assert_eq!(body_of("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", 100).await, closed);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n";
    assert_eq!(body_of(chunked, 100).await, closed);
}

#[tokio::test]
async fn a_provider_that_stops_in_the_middle_is_left_after_the_idle_time() {
    let provider = Provider::start(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello").unwrap();
        read_request(&mut stream);
    });
    let to = provider.destination();
    let response = egress().send(&to, request(&to)).await.unwrap();
    let read = collect(response.into_body(), 100, Duration::from_millis(50)).await;
    assert_eq!(read, Err(EgressError::Stalled));
}

#[tokio::test]
async fn a_provider_that_never_answers_or_only_drips_its_head_is_left_after_the_head_time() {
    let silent = Provider::start(|mut stream| while read_request(&mut stream).is_some() {});
    let dripping = Provider::start(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        while stream.write_all(b"x: 1\r\n").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    let limits = EgressConfig { head_timeout: Duration::from_millis(300), ..quick() };
    for provider in [silent, dripping] {
        let to = provider.destination();
        let sent = Egress::new(limits).send(&to, request(&to)).await;
        assert_eq!(sent.unwrap_err(), EgressError::HeadTimeout);
    }
}

#[tokio::test]
async fn a_closed_port_an_unknown_name_and_a_bad_handshake_are_told_apart() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = destination(&format!("http://127.0.0.1:{port}/v1"), Reach::Named);
    assert_eq!(egress().send(&closed, request(&closed)).await.unwrap_err(), EgressError::Connect);

    let plain = Provider::start(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let tls = destination(&format!("https://{}/v1", plain.address), Reach::Named);
    assert_eq!(egress().send(&tls, request(&tls)).await.unwrap_err(), EgressError::Tls);

    let nowhere = Egress::on(Stage::with_canary(plain.address), quick());
    let unknown = destination("https://unknown.example.net/v1", Reach::Public);
    assert_eq!(nowhere.send(&unknown, request(&unknown)).await.unwrap_err(), EgressError::Resolve);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_left_after_the_connect_time() {
    let silent = Provider::start(|mut stream| while read_request(&mut stream).is_some() {});
    let to = destination(&format!("https://{}/v1", silent.address), Reach::Named);
    let limits = EgressConfig { connect_timeout: Duration::from_millis(200), ..quick() };
    assert_eq!(Egress::new(limits).send(&to, request(&to)).await.unwrap_err(), EgressError::ConnectTimeout);
}
