//! What is known of a request besides who makes it: what the record of a change says about its origin.

use std::{
    fmt::Write as _,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::RequestId;

/// The most of a URI that is kept, in bytes.
const MOST_URI: usize = 2_048;
/// The most of a user agent that is kept, in bytes.
const MOST_AGENT: usize = 512;

/// One request, or one run of a command.
#[derive(Debug)]
pub struct RequestFacts {
    channel: Channel,
    id: Option<RequestId>,
    method: String,
    uri: String,
    address: Option<IpAddr>,
    peer: Option<IpAddr>,
    agent: String,
    success_status: u16,
    body: OnceLock<Arc<str>>,
    records: AtomicU32,
    is_left_out: AtomicBool,
}

/// Through which door it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// HTTP.
    Http,
    /// `wardroom …` at the machine.
    CommandLine,
    /// The server's own work at start, by the operator's settings.
    Server,
}

/// An HTTP request as the surface saw it.
#[derive(Debug)]
pub struct HttpFacts<'a> {
    /// In the log line and in `x-request-id`.
    pub id: RequestId,
    /// Upper case.
    pub method: &'a str,
    /// `https` or `http`, as the client used it.
    pub scheme: &'a str,
    /// The host that the client asked for, with its port; empty when it named none.
    pub host: &'a str,
    /// As it came, still escaped.
    pub path: &'a str,
    /// As it came, still escaped.
    pub query: Option<&'a str>,
    /// The client's end of the connection, seen through trusted proxies.
    pub address: IpAddr,
    /// The other end of the connection itself: the client's, or the nearest proxy's.
    pub peer: IpAddr,
    /// The header of that name.
    pub agent: &'a str,
    /// The status of this route's success: the first of its declared ones.
    pub success_status: u16,
}

impl RequestFacts {
    /// An HTTP request. Values of the query that look like secrets are left out.
    pub fn http(facts: &HttpFacts<'_>) -> Self {
        Self {
            channel: Channel::Http,
            id: Some(facts.id.clone()),
            method: visible(facts.method, 32),
            uri: shown_uri(facts),
            address: Some(facts.address),
            peer: Some(facts.peer),
            agent: visible(&shown_agent(facts.agent), MOST_AGENT),
            success_status: facts.success_status,
            body: OnceLock::new(),
            records: AtomicU32::new(0),
            is_left_out: AtomicBool::new(false),
        }
    }

    /// A run of a command; `command` are its own words, without arguments.
    pub fn command_line(command: &str) -> Self {
        Self::inside(Channel::CommandLine, command)
    }

    /// The server's own work.
    pub fn server() -> Self {
        Self::inside(Channel::Server, "")
    }

    fn inside(channel: Channel, command: &str) -> Self {
        Self {
            channel,
            id: None,
            method: String::new(),
            uri: visible(command, MOST_URI),
            address: None,
            peer: None,
            agent: String::new(),
            success_status: 0,
            body: OnceLock::new(),
            records: AtomicU32::new(0),
            is_left_out: AtomicBool::new(false),
        }
    }

    /// Through which door.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// None for work that is no HTTP request.
    pub const fn id(&self) -> Option<&RequestId> {
        self.id.as_ref()
    }

    /// Empty for work that is no HTTP request.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The absolute URL, or the words of a command; at most 2 KiB of visible ASCII.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The path of the URL, still escaped; empty for work that is no HTTP request.
    pub fn path(&self) -> &str {
        if self.channel != Channel::Http {
            return "";
        }
        let after_host = match self.uri.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').map_or("", |slash| &rest[slash..])
            }
            _ => &self.uri,
        };
        after_host.split_once('?').map_or(after_host, |(path, _)| path)
    }

    /// Where it came from.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Who handed it to us: where it came from, or the nearest proxy.
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// At most 512 bytes of visible ASCII and spaces.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What success is answered with; 0 for work that is no HTTP request.
    pub const fn success_status(&self) -> u16 {
        self.success_status
    }

    /// What may be recorded of the body; none until somebody captured it.
    pub fn body(&self) -> Option<&Arc<str>> {
        self.body.get()
    }

    /// Hands in what may be recorded of the body: cut and cleansed of secrets. The first one stays.
    pub fn capture_body(&self, body: Arc<str>) {
        // A body is captured once; who comes second has nothing to add.
        drop(self.body.set(body));
    }

    /// Notes that the operator wants no record of what may be left out of this request; see
    /// [`crate::audit::Event::may_be_left_out`].
    pub fn leave_out(&self) {
        self.is_left_out.store(true, Ordering::Relaxed);
    }

    /// Whether [`RequestFacts::leave_out`] was said.
    pub fn is_left_out(&self) -> bool {
        self.is_left_out.load(Ordering::Relaxed)
    }

    /// Notes that a record about this request was written.
    pub fn note_record(&self) {
        self.records.fetch_add(1, Ordering::Relaxed);
    }

    /// How many records were written about this request.
    pub fn records(&self) -> u32 {
        self.records.load(Ordering::Relaxed)
    }
}

