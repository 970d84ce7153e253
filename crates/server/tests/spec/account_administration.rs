//! What administrators do with accounts, and how soon it counts.

use serde_json::{Value, json};
use testkit::{Admin, Answer, Caller, Stage, TestApp, eventually, spec};

spec! {
    an_account_is_made_for_somebody_without_a_session_for_whoever_made_it;
    every_part_of_an_account_can_be_changed_and_only_a_new_password_signs_out;
    accounts_are_sorted_filtered_and_counted;
    members_find_each_other_by_name_and_learn_no_address;
    who_is_deactivated_is_answered_like_somebody_who_does_not_exist;
    deletion_takes_the_chats_and_blocks_the_keys;
    the_last_active_administrator_stays_whatever_happens_at_once;
    nobody_deletes_the_own_account;
    an_administrator_sees_and_ends_sessions_of_others;
    a_list_makes_an_account_of_each_row_or_says_why_not;
    a_list_without_its_columns_makes_nothing;
    an_address_is_one_account_in_every_spelling;
    each_change_of_an_account_leaves_one_record;
    the_admin_config_is_open_webuis_and_stores_what_differs;
    everybody_who_gets_an_account_is_in_the_default_group;
    the_operator_closes_the_forms_and_the_api_with_them;
    fields_that_the_server_owns_are_not_taken_from_a_body;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const SIGN_UP: &str = "/api/v1/auths/signup";
const ADD: &str = "/api/v1/auths/add";
const CONFIG: &str = "/api/v1/auths/admin/config";
const IMPORT: &str = "/api/v1/users/import";
const USERS: &str = "/api/v1/users/";
const WHO: &str = "/api/v1/auths/";
const GOOD: &str = "anchovy lamp post";

fn path(person: &str, rest: &str) -> String {
    format!("/api/v1/users/{person}{rest}")
}

async fn update(admin: &Admin, person: &str, change: Value) -> Answer {
    admin.post(&path(person, "/update"), change).await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post(SIGN_IN, json!({ "email": email, "password": password })).await
}

async fn import(admin: &Admin, list: &str) -> Answer {
    admin.draft("POST", IMPORT).header("content-type", "text/csv").body(list.to_owned()).send().await
}

async fn an_account_is_made_for_somebody_without_a_session_for_whoever_made_it(app: TestApp) {
    let ada = app.admin().await;
    let form = json!({ "name": "Bob", "email": "Bob@Example.com", "password": GOOD, "role": "user" });
    let made = ada.post(ADD, form.clone()).await.expect(200).json();
    assert_eq!(
        (&made["token"], &made["email"], &made["role"]),
        (&json!(null), &json!("bob@example.com"), &json!("user"))
    );
    assert_eq!(sign_in(&app, "bob@example.com", GOOD).await.expect(200).json()["role"], "user");
    assert_eq!(ada.post(ADD, form).await.expect(400).code(), "email_taken");
    let weak = json!({ "name": "Cy", "email": "cy@example.com", "password": "Summer2024" });
    let refused = ada.post(ADD, weak).await.expect(400);
    assert_eq!((refused.code().as_str(), &refused.json()["field"]), ("weak_password", &json!("password")));
}

async fn every_part_of_an_account_can_be_changed_and_only_a_new_password_signs_out(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let change = json!({ "role": "admin", "name": "Robert", "email": "ROBERT@example.com", "password": "" });
    let changed = update(&ada, &bob.id, change).await.expect(200).json();
    assert_eq!(
        (&changed["role"], &changed["name"], &changed["email"]),
        (&json!("admin"), &json!("Robert"), &json!("robert@example.com"))
    );
    assert_eq!(bob.get(WHO).await.expect(200).json()["email"], "robert@example.com");
    sign_in(&app, &bob.email, &bob.password).await.expect(400);

    for (change, code) in [
        (json!({ "email": ada.email }), "email_taken"),
        (json!({ "email": "nobody" }), "invalid_email"),
        (json!({ "name": "" }), "invalid_name"),
        (json!({ "profile_image_url": "https://elsewhere.example/x.png" }), "invalid_picture"),
        (json!({ "password": "robert@example.com" }), "weak_password"),
    ] {
        assert_eq!(update(&ada, &bob.id, change).await.expect(400).code(), code);
    }
    bob.get(WHO).await.expect(200);
    update(&ada, &bob.id, json!({ "password": "velvet harbour 9" })).await.expect(200);
    bob.get(WHO).await.expect(401);
    sign_in(&app, "robert@example.com", "velvet harbour 9").await.expect(200);
}

async fn accounts_are_sorted_filtered_and_counted(app: TestApp) {
    let ada = app.admin().await;
    for (name, role) in [("Zoe", "user"), ("mia", "pending"), ("Bob", "user")] {
        let form =
            json!({ "name": name, "email": format!("{name}@example.com"), "password": GOOD, "role": role });
        let made = ada.post(ADD, form).await.expect(200).json();
        if name == "Bob" {
            update(&ada, made["id"].as_str().unwrap(), json!({ "is_active": false })).await.expect(200);
        }
    }
    let names = async |query: &str| {
        let page = ada.get(&format!("{USERS}?{query}")).await.expect(200).json();
        let users = page["users"].as_array().unwrap().clone();
        assert_eq!(page["total"], json!(users.len()));
        users.iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("order_by=name").await, ["Ada Admin", "Bob", "mia", "Zoe"]);
    assert_eq!(names("order_by=created_at&direction=desc").await, ["Bob", "mia", "Zoe", "Ada Admin"]);
    assert_eq!(names("role=user").await, ["Zoe", "Bob"]);
    assert_eq!(names("role=user&state=active").await, ["Zoe"]);
    assert_eq!(names("state=deactivated").await, ["Bob"]);
    assert_eq!(names("query=MIA%40").await, ["mia"]);
    ada.get(&format!("{USERS}?order_by=password")).await.expect(400);
    ada.get(&format!("{USERS}?direction=sideways")).await.expect(400);
    assert_eq!(ada.get("/api/v1/users/all").await.expect(200).json()["total"], 4);
}

async fn members_find_each_other_by_name_and_learn_no_address(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let found = bob.get("/api/v1/users/search?query=ada").await.expect(200).json();
    assert_eq!(
        found,
        json!({ "users": [{ "id": ada.id, "name": "Ada Admin", "role": "admin" }], "total": 1 })
    );
    let by_address = bob.get("/api/v1/users/search?query=ada.admin%40").await.expect(200).json();
    assert_eq!(by_address["total"], 0);
    assert!(bob.get(&path(&ada.id, "/info")).await.expect(200).json().get("email").is_none());
    assert_eq!(ada.get(&path(&bob.id, "/info")).await.expect(200).json()["email"], json!(bob.email));
    update(&ada, &bob.id, json!({ "is_active": false })).await.expect(200);
    assert_eq!(ada.get("/api/v1/users/search?query=bob").await.expect(200).json()["total"], 0);
}

async fn who_is_deactivated_is_answered_like_somebody_who_does_not_exist(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let off = update(&ada, &bob.id, json!({ "is_active": false })).await.expect(200).json();
    assert_eq!(off["is_active"], json!(false));
    bob.get(WHO).await.expect(401);
    bob.browser().get("/api/models").await.expect(401);
    let here = sign_in(&app, &bob.email, &bob.password).await.expect(400);
    let nobody = sign_in(&app, "nobody@example.com", &bob.password).await.expect(400);
    assert_eq!(here.text(), nobody.text());

    update(&ada, &bob.id, json!({ "is_active": true })).await.expect(200);
    bob.get(WHO).await.expect(401);
    sign_in(&app, &bob.email, &bob.password).await.expect(200);
}

async fn deletion_takes_the_chats_and_blocks_the_keys(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    bob.post("/api/v1/chats/new", json!({ "chat": { "title": "Mine" } })).await.expect(200);
    let key =
        ada.post("/api/v1/keys", json!({ "name": "bobs", "owner_id": bob.id })).await.expect(201).json();

    assert_eq!(ada.delete(&path(&bob.id, "")).await.expect(200).json(), json!(true));
    bob.get(WHO).await.expect(401);
    ada.get(&path(&bob.id, "")).await.expect(404);
    ada.delete(&path(&bob.id, "")).await.expect(404);
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["0"]]);
    let left =
        ada.get(&format!("/api/v1/keys/{}", key["item"]["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((&left["state"], &left["owner"]), (&json!("blocked"), &json!(null)));
    let program = Caller::clone(&app.anonymous()).bearer(key["key"].as_str().unwrap());
    eventually("the key stops", || async { (program.get("/v1/models").await.status == 401).then_some(()) })
        .await;
}

async fn the_last_active_administrator_stays_whatever_happens_at_once(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    update(&ada, &bob.id, json!({ "role": "admin" })).await.expect(200);
    let (adas, bobs, whole) = (path(&ada.id, "/update"), path(&bob.id, "/update"), path(&ada.id, ""));
    let demote = ada.post(&bobs, json!({ "role": "user" }));
    let switch_off = bob.post(&adas, json!({ "is_active": false }));
    let delete = bob.delete(&whole);
    let (one, two, three) = tokio::join!(demote, switch_off, delete);
    let left = app.sql("SELECT COUNT(*) FROM account WHERE role = 'admin' AND deactivated_at IS NULL");
    assert_eq!(left, [["1"]], "{} {} {}", one.status, two.status, three.status);

    let last = if ada.get(USERS).await.status == 200 { (*ada).clone() } else { bob };
    for change in [json!({ "is_active": false }), json!({ "role": "pending" })] {
        assert_eq!(last.post(&path(&last.id, "/update"), change).await.expect(400).code(), "last_admin");
    }
    last.get(USERS).await.expect(200);
}

async fn nobody_deletes_the_own_account(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    update(&ada, &bob.id, json!({ "role": "admin" })).await.expect(200);
    assert_eq!(ada.delete(&path(&ada.id, "")).await.expect(400).code(), "own_account");
    ada.get(WHO).await.expect(200);
}

async fn an_administrator_sees_and_ends_sessions_of_others(app: TestApp) {
    let (ada, phone) = (app.admin().await, app.person("bob").await);
    let laptop = app.person("bob").await;
    let count = async || ada.get(&path(&phone.id, "")).await.expect(200).json()["sessions"].clone();
    assert_eq!(count().await, json!(2));
    let own: Vec<String> = app
        .sql(&format!("SELECT id FROM session WHERE account_id = '{}' ORDER BY created_at, id", ada.id))[0]
        .clone();
    // A session of somebody else is not one of this person.
    ada.delete(&path(&phone.id, &format!("/sessions/{}", own[0]))).await.expect(404);
    ada.get(WHO).await.expect(200);
    let shown = ada.get(&path(&phone.id, "/sessions")).await.expect(200).json();
    assert_eq!(shown["items"].as_array().map(Vec::len), Some(2));
    let one = shown["items"][0]["id"].as_str().unwrap().to_owned();
    ada.delete(&path(&phone.id, &format!("/sessions/{one}"))).await.expect(204);
    ada.delete(&path(&phone.id, &format!("/sessions/{one}"))).await.expect(404);
    let still = [phone.get(WHO).await.status, laptop.get(WHO).await.status];
    assert_eq!(still.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(
        ada.post(&path(&phone.id, "/sessions/revoke"), json!({})).await.expect(200).json(),
        json!(true)
    );
    assert_eq!(count().await, json!(0));
    ada.post(&path("user_nobody", "/sessions/revoke"), json!({})).await.expect(404);
    ada.get(&path("user_nobody", "/sessions")).await.expect(404);
    ada.post(&path(&phone.id, "/second-factor/reset"), json!({})).await.expect(204);
    ada.post(&path("user_nobody", "/second-factor/reset"), json!({})).await.expect(404);
}

async fn a_list_makes_an_account_of_each_row_or_says_why_not(app: TestApp) {
    let ada = app.admin().await;
    // Python: bcrypt's published test vector, password "abc", cost 6.
    let digest = "$2y$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    let list = format!(
        "\u{feff}Name,Email,Password,Role,Password_Hash\r\n\
         \"Babbage, Charles\",Charles@Example.com,\"difference, engine 9\",user,\r\n\
         Mary,mary@example.com,,admin,{digest}\r\n\
         Twice,charles@example.com.,anchovy lamp post,user,\r\n\
         Weak,weak@example.com,password,user,\r\n\
         Odd,odd@example.com,anchovy lamp post,owner,\r\n\
         Hash,hash@example.com,,user,plain\r\n\
         Waits,waits@example.com,anchovy lamp post,,\r\n"
    );
    let report = import(&ada, &list).await.expect(200).json();
    assert_eq!(report["made"], 3);
    let refused: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["code"].as_str().unwrap().to_owned()))
        .collect();
    let expected =
        [(4, "email_taken"), (5, "weak_password"), (6, "invalid_role"), (7, "invalid_password_hash")];
    assert_eq!(refused, expected.map(|(line, code)| (line, code.to_owned())));
    let role = async |email: &str, password: &str| {
        sign_in(&app, email, password).await.expect(200).json()["role"].as_str().unwrap().to_owned()
    };
    assert_eq!(role("charles@example.com", "difference, engine 9").await, "user");
    assert_eq!(role("mary@example.com", "abc").await, "admin");
    // The default of the test's stage.
    assert_eq!(role("waits@example.com", GOOD).await, "user");
    assert!(!report.to_string().contains("engine 9"));
}

