//! Attacks on programs of this kind that were published, tried here. What another chapter tries already is not repeated:
//! other people's objects (`route_matrix`), models (`grants`), switches, foreign pages (`cors`), hosts (`host`).

use serde_json::{Value, json};
use testkit::{Caller, FakeProvider, MODEL, Stage, eventually, spec};

spec! {
    no_spelling_of_a_path_leads_around_its_policy;
    what_sounds_internal_in_headers_and_parameters_changes_nothing;
    what_is_the_servers_to_say_is_not_taken_from_a_body;
    a_role_that_is_not_exactly_known_is_none;
    strangers_cause_no_work_at_a_provider;
    ids_in_a_completion_open_nothing_of_anybody;
    nobody_chooses_the_backend;
    small_tasks_use_no_model_that_the_person_may_not;
}

/// What only administrators reach.
const GUARDED: [&str; 7] = [
    "/api/v1/users/",
    "/api/v1/audit",
    "/api/v1/settings",
    "/api/v1/keys",
    "/api/v1/chats/all/db",
    "/openai/config",
    "/spend/logs",
];

/// The same path for a proxy or a router that thinks it is clever.
fn spellings(path: &str) -> Vec<String> {
    let (head, tail) = path.split_at(path[1..].find('/').map_or(path.len(), |at| at + 1));
    let mut all = vec![path.to_uppercase(), format!("/{path}"), format!("/x/..{path}"), format!("/.{path}")];
    all.extend(["%00", "%20", "%23", ";a=b", ".json", "/.", "/..;/", "//"].map(|end| format!("{path}{end}")));
    all.extend(
        ["/./", "//", "/%2e/", "%2f"].map(|joint| format!("{head}{joint}{}", tail.trim_start_matches('/'))),
    );
    all.push(path.replace('a', "%61").replace('o', "%6f"));
    all.push(format!("/api/config/..{path}"));
    all.push(format!("/api/config%2f..{path}"));
    all.push(path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned));
    all
}

/// CVE-2021-32637 (Authelia), CVE-2025-54576 (oauth2-proxy), CVE-2026-55638 (9router): one program decides about
/// another path than the one that is served.
async fn no_spelling_of_a_path_leads_around_its_policy(stage: Stage) {
    let app = stage.start().await;
    let (_ada, bob) = (app.admin().await, app.person("bob").await);
    for who in [&Caller::clone(&app.anonymous()), &Caller::clone(&bob)] {
        for path in GUARDED {
            who.get(path).await.expect(401);
            who.get(&format!("{path}?next=/api/config")).await.expect(401);
            for spelling in spellings(path) {
                for method in ["GET", "POST"] {
                    let answer = who.draft(method, &spelling).send().await;
                    let is_page =
                        answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
                    assert!(answer.status >= 400 || is_page, "{method} {spelling}: {}", answer.text());
                }
            }
        }
    }
}

