//! Every route of the table that does something, performed: one request leaves exactly one record, and one refusal
//! exactly one denial. A route that nobody performs here fails the test.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Value, json};
use testkit::{
    Answer, AuthenticatorApp, Caller, Device, FakeProvider, MODEL, Person, Reply, Stage, TestApp, spec,
};

spec! {
    each_request_that_does_something_leaves_exactly_one_record;
    each_refusal_of_a_stranger_leaves_exactly_one_denial;
    each_look_of_an_administrator_at_personal_data_leaves_exactly_one_record;
}

const MATRIX: &str = include_str!("../../../../docs/routes.md");
/// They hand out a challenge, and change nothing until it is answered.
const ONLY_PREPARE: [&str; 4] = [
    "/api/v1/auths/mfa/enroll/start",
    "/api/v1/auths/passkeys/register/start",
    "/api/v1/auths/passkeys/signin/start",
    "/api/v1/auths/passkeys/step-up/start",
];
/// About more than one thing, or about the whole: the details say what.
const WITHOUT_TARGET: [&str; 2] = ["connection.ordered", "connection.tested"];

type Route = (String, String);

/// Method and path of every route that is not for everybody, or (`whole`) of every route.
fn routes(whole: bool) -> Vec<Route> {
    let rows = MATRIX.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).skip(1);
        [cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap()]
    });
    cells.filter(|[_, _, who]| whole || who != "everybody").map(|[method, path, _]| (method, path)).collect()
}

/// Where answers of a model begin, and nothing else: each leaves a row of usage, and the ledger a record for many.
fn is_inference(path: &str) -> bool {
    ["/chat/completions", "/completions", "/embeddings", "/responses"].iter().any(|end| path.ends_with(end))
}

/// The route that serves this path: the one with the most literal parts that fits.
fn route_of(method: &str, path: &str) -> Route {
    let path = path.split('?').next().unwrap();
    let fits = |pattern: &str| {
        let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (Some(part), Some(_)) if part.starts_with("{*") => return true,
                (Some(part), Some(value)) if part.starts_with('{') || part == value => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    };
    let literal = |pattern: &str| pattern.split('/').filter(|part| !part.starts_with('{')).count();
    let found = routes(true).into_iter().filter(|(of, pattern)| of == method && fits(pattern));
    found.max_by_key(|(_, pattern)| (literal(pattern), !pattern.contains("{*"))).unwrap()
}

/// The bodies of the records that this answer's request left.
fn left(app: &TestApp, answer: &Answer) -> Vec<Value> {
    let id = answer.header("x-request-id").unwrap();
    let rows = app.sql(&format!("SELECT body FROM audit_record WHERE request_id = '{id}' ORDER BY seq"));
    rows.concat().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

/// Performs requests and remembers which routes they were.
struct Play<'a> {
    app: &'a TestApp,
    performed: RefCell<BTreeSet<Route>>,
}