async fn a_list_without_its_columns_makes_nothing(app: TestApp) {
    let ada = app.admin().await;
    let before = app.sql("SELECT COUNT(*) FROM account");
    let long = format!("Name,Email,Password\n{}", "Eve,e@x,anchovy lamp post\n".repeat(5001));
    for list in ["", "Bob,bob@example.com,anchovy lamp post,user\n", &long] {
        assert_eq!(import(&ada, list).await.expect(400).code(), "invalid_list");
    }
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\n\r\nName,Email,Password,Role\r\nBob,bob@example.com,anchovy lamp post,user\r\n--b--\r\n";
    let sent = |kind: &str| ada.draft("POST", IMPORT).header("content-type", kind).body(form).send();
    assert_eq!(sent("text/plain").await.expect(400).code(), "not_csv");
    assert_eq!(app.sql("SELECT COUNT(*) FROM account"), before);
    assert_eq!(sent("multipart/form-data; boundary=b").await.expect(200).json()["made"], 1);
    app.person("cy").await.draft("POST", IMPORT).header("content-type", "text/csv").send().await.expect(401);
}

async fn an_address_is_one_account_in_every_spelling(app: TestApp) {
    let ada = app.admin().await;
    let form = |email: &str| json!({ "name": "Bob", "email": email, "password": GOOD, "role": "user" });
    ada.post(ADD, form("bob@m\u{fc}ller.example")).await.expect(200);
    for alias in [
        "BOB@M\u{dc}LLER.example",
        "bob@mu\u{308}ller.example",
        "bob@xn--mller-kva.example",
        " bob@m\u{fc}ller.example. ",
        "\u{ff22}ob@m\u{fc}ller\u{3002}example",
    ] {
        assert_eq!(ada.post(ADD, form(alias)).await.expect(400).code(), "email_taken", "{alias:?}");
        sign_in(&app, alias, GOOD).await.expect(200);
    }
    for alias in
        ["b\u{43e}b@m\u{fc}ller.example", "bob\u{200b}@m\u{fc}ller.example", "bob@m\u{fc}l\u{ad}ler.example"]
    {
        assert_eq!(ada.post(ADD, form(alias)).await.expect(400).code(), "invalid_email", "{alias:?}");
        sign_in(&app, alias, GOOD).await.expect(400);
    }
}

