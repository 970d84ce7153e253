//! Bodies that somebody made to break something: every route of the table refuses them in its own dialect, names the
//! field, and lives on.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use testkit::{Admin, Answer, Caller, Stage, TestApp, spec};
use tokio::task::JoinSet;

use crate::shapes::{DESCRIPTION, Shapes};

spec! {
    no_body_breaks_a_route;
    no_value_of_a_field_of_an_account_breaks_a_route;
    no_value_of_a_field_of_the_workspace_breaks_a_route;
    no_value_of_a_field_of_the_management_breaks_a_route;
    fields_that_the_server_owns_never_take_effect;
    a_refusal_never_repeats_what_it_refuses;
}

const ROUTES: &str = include_str!("../../../../docs/routes.md");
pub(crate) const JSON: &str = "application/json";
/// What no object is called.
const MISSING: &str = "00000000-0000-4000-8000-000000000000";
/// Requests that run at once.
const AT_ONCE: usize = 6;

/// A line of the route table.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What the description says of its body, if it takes one.
    schema: Option<Value>,
}

pub(crate) fn routes() -> Vec<Route> {
    let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let lines = ROUTES.lines().filter(|line| line.starts_with("| `"));
    let route = |line: &str| {
        let mut cells = line.split('`');
        let (method, path) = (cells.nth(1).unwrap().to_owned(), cells.nth(1).unwrap().to_owned());
        let operation = &description["paths"][path.replace("{*", "{")][method.to_lowercase()];
        let schema = operation.pointer("/requestBody/content/application~1json/schema").cloned();
        Route { method, path, schema }
    };
    lines.map(route).collect()
}

impl Route {
    /// Whether it ends the session that these tests use, or passes everything on to a provider.
    pub(crate) fn is_left_out(&self) -> bool {
        self.path.contains("/signout") || self.path.starts_with("/openai/{*")
    }

    pub(crate) fn reads(&self) -> bool {
        self.method == "GET"
    }

    fn is_for_programs(&self) -> bool {
        !self.path.starts_with("/api/v1/")
            || self.path.ends_with("/completions")
            || self.path.ends_with("/embeddings")
    }
}

/// A house with one of everything, and its administrator.
pub(crate) struct House {
    pub(crate) app: TestApp,
    pub(crate) ada: Admin,
    /// Ids by the head of the paths that name them.
    ids: BTreeMap<&'static str, String>,
}

impl House {
    pub(crate) async fn build(stage: Stage) -> Self {
        let stage =
            stage.demo().env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true");
        let app = stage.start().await;
        let ada = app.admin().await;
        let bob = app.person("bob").await;
        let made = async |path: &str, body: Value| -> Value {
            let answer = ada.post(path, body).await;
            assert!(matches!(answer.status, 200 | 201), "{path}: {}", answer.text());
            answer.json()
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let chat = made("/api/v1/chats/new", json!({ "chat": { "title": "Mine" } })).await;
        let group = made("/api/v1/groups/create", json!({ "name": "Readers", "description": "" })).await;
        let own = made("/api/v1/auths/api_keys", json!({ "name": "mine" })).await;
        let key = made("/api/v1/keys", json!({ "name": "theirs" })).await;
        let ids = BTreeMap::from([
            ("/api/v1/chats/", text(&chat["id"])),
            ("/api/v1/groups/", text(&group["id"])),
            ("/api/v1/auths/api_keys/", text(&own["item"]["id"])),
            ("/api/v1/keys/", text(&key["item"]["id"])),
            ("/api/v1/users/", bob.id.clone()),
        ]);
        Self { app, ada, ids }
    }

    /// The path of a route: about things that are there where there are such, else about nothing.
    pub(crate) fn path(&self, route: &Route) -> String {
        let known =
            self.ids.iter().find(|(head, _)| route.path.starts_with(**head)).map(|(_, id)| id.as_str());
        filled(&route.path, |parameter| match parameter {
            "id" => known.unwrap_or(MISSING),
            _ => MISSING,
        })
    }

    /// What still has to hold when everything was tried: nobody fell, and whatever was stored reads back.
    pub(crate) async fn still_stands(mut self) {
        assert_eq!(self.app.ended(), None, "{}", self.app.log());
        assert!(!self.app.log().contains("panicked"), "{}", self.app.log());
        self.app.restart().await;
        for route in routes().iter().filter(|it| it.reads() && !it.path.contains('{')) {
            let answer = self.ada.get(&route.path).await;
            assert!(answer.status < 500, "{}: {}", route.path, answer.text());
        }
        for route in routes().iter().filter(|it| it.reads() && !it.is_left_out()) {
            let answer = self.ada.get(&self.path(route)).await;
            assert!(answer.status < 500, "{}: {}", route.path, answer.text());
        }
        for table in ["account", "user_group", "virtual_key", "api_key", "connection", "passkey"] {
            for row in self.app.sql(&format!("SELECT name FROM {table}")) {
                assert!(!row[0].chars().any(hides), "{table}: {row:?}");
            }
        }
    }
}

/// Controls, marks of direction, and what has no width.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(crate) fn filled<'a>(path: &'a str, value: impl Fn(&'a str) -> &'a str) -> String {
    let part = |part: &'a str| {
        let name = part.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        name.map_or(part, |name| value(name.trim_start_matches('*')))
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// One request and what it is about.
pub(crate) struct Try {
    pub(crate) caller: Caller,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) about: String,
}

