//! What somebody has running, of a kind that never ends by itself, and how it is found to have ended.

use std::time::Duration;

use serde_json::json;
use testkit::{Answer, Caller, FakeProvider, Live, MODEL, Reply, TestApp, eventually};
use tokio::task::JoinSet;

/// More than a busy machine needs, and less than any patience of the server's own.
const SOON: Duration = Duration::from_secs(10);

/// A stream and a request that waits for its whole answer; of people also an answer in a chat, and a page that watches it.
pub(super) struct Running {
    caller: Caller,
    stream: Live,
    waiting: JoinSet<Answer>,
    watched: Option<Live>,
}

impl Running {
    /// Begins everything that a person can have running.
    pub(super) async fn of_a_person(provider: &FakeProvider, caller: &Caller) -> Self {
        let mut running = Self::of_a_program(provider, caller).await;
        let chat = caller.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
        let turns = format!("/api/v1/chats/{}/turns", chat["id"].as_str().unwrap());
        let asked = json!({ "model": MODEL, "parent_id": null, "content": "Count" });
        let turn = caller.post(&turns, asked).await.expect(201).json();
        let events = format!("{turns}/{}/events", turn["turn_id"].as_str().unwrap());
        let mut watched = caller.draft("GET", &events).open().await;
        while !watched.next_event().await.expect("the answer goes on").data.contains("two") {}
        running.watched = Some(watched);
        running
    }

    /// Begins everything that a program can have running.
    pub(super) async fn of_a_program(provider: &FakeProvider, caller: &Caller) -> Self {
        provider.answers(Reply::says("one two three").silent_after(2));
        let before = provider.calls();
        let mut stream = caller.stream("Count").await;
        assert_eq!(stream.next_event().await.expect("the answer goes on").delta(), "one ");
        let mut waiting = JoinSet::new();
        let asking = caller.clone();
        waiting.spawn(async move { asking.chat("Count").await });
        provider.called(before + 2).await;
        Self { caller: caller.clone(), stream, waiting, watched: None }
    }

    /// Waits until all of it has ended, with this status and code where there is room for them, and with it the
    /// work of the provider, who does nothing else. The next request is refused alike.
    pub(super) async fn has_ended(self, app: &TestApp, provider: &FakeProvider, status: u16, code: &str) {
        let ended = tokio::time::timeout(SOON, self.end(app, provider, status, code)).await;
        ended.expect("something outlives the right to it");
    }

    async fn end(mut self, app: &TestApp, provider: &FakeProvider, status: u16, code: &str) {
        let last = self.stream.events().await.pop().expect("the reason stands in the stream");
        assert_eq!(last.json()["error"]["code"], code, "{last:?}");
        let answer = self.waiting.join_next().await.unwrap().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
        if let Some(watched) = &mut self.watched {
            while watched.next_event().await.is_some() {}
        }
        provider.hung_up_on(provider.calls()).await;
        let next = self.caller.chat("And now?").await;
        assert_eq!(next.status, status, "{}", next.text());
        let called = provider.calls();
        let rows = eventually("each call stands in the ledger", async || {
            let rows = app.sql("SELECT outcome, status, error FROM usage_record WHERE outcome <> 'refused'");
            (rows.len() >= called).then_some(rows)
        })
        .await;
        assert_eq!(rows, vec![["disconnected".to_owned(), status.to_string(), code.to_owned()]; called]);
    }
}