async fn each_change_of_an_account_leaves_one_record(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let records = async || {
        app.sql("SELECT event, actor_id, target_id FROM audit_record WHERE event NOT LIKE 'session.%' AND event <> 'data.read' ORDER BY seq")
    };
    let mut expected = records().await;
    let form = json!({ "name": "Cy", "email": "cy@example.com", "password": GOOD, "role": "user" });
    let cy = ada.post(ADD, form).await.expect(200).json()["id"].as_str().unwrap().to_owned();
    update(&ada, &bob.id, json!({ "name": "Robert" })).await.expect(200);
    update(&ada, &bob.id, json!({ "name": "Robert" })).await.expect(200);
    update(&ada, &bob.id, json!({ "role": "pending", "name": "Bob" })).await.expect(200);
    update(&ada, &bob.id, json!({ "password": "velvet harbour 9" })).await.expect(200);
    update(&ada, &bob.id, json!({ "is_active": false })).await.expect(200);
    update(&ada, &bob.id, json!({ "is_active": true })).await.expect(200);
    ada.delete(&path(&cy, "")).await.expect(200);
    for (event, target) in [
        ("account.made", &cy),
        ("account.changed", &bob.id),
        ("account.role_changed", &bob.id),
        ("password.reset", &bob.id),
        ("account.deactivated", &bob.id),
        ("account.reactivated", &bob.id),
        ("account.deleted", &cy),
    ] {
        expected.push(vec![event.to_owned(), ada.id.clone(), target.clone()]);
    }
    assert_eq!(records().await, expected);
    let bodies = app.sql("SELECT body FROM audit_record").concat().concat();
    assert!(!bodies.contains(GOOD) && !bodies.contains("velvet harbour") && !bodies.contains("$argon2"));
}

