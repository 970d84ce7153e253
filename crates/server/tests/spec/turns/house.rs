//! A person with a chat and a provider, and the small verbs of turns.

use serde_json::{Value, json};
use testkit::{Caller, Event, FakeProvider, Live, MODEL, Person, Stage, TestApp, eventually};

/// An app with one provider, and a person with an empty chat.
pub(super) struct House {
    pub(super) app: TestApp,
    pub(super) provider: FakeProvider,
    pub(super) ada: Person,
    pub(super) chat: String,
}

/// A turn as its page knows it.
pub(super) struct Asked {
    pub(super) turn: String,
    pub(super) question: Option<String>,
    pub(super) answer: String,
}

impl House {
    pub(super) async fn on(stage: Stage) -> Self {
        let provider = FakeProvider::start().await;
        let app = stage.provider(&provider).start().await;
        app.admin().await;
        let ada = app.person("Ada").await;
        let chat = new_chat(&ada).await;
        Self { app, provider, ada, chat }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/v1/chats/{}{rest}", self.chat)
    }

    pub(super) async fn ask(&self, parent: Option<&str>, content: &str) -> Asked {
        self.start(json!({ "model": MODEL, "parent_id": parent, "content": content })).await
    }

    pub(super) async fn start(&self, body: Value) -> Asked {
        let started = self.ada.post(&self.path("/turns"), body).await.expect(201).json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Asked {
            turn: text(&started["turn_id"]).unwrap(),
            question: text(&started["user_message"]["id"]),
            answer: text(&started["message"]["id"]).unwrap(),
        }
    }

    pub(super) async fn watch(&self, asked: &Asked, after: &str) -> Live {
        let events = self.path(&format!("/turns/{}/events{after}", asked.turn));
        self.ada.draft("GET", &events).open().await
    }

    /// All events, to the end.
    pub(super) async fn watched(&self, asked: &Asked) -> Vec<Value> {
        self.watch(asked, "").await.events().await.iter().map(Event::json).collect()
    }

    pub(super) async fn history(&self) -> Value {
        self.ada.get(&self.path("")).await.expect(200).json()["chat"]["history"].clone()
    }

    pub(super) async fn message(&self, id: &str) -> Value {
        self.history().await["messages"][id].clone()
    }

    /// Waits until the answer is saved with some text.
    pub(super) async fn saved_some(&self, asked: &Asked) -> Value {
        let has_text = async || {
            let message = self.message(&asked.answer).await;
            (message["content"] != "").then_some(message)
        };
        eventually("some of the answer is saved", has_text).await
    }
}

pub(super) async fn new_chat(person: &Caller) -> String {
    let chat = person.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    chat["id"].as_str().unwrap().to_owned()
}

/// The text that the events add up to.
pub(super) fn text(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "delta");
    deltas.map(|event| event["text"].as_str().unwrap()).collect()
}

pub(super) fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// Reads up to the event that completes this text; says its number and the text so far.
pub(super) async fn read_until(stream: &mut Live, end: &str) -> (u64, String) {
    let mut text = String::new();
    while !text.ends_with(end) {
        let event = stream.next_event().await.expect("the stream goes on");
        if event.json()["type"] == "delta" {
            text.push_str(event.json()["text"].as_str().unwrap());
        }
        if text.ends_with(end) {
            return (event.id.parse().unwrap(), text);
        }
    }
    unreachable!("an empty end is never asked for")
}
