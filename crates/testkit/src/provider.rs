//! A provider on this machine that behaves as well or as badly as a test wants, and remembers what it saw.

mod gate;
mod reply;
mod script;
mod wire;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

pub use gate::Gate;
pub use reply::Reply;

use crate::{MODEL, eventually};

/// A request as the provider got it.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Received {
    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The provider. Ends with this value.
pub struct FakeProvider {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What the connections of a provider share.
struct State {
    key: String,
    inner: Mutex<Inner>,
}

struct Inner {
    /// How `/models` is answered.
    listing: Reply,
    usual: Reply,
    by_model: HashMap<String, Reply>,
    next: VecDeque<Reply>,
    requests: Vec<Received>,
    listings: Vec<Received>,
    connections: usize,
    sent: Vec<Instant>,
    hang_ups: Vec<Instant>,
}

impl FakeProvider {
    /// Starts one that offers [`MODEL`] and says "Hello." to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let inner = Inner {
            listing: Reply::json(200, &Value::Null),
            usual: Reply::says("Hello."),
            by_model: HashMap::new(),
            next: VecDeque::new(),
            requests: Vec::new(),
            listings: Vec::new(),
            connections: 0,
            sent: Vec::new(),
            hang_ups: Vec::new(),
        };
        let key = format!("sk-provider-Zt8Qw3Lm5Xr7-{}", address.port());
        let state = Arc::new(State { key, inner: Mutex::new(inner) });
        let accepting = crate::spawn(wire::accept(listener, state.clone()));
        let provider = Self { address, state, accepting };
        provider.offers(&[MODEL]);
        provider
    }

    /// Its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The key that it is called with; unlike any other text, so that it can be searched for.
    pub fn key(&self) -> &str {
        &self.state.key
    }

    /// Lists these models.
    pub fn offers(&self, models: &[&str]) {
        let entry =
            |id: &&str| json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "fake" });
        let data: Vec<Value> = models.iter().map(entry).collect();
        self.lists(json!({ "object": "list", "data": data }));
    }

    /// Answers `/models` with this JSON.
    pub fn lists(&self, list: Value) {
        self.lists_as(Reply::by(move |_| Reply::json(200, &list)));
    }

    /// Answers `/models` so.
    pub fn lists_as(&self, reply: Reply) {
        self.state.lock().listing = reply;
    }

    /// Answers everything so.
    pub fn answers(&self, reply: Reply) {
        self.state.lock().usual = reply;
    }

    /// Answers requests for this model so.
    pub fn answers_for(&self, model: &str, reply: Reply) {
        self.state.lock().by_model.insert(model.to_owned(), reply);
    }

    /// Answers one request so, after those that were said before.
    pub fn answers_once(&self, reply: Reply) {
        self.state.lock().next.push_back(reply);
    }

    /// How many requests came, besides those for the list of models.
    pub fn calls(&self) -> usize {
        self.state.lock().requests.len()
    }

    /// Those requests.
    pub fn requests(&self) -> Vec<Received> {
        self.state.lock().requests.clone()
    }

    /// The latest of them.
    pub fn last(&self) -> Received {
        self.state.lock().requests.last().cloned().expect("the provider was called")
    }

    /// How often the list of models was asked for.
    pub fn listings(&self) -> usize {
        self.state.lock().listings.len()
    }

    /// The latest request for the list of models.
    pub fn last_listing(&self) -> Received {
        self.state.lock().listings.last().cloned().expect("the provider was asked for its models")
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// When each piece of a stream was written.
    pub fn sent(&self) -> Vec<Instant> {
        self.state.lock().sent.clone()
    }

    /// Waits until this many requests have arrived.
    pub async fn called(&self, times: usize) {
        eventually(&format!("call {times} of the provider"), async || (self.calls() >= times).then_some(()))
            .await;
    }

    /// Waits until so many clients have closed their connection in the middle of an answer.
    pub async fn hung_up_on(&self, times: usize) {
        let what = format!("{times} connections to the provider are closed");
        eventually(&what, async || (self.state.lock().hang_ups.len() >= times).then_some(())).await;
    }

    /// Waits until a client has closed its connection in the middle of an answer, and says when it was.
    pub async fn hung_up(&self) -> Instant {
        let first = async || self.state.lock().hang_ups.first().copied();
        eventually("the connection to the provider is closed", first).await
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while holding it")
    }

    /// Notes a request and finds its answer.
    fn receive(&self, request: Received) -> Reply {
        let mut inner = self.lock();
        if request.method == "GET" && request.path.ends_with("/models") {
            inner.listings.push(request);
            return inner.listing.clone();
        }
        let model = request.json()["model"].as_str().unwrap_or_default().to_owned();
        inner.requests.push(request);
        inner
            .next
            .pop_front()
            .or_else(|| inner.by_model.get(&model).cloned())
            .unwrap_or_else(|| inner.usual.clone())
    }
}
