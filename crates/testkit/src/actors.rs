//! Who uses the app: strangers, people, administrators and programs. Each has the verbs of [`Caller`].

use std::{
    net::SocketAddr,
    ops::Deref,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::{Answer, Draft, Live, MODEL, Nginx, TestApp, client::Way};

/// Somebody at the other end of a connection, with or without a credential.
#[derive(Debug, Clone)]
pub struct Caller {
    way: Way,
    headers: Vec<(String, String)>,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { way: Way::to(address), headers: Vec::new() }
    }

    pub(crate) fn moved_to(&self, address: SocketAddr) -> Self {
        Self { way: Way { to: address, ..self.way }, headers: self.headers.clone() }
    }

    /// The caller alone, without what is known about who it is.
    #[must_use]
    pub fn caller(&self) -> Self {
        self.clone()
    }

    /// The same caller with one more header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { way: self.way, headers }
    }

    /// The same caller, asking the proxy instead.
    #[must_use]
    pub fn through(&self, proxy: &Nginx) -> Self {
        let way = Way { from: self.way.from, ..proxy.way() };
        Self { way, headers: self.headers.clone() }
    }

    /// The same caller at another address of 127.0.0.0/8.
    #[must_use]
    pub fn at(&self, address: [u8; 4]) -> Self {
        let way = Way { from: Some(address.into()), ..self.way };
        Self { way, headers: self.headers.clone() }
    }

    /// The same caller with another bearer credential.
    #[must_use]
    pub fn bearer(&self, secret: &str) -> Self {
        let mut without = self.clone();
        without.headers.retain(|(name, _)| name != "authorization");
        without.with("authorization", &format!("Bearer {secret}"))
    }

    /// A request to be completed and sent.
    pub fn draft(&self, method: &str, path: &str) -> Draft {
        let draft = Draft {
            way: self.way,
            method: method.parse().expect("a test gives a method"),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        self.headers.iter().fold(draft, |draft, (name, value)| draft.header(name, value))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.draft("GET", path).send().await
    }

    /// DELETE without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.draft("DELETE", path).send().await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.draft("POST", path).json(&body).send().await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.draft("PATCH", path).json(&body).send().await
    }

    /// Asks the model [`MODEL`] something.
    pub async fn chat(&self, text: &str) -> Answer {
        self.ask(MODEL, text).await
    }

    /// Asks a model something.
    pub async fn ask(&self, model: &str, text: &str) -> Answer {
        self.complete(json!({ "model": model, "messages": [{ "role": "user", "content": text }] })).await
    }

    /// Sends a chat completion with this body.
    pub async fn complete(&self, body: Value) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// Asks the model [`MODEL`] something and reads the answer as it comes.
    pub async fn stream(&self, text: &str) -> Live {
        let body =
            json!({ "model": MODEL, "stream": true, "messages": [{ "role": "user", "content": text }] });
        self.open("/v1/chat/completions", &body).await
    }

    /// POST with a JSON body, of which the answer is read as it comes.
    pub async fn open(&self, path: &str, body: &Value) -> Live {
        self.draft("POST", path).json(body).open().await
    }
}

/// Somebody without a credential.
#[derive(Debug, Clone)]
pub struct Anonymous(pub(crate) Caller);

impl Deref for Anonymous {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// A signed-in person, who presents the session as a bearer credential.
#[derive(Debug, Clone)]
pub struct Person {
    caller: Caller,
    browser: Caller,
    /// The account's id.
    pub id: String,
    /// The role at sign-in.
    pub role: String,
    /// The session's token.
    pub token: String,
    /// The address that they sign in with.
    pub email: String,
    /// Their password.
    pub password: String,
}

impl Person {
    pub(crate) fn of(stranger: &Caller, session: &Value, email: String, password: String) -> Self {
        let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
        let token = text("token");
        let browser =
            stranger.clone().with("cookie", &format!("token={token}")).with("sec-fetch-site", "same-origin");
        let caller = stranger.bearer(&token);
        Self { caller, browser, id: text("id"), role: text("role"), token, email, password }
    }

    /// The same person in a browser on our own pages: with the cookie.
    pub fn browser(&self) -> Caller {
        self.browser.clone()
    }
}

impl Deref for Person {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// A person with the role admin.
#[derive(Debug, Clone)]
pub struct Admin(pub(crate) Person);

impl Deref for Admin {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

/// A virtual key that is about to be made by the administrator.
#[derive(Clone)]
pub struct KeyDraft<'a> {
    app: &'a TestApp,
    body: Value,
}

impl<'a> KeyDraft<'a> {
    pub(crate) fn of(app: &'a TestApp) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("key {}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { app, body: json!({ "name": name }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.field("name", json!(name))
    }

    /// The most it may spend, in US dollars.
    #[must_use]
    pub fn budget(self, dollars: f64) -> Self {
        self.field("max_budget", json!(dollars))
    }

    /// The models it may use; patterns with `*`.
    #[must_use]
    pub fn models(self, models: &[&str]) -> Self {
        self.field("models", json!(models))
    }

    /// The endpoints it may call, e.g. `chat.completions`.
    #[must_use]
    pub fn endpoints(self, endpoints: &[&str]) -> Self {
        self.field("endpoints", json!(endpoints))
    }

    /// For how many seconds it works.
    #[must_use]
    pub fn lasts(self, seconds: u64) -> Self {
        self.field("expires_at", json!(unix_seconds() + seconds))
    }

    /// Any other field of a new key.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    /// Makes it.
    pub async fn create(self) -> Program {
        let keeper = self.app.keeper().await;
        let made = keeper.post("/api/v1/keys", self.body).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (secret, id) = (text(&made["key"]), text(&made["item"]["id"]));
        assert!(secret.starts_with("sk-") && !id.is_empty(), "no key in {made}");
        let caller = Caller::new(keeper.way.to).bearer(&secret);
        Program { caller, keeper: keeper.caller.clone(), secret, id }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key's end is a time of the real clock, which the binary uses"
)]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A program that holds a virtual key.
#[derive(Debug, Clone)]
pub struct Program {
    caller: Caller,
    keeper: Caller,
    /// The key itself.
    pub secret: String,
    /// The key's id, which is no secret.
    pub id: String,
}

impl Program {
    /// The key as an administrator sees it.
    pub async fn shown(&self) -> Value {
        self.keeper.get(&self.path("")).await.expect(200).json()
    }

    /// An administrator changes the key.
    pub async fn change(&self, change: Value) {
        self.keeper.patch(&self.path(""), change).await.expect(200);
    }

    /// An administrator stops the key for now.
    pub async fn block(&self) {
        self.keeper.post(&self.path("/block"), json!({})).await.expect(200);
    }

    /// An administrator lets the key work again.
    pub async fn unblock(&self) {
        self.keeper.post(&self.path("/unblock"), json!({})).await.expect(200);
    }

    /// An administrator ends the key for ever.
    pub async fn revoke(&self) {
        self.keeper.delete(&self.path("")).await.expect(204);
    }

    fn path(&self, action: &str) -> String {
        format!("/api/v1/keys/{}{action}", self.id)
    }
}

impl Deref for Program {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}