impl Play<'_> {
    /// One request that succeeds and leaves one record, of this event and with all that a record has.
    async fn act(&self, who: &Caller, event: &str, method: &str, path: &str, body: Value) -> Answer {
        let draft = who.draft(method, path);
        let answer = match &body {
            Value::Null => draft.send().await,
            Value::String(csv) => draft.header("content-type", "text/csv").body(csv.clone()).send().await,
            body => draft.json(body).send().await,
        };
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        let records = left(self.app, &answer);
        let [record] = records.as_slice() else { panic!("{method} {path} left {records:#?}") };
        assert_eq!(
            (&record["event"], &record["outcome"]),
            (&json!(event), &json!("done")),
            "{method} {path}"
        );
        let (actor, request) = (&record["actor"], &record["request"]);
        assert!(actor["kind"].is_string() && actor["id"].is_string(), "{method} {path}: {record}");
        assert!(
            actor["kind"] != "person" || actor["email"].is_string() && actor["role"].is_string(),
            "{record}"
        );
        assert_eq!(request["status"], answer.status, "{method} {path}");
        assert_eq!(
            (&request["method"], &request["address"]),
            (&json!(method), &json!("127.0.0.1")),
            "{record}"
        );
        assert!(request["uri"].as_str().unwrap().ends_with(path), "{record}");
        let is_named = record["target"]["id"].as_str().is_some_and(|id| !id.is_empty());
        let lists = record["detail"].as_object().unwrap().values().any(Value::is_array);
        let is_told = WITHOUT_TARGET.contains(&event) || lists;
        assert!(is_named || is_told, "{method} {path} says nothing of what it was about: {record}");
        self.performed.borrow_mut().insert(route_of(method, path));
        answer
    }

    /// The same with POST.
    async fn post(&self, who: &Caller, event: &str, path: &str, body: Value) -> Answer {
        self.act(who, event, "POST", path, body).await
    }

    /// And with DELETE.
    async fn delete(&self, who: &Caller, event: &str, path: &str) {
        self.act(who, event, "DELETE", path, Value::Null).await;
    }

    /// A request that succeeds and changes nothing yet.
    async fn prepare(&self, who: &Caller, path: &str, body: Value) -> Value {
        let answer = who.post(path, body).await.expect(200);
        assert_eq!(left(self.app, &answer).len(), 0, "{path}");
        self.performed.borrow_mut().insert(route_of("POST", path));
        answer.json()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// What a person does at localhost, where browsers have passkeys without HTTPS.
fn local(app: &TestApp, caller: &Caller) -> Caller {
    caller.with("host", &format!("localhost:{}", app.address().port()))
}

/// The session that goes on after a change of what somebody signs in with.
fn onward(app: &TestApp, answer: &Answer) -> Caller {
    let cookie = answer.header("set-cookie").unwrap();
    local(app, &app.anonymous().bearer(cookie.split(';').next().unwrap().trim_start_matches("token=")))
}

async fn each_request_that_does_something_leaves_exactly_one_record(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage
        .env("ENABLE_API_KEYS", "true")
        .env("USER_PERMISSIONS_FEATURES_API_KEYS", "true")
        .env("ENABLE_OPENAI_API_PASSTHROUGH", "true")
        .env("OPENAI_ALLOWED_API_BASE_URLS", &provider.base_url())
        .start()
        .await;
    let ada = app.admin().await;
    let play = Play { app: &app, performed: RefCell::default() };
    connections(&play, &ada, &provider).await;
    accounts(&play, &ada).await;
    own_account(&play).await;
    second_factors(&play, &ada).await;
    passkeys(&play).await;
    api_keys(&play, &ada).await;
    groups_and_rights(&play, &ada).await;
    chats(&play, &provider).await;
    virtual_keys(&play, &ada).await;
    openai(&play, &ada, &provider).await;

    let mutes = |(method, path): &Route| method != "GET" && !is_inference(path);
    let expected: BTreeSet<Route> = routes(true).into_iter().filter(mutes).collect();
    let performed = play.performed.into_inner();
    let missing: Vec<_> = expected.difference(&performed).collect();
    assert!(missing.is_empty(), "nobody performs {missing:#?}");
    assert!(ONLY_PREPARE.iter().all(|path| performed.contains(&("POST".to_owned(), (*path).to_owned()))));
}

async fn connections(play: &Play<'_>, ada: &Person, provider: &FakeProvider) {
    let url = provider.base_url();
    let body = json!({ "base_url": url, "api_key": provider.key() });
    let made = play.post(ada, "connection.made", "/api/v1/connections", body).await.json();
    let one = format!("/api/v1/connections/{}", text(&made["id"]));
    play.act(ada, "connection.changed", "PATCH", &one, json!({ "name": "Mine" })).await;
    play.post(ada, "connection.tested", &format!("{one}/test"), json!({})).await;
    play.post(ada, "connection.refreshed", &format!("{one}/refresh"), json!({})).await;
    let draft = json!({ "base_url": url, "api_key": provider.key() });
    play.post(ada, "connection.tested", "/api/v1/connections/test", draft).await;
    let second = json!({ "base_url": url, "api_key": provider.key(), "prefix": "b" });
    let second = text(&ada.post("/api/v1/connections", second).await.expect(201).json()["id"]);
    let order = json!({ "ids": [second, made["id"]] });
    play.post(ada, "connection.ordered", "/api/v1/connections/order", order).await;
    let hidden = json!({ "connection_id": made["id"], "upstream_id": MODEL, "name": "Small" });
    play.act(ada, "model.changed", "PATCH", "/api/v1/catalog/models", hidden).await;
    play.delete(ada, "connection.deleted", &format!("/api/v1/connections/{second}")).await;
}

async fn accounts(play: &Play<'_>, ada: &Person) {
    let app = play.app;
    let draft = json!({ "name": "Cy", "email": "cy@example.com", "password": "anchovy lamp post" });
    let cy = play.post(ada, "account.made", "/api/v1/auths/add", draft.clone()).await.json();
    let path = |rest: &str| format!("/api/v1/users/{}{rest}", text(&cy["id"]));
    let change = json!({ "role": "user", "name": "Cyd", "password": "anchovy lamp posts" });
    play.post(ada, "account.role_changed", &path("/update"), change).await;
    for (is_active, event) in [(false, "account.deactivated"), (true, "account.reactivated")] {
        play.post(ada, event, &path("/update"), json!({ "is_active": is_active })).await;
    }
    let list = |rows: &str| json!(format!("Name,Email,Password,Role\r\n{rows}"));
    let one = list("Di,di@example.com,anchovy lamp post,user\r\n");
    play.post(ada, "account.imported", "/api/v1/users/import", one).await;

    let dan = app.person("dan").await;
    let sessions = format!("/api/v1/users/{}/sessions", dan.id);
    let listed = ada.get(&sessions).await.expect(200).json();
    play.delete(ada, "session.ended", &format!("{sessions}/{}", text(&listed["items"][0]["id"]))).await;
    let form = json!({ "email": dan.email, "password": dan.password });
    play.post(&app.anonymous(), "session.started", "/api/v1/auths/signin", form).await;
    play.post(ada, "session.ended_all", &format!("{sessions}/revoke"), json!({})).await;
    play.delete(ada, "account.deleted", &path("")).await;
    let form = json!({ "name": "Eve", "email": "eve@example.com", "password": "anchovy lamp post" });
    let life = json!({ "JWT_EXPIRES_IN": "5w" });
    play.post(ada, "settings.changed", "/api/v1/auths/admin/config", life).await;
    play.post(&app.anonymous(), "account.signed_up", "/api/v1/auths/signup", form).await;
    play.act(ada, "settings.changed", "PATCH", "/api/v1/settings", json!({ "WEBUI_NAME": "x" })).await;
}

async fn own_account(play: &Play<'_>) {
    let app = play.app;
    let eli = app.person("eli").await;
    let name = json!({ "name": "Elias", "profile_image_url": "" });
    play.post(&eli, "profile.changed", "/api/v1/auths/update/profile", name).await;
    let proof = json!({ "password": eli.password });
    play.post(&eli, "session.confirmed", "/api/v1/auths/step-up", proof).await;
    let settings = json!({ "ui": { "theme": "dark" } });
    play.post(&eli, "profile.changed", "/api/v1/users/user/settings/update", settings).await;
    let form = json!({ "email": eli.email, "password": eli.password });
    app.anonymous().post("/api/v1/auths/signin", form.clone()).await.expect(200);
    let listed = eli.get("/api/v1/auths/sessions").await.expect(200).json();
    let other = listed["items"].as_array().unwrap().iter().find(|it| it["current"] == false).unwrap();
    play.delete(&eli, "session.ended", &format!("/api/v1/auths/sessions/{}", text(&other["id"]))).await;
    let everywhere = json!({ "keep_current": true });
    app.anonymous().post("/api/v1/auths/signin", form).await.expect(200);
    play.post(&eli, "session.ended_all", "/api/v1/auths/signout/all", everywhere).await;
    let change = json!({ "password": eli.password, "new_password": "anchovy lamp posts" });
    let changed = play.post(&eli, "password.changed", "/api/v1/auths/update/password", change).await;
    let eli = onward(app, &changed);
    play.post(&eli, "session.ended", "/api/v1/auths/signout", json!({})).await;
}

async fn second_factors(play: &Play<'_>, ada: &Person) {
    let app = play.app;
    let fay = app.person("fay").await;
    let mfa = |rest: &str| format!("/api/v1/auths/mfa{rest}");
    let made = play.prepare(&fay, &mfa("/enroll/start"), json!({})).await;
    let device = AuthenticatorApp::new(&text(&made["secret"]));
    let code = json!({ "code": device.code(-1) });
    let confirmed = play.post(&fay, "factor.added", &mfa("/enroll/confirm"), code).await;
    let codes = confirmed.json()["recovery_codes"].clone();
    let ticket = async || {
        let form = json!({ "email": fay.email, "password": fay.password });
        let step = app.anonymous().post("/api/v1/auths/signin", form).await.expect(200);
        assert_eq!(left(app, &step).len(), 0, "nobody is signed in yet");
        step.json()["challenge_token"].clone()
    };
    let shown = json!({ "challenge_token": ticket().await, "code": device.code(0) });
    play.post(&app.anonymous(), "session.started", &mfa("/verify"), shown).await;
    let shown = json!({ "challenge_token": ticket().await, "code": codes[0] });
    let session = play.post(&app.anonymous(), "session.started", &mfa("/recover"), shown).await;
    let record = left(app, &session).remove(0);
    assert_eq!(record["detail"]["factor"], "recovery_code", "{record}");
    assert_eq!(record["detail"]["codes_left"], 9, "{record}");
    let fay = app.anonymous().bearer(&text(&session.json()["token"]));
    play.post(&fay, "recovery_codes.made", &mfa("/recovery/codes"), json!({})).await;
    play.delete(&fay, "factor.removed", &mfa("")).await;

    let gil = app.person("gil").await;
    let made = gil.post(&mfa("/enroll/start"), json!({})).await.expect(200).json();
    let code = AuthenticatorApp::new(&text(&made["secret"])).code(0);
    gil.post(&mfa("/enroll/confirm"), json!({ "code": code })).await.expect(200);
    let reset = format!("/api/v1/users/{}/second-factor/reset", gil.id);
    play.post(ada, "factor.removed", &reset, json!({})).await;
}

async fn passkeys(play: &Play<'_>) {
    let app = play.app;
    let person = app.person("hal").await;
    let hal = local(app, &person);
    let path = |rest: &str| format!("/api/v1/auths/passkeys{rest}");
    let mut device = Device::new(&format!("http://localhost:{}", app.address().port()));
    let asked = play.prepare(&hal, &path("/register/start"), json!({})).await;
    let body = json!({ "challenge_id": asked["challenge_id"], "name": "Phone", "credential": device.make(&asked["options"]) });
    let added = play.post(&hal, "passkey.added", &path("/register/finish"), body).await;
    let one = path(&format!("/{}", text(&added.json()["id"])));
    let hal = onward(app, &added);
    play.prepare(&hal, &path("/step-up/start"), json!({})).await;
    play.act(&hal, "passkey.changed", "PATCH", &one, json!({ "name": "Old phone" })).await;
    let stranger = local(app, &app.anonymous());
    let asked = play.prepare(&stranger, &path("/signin/start"), json!({})).await;
    let body = json!({ "challenge_id": asked["challenge_id"], "credential": device.sign(&asked["options"]) });
    play.post(&stranger, "session.started", &path("/signin/finish"), body).await;
    play.delete(&hal, "passkey.removed", &one).await;
}

async fn api_keys(play: &Play<'_>, ada: &Person) {
    let ivy = play.app.person("ivy").await;
    let (many, one) = ("/api/v1/auths/api_keys", "/api/v1/auths/api_key");
    let made = play.post(&ivy, "api_key.made", many, json!({ "name": "ci" })).await.json();
    let path = format!("{many}/{}", text(&made["item"]["id"]));
    play.act(&ivy, "api_key.changed", "PATCH", &path, json!({ "name": "build" })).await;
    play.delete(&ivy, "api_key.revoked", &path).await;
    play.post(&ivy, "api_key.made", one, json!({})).await;
    // Replacing it is one change, too.
    play.post(&ivy, "api_key.made", one, json!({})).await;
    play.delete(&ivy, "api_key.revoked", one).await;
    let made = ivy.post(many, json!({ "name": "lost" })).await.expect(201).json();
    let path = format!("/api/v1/users/{}/api_keys/{}", ivy.id, text(&made["item"]["id"]));
    play.delete(ada, "api_key.revoked", &path).await;
}

async fn groups_and_rights(play: &Play<'_>, ada: &Person) {
    let jo = play.app.person("jo").await;
    let body = json!({ "name": "Readers", "description": "" });
    let made = play.post(ada, "group.made", "/api/v1/groups/create", body).await.json();
    let path = |rest: &str| format!("/api/v1/groups/id/{}{rest}", text(&made["id"]));
    play.post(ada, "group.changed", &path("/update"), json!({ "name": "Writers" })).await;
    let people = json!({ "user_ids": [jo.id] });
    play.post(ada, "group.members_changed", &path("/users/add"), people.clone()).await;
    play.post(ada, "data.read", &path("/users"), json!({})).await;
    play.post(ada, "group.members_changed", &path("/users/remove"), people).await;
    play.delete(ada, "group.deleted", &path("/delete")).await;
    let tree = json!({ "chat": { "delete": false } });
    play.post(ada, "permissions.changed", "/api/v1/users/default/permissions", tree).await;
    let tree = json!({ "chat": { "delete": true } });
    ada.post("/api/v1/users/default/permissions", tree).await.expect(200);
    let grants = json!({ "id": MODEL, "access_grants": [
        { "principal_type": "user", "principal_id": "*", "permission": "read" }] });
    play.post(ada, "grants.changed", "/api/v1/models/model/access/update", grants).await;
}

async fn chats(play: &Play<'_>, provider: &FakeProvider) {
    let kim = play.app.person("kim").await;
    let said = |id: &str, parent: Option<&str>| json!({ "id": id, "parentId": parent, "childrenIds": [], "role": "user", "content": "x", "timestamp": 1 });
    let history =
        json!({ "currentId": "a", "messages": { "a": said("a", None), "b": said("b", Some("a")) } });
    let body = json!({ "chat": { "title": "One", "history": history } });
    let made = play.post(&kim, "chat.made", "/api/v1/chats/new", body).await.json();
    let path = |rest: &str| format!("/api/v1/chats/{}{rest}", text(&made["id"]));
    play.post(&kim, "chat.changed", &path(""), json!({ "chat": { "title": "Two" } })).await;
    for rest in ["/pin", "/archive", "/archive", "/messages/a"] {
        play.post(&kim, "chat.changed", &path(rest), json!({ "content": "y" })).await;
    }
    play.delete(&kim, "chat.changed", &path("/messages/b")).await;
    play.post(&kim, "chat.made", &path("/clone"), json!({})).await;
    play.post(&kim, "chat.shared", &path("/share"), json!({})).await;
    play.delete(&kim, "chat.unshared", &path("/share")).await;
    let link = text(&kim.post(&path("/share"), json!({})).await.expect(200).json()["share_id"]);
    play.post(&kim, "chat.made", &format!("/api/v1/chats/{link}/clone/shared"), json!({})).await;
    let export = json!({ "chats": [{ "chat": { "title": "Three" } }] });
    play.post(&kim, "chat.made", "/api/v1/chats/import", export).await;
    play.delete(&kim, "chat.unshared", "/api/v1/chats/share/all").await;
    provider.answers(Reply::says("one two three").silent_after(2));
    let question = json!({ "model": MODEL, "parent_id": "a", "content": "z" });
    let turn = play.post(&kim, "turn.started", &path("/turns"), question).await.json();
    let stop = path(&format!("/turns/{}/stop", text(&turn["turn_id"])));
    play.post(&kim, "turn.stopped", &stop, json!({})).await;
    play.delete(&kim, "chat.deleted", &path("")).await;
    play.delete(&kim, "chat.deleted_all", "/api/v1/chats/").await;
}

async fn virtual_keys(play: &Play<'_>, ada: &Person) {
    let master = play.app.master();
    let made = play.post(ada, "virtual_key.made", "/api/v1/keys", json!({ "name": "ci" })).await.json();
    let path = |rest: &str| format!("/api/v1/keys/{}{rest}", text(&made["item"]["id"]));
    play.act(ada, "virtual_key.changed", "PATCH", &path(""), json!({ "max_budget": 1.5 })).await;
    play.post(ada, "virtual_key.blocked", &path("/block"), json!({})).await;
    play.post(ada, "virtual_key.unblocked", &path("/unblock"), json!({})).await;
    play.delete(ada, "virtual_key.revoked", &path("")).await;
    let made =
        play.post(&master, "virtual_key.made", "/key/generate", json!({ "key_alias": "a" })).await.json();
    let key = json!({ "key": made["token"] });
    let change = json!({ "key": made["token"], "max_budget": 2 });
    play.post(&master, "virtual_key.changed", "/key/update", change).await;
    play.post(&master, "virtual_key.blocked", "/key/block", key.clone()).await;
    play.post(&master, "virtual_key.unblocked", "/key/unblock", key).await;
    let keys = json!({ "keys": [made["token"]] });
    play.post(&master, "virtual_key.revoked", "/key/delete", keys).await;
}

async fn openai(play: &Play<'_>, ada: &Person, provider: &FakeProvider) {
    let url = provider.base_url();
    let probe = json!({ "url": url, "key": provider.key() });
    play.post(ada, "connection.tested", "/openai/verify", probe).await;
    provider.answers(Reply::json(200, &json!({ "id": "file-1" })));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let body = if method == "DELETE" { Value::Null } else { json!({ "a": 1 }) };
        play.act(ada, "provider.passthrough", method, "/openai/files/file-1", body).await;
    }
    let config = json!({ "ENABLE_OPENAI_API": true, "OPENAI_API_BASE_URLS": [url, url],
        "OPENAI_API_KEYS": ["sk-one-0123456789", "sk-two-0123456789"],
        "OPENAI_API_CONFIGS": { "0": { "prefix_id": "a" }, "1": { "prefix_id": "b" } } });
    play.post(ada, "connection.changed", "/openai/config/update", config).await;
    play.post(ada, "audit.checked", "/api/v1/audit/verify", json!({})).await;
}

