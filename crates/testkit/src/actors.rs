//! Who uses the app: strangers, people, administrators and programs. Each has the verbs of [`Caller`].

use std::{net::SocketAddr, ops::Deref};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::{Answer, Draft, Live, MODEL};

/// Somebody at the other end of a connection, with or without a credential.
#[derive(Debug, Clone)]
pub struct Caller {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same caller with one more header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { address: self.address, headers }
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
            address: self.address,
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

impl Admin {
    /// A virtual key that is about to be made, by this administrator.
    pub fn key(&self) -> KeyDraft {
        KeyDraft::of(self.0.caller.clone())
    }
}

impl Deref for Admin {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

/// A virtual key that is about to be made.
#[derive(Debug, Clone)]
pub struct KeyDraft {
    maker: Caller,
    body: Value,
}

impl KeyDraft {
    pub(crate) fn of(maker: Caller) -> Self {
        Self { maker, body: json!({}) }
    }

    /// Its name.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.field("key_alias", json!(name))
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

    /// How long it works, e.g. `2s`.
    #[must_use]
    pub fn lasts(self, duration: &str) -> Self {
        self.field("duration", json!(duration))
    }

    /// Any other field of `/key/generate`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    /// Makes it, through LiteLLM's `/key/generate`.
    pub async fn create(self) -> Program {
        let made = self.maker.post("/key/generate", self.body).await.expect(200).json();
        let secret = made["key"].as_str().unwrap_or_default().to_owned();
        assert!(secret.starts_with("sk-"), "no key in {made}");
        Program { caller: Caller::new(self.maker.address).bearer(&secret), secret, made }
    }
}

/// A program that holds a virtual key.
#[derive(Debug, Clone)]
pub struct Program {
    caller: Caller,
    /// The key itself.
    pub secret: String,
    /// What `/key/generate` answered.
    pub made: Value,
}

impl Deref for Program {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}
