//! One line of the audit log: Open WebUI's fields in its order, then ours.
//!
//! A line is one JSON object without a line break. Characters that a terminal obeys or that turn the direction of
//! writing are escaped, so that no text of a stranger can look like another line.

use std::io::{self, Write};

use kernel::{UsageRecord, audit::Outcome};
use serde::Serialize;
use serde_json::{Map, Value, ser::Formatter};

use crate::record::Record;

/// The most of a field that no other rule bounds, in bytes.
const MOST_FIELD: usize = 4_096;

/// Who did it, as Open WebUI names it. Empty for nobody.
#[derive(Serialize)]
struct Person<'a> {
    id: &'a str,
    email: &'a str,
    role: &'a str,
    name: &'a str,
}

/// An empty object, or a person.
#[derive(Serialize)]
#[serde(untagged)]
enum User<'a> {
    Known(Person<'a>),
    Nobody {},
}

#[derive(Serialize)]
struct Shape<'a> {
    id: &'a str,
    timestamp: i64,
    user: User<'a>,
    audit_level: &'a str,
    verb: &'a str,
    request_uri: &'a str,
    response_status_code: Option<u16>,
    source_ip: &'a str,
    user_agent: &'a str,
    /// Of a usage line only.
    model_id: (),
    usage: (),
    request_object: &'a str,
    response_object: &'a str,
    extra: Value,
    seq: Option<u64>,
    event: &'a str,
    outcome: &'a str,
    target: Option<&'a Value>,
    detail: &'a Value,
    request_id: Option<&'a str>,
    credential: Option<&'a str>,
}

/// The line of a record, without the seals that its place in the file gives it: an object that is still open.
/// `response` is what was answered, where that is kept.
pub(crate) fn of_record(record: &Record, response: &str) -> Vec<u8> {
    let actor = &record.actor;
    let user = if actor.kind == "anonymous" {
        User::Nobody {}
    } else {
        User::Known(Person {
            id: actor.id.as_deref().unwrap_or(&actor.kind),
            email: actor.email.as_deref().unwrap_or_default(),
            role: actor.role.as_deref().unwrap_or(&actor.kind),
            name: cut(actor.name.as_deref().unwrap_or_default()),
        })
    };
    open(&shape(record, response, user))
}

/// The line of an answer that came after the line of its record, as the end of a stream does.
pub(crate) fn of_answer(record: &Record, status: u16, body: &str) -> Vec<u8> {
    let mut later = record.clone();
    // The place in the chain belongs to the record's own line.
    later.seq = 0;
    later.request.status = Some(status);
    later.request_object = None;
    later.detail = serde_json::json!({ "answer_of": record.seq });
    of_record(&later, body)
}

fn shape<'a>(record: &'a Record, response: &'a str, user: User<'a>) -> Shape<'a> {
    let request = &record.request;
    let mut extra = Map::new();
    if let Some(tried) = record.detail.get("tried") {
        extra.insert("tried".to_owned(), tried.clone());
    }
    Shape {
        id: &record.id,
        timestamp: record.at.div_euclid(1_000_000),
        user,
        audit_level: &record.level,
        verb: request.method.as_deref().unwrap_or_default(),
        request_uri: cut(request.uri.as_deref().unwrap_or_default()),
        response_status_code: request.status.or_else(|| as_if_answered(&record.outcome)),
        source_ip: request.address.as_deref().unwrap_or_default(),
        user_agent: cut(request.agent.as_deref().unwrap_or_default()),
        model_id: (),
        usage: (),
        request_object: record.request_object.as_deref().unwrap_or_default(),
        response_object: response,
        extra: Value::Object(extra),
        seq: (record.seq > 0).then_some(record.seq),
        event: &record.event,
        outcome: &record.outcome,
        target: record.target.as_ref(),
        detail: &record.detail,
        request_id: request.id.as_deref(),
        credential: record.actor.credential.as_deref(),
    }
}

/// What no request asked for (a command, the server's own work) has the status that a request for it would have had:
/// readers of Open WebUI's lines expect one in each.
fn as_if_answered(outcome: &str) -> Option<u16> {
    match Outcome::parse(outcome)? {
        Outcome::Done => Some(200),
        Outcome::Failed => Some(500),
        Outcome::Denied => Some(403),
    }
}

