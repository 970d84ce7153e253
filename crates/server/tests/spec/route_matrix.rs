//! The route matrix (docs/routes.md), performed: every route, as every kind of caller.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Answer, Caller, Person, Stage, TestApp, spec};

use crate::shapes::Shapes;

spec! {
    a_refused_request_is_refused_as_the_matrix_says_and_changes_nothing;
    an_admitted_request_reaches_its_route;
}

const MATRIX: &str = include_str!("../../../../docs/routes.md");
/// What no object is called.
const MISSING: &str = "00000000-0000-4000-8000-000000000000";

/// One line of the matrix: what each kind of caller is answered.
pub(super) struct Line {
    pub(super) method: String,
    pub(super) path: String,
    cells: Vec<(String, String)>,
}

pub(super) fn matrix() -> Vec<Line> {
    let mut table = MATRIX.lines().filter(|line| line.starts_with('|'));
    let split = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let kinds = split(table.next().unwrap()).split_off(3);
    let lines = table.skip(1).map(|line| {
        let mut cells = split(line);
        let verdicts = cells.split_off(3);
        assert_eq!(verdicts.len(), kinds.len(), "{line}");
        let cells_of = kinds.iter().cloned().zip(verdicts).collect();
        Line { method: cells[0].clone(), path: cells[1].clone(), cells: cells_of }
    });
    lines.collect()
}

/// The people and programs of the matrix, and the objects of the one called `user`.
pub(super) struct Cast {
    pub(super) app: TestApp,
    people: BTreeMap<&'static str, Person>,
    pub(super) callers: BTreeMap<&'static str, Caller>,
    ids: BTreeMap<&'static str, String>,
}

impl Cast {
    pub(super) async fn gather(stage: Stage) -> Self {
        let app = stage
            .demo()
            .env("ENABLE_API_KEYS", "true")
            .env("USER_PERMISSIONS_FEATURES_API_KEYS", "true")
            .env("ENABLE_OPENAI_API_PASSTHROUGH", "true")
            .start()
            .await;
        let ada = app.admin().await;
        let mut people = BTreeMap::new();
        for name in ["pending", "user", "other user", "group member", "deactivated"] {
            people.insert(name, app.person(name).await);
        }
        people.insert("admin", Person::clone(&ada));
        let mut cast = Self { app, people, callers: BTreeMap::new(), ids: BTreeMap::new() };
        cast.join_group(&ada).await;
        cast.own_things(&ada).await;
        let change = |name: &str| format!("/api/v1/users/{}/update", cast.people[name].id);
        ada.post(&change("pending"), json!({ "role": "pending" })).await.expect(200);
        ada.post(&change("deactivated"), json!({ "is_active": false })).await.expect(200);
        // A lower role signs out.
        cast.sign_in_again("pending").await;
        cast
    }

    async fn join_group(&self, ada: &Caller) {
        let group = json!({ "name": "Readers", "description": "" });
        let made = ada.post("/api/v1/groups/create", group).await.expect(200).json();
        let members = json!({ "user_ids": [self.people["user"].id, self.people["group member"].id] });
        let path = format!("/api/v1/groups/id/{}/users/add", made["id"].as_str().unwrap());
        ada.post(&path, members).await.expect(200);
    }

    /// One of everything that belongs to a person.
    async fn own_things(&mut self, ada: &Caller) {
        let user = self.people["user"].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let chat = user.post("/api/v1/chats/new", json!({ "chat": { "title": "Mine" } })).await.expect(200);
        let chat = text(&chat.json()["id"]);
        let turn = json!({ "model": "demo/echo", "parent_id": null, "content": "Hello" });
        let turn = user.post(&format!("/api/v1/chats/{chat}/turns"), turn).await.expect(201).json();
        let shared = user.post(&format!("/api/v1/chats/{chat}/share"), json!({})).await.expect(200).json();
        let make = |name: &str, endpoints: Value| json!({ "name": name, "endpoints": endpoints });
        let whole = user.post("/api/v1/auths/api_keys", make("whole", json!([]))).await.expect(201).json();
        let narrow = make("narrow", json!(["GET /api/models"]));
        let narrow = user.post("/api/v1/auths/api_keys", narrow).await.expect(201).json();
        let sessions = user.get("/api/v1/auths/sessions").await.expect(200).json();
        let program = self.app.key().create().await;
        let anonymous = Caller::clone(&self.app.anonymous());
        self.ids = BTreeMap::from([
            ("chat", chat),
            ("message", text(&turn["message"]["id"])),
            ("turn", text(&turn["turn_id"])),
            ("share", text(&shared["share_id"])),
            ("api_key", text(&whole["item"]["id"])),
            ("session", text(&sessions["items"][0]["id"])),
            ("user", user.id.clone()),
            ("virtual_key", program.id.clone()),
        ]);
        self.callers = BTreeMap::from([
            ("API key", anonymous.bearer(&text(&whole["api_key"]))),
            ("restricted key", anonymous.bearer(&text(&narrow["api_key"]))),
            ("virtual key", Caller::clone(&program)),
            ("anonymous", anonymous),
        ]);
        for (name, person) in &self.people {
            self.callers.insert(name, Caller::clone(person));
        }
        self.callers.insert("admin", ada.clone());
    }

