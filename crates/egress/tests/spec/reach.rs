//! Which destinations are reached, and that the refused ones see no byte.

use std::net::SocketAddr;

use egress::{Destination, Egress, EgressError, Reach};
use kernel::BaseUrl;

use crate::{
    provider::{Provider, destination, quick, request},
    stage::Stage,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// One line of `data/destinations.txt`.
struct Probe<'a> {
    is_allowed: bool,
    reach: Reach,
    url: String,
    /// What the host name in the URL resolves to, if it is looked up at all.
    name: Option<(&'a str, Vec<&'a str>)>,
    line: &'a str,
}

fn probes() -> Vec<Probe<'static>> {
    let lines = include_str!("../data/destinations.txt").lines();
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(probe).collect()
}

/// `allow|refuse  public|named  url  [name=address,address]`; `\u{…}` in the URL is that character.
fn probe(line: &str) -> Probe<'_> {
    let mut words = line.split_whitespace();
    let is_allowed = match words.next().unwrap() {
        "allow" => true,
        "refuse" => false,
        other => panic!("{other} is no verdict: {line}"),
    };
    let reach = if words.next().unwrap() == "named" { Reach::Named } else { Reach::Public };
    let url = unescaped(words.next().unwrap());
    let name = words.next().map(|word| {
        let (name, addresses) = word.split_once('=').unwrap();
        (name, addresses.split(',').collect())
    });
    Probe { is_allowed, reach, url, name, line }
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        whole.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        whole.push_str(rest);
    }
    whole
}

/// Goes the whole way of a base URL: parse, make a destination, send. Says whether an answer came.
async fn is_answered(probe: &Probe<'_>, canary: SocketAddr) -> (bool, Stage) {
    let mut stage = Stage::with_canary(canary);
    if let Some((name, addresses)) = &probe.name {
        stage = stage.answers(name, addresses);
    }
    let Ok(base) = BaseUrl::parse(&probe.url) else { return (false, stage) };
    let Ok(to) = Destination::new(&base, probe.reach) else { return (false, stage) };
    let sent = Egress::on(stage.clone(), quick()).send(&to, request(&to)).await;
    (sent.is_ok(), stage)
}

#[tokio::test]
async fn every_destination_of_the_table_is_reached_or_refused_as_it_says() {
    let canary = Provider::answering(OK);
    for probe in probes() {
        let (answered, stage) = is_answered(&probe, canary.address).await;
        assert_eq!(answered, probe.is_allowed, "{}", probe.line);
        assert_eq!(stage.dialled().is_empty(), !probe.is_allowed, "{}: {:?}", probe.line, stage.dialled());
    }
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked_and_nothing_is_looked_up_twice() {
    let canary = Provider::answering(OK);
    let stage = Stage::with_canary(canary.address)
        .answers("rebind.example.net", &["93.184.215.14"])
        .answers("rebind.example.net", &["169.254.169.254"]);
    let to = destination("http://rebind.example.net/v1", Reach::Public);

    assert!(Egress::on(stage.clone(), quick()).send(&to, request(&to)).await.is_ok());
    assert_eq!((stage.lookups(), stage.dialled()), (1, vec!["93.184.215.14".to_owned()]));
}

#[tokio::test]
async fn a_name_that_was_fine_once_is_checked_again_for_the_next_connection() {
    let canary = Provider::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let stage = Stage::with_canary(canary.address)
        .answers("rebind.example.net", &["93.184.215.14"])
        .answers("rebind.example.net", &["127.0.0.1"]);
    let to = destination("http://rebind.example.net/v1", Reach::Public);
    let egress = Egress::on(stage.clone(), quick());

    assert!(egress.send(&to, request(&to)).await.is_ok());
    assert_eq!(egress.send(&to, request(&to)).await.unwrap_err(), EgressError::Refused);
    assert_eq!(stage.dialled(), ["93.184.215.14"]);
}

#[tokio::test]
async fn a_refusal_does_not_say_what_the_name_resolved_to() {
    let canary = Provider::answering(OK);
    let stage = Stage::with_canary(canary.address).answers("intern.example.net", &["10.11.12.13"]);
    let to = destination("http://intern.example.net/v1", Reach::Public);

    let refused = Egress::on(stage, quick()).send(&to, request(&to)).await.unwrap_err();
    assert_eq!(refused, EgressError::Refused);
    assert!(!refused.to_string().contains("10.11"), "{refused}");
}

#[tokio::test]
async fn the_system_network_refuses_the_own_machine_unless_it_is_named() {
    let provider = Provider::answering(OK);
    let egress = Egress::new(quick());
    // Port 8080 is open to public destinations, so only the address can be the reason.
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"] {
        let to = destination(&format!("http://{host}:8080/v1"), Reach::Public);
        assert_eq!(egress.send(&to, request(&to)).await.unwrap_err(), EgressError::Refused, "{host}");
    }
    let named = provider.destination();
    assert!(egress.send(&named, request(&named)).await.is_ok());
}

#[tokio::test]
async fn a_request_for_another_address_than_its_destination_is_not_sent() {
    let provider = Provider::answering(OK);
    let egress = Egress::new(quick());
    let to = provider.destination();
    let mut elsewhere = request(&to);
    *elsewhere.uri_mut() = format!("http://{}/admin", provider.address).parse().unwrap();

    assert_eq!(egress.send(&to, elsewhere).await.unwrap_err(), EgressError::Outside);
    assert_eq!(provider.connections(), 0);
}