/// CVE-2026-45365 and CVE-2026-59224 (Open WebUI), CVE-2025-64484 (oauth2-proxy), CVE-2024-10039 (Keycloak).
async fn what_sounds_internal_in_headers_and_parameters_changes_nothing(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let closed = json!({ "id": MODEL, "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", closed).await.expect(200);
    let calls = provider.calls();
    for (name, value) in [
        ("x-user-id", ada.id.as_str()),
        ("x-openwebui-user-id", &ada.id),
        ("x-openwebui-user-role", "admin"),
        ("x-forwarded-user", "ada@example.com"),
        ("x-forwarded-email", "ada@example.com"),
        ("x_forwarded_email", "ada@example.com"),
        ("remote-user", "ada@example.com"),
        ("x-ssl-client-s-dn", "CN=ada"),
        ("x-forwarded-client-cert", "Subject=\"CN=ada\""),
        ("x-original-url", "/api/config"),
        ("x-rewrite-url", "/api/config"),
        ("x-http-method-override", "GET"),
        ("x-forwarded-prefix", "/api/config"),
    ] {
        bob.with(name, value).get("/api/v1/users/").await.expect(401);
        app.anonymous().with(name, value).get("/api/v1/auths/").await.expect(401);
        bob.with(name, value).chat("Hi").await.expect(404);
    }
    bob.get("/api/v1/users/?role=admin&as_admin=true&bypass_filter=true").await.expect(401);
    for query in ["bypass_filter=true", "bypass_system_prompt=true", "user_id=1&as_admin=1", "direct=true"] {
        let body = json!({
            "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }], "bypass_filter": true, "direct": true,
            "user": { "id": ada.id, "role": "admin" }, "metadata": { "user_id": ada.id, "bypass_filter": true },
        });
        for path in ["/v1/chat/completions", "/api/chat/completions", "/openai/chat/completions"] {
            bob.post(&format!("{path}?{query}"), body.clone()).await.expect(404);
        }
    }
    assert_eq!(provider.calls(), calls);
    // A method that was not sent is not performed.
    let own = bob.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let own = format!("/api/v1/chats/{}", own["id"].as_str().unwrap());
    bob.with("x-http-method-override", "DELETE").post(&own, json!({ "chat": {} })).await.expect(200);
    bob.get(&own).await.expect(200);
}

/// Fields as a client could hope for them.
fn wishes(ada: &str) -> Value {
    json!({
        "id": "wished", "user_id": ada, "owner_id": ada, "role": "admin", "is_active": true, "is_admin": true,
        "share_id": "wished", "folder_id": "folder_of_ada", "admin_reads": 7, "created_at": 1, "updated_at": 1,
        "archived": true, "pinned": true, "member_count": 9, "access_grants": [{ "permission": "write" }],
        "group_ids": ["wished"], "permissions": { "workspace": { "models": true } }, "proved_at": 4_000_000_000_i64,
    })
}

fn wishing(mut body: Value, ada: &str) -> Value {
    for (name, value) in wishes(ada).as_object().unwrap() {
        body.as_object_mut().unwrap().entry(name.clone()).or_insert_with(|| value.clone());
    }
    body
}

/// CVE-2026-44550 (Open WebUI), CVE-2026-31942 (`LibreChat`), commit 30069 of Open WebUI.
async fn what_is_the_servers_to_say_is_not_taken_from_a_body(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let people = "SELECT id, role, email FROM account ORDER BY id";
    let before = app.sql(people);

    let made = bob.post("/api/v1/chats/new", wishing(json!({ "chat": wishes(&ada.id) }), &ada.id)).await;
    let id = made.expect(200).json()["id"].as_str().unwrap().to_owned();
    let chat = format!("/api/v1/chats/{id}");
    let message = wishing(json!({ "role": "user", "content": "Hi", "parentId": null }), &ada.id);
    let change =
        json!({ "chat": { "history": { "currentId": "wished", "messages": { "wished": message } } } });
    bob.post(&chat, wishing(change, &ada.id)).await.expect(200);
    let copy = bob.post(&format!("{chat}/clone"), wishes(&ada.id)).await.expect(200).json();
    for shown in [bob.get(&chat).await.expect(200).json(), copy] {
        assert_ne!(shown["id"], "wished");
        assert_eq!(shown["user_id"], json!(bob.id));
        for (name, expected) in [
            ("share_id", json!(null)),
            ("folder_id", json!(null)),
            ("admin_reads", json!(0)),
            ("archived", json!(false)),
            ("pinned", json!(false)),
        ] {
            assert_eq!(shown[name], expected, "{name}");
        }
        assert!(shown["created_at"].as_i64() > Some(1) && shown["updated_at"].as_i64() > Some(1));
    }
    assert_eq!(ada.get("/api/v1/chats/").await.expect(200).json(), json!([]));

    let profile = json!({ "name": "Bob", "profile_image_url": "", "email": "ada@example.com" });
    bob.post("/api/v1/auths/update/profile", wishing(profile, &ada.id)).await.expect(200);
    bob.post("/api/v1/users/user/settings/update", wishing(json!({ "ui": {} }), &ada.id)).await.expect(200);
    let cy = json!({ "name": "Cy", "email": "cy@example.com", "password": "anchovy lamp post" });
    let cy = app.anonymous().post("/api/v1/auths/signup", wishing(cy, &ada.id)).await.expect(200).json();
    assert_eq!((&cy["role"], cy["id"] == "wished"), (&json!("user"), false));
    assert_eq!(
        app.sql(people).iter().filter(|row| row[0] != cy["id"].as_str().unwrap()).count(),
        before.len()
    );
    assert!(before.iter().all(|row| app.sql(people).contains(row)));
    // Routes of our own say so.
    let turn = json!({ "model": MODEL, "parent_id": null, "content": "Hi" });
    let own = [
        (format!("{chat}/turns"), turn),
        ("/api/v1/auths/step-up".to_owned(), json!({ "password": "anchovy lamp post" })),
        ("/api/v1/auths/signout/all".to_owned(), json!({ "keep_current": true })),
    ];
    for (path, body) in own {
        assert_eq!(
            bob.post(&path, wishing(body, &ada.id)).await.expect(400).code(),
            "invalid_body",
            "{path}"
        );
    }
    let group = json!({ "name": "Staff", "description": "" });
    let mut group = wishing(group, &bob.id);
    group["permissions"] = json!(null);
    let group = ada.post("/api/v1/groups/create", group).await.expect(200).json();
    assert_eq!((&group["user_id"], &group["member_count"]), (&json!(ada.id), &json!(0)));
    assert_ne!(group["id"], "wished");
}

/// CVE-2026-59226 (Open WebUI): whatever was not the word `user` passed.
async fn a_role_that_is_not_exactly_known_is_none(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let roles =
        [json!(""), json!("USER"), json!("pending "), json!("Admin"), json!("owner"), json!([]), json!(1)];
    for role in roles {
        let change = json!({ "role": role });
        ada.post(&format!("/api/v1/users/{}/update", bob.id), change).await.expect(400);
        let new =
            json!({ "name": "N", "email": "n@example.com", "password": "anchovy lamp post", "role": role });
        ada.post("/api/v1/auths/add", new).await.expect(400);
    }
    assert_eq!(app.sql("SELECT role FROM account ORDER BY role"), [["admin"], ["user"]]);
}

/// CVE-2026-45667 (Open WebUI), CVE-2024-24566 (`LobeChat`), CVE-2026-59822 (LiteLLM): an endpoint that was forgotten,
/// or a credential that is wrong, and somebody else pays.
async fn strangers_cause_no_work_at_a_provider(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.env("ENABLE_OPENAI_API_PASSTHROUGH", "true").provider(&provider).start().await;
    app.admin().await.chat("Hi").await.expect(200);
    let calls = provider.calls();
    let body = json!({ "model": MODEL, "input": "Hi", "prompt": "Hi", "messages": [{ "role": "user", "content": "Hi" }] });
    let nobody = app.anonymous();
    let made_up =
        [nobody.caller(), nobody.bearer("sk-0123456789abcdef0123456789abcdef"), nobody.bearer("null")];
    for line in include_str!("../../../../docs/routes.md").lines().filter(|line| line.starts_with("| `POST`"))
    {
        let path = line.split('`').nth(3).unwrap();
        if line.contains("| everybody |") || path.contains("{*") {
            continue;
        }
        let path = path.replace("{model}", MODEL).replace(['{', '}'], "");
        for who in &made_up {
            who.post(&path, body.clone()).await.expect(401);
        }
    }
    for path in ["/openai/audio/speech", "/openai/files", "/openai/v1/images/generations"] {
        for who in &made_up {
            who.post(path, body.clone()).await.expect(401);
        }
    }
    assert_eq!(provider.calls(), calls);
}

/// CVE-2026-45349, CVE-2026-45350, CVE-2026-44560, CVE-2026-54009, CVE-2026-59216 (Open WebUI): what a completion names
/// was fetched or written with the rights of nobody in particular.
async fn ids_in_a_completion_open_nothing_of_anybody(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let secret = json!({ "id": "m1", "role": "user", "content": "CANARY-of-ada", "parentId": null });
    let secret = json!({ "history": { "currentId": "m1", "messages": { "m1": secret } } });
    let chat = ada.post("/api/v1/chats/new", json!({ "chat": secret })).await.expect(200).json();
    let id = chat["id"].as_str().unwrap();
    let stored = "SELECT * FROM chat_message ORDER BY chat_id, id";
    let before = (app.sql(stored), app.sql("SELECT * FROM chat"));
    let seen = provider.calls();

    let picture = json!({ "type": "image_url", "image_url": { "url": format!("/api/v1/chats/{id}") } });
    let body = json!({
        "model": MODEL, "chat_id": id, "id": "m1", "parent_id": "m1", "message_id": "m1", "session_id": "of-ada",
        "user_message": { "id": "m1" }, "files": [{ "type": "file", "id": id }, { "type": "chat", "id": id }],
        "tool_ids": ["server:0"], "tool_servers": [{ "url": "http://127.0.0.1:9/" }],
        "background_tasks": { "title_generation": true }, "features": { "memory": true },
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }, picture] }],
    });
    for path in ["/api/chat/completions", "/v1/chat/completions", "/openai/chat/completions"] {
        bob.post(path, body.clone()).await.expect(200);
    }
    assert_eq!((app.sql(stored), app.sql("SELECT * FROM chat")), before);
    assert!(provider.requests()[seen..].iter().all(|it| !it.text().contains("CANARY")));
    // Nor by a turn of one's own below somebody else's message.
    let own = bob.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let turns = format!("/api/v1/chats/{}/turns", own["id"].as_str().unwrap());
    let below = json!({ "model": MODEL, "parent_id": "m1", "content": "Hi" });
    bob.post(&turns, below).await.expect(400);
    let again = json!({ "model": MODEL, "user_message_id": "m1" });
    bob.post(&turns, again).await.expect(404);
}