/// The line of an answer that used a model, as Open WebUI's `model_usage` line. Written by hand because a busy gateway
/// makes ten thousand of them in a second; ids and words are plain ASCII, and only the model's name is anybody's.
pub(crate) fn of_usage(row: &UsageRecord, level: &str) -> Vec<u8> {
    let key = row.key.as_ref().map(kernel::KeyId::as_str);
    let owner = row.user.as_ref().map(kernel::UserId::as_str);
    let (id, role) = match (owner, key) {
        (Some(owner), _) => (owner, "user"),
        (None, Some(key)) => (key, "program"),
        (None, None) => ("master", "master"),
    };
    let (usage, request, model) = (row.id.as_str(), row.request.as_str(), visible_json(cut(&row.model)));
    let (at, status, milliseconds) = (row.at.seconds(), row.status, row.milliseconds);
    let (input, output) = (row.tokens.prompt, row.tokens.completion);
    let total = input.saturating_add(output);
    let outcome = if row.error.is_none() { "done" } else { "failed" };
    let endpoint = row.endpoint.as_str();
    let mut line = Vec::with_capacity(1_024);
    let written = write!(
        line,
        concat!(
            r#"{{"id":"{usage}","timestamp":{at},"user":{{"id":"{id}","email":"","role":"{role}","name":""}},"#,
            r#""audit_level":"{level}","verb":"POST","request_uri":"","response_status_code":{status},"#,
            r#""source_ip":"","user_agent":"","model_id":{model},"usage":{{"input_tokens":{input},"#,
            r#""output_tokens":{output},"total_tokens":{total}}},"request_object":"","response_object":"","#,
            r#""extra":{{"event":"model_usage","request_id":"{request}"}},"seq":null,"event":"usage.recorded","#,
            r#""outcome":"{outcome}","target":null,"detail":{{"endpoint":"{endpoint}","milliseconds":{milliseconds},"#,
            r#""usage_id":"{usage}","cost_nanos":"#,
        ),
        usage = usage,
        at = at,
        id = id,
        role = role,
        level = level,
        status = status,
        model = model,
        input = input,
        output = output,
        total = total,
        request = request,
        outcome = outcome,
        endpoint = endpoint,
        milliseconds = milliseconds,
    );
    let credential = key.or_else(|| row.api_key.as_ref().map(kernel::ApiKeyId::as_str));
    written.and_then(|()| ends(&mut line, row, credential)).expect("writing to memory cannot fail");
    line
}

