//! The bytes that are sealed: one JSON object whose fields have a fixed order.

use std::collections::BTreeMap;

use kernel::{
    AuditId, Caller, Channel, Timestamp, Who,
    audit::{Entry, Level},
};
use serde::Serialize;
use serde_json::Value;

use crate::row::to_json;

/// The order of the fields is the format: it is stored and sealed as it is written, and never written anew.
#[derive(Serialize)]
struct Body<'a> {
    seq: i64,
    id: &'a AuditId,
    /// Microseconds since 1970.
    at: Timestamp,
    event: &'static str,
    outcome: &'static str,
    actor: Actor<'a>,
    target: Option<Target<'a>>,
    detail: &'a BTreeMap<&'static str, Value>,
    request: Request<'a>,
    level: &'static str,
    request_object: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Actor<'a> {
    kind: &'static str,
    id: Option<&'a str>,
    email: Option<&'a str>,
    role: Option<&'static str>,
    name: Option<&'a str>,
    credential: Option<&'a str>,
}

#[derive(Serialize)]
struct Target<'a> {
    kind: &'static str,
    id: &'a str,
}

#[derive(Serialize)]
struct Request<'a> {
    id: Option<&'a str>,
    channel: &'static str,
    method: &'a str,
    uri: &'a str,
    address: Option<String>,
    agent: &'a str,
    status: Option<u16>,
}

pub(super) fn canonical(entry: &Entry, level: Level, seq: i64, id: &AuditId, at: Timestamp) -> String {
    let request = entry.caller.request();
    to_json(&Body {
        seq,
        id,
        at,
        event: entry.event.as_str(),
        outcome: entry.outcome.as_str(),
        actor: full_actor(&entry.caller),
        target: entry.target.as_ref().map(|it| Target { kind: it.kind.as_str(), id: &it.id }),
        detail: &entry.detail,
        request: Request {
            id: request.id().map(kernel::RequestId::as_str),
            channel: match request.channel() {
                Channel::Http => "http",
                Channel::CommandLine => "command_line",
                Channel::Server => "server",
            },
            method: request.method(),
            uri: request.uri(),
            address: request.address().map(|address| address.to_string()),
            agent: request.agent(),
            status: entry.status,
        },
        level: level.as_str(),
        request_object: request.body().filter(|_| level >= Level::Request).map(AsRef::as_ref),
    })
}

/// Kind and id, for the index.
pub(super) fn actor(caller: &Caller) -> (&'static str, Option<&str>) {
    let Actor { kind, id, .. } = full_actor(caller);
    (kind, id)
}

fn full_actor(caller: &Caller) -> Actor<'_> {
    match caller.who() {
        Who::Anonymous => Actor { kind: "anonymous", ..Actor::default() },
        Who::Person(person) => Actor {
            kind: "person",
            id: Some(person.user.as_str()),
            email: Some(person.email.as_str()),
            role: Some(person.role.as_str()),
            name: Some(&person.name),
            credential: Some(person.credential.id()),
        },
        Who::Program(program) => Actor {
            kind: "program",
            id: Some(program.key.as_str()),
            credential: Some(program.key.as_str()),
            ..Actor::default()
        },
        Who::Master => Actor { kind: "master", id: Some("master"), ..Actor::default() },
        Who::Operator => Actor { kind: "operator", id: Some("operator"), ..Actor::default() },
    }
}