/// The absolute URL without the values of parameters that look like secrets.
fn shown_uri(facts: &HttpFacts<'_>) -> String {
    let mut uri = String::new();
    if !facts.host.is_empty() {
        write!(uri, "{}://{}", facts.scheme, facts.host).expect("writing to a String cannot fail");
    }
    let segments: Vec<&str> =
        facts.path.split('/').map(|segment| if is_secret(segment) { "***" } else { segment }).collect();
    uri.push_str(&segments.join("/"));
    for (index, pair) in
        facts.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).enumerate()
    {
        uri.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, value)) if names_a_secret(name) || is_secret(value) => {
                uri.push_str(name);
                uri.push_str("=***");
            }
            None if is_secret(pair) => uri.push_str("***"),
            _ => uri.push_str(pair),
        }
    }
    visible(&uri, MOST_URI)
}

/// A user agent without words that look like secrets: some programs put their key into every header.
fn shown_agent(agent: &str) -> String {
    let word = |word: &str| if is_secret(word) { "***".to_owned() } else { word.to_owned() };
    agent.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Whether a parameter of this name holds a secret. An escaped name is not worth reading: it counts as one.
fn names_a_secret(name: &str) -> bool {
    const PARTS: [&str; 12] = [
        "key",
        "token",
        "secret",
        "passw",
        "code",
        "otp",
        "credential",
        "auth",
        "signature",
        "cookie",
        "session",
        "challenge",
    ];
    let name = name.to_ascii_lowercase();
    name.contains('%')
        || matches!(name.as_str(), "sig" | "pwd" | "pass" | "state" | "jwt")
        || PARTS.iter().any(|part| name.contains(part))
}

/// Whether a value has the shape of a key or a token of ours or of a provider.
fn is_secret(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let is_url = ["://", "%3a%2f%2f"].iter().any(|sign| value.contains(sign));
    let has_owner = is_url && (value.contains('@') || value.contains("%40"));
    has_owner
        || ["sk-", "sk%2d", "eyj", "bearer", "%65yj", "%73k"].iter().any(|shape| value.starts_with(shape))
}

/// At most `most` bytes of visible ASCII and spaces: a terminal obeys other characters, and some make one line
/// look like another.
fn visible(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    for byte in text.bytes() {
        let width = if byte.is_ascii_graphic() || byte == b' ' { 1 } else { 3 };
        if shown.len() + width > most {
            break;
        }
        if width == 1 {
            shown.push(char::from(byte));
        } else {
            write!(shown, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(host: &str, path: &str, query: &str) -> RequestFacts {
        RequestFacts::http(&HttpFacts {
            id: "req_1".parse().unwrap(),
            method: "GET",
            scheme: "https",
            host,
            path,
            query: (!query.is_empty()).then_some(query),
            address: IpAddr::from([192, 0, 2, 1]),
            peer: IpAddr::from([192, 0, 2, 1]),
            agent: "curl\u{1b}[31m",
            success_status: 200,
        })
    }

    fn uri(path: &str, query: &str) -> String {
        let facts = facts("chat.example.com", path, query);
        assert_eq!(facts.agent(), "curl%1B[31m");
        facts.uri().to_owned()
    }

    #[test]
    fn a_uri_is_absolute_and_keeps_what_is_no_secret() {
        assert_eq!(
            uri("/api/v1/users/", "page=2&query=ada"),
            "https://chat.example.com/api/v1/users/?page=2&query=ada"
        );
        assert_eq!(uri("/health", ""), "https://chat.example.com/health");
    }

    #[test]
    fn the_path_is_that_of_the_url() {
        for host in ["chat.example.com", "[::1]:8080", ""] {
            for query in ["", "next=/a?b"] {
                assert_eq!(
                    facts(host, "/v1/models/a://b/c", query).path(),
                    "/v1/models/a://b/c",
                    "{host} {query}"
                );
            }
        }
        assert_eq!(RequestFacts::command_line("users deactivate").path(), "");
    }

    #[test]
    fn secrets_in_a_uri_are_left_out_by_their_name_or_their_shape() {
        for (query, shown) in [
            ("key=sk-abc", "key=***"),
            ("API_Key=abc&page=1", "API_Key=***&page=1"),
            ("x=eyJhbGciOi", "x=***"),
            ("x=SK-abc", "x=***"),
            ("sk-abc", "***"),
            ("%6bey=abc", "%6bey=***"),
            ("access_token=abc", "access_token=***"),
            ("sig=abc&design=x", "sig=***&design=x"),
            ("url=https%3A%2F%2Fada%3Apw%40host&u=http://a:b@c", "url=***&u=***"),
        ] {
            assert_eq!(uri("/x", query), format!("https://chat.example.com/x?{shown}"));
        }
        assert_eq!(uri("/x/sk-abc/y", ""), "https://chat.example.com/x/***/y");
    }

    #[test]
    fn a_user_agent_keeps_what_is_no_secret() {
        assert_eq!(shown_agent("ci/1.0 (x; y)  sk-abc eyJhbGci"), "ci/1.0 (x; y)  *** ***");
    }

    #[test]
    fn whatever_a_stranger_sends_is_kept_short() {
        assert!(uri(&"/a".repeat(5_000), "").len() <= MOST_URI);
        assert!(visible(&"ä".repeat(5_000), 100).len() <= 100);
    }
}