/// The path with something in the place of each of its parameters.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "missing".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn each_refusal_of_a_stranger_leaves_exactly_one_denial(stage: Stage) {
    let app = stage.env("ENABLE_OPENAI_API_PASSTHROUGH", "true").start().await;
    app.admin().await;
    // Where a browser asks whether it is signed in is no trespass.
    for (method, path) in routes(false).into_iter().filter(|(_, path)| path != "/api/v1/auths/") {
        let answer = app.anonymous().draft(&method, &filled(&path)).send().await.expect(401);
        let records = left(&app, &answer);
        let [record] = records.as_slice() else { panic!("{method} {path} left {records:#?}") };
        assert_eq!((&record["event"], &record["outcome"]), (&json!("access.denied"), &json!("denied")));
        assert_eq!(record["target"]["kind"], "route");
        assert_eq!(
            (&record["actor"]["kind"], &record["request"]["status"]),
            (&json!("anonymous"), &json!(401))
        );
        assert_eq!(record["request"]["address"], "127.0.0.1");
        assert!(record["detail"]["reason"].is_string(), "{record}");
    }
}

async fn each_look_of_an_administrator_at_personal_data_leaves_exactly_one_record(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let key = app.key().create().await;
    let group = ada.post("/api/v1/groups/create", json!({ "name": "Readers", "description": "" })).await;
    let group = text(&group.expect(200).json()["id"]);
    let user = |rest: &str| format!("/api/v1/users/{}{rest}", bob.id);
    let about_bob = ["", "/info", "/access", "/groups", "/sessions", "/api_keys"].map(user);
    let about_many = ["/api/v1/users/", "/api/v1/users/all", "/api/v1/users/search?query=b", "/api/v1/usage"];
    let others = [
        format!("/api/v1/chats/list/user/{}", bob.id),
        format!("/api/v1/groups/id/{group}/members"),
        format!("/api/v1/groups/id/{group}/export"),
        format!("/api/v1/keys/{}", key.id),
        "/api/v1/keys".to_owned(),
        "/key/list".to_owned(),
        "/spend/logs".to_owned(),
    ];
    for path in
        about_bob.iter().map(String::as_str).chain(about_many).chain(others.iter().map(String::as_str))
    {
        let answer = ada.get(path).await.expect(200);
        let records = left(&app, &answer);
        let [record] = records.as_slice() else { panic!("{path} left {records:#?}") };
        assert_eq!(record["event"], "data.read", "{path}");
        assert_eq!((&record["actor"]["id"], &record["request"]["status"]), (&json!(ada.id), &json!(200)));
        let is_about_bob = path.contains(&bob.id);
        assert!(!is_about_bob || record["target"]["id"] == json!(bob.id), "{record}");
    }
    for path in ["/api/v1/users/search?query=a".to_owned(), user("/info")] {
        assert_eq!(
            left(&app, &bob.get(&path).await.expect(200)).len(),
            0,
            "a member sees no addresses: {path}"
        );
    }
}