async fn the_admin_config_is_open_webuis_and_stores_what_differs(stage: Stage) {
    let app = stage.without("ENABLE_SIGNUP").without("DEFAULT_USER_ROLE").start().await;
    let ada = app.admin().await;
    // The first account closed sign-up; what is in force follows within half a second.
    let mut form = eventually("sign-up is closed", || async {
        let form = ada.get(CONFIG).await.expect(200).json();
        (form["ENABLE_SIGNUP"] == json!(false)).then_some(form)
    })
    .await;
    assert_eq!((&form["DEFAULT_USER_ROLE"], &form["ENABLE_SIGNUP"]), (&json!("pending"), &json!(false)));
    // The whole form comes back, with names that mean nothing here.
    form["DEFAULT_USER_ROLE"] = json!("user");
    form["ENABLE_SIGNUP"] = json!(true);
    form["ENABLE_CHANNELS"] = json!(true);
    form["PENDING_USER_OVERLAY_TITLE"] = json!("One moment");
    form["ADMIN_EMAIL"] = json!("");
    let stored = ada.post(CONFIG, form).await.expect(200).json();
    assert_eq!(stored["DEFAULT_USER_ROLE"], "user");
    let bob = app.person("bob").await;
    assert_eq!(bob.role, "user");
    let shown = bob.get("/api/config").await.expect(200).json();
    assert_eq!(shown["ui"]["pending_user_overlay_title"], "One moment");
    let refused = ada.post(CONFIG, json!({ "DEFAULT_USER_ROLE": "owner" })).await.expect(400);
    assert_eq!(refused.code(), "invalid_setting");
}