/// CVE-2026-54021 (Open WebUI): the caller names the connection, and with it goes around who may use which model.
async fn nobody_chooses_the_backend(stage: Stage) {
    let (first, second) = (FakeProvider::start().await, FakeProvider::start().await);
    first.offers(&[MODEL]);
    second.offers(&["other-model"]);
    let app = stage.provider(&first).provider(&second).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.ask("other-model", "Hi").await.expect(200);
    let closed = json!({ "id": "other-model", "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", closed).await.expect(200);
    let calls = second.calls();

    let body = json!({
        "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }], "url_idx": 1, "urlIdx": 1, "connection": 1,
    });
    let bob = bob.with("x-url-idx", "1").with("openai-api-base", &second.base_url());
    for path in ["/v1/chat/completions?url_idx=1", "/openai/chat/completions?url_idx=1&urlIdx=1"] {
        bob.post(path, body.clone()).await.expect(200);
        let mut elsewhere = body.clone();
        elsewhere["api_base"] = json!(second.base_url());
        assert_eq!(bob.post(path, elsewhere).await.expect(400).code(), "parameter_not_allowed");
    }
    for path in ["/openai/1/chat/completions", "/openai/chat/completions/1"] {
        assert!(bob.post(path, body.clone()).await.status >= 400, "{path}");
    }
    assert_eq!(second.calls(), calls);
}

/// CVE-2026-59225 (Open WebUI): titles were written by a model that only administrators might use.
async fn small_tasks_use_no_model_that_the_person_may_not(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "task-model"]);
    let app = stage.env("TASK_MODEL", "task-model").provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let titled = async |who: &Caller| {
        let chat = who.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
        let path = format!("/api/v1/chats/{}", chat["id"].as_str().unwrap());
        let ask = json!({ "model": MODEL, "parent_id": null, "content": "How deep is the sea?" });
        who.post(&format!("{path}/turns"), ask).await.expect(201);
        eventually("the chat has a title and a whole answer", async || {
            let chat = who.get(&path).await.expect(200).json();
            (chat["title"] != "New Chat" && chat["active_turns"] == json!([])).then_some(())
        })
        .await;
    };
    let asked = || provider.requests().iter().filter(|it| it.json()["model"] == "task-model").count();
    titled(&bob).await;
    let before = asked();
    assert!(before > 0, "the model for small tasks is used at all");
    let closed = json!({ "id": "task-model", "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", closed).await.expect(200);
    titled(&bob).await;
    assert_eq!(asked(), before);
}