/// The fields of a usage line that may be missing.
fn ends(line: &mut Vec<u8>, row: &UsageRecord, credential: Option<&str>) -> io::Result<()> {
    match row.cost {
        Some(cost) => write!(line, "{}", cost.nanos())?,
        None => line.extend_from_slice(b"null"),
    }
    write!(line, r#"}},"request_id":"{}","credential":"#, row.request.as_str())?;
    match credential {
        Some(id) => write!(line, "\"{id}\""),
        None => line.write_all(b"null"),
    }
}

fn cut(text: &str) -> &str {
    let end = (0..=MOST_FIELD.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The object without its closing brace.
fn open(shape: &Shape<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(768);
    let mut writer = serde_json::Serializer::with_formatter(&mut line, Visible);
    shape.serialize(&mut writer).expect("a line has text keys only and is written to memory");
    line.pop();
    line
}

/// Any JSON value in the same careful writing, for what else is exported as lines.
pub(crate) fn visible_json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Visible);
    value.serialize(&mut writer).expect("what is exported has text keys only and is written to memory");
    String::from_utf8_lossy(&text).into_owned()
}

/// JSON in which nothing invisible stands as itself.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.as_bytes().contains(&0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_invisible(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                write!(writer, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Control characters, marks of direction and joining, separators of lines, and tags.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        serde_json::from_str(
            r#"{"seq":7,"id":"audit_1","at":1795216374000001,"event":"session.refused","outcome":"failed",
            "actor":{"kind":"anonymous"},"target":null,"detail":{"tried":"a\r\n\u202e\u009b31m@example.com"},
            "request":{"id":"req_1","method":"POST","uri":"https://h/api/v1/auths/signin","address":"192.0.2.1",
            "agent":"x","status":400},"level":"METADATA","request_object":null}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_fields_are_open_webuis_in_its_order_and_then_ours() {
        let mut line = of_record(&record(), "");
        line.push(b'}');
        let text = String::from_utf8(line).unwrap();
        let names = [
            "id",
            "timestamp",
            "user",
            "audit_level",
            "verb",
            "request_uri",
            "response_status_code",
            "source_ip",
            "user_agent",
            "model_id",
            "usage",
            "request_object",
            "response_object",
            "extra",
            "seq",
            "event",
            "outcome",
            "target",
            "detail",
            "request_id",
            "credential",
        ];
        let places: Vec<usize> =
            names.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["user"], serde_json::json!({}));
        assert_eq!(value["timestamp"], 1_795_216_374);
        assert_eq!(value["extra"]["tried"], "a\r\n\u{202e}\u{9b}31m@example.com");
    }

    #[test]
    fn every_line_has_a_status() {
        let mut inside = record();
        inside.request.status = None;
        for (outcome, status) in [("done", 200), ("failed", 500), ("denied", 403)] {
            outcome.clone_into(&mut inside.outcome);
            let line = [of_record(&inside, ""), b"}".to_vec()].concat();
            let line: Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(line["response_status_code"], status);
        }
    }

    #[test]
    fn a_usage_line_has_the_fields_of_all_lines_in_their_order() {
        let mut row = UsageRecord {
            id: "usage_1".parse().unwrap(),
            request: "req_1".parse().unwrap(),
            at: kernel::Timestamp::from_seconds(7),
            endpoint: kernel::Endpoint::ChatCompletions,
            model: "a\"\u{202e}\nb".to_owned(),
            connection: None,
            key: Some("key_1".parse().unwrap()),
            user: None,
            api_key: None,
            outcome: kernel::Outcome::Ok,
            status: 200,
            tokens: kernel::TokenCount { prompt: 12, completion: 3, ..kernel::TokenCount::default() },
            is_estimated: false,
            cost: Some(kernel::Money::from_nanos(5)),
            milliseconds: 9,
            first_byte_milliseconds: None,
            is_stream: false,
            error: None,
        };
        let read = |row: &UsageRecord| {
            let text = String::from_utf8([of_usage(row, "METADATA"), b"}".to_vec()].concat()).unwrap();
            assert!(!text.chars().any(is_invisible), "{text}");
            let value: Value = serde_json::from_str(&text).unwrap();
            (text, value)
        };
        let (text, line) = read(&row);
        let other = [of_record(&record(), ""), b"}".to_vec()].concat();
        let other: serde_json::Map<String, Value> = serde_json::from_slice(&other).unwrap();
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        assert!(text.find("\"usage\"") < text.find("\"extra\""));
        assert_eq!(line["model_id"], row.model);
        assert_eq!(
            line["usage"],
            serde_json::json!({ "input_tokens": 12, "output_tokens": 3, "total_tokens": 15 })
        );
        assert_eq!(
            (&line["detail"]["cost_nanos"], &line["credential"]),
            (&Value::from(5), &Value::from("key_1"))
        );

        row.api_key = Some("apikey_1".parse().unwrap());
        assert_eq!(read(&row).1["credential"], "key_1");
        (row.key, row.user) = (None, Some("user_1".parse().unwrap()));
        assert_eq!(read(&row).1["credential"], "apikey_1");
        (row.api_key, row.user) = (None, None);
        (row.cost, row.key, row.error) = (None, None, Some("x".to_owned()));
        let (_, line) = read(&row);
        assert_eq!((&line["detail"]["cost_nanos"], &line["credential"]), (&Value::Null, &Value::Null));
        assert_eq!((&line["outcome"], &line["user"]["id"]), (&Value::from("failed"), &Value::from("master")));
    }

    #[test]
    fn nothing_that_a_terminal_obeys_stands_in_a_line() {
        let line = String::from_utf8(of_record(&record(), "\u{2028}\u{feff}ä\u{7f}")).unwrap();
        assert!(!line.chars().any(is_invisible), "{line}");
        assert!(
            line.contains("ä")
                && line.contains("\\u2028")
                && line.contains("\\u007f")
                && line.contains("\\r\\n")
        );
    }
}