async fn everybody_who_gets_an_account_is_in_the_default_group(app: TestApp) {
    let ada = app.admin().await;
    let group = ada
        .post("/api/v1/groups/create", json!({ "name": "All", "description": "" }))
        .await
        .expect(200)
        .json();
    let id = group["id"].as_str().unwrap();
    ada.patch("/api/v1/settings", json!({ "DEFAULT_GROUP_ID": id })).await.expect(200);
    let bob = app.person("bob").await;
    let form = json!({ "name": "Cy", "email": "cy@example.com", "password": GOOD, "role": "user" });
    assert_eq!(ada.post(ADD, form).await.expect(200).json()["group_ids"], json!([id]));
    import(&ada, "Name,Email,Password\nDi,di@example.com,anchovy lamp post\n").await.expect(200);
    for name in ["bob", "di"] {
        let found = ada.get(&format!("{USERS}?query={name}%40")).await.expect(200).json();
        assert_eq!(found["users"][0]["group_ids"], json!([id]), "{name}");
    }
    assert_eq!(ada.get(&path(&bob.id, "")).await.expect(200).json()["group_ids"], json!([id]));
    // A group that is gone keeps nobody out.
    ada.patch("/api/v1/settings", json!({ "DEFAULT_GROUP_ID": "group_gone" })).await.expect(200);
    app.person("eve").await;
}