    /// The path with what it names: things of `user`, or things that do not exist.
    pub(super) fn name(&self, line: &Line, are_real: bool) -> String {
        let heads = [
            ("/api/v1/chats/share/", "share"),
            ("/api/v1/chats/", "chat"),
            ("/api/v1/auths/sessions/", "session"),
            ("/api/v1/auths/api_keys/", "api_key"),
            ("/api/v1/users/", "user"),
            ("/api/v1/keys/", "virtual_key"),
        ];
        let head = heads.iter().find(|(head, _)| line.path.starts_with(head)).map(|(_, name)| *name);
        let value = |parameter: &str| match parameter {
            _ if !are_real => MISSING,
            "message_id" => &self.ids["message"],
            "turn_id" => &self.ids["turn"],
            "session_id" => &self.ids["session"],
            "key_id" => &self.ids["api_key"],
            _ => head.map_or(MISSING, |name| &self.ids[name]),
        };
        let segments = line.path.split('/').map(|segment| {
            let parameter = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            parameter.map_or(segment, |name| value(name.trim_start_matches('*')))
        });
        segments.collect::<Vec<_>>().join("/")
    }

    async fn ask(&self, line: &Line, kind: &str, are_real: bool, body: Option<Value>) -> Answer {
        let mut draft = self.callers[kind].draft(&line.method, &self.name(line, are_real));
        if let Some(body) = body {
            draft = draft.json(&body);
        }
        draft.send().await
    }

    /// What nobody who is refused may have changed.
    fn everything(&self) -> Vec<Vec<Vec<String>>> {
        let tables = [
            "SELECT id, email, name, role, deactivated_at, password FROM account ORDER BY id",
            "SELECT * FROM chat ORDER BY id",
            "SELECT id, chat_id, content FROM chat_message ORDER BY chat_id, id",
            "SELECT id FROM session ORDER BY id",
            "SELECT id, name, is_blocked, revoked_at, models, max_budget FROM virtual_key ORDER BY id",
            "SELECT id, name, base_url, is_enabled FROM connection ORDER BY id",
            "SELECT name, value FROM setting ORDER BY name",
            "SELECT id, name FROM user_group ORDER BY id",
            "SELECT * FROM group_member ORDER BY group_id, account_id",
            "SELECT * FROM access_grant ORDER BY resource_id, principal_id, permission",
            "SELECT id, chat_id FROM chat_share ORDER BY id",
            "SELECT id, name FROM api_key ORDER BY id",
            "SELECT id, name FROM passkey ORDER BY id",
        ];
        tables.iter().map(|sql| self.app.sql(sql)).collect()
    }
}

/// A body that the route would accept, made from its description; none where it takes none.
fn sample(line: &Line, shapes: &Shapes) -> Option<Value> {
    if line.path.ends_with("/turns") {
        // Which of the two kinds it is, only the words of the description say.
        return Some(json!({ "model": "demo/echo", "parent_id": null, "content": "Hello" }));
    }
    let operation = &shapes.0["paths"][line.path.replace("{*", "{")][line.method.to_lowercase()];
    let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
    Some(shapes.least(schema))
}

/// The headers of an answer. Whether the connection stays open is the transport's business.
fn headers(answer: &Answer) -> Vec<(String, String)> {
    let varies = ["date", "x-request-id", "x-litellm-call-id", "connection"];
    let all = answer.headers.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
    all.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

async fn a_refused_request_is_refused_as_the_matrix_says_and_changes_nothing(stage: Stage) {
    let (cast, shapes) = (Cast::gather(stage).await, Shapes::read());
    let before = cast.everything();
    let mut wrong = Vec::new();
    for line in matrix() {
        let body = sample(&line, &shapes);
        for (kind, cell) in line.cells.iter().filter(|(_, cell)| cell != "yes") {
            let answer = cast.ask(&line, kind, true, body.clone()).await;
            if answer.status.to_string() != *cell {
                let (status, text) = (answer.status, answer.text());
                wrong.push(format!(
                    "{} {} as {kind}: {status} instead of {cell}: {text}",
                    line.method, line.path
                ));
            } else if cell == "404" {
                let missing = cast.ask(&line, kind, false, body.clone()).await;
                if (missing.status, missing.text(), headers(&missing))
                    != (answer.status, answer.text(), headers(&answer))
                {
                    wrong.push(format!(
                        "{} {} as {kind}: {} is not {}",
                        line.method,
                        line.path,
                        answer.text(),
                        missing.text()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cast.everything(), before);
}

async fn an_admitted_request_reaches_its_route(stage: Stage) {
    let mut cast = Cast::gather(stage).await;
    let mut wrong = Vec::new();
    let (ending, others): (Vec<_>, Vec<_>) =
        matrix().into_iter().partition(|line| line.path.contains("/signout"));
    for line in others.iter().chain(&ending) {
        let has_body = matches!(line.method.as_str(), "POST" | "PATCH" | "PUT");
        for (kind, _) in line.cells.iter().filter(|(_, cell)| cell == "yes") {
            // It names nothing that exists and says nothing that makes sense, so that nothing happens.
            let answer = cast.ask(line, kind, false, has_body.then(|| json!([]))).await;
            if matches!(answer.status, 401 | 403 | 405 | 500) {
                let (status, text) = (answer.status, answer.text());
                wrong.push(format!("{} {} as {kind}: {status}: {text}", line.method, line.path));
            }
            if line.path.contains("/signout") {
                cast.sign_in_again(kind).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Cast {
    async fn sign_in_again(&mut self, kind: &str) {
        let Some((name, person)) = self.people.get_key_value(kind).filter(|_| kind != "deactivated") else {
            return;
        };
        let form = json!({ "email": person.email, "password": person.password });
        let session = self.app.anonymous().post("/api/v1/auths/signin", form).await.expect(200).json();
        let caller = self.app.anonymous().bearer(session["token"].as_str().unwrap());
        self.callers.insert(name, caller);
    }
}