/// Sends them, several at once, and gives each answer to the judge.
pub(crate) async fn all(tries: Vec<Try>, judge: impl Fn(&Try, &Answer) -> Result<(), String>) {
    let mut waiting = tries.into_iter();
    let (mut running, mut wrong) = (JoinSet::new(), Vec::new());
    loop {
        while running.len() < AT_ONCE
            && let Some(next) = waiting.next()
        {
            running.spawn(async move {
                let mut draft = next.caller.draft(&next.method, &next.path).body(next.body.clone());
                if let Some(kind) = next.content_type {
                    draft = draft.header("content-type", kind);
                }
                let answer = draft.send().await;
                (next, answer)
            });
        }
        let Some(done) = running.join_next().await else { break };
        let (done, answer) = done.expect("a request does not panic");
        let verdict = is_spoken(&answer).and_then(|()| judge(&done, &answer));
        if let Err(why) = verdict {
            let text: String = answer.text().chars().take(300).collect();
            wrong.push(format!(
                "{} {} {}: {why}: {} {text}",
                done.method, done.path, done.about, answer.status
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// No error of ours, and a refusal is in one of the two dialects.
fn is_spoken(answer: &Answer) -> Result<(), String> {
    if answer.status >= 500 {
        return Err("a failure".into());
    }
    if answer.status < 400 {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| "no JSON")?;
    let is_problem = body["detail"].is_string() && body["code"].is_string();
    let is_openai = body["error"]["message"].is_string();
    (is_problem || is_openai).then_some(()).ok_or_else(|| "no dialect".into())
}

/// The input that a refusal names.
pub(crate) fn named(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let name = body.pointer("/error/param").or_else(|| body.get("field"))?;
    name.as_str().map(str::to_owned)
}

async fn no_body_breaks_a_route(stage: Stage) {
    let house = House::build(stage).await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let bodies: Vec<(&str, Vec<u8>, Option<&'static str>)> = vec![
        ("nothing", vec![], Some(JSON)),
        ("half", b"{".to_vec(), Some(JSON)),
        ("a list", b"[]".to_vec(), Some(JSON)),
        ("a list of what it would take", b"[null,null,null,null]".to_vec(), Some(JSON)),
        ("null", b"null".to_vec(), Some(JSON)),
        ("a number", b"7".to_vec(), Some(JSON)),
        ("a word", b"\"x\"".to_vec(), Some(JSON)),
        ("not finite", b"NaN".to_vec(), Some(JSON)),
        ("two", b"{} {}".to_vec(), Some(JSON)),
        ("deep lists", deep("[", "]").into(), Some(JSON)),
        ("deep objects", deep("{\"name\":", "}").into(), Some(JSON)),
        ("not closed", "{\"name\":[".repeat(10_000).into(), Some(JSON)),
        ("no text", b"{\"name\":\"\xff\xfe\"}".to_vec(), Some(JSON)),
        ("half a character", b"{\"name\":\"\\ud800\"}".to_vec(), Some(JSON)),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), Some(JSON)),
        ("a mark before it", b"\xef\xbb\xbf{}".to_vec(), Some(JSON)),
        ("another type", b"{}".to_vec(), Some("text/plain")),
        ("a form", b"name=x".to_vec(), Some("application/x-www-form-urlencoded")),
        ("parts without a border", b"--x\r\n\r\n".to_vec(), Some("multipart/form-data")),
        ("no type", b"{}".to_vec(), None),
    ];
    let mut tries = Vec::new();
    let mut takes = BTreeMap::new();
    for route in routes().iter().filter(|it| !it.reads() && !it.is_left_out()) {
        // About nothing, so that those who take no body have nothing to change.
        let path = filled(&route.path, |_| MISSING);
        takes.insert(path.clone(), route.schema.is_some() || route.is_for_programs());
        tries.extend(bodies.iter().map(|(about, body, content_type)| Try {
            caller: house.ada.caller(),
            method: route.method.clone(),
            path: path.clone(),
            body: body.clone(),
            content_type: *content_type,
            about: (*about).to_owned(),
        }));
    }
    let takes = Arc::new(takes);
    all(tries, |asked, answer| {
        let is_refused = (400..500).contains(&answer.status) && answer.status != 401;
        // Open WebUI's routes skip fields that they do not know, and with them what is in there.
        let is_skipped = matches!(asked.about.as_str(), "deep objects" | "half a character");
        (is_refused || is_skipped || !takes[&asked.path]).then_some(()).ok_or_else(|| "taken".to_owned())
    })
    .await;
    house.still_stands().await;
}

/// Values as JSON, each as hostile as its kind allows.
fn values() -> Vec<(&'static str, String)> {
    let text = |text: &str| Value::from(text).to_string();
    vec![
        ("NUL", text("a\0b")),
        ("lines", text("a\r\nSet-Cookie: b=c")),
        ("turned", text("a\u{202e}b")),
        ("unseen", text("a\u{200b}\u{e0041}")),
        ("marks", text(&format!("a{}", "\u{301}".repeat(1_000)))),
        ("a megabyte", text(&"x".repeat(1_000_000))),
        ("half a character", "\"\\ud800\"".to_owned()),
        ("empty", text("")),
        ("-1", "-1".to_owned()),
        ("a half", "1.5".to_owned()),
        ("1e308", "1e308".to_owned()),
        ("1e999", "1e999".to_owned()),
        ("the greatest", i64::MAX.to_string()),
        ("beyond", "18446744073709551616".to_owned()),
        ("the least", i64::MIN.to_string()),
        ("yes", "true".to_owned()),
        ("a list", "[null]".to_owned()),
        ("an object", "{\"a\\u0000\":1}".to_owned()),
        ("deep", format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))),
    ]
}

/// The fields of the schema, as bodies with a hole in each.
fn holes(shapes: &Shapes, schema: &Value) -> Vec<(String, String)> {
    const HOLE: &str = "@@hole@@";
    let least = shapes.least(schema);
    let mut found = Vec::new();
    for (name, field) in shapes.resolved(schema)["properties"].as_object().into_iter().flatten() {
        let mut fill = |value: Value| {
            let mut body = least.clone();
            body[name] = value;
            found.push((name.clone(), body.to_string()));
        };
        fill(json!(HOLE));
        let field = shapes.resolved(field);
        if field["items"].is_object() {
            fill(json!([HOLE]));
        }
        for inner in field["properties"].as_object().into_iter().flatten().map(|(inner, _)| inner) {
            let mut value = shapes.least(field);
            value[inner] = json!(HOLE);
            fill(value);
        }
    }
    let hole = json!(HOLE).to_string();
    found.into_iter().map(|(name, body)| (name, body.replacen(&hole, "\u{1}", 1))).collect()
}

async fn no_value_breaks(stage: Stage, is_meant: impl Fn(&str) -> bool) {
    let house = House::build(stage).await;
    let shapes = Shapes::read();
    let mut tries = Vec::new();
    let meant = |it: &&Route| !it.reads() && !it.is_left_out() && is_meant(&it.path);
    for route in routes().iter().filter(meant) {
        let holes = route.schema.as_ref().map(|schema| holes(&shapes, schema)).unwrap_or_default();
        for (field, body) in holes {
            tries.extend(values().into_iter().map(|(what, value)| Try {
                caller: house.ada.caller(),
                method: route.method.clone(),
                path: house.path(route),
                body: body.replacen('\u{1}', &value, 1).into(),
                content_type: Some(JSON),
                about: format!("{field}: {what}"),
            }));
        }
    }
    assert!(tries.len() > 200, "only {}", tries.len());
    all(tries, |asked, answer| {
        let code = serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| {
            let code = body.pointer("/error/code").or_else(|| body.get("code"));
            code.and_then(Value::as_str).map(str::to_owned)
        });
        let cannot_be_read = asked.about.ends_with("half a character") || asked.about.ends_with("1e999");
        let must_be_named =
            answer.status == 400 && code.as_deref() == Some("invalid_body") && !cannot_be_read;
        let field = asked.about.split(':').next().unwrap_or_default();
        match named(answer) {
            Some(name) if must_be_named && !name.starts_with(field) => Err(format!("names {name}")),
            None if must_be_named => Err("names nothing".to_owned()),
            _ if answer.text().chars().any(|c| hides(c) && c != '\n') && answer.status >= 400 => {
                Err("repeats what hides".to_owned())
            }
            _ if answer.body.len() > 10_000 && answer.status >= 400 => Err("repeats too much".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    house.still_stands().await;
}

async fn no_value_of_a_field_of_an_account_breaks_a_route(stage: Stage) {
    no_value_breaks(stage, |path| path.starts_with("/api/v1/auths/")).await;
}

async fn no_value_of_a_field_of_the_workspace_breaks_a_route(stage: Stage) {
    let heads = ["/api/v1/users/", "/api/v1/groups/", "/api/v1/chats/", "/api/v1/models/"];
    no_value_breaks(stage, move |path| heads.iter().any(|head| path.starts_with(head))).await;
}

async fn no_value_of_a_field_of_the_management_breaks_a_route(stage: Stage) {
    let heads =
        ["/api/v1/keys", "/api/v1/connections", "/api/v1/catalog", "/api/v1/settings", "/key/", "/openai/"];
    no_value_breaks(stage, move |path| heads.iter().any(|head| path.starts_with(head))).await;
}

/// A person sends, with each body, what only the server says.
async fn fields_that_the_server_owns_never_take_effect(stage: Stage) {
    let house = House::build(stage).await;
    let eve = house.app.person("eve").await;
    let ada = house.ada.id.clone();
    let owned = json!({
        "id": ada, "user_id": ada, "owner_id": ada, "role": "admin", "email": "eve-is-root@example.com", "is_active": false,
        "created_at": 1, "updated_at": 1, "last_active_at": 1, "password_hash": "x", "permissions": { "workspace": { "models": true } },
        "groups": ["admins"], "group_ids": ["admins"], "proved_at": i64::MAX, "session": "x", "jti": "x", "is_admin": true,
    });
    let with = |mut body: Value| {
        for (name, value) in owned.as_object().unwrap() {
            body.as_object_mut().unwrap().entry(name.clone()).or_insert_with(|| value.clone());
        }
        body
    };
    let account = |id: &str| {
        house
            .app
            .sql(&format!("SELECT email, role, deactivated_at, created_at FROM account WHERE id = '{id}'"))
    };
    let (before, root) = (account(&eve.id), account(&ada));
    let stranger = house.app.anonymous();
    let form = json!({ "name": "Sly", "email": "sly@example.com", "password": eve.password });
    let sly = stranger.post("/api/v1/auths/signup", with(form)).await.expect(200).json();
    assert_eq!((&sly["role"], &sly["email"]), (&json!("user"), &json!("sly@example.com")));
    assert_ne!(sly["id"], json!(ada));

    eve.post("/api/v1/auths/update/profile", with(json!({ "name": "Eve" }))).await.expect(200);
    eve.post("/api/v1/users/user/settings/update", with(json!({ "ui": {} }))).await.expect(200);
    let chat =
        eve.post("/api/v1/chats/new", with(json!({ "chat": { "title": "Hers" } }))).await.expect(200).json();
    assert_eq!(chat["user_id"], json!(eve.id));
    assert_ne!(chat["id"], json!(ada));
    let path = format!("/api/v1/chats/{}", chat["id"].as_str().unwrap());
    let changed =
        eve.post(&path, with(json!({ "chat": { "title": "Still hers", "user_id": ada, "id": ada } }))).await;
    assert_eq!(changed.expect(200).json()["user_id"], json!(eve.id));
    // Routes of our own take no field that they do not know.
    for (path, body) in [
        ("/api/v1/auths/api_keys".to_owned(), json!({ "name": "hers" })),
        ("/api/v1/auths/signout/all".to_owned(), json!({ "keep_current": true })),
        ("/api/v1/auths/step-up".to_owned(), json!({ "password": eve.password })),
        (format!("{path}/turns"), json!({ "model": "demo/echo", "parent_id": null, "content": "Hi" })),
    ] {
        let refused = eve.post(&path, with(body)).await.expect(400);
        assert!(owned.get(named(&refused).unwrap_or_default()).is_some(), "{path}: {}", refused.text());
    }
    assert_eq!((account(&eve.id), account(&ada)), (before, root));
    assert_eq!(house.app.sql("SELECT id FROM account WHERE role = 'admin'").len(), 1);
    house.still_stands().await;
}

async fn a_refusal_never_repeats_what_it_refuses(stage: Stage) {
    let house = House::build(stage).await;
    let stranger = house.app.anonymous();
    let signup = |name: Value, email: Value, password: Value| {
        stranger.post("/api/v1/auths/signup", json!({ "name": name, "email": email, "password": password }))
    };
    for (answer, field) in [
        (signup(json!("Eve"), json!("e@example.com"), json!(48_151_623)).await, "password"),
        (signup(json!(48_151_623), json!("e@example.com"), json!("x")).await, "name"),
        (signup(json!("Eve"), json!(true), json!("x")).await, "email"),
        (house.ada.post("/key/generate", json!({ "max_budget": "48151623" })).await, "max_budget"),
        (house.ada.post("/key/generate", json!({ "models": "48151623" })).await, "models"),
        (house.ada.get("/api/v1/users/?role=48151623").await, "role"),
        (house.ada.get("/api/v1/users/?page=x48151623").await, "page"),
    ] {
        assert_eq!((answer.status, named(&answer).as_deref()), (400, Some(field)), "{}", answer.text());
        assert!(!answer.text().contains("48151623"), "{}", answer.text());
    }
    let twice = r#"{"max_budget":1,"max_budget":1000}"#;
    let draft = house.ada.draft("POST", "/key/generate").header("content-type", JSON).body(twice);
    assert_eq!(named(&draft.send().await.expect(400)).as_deref(), Some("max_budget"));
    let as_a_list = format!(r#"["{}","{}"]"#, house.ada.email, house.ada.password);
    let draft = stranger.draft("POST", "/api/v1/auths/signin").header("content-type", JSON).body(as_a_list);
    draft.send().await.expect(400);
}