async fn the_operator_closes_the_forms_and_the_api_with_them(stage: Stage) {
    let mut app = stage.env("ENABLE_LOGIN_FORM", "false").start().await;
    let form = json!({ "name": "Ada", "email": "ada@example.com", "password": GOOD });
    assert_eq!(app.anonymous().post(SIGN_UP, form.clone()).await.expect(403).code(), "signup_closed");
    app.set_env("ENABLE_INITIAL_ADMIN_SIGNUP", "true");
    app.restart().await;
    let ada = app.anonymous().post(SIGN_UP, form.clone()).await.expect(200);
    assert_eq!(ada.json()["role"], "admin");
    assert_eq!(app.anonymous().post(SIGN_UP, form).await.expect(403).code(), "signup_closed");
    assert_eq!(sign_in(&app, "ada@example.com", GOOD).await.expect(403).code(), "login_form_disabled");
    let config = app.anonymous().get("/api/config").await.expect(200).json();
    assert_eq!(config["features"]["enable_login_form"], json!(false));

    app.set_env("ENABLE_LOGIN_FORM", "true");
    app.set_env("ENABLE_PASSWORD_AUTH", "false");
    app.restart().await;
    assert_eq!(sign_in(&app, "ada@example.com", GOOD).await.expect(403).code(), "password_auth_disabled");
    let form = json!({ "name": "Bob", "email": "bob@example.com", "password": GOOD });
    assert_eq!(app.anonymous().post(SIGN_UP, form).await.expect(403).code(), "password_auth_disabled");
}

async fn fields_that_the_server_owns_are_not_taken_from_a_body(app: TestApp) {
    let ada = app.admin().await;
    let owned = json!({
        "name": "Bob", "email": "bob@example.com", "password": GOOD,
        "role": "admin", "id": ada.id, "created_at": 1, "is_active": false, "permissions": { "all": true },
    });
    let bob = app.anonymous().post(SIGN_UP, owned).await.expect(200).json();
    assert_ne!(bob["id"], json!(ada.id));
    assert_eq!(bob["role"], "user");
    let change = json!({ "name": "Robert", "id": ada.id, "created_at": 1, "last_active_at": 1, "has_password": false });
    let changed = update(&ada, bob["id"].as_str().unwrap(), change).await.expect(200).json();
    assert_eq!(
        (&changed["id"], &changed["name"], &changed["has_password"]),
        (&bob["id"], &json!("Robert"), &json!(true))
    );
    assert!(changed["created_at"].as_i64().is_some_and(|at| at > 1));
}
