//! Groups: what they give, from when on, and to whom they are nobody's business.

use serde_json::{Value, json};
use testkit::{Admin, Person, Stage, TestApp, spec};

spec! {
    a_group_gives_a_permission_and_takes_it_at_once;
    the_most_permissive_group_decides_and_none_takes_away;
    a_group_gives_to_the_groups_below_it_and_hangs_in_no_circle;
    members_see_their_own_groups_and_not_what_they_decide;
    a_group_of_others_is_a_missing_one;
    only_administrators_change_groups;
    people_are_taken_in_and_let_go_and_ids_of_nobody_are_left_out;
    who_looks_at_the_people_of_a_group_leaves_one_record;
    a_group_has_a_name_of_its_own;
    what_was_granted_to_a_group_ends_with_it;
    each_change_of_a_group_leaves_one_record;
    everybody_who_gets_an_account_joins_the_default_group;
}

const GROUPS: &str = "/api/v1/groups/";
const MINE: &str = "/api/v1/users/permissions";
const GOOD: &str = "anchovy lamp post";

fn path(group: &str, rest: &str) -> String {
    format!("/api/v1/groups/id/{group}{rest}")
}

async fn group(admin: &Admin, name: &str, permissions: Value) -> String {
    let form = json!({ "name": name, "description": "", "permissions": permissions });
    let made = admin.post("/api/v1/groups/create", form).await.expect(200).json();
    made["id"].as_str().unwrap().to_owned()
}

async fn take_in(admin: &Admin, group: &str, person: &Person) {
    admin.post(&path(group, "/users/add"), json!({ "user_ids": [person.id] })).await.expect(200);
}

async fn has(person: &Person, branch: &str, leaf: &str) -> bool {
    person.get(MINE).await.expect(200).json()[branch][leaf].as_bool().unwrap()
}

async fn a_group_gives_a_permission_and_takes_it_at_once(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!({ "features": { "api_keys": true } })).await;
    assert!(!has(&bob, "features", "api_keys").await);

    take_in(&ada, &staff, &bob).await;
    assert!(has(&bob, "features", "api_keys").await);
    let shown = bob.get("/api/v1/auths/").await.expect(200).json();
    assert_eq!(shown["permissions"]["features"]["api_keys"], json!(true));

    ada.post(&path(&staff, "/users/remove"), json!({ "user_ids": [bob.id] })).await.expect(200);
    assert!(!has(&bob, "features", "api_keys").await);

    take_in(&ada, &staff, &bob).await;
    ada.post(&path(&staff, "/update"), json!({ "permissions": { "features": { "api_keys": false } } }))
        .await
        .expect(200);
    assert!(!has(&bob, "features", "api_keys").await);

    ada.post(&path(&staff, "/update"), json!({ "permissions": { "features": { "api_keys": true } } }))
        .await
        .expect(200);
    assert!(has(&bob, "features", "api_keys").await);
    ada.delete(&path(&staff, "/delete")).await.expect(200);
    assert!(!has(&bob, "features", "api_keys").await);
}

async fn the_most_permissive_group_decides_and_none_takes_away(stage: Stage) {
    let app = stage.env("USER_PERMISSIONS_CHAT_SHARE", "false").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let strict = group(&ada, "Strict", json!({ "chat": { "share": false, "delete": false } })).await;
    take_in(&ada, &strict, &bob).await;
    assert!(!has(&bob, "chat", "share").await);
    // What everybody may do no group takes away.
    assert!(has(&bob, "chat", "delete").await);

    let loose = group(&ada, "Loose", json!({ "chat": { "share": true } })).await;
    take_in(&ada, &loose, &bob).await;
    assert!(has(&bob, "chat", "share").await);
}

async fn a_group_gives_to_the_groups_below_it_and_hangs_in_no_circle(stage: Stage) {
    let app = stage.env("USER_PERMISSIONS_CHAT_SHARE", "false").start().await;
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let house = group(&ada, "House", json!({ "chat": { "share": true } })).await;
    let form = json!({ "name": "Kitchen", "description": "", "parent_group_id": house });
    let kitchen = ada.post("/api/v1/groups/create", form).await.expect(200).json();
    let kitchen = kitchen["id"].as_str().unwrap().to_owned();
    take_in(&ada, &kitchen, &bob).await;
    assert!(has(&bob, "chat", "share").await);

    // Nothing is given upwards.
    let room = json!({ "permissions": { "features": { "webhooks": true } } });
    ada.post(&path(&kitchen, "/update"), room).await.expect(200);
    take_in(&ada, &house, &cy).await;
    assert!(has(&bob, "features", "webhooks").await && !has(&cy, "features", "webhooks").await);

    let members = async |kind: &str| {
        let page = ada.get(&path(&house, &format!("/members?membership={kind}"))).await.expect(200).json();
        let ids: Vec<_> = page["users"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect();
        assert_eq!(page["total"], json!(ids.len()));
        ids
    };
    assert_eq!(members("direct").await, [json!(cy.id)]);
    assert_eq!(members("inherited").await, [json!(bob.id)]);
    assert_eq!(members("effective").await, [json!(bob.id), json!(cy.id)]);
    let preview = ada.get(&path(&kitchen, "/preview")).await.expect(200).json();
    assert_eq!(preview["permissions"]["chat"]["share"], json!(true));
    assert_eq!(preview["line"][1]["name"], "House");

    for parent in [&kitchen, &house] {
        let circle = ada.post(&path(&house, "/update"), json!({ "parent_group_id": parent })).await;
        assert_eq!(circle.expect(400).code(), "circle");
    }
    ada.post(&path(&kitchen, "/update"), json!({ "parent_group_id": null })).await.expect(200);
    assert!(!has(&bob, "chat", "share").await);
}

async fn members_see_their_own_groups_and_not_what_they_decide(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let staff = group(&ada, "Staff", json!({ "chat": { "share": true } })).await;
    group(&ada, "Others", json!(null)).await;
    take_in(&ada, &staff, &bob).await;

    let shown = bob.get(GROUPS).await.expect(200).json();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!((&shown[0]["name"], &shown[0]["permissions"]), (&json!("Staff"), &json!(null)));
    assert_eq!(shown[0]["user_id"], "");
    assert_eq!(cy.get(GROUPS).await.expect(200).json(), json!([]));
    let all = ada.get(GROUPS).await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[1]["permissions"]["chat"]["share"], json!(true));
    bob.get(&path(&staff, "/info")).await.expect(200);
}

async fn a_group_of_others_is_a_missing_one(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!(null)).await;
    let there = bob.get(&path(&staff, "/info")).await.expect(404);
    assert_eq!(there.text(), bob.get(&path("group_nobody", "/info")).await.expect(404).text());
    for rest in ["", "/export", "/preview", "/members"] {
        ada.get(&path("group_nobody", rest)).await.expect(404);
        let (theirs, none) = (bob.get(&path(&staff, rest)).await, bob.get(&path("group_nobody", rest)).await);
        assert_eq!((theirs.status, theirs.text()), (401, none.text()), "{rest}");
    }
    ada.post(&path("group_nobody", "/update"), json!({ "name": "X" })).await.expect(404);
    ada.post(&path("group_nobody", "/users/add"), json!({ "user_ids": [bob.id] })).await.expect(404);
    ada.delete(&path("group_nobody", "/delete")).await.expect(404);
}

async fn only_administrators_change_groups(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!({ "features": { "api_keys": true } })).await;
    let before = ada.get(&path(&staff, "/export")).await.expect(200).text();
    for (rest, body) in [
        ("/update", json!({ "name": "Mine" })),
        ("/users/add", json!({ "user_ids": [bob.id] })),
        ("/users/remove", json!({ "user_ids": [bob.id] })),
        ("/users", json!({})),
    ] {
        bob.post(&path(&staff, rest), body.clone()).await.expect(401);
        app.anonymous().post(&path(&staff, rest), body).await.expect(401);
    }
    bob.post("/api/v1/groups/create", json!({ "name": "Bobs", "description": "" })).await.expect(401);
    bob.delete(&path(&staff, "/delete")).await.expect(401);
    assert_eq!(ada.get(&path(&staff, "/export")).await.expect(200).text(), before);
    assert_eq!(ada.get(GROUPS).await.expect(200).json().as_array().unwrap().len(), 1);
}

async fn people_are_taken_in_and_let_go_and_ids_of_nobody_are_left_out(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let staff = group(&ada, "Staff", json!(null)).await;
    let people = json!({ "user_ids": [bob.id, cy.id, "user_nobody", bob.id] });
    let after = ada.post(&path(&staff, "/users/add"), people).await.expect(200).json();
    assert_eq!(after["member_count"], 2);
    let found = ada.get(&path(&staff, "/members?query=CY")).await.expect(200).json();
    assert_eq!((&found["total"], &found["users"][0]["id"]), (&json!(1), &json!(cy.id)));
    assert_eq!(ada.get(&path(&staff, "/members?page=2")).await.expect(200).json()["users"], json!([]));
    let listed = ada.post(&path(&staff, "/users"), json!({})).await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let left = ada.post(&path(&staff, "/users/remove"), json!({ "user_ids": [bob.id, "user_nobody"] })).await;
    assert_eq!(left.expect(200).json()["member_count"], 1);
    // Open WebUI's clients may name nobody at all.
    for nobody in [json!({}), json!({ "user_ids": null })] {
        let same = ada.post(&path(&staff, "/users/add"), nobody).await.expect(200).json();
        assert_eq!(same["member_count"], 1);
    }
    // Who has no account any more is in no group.
    ada.delete(&format!("/api/v1/users/{}", cy.id)).await.expect(200);
    assert_eq!(ada.get(&path(&staff, "")).await.expect(200).json()["member_count"], 0);
}

async fn who_looks_at_the_people_of_a_group_leaves_one_record(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!(null)).await;
    take_in(&ada, &staff, &bob).await;
    // Open WebUI asks for the people by POST.
    let people = ada.post(&path(&staff, "/users"), json!({})).await.expect(200).json();
    assert_eq!(people[0]["id"], json!(bob.id));
    ada.get(&path(&staff, "/members")).await.expect(200);
    ada.get(&path(&staff, "/export")).await.expect(200);
    let looks = app.sql("SELECT target_kind, target_id FROM audit_record WHERE event = 'data.read'");
    assert_eq!(looks, vec![vec!["group".to_owned(), staff]; 3]);
}

async fn a_group_has_a_name_of_its_own(app: TestApp) {
    let ada = app.admin().await;
    let staff = group(&ada, "Staff", json!(null)).await;
    let other = group(&ada, "Other", json!(null)).await;
    let make = async |name: &str| {
        ada.post("/api/v1/groups/create", json!({ "name": name, "description": "" })).await
    };
    assert_eq!(make("Staff").await.expect(409).code(), "name_taken");
    for name in ["", "  ", "a\u{202e}b", &"x".repeat(101)] {
        assert_eq!(make(name).await.expect(400).code(), "invalid_name", "{name:?}");
    }
    let rename = ada.post(&path(&other, "/update"), json!({ "name": "Staff" })).await;
    assert_eq!(rename.expect(409).code(), "name_taken");
    let lost = ada.post(&path(&staff, "/update"), json!({ "parent_group_id": "group_nobody" })).await;
    assert_eq!(lost.expect(400).code(), "invalid_parent");
    let odd = json!({ "name": "Odd", "description": "", "permissions": { "chat": { "share": "yes" } } });
    ada.post("/api/v1/groups/create", odd).await.expect(400);
    // What the server decides is not taken from a body.
    let forged = json!({ "id": "group_mine", "user_id": "user_x", "name": "Forged", "description": "" });
    let group = ada.post("/api/v1/groups/create", forged).await.expect(200).json();
    assert_eq!(group["user_id"], json!(ada.id));
    assert_ne!(group["id"], "group_mine");
}

async fn what_was_granted_to_a_group_ends_with_it(stage: Stage) {
    let provider = testkit::FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!(null)).await;
    take_in(&ada, &staff, &bob).await;
    let grants = json!([{ "principal_type": "group", "principal_id": staff, "permission": "read" }]);
    let decision = json!({ "id": testkit::MODEL, "access_grants": grants });
    ada.post("/api/v1/models/model/access/update", decision).await.expect(200);
    bob.chat("Hi").await.expect(200);
    ada.delete(&path(&staff, "/delete")).await.expect(200);
    // It does not become everybody's: the decision stays, for nobody.
    bob.chat("Hi").await.expect(404);
    assert_eq!(app.sql("SELECT COUNT(*) FROM group_member"), [["0"]]);
}

async fn each_change_of_a_group_leaves_one_record(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let staff = group(&ada, "Staff", json!(null)).await;
    take_in(&ada, &staff, &bob).await;
    take_in(&ada, &staff, &bob).await;
    ada.post(&path(&staff, "/update"), json!({ "name": "Crew" })).await.expect(200);
    ada.post(&path(&staff, "/update"), json!({ "name": "Crew" })).await.expect(200);
    ada.post(&path(&staff, "/users/remove"), json!({ "user_ids": [bob.id] })).await.expect(200);
    ada.delete(&path(&staff, "/delete")).await.expect(200);
    let sql = "SELECT event, outcome, actor_id, target_id FROM audit_record WHERE event LIKE 'group.%' ORDER BY seq";
    let events =
        ["group.made", "group.members_changed", "group.changed", "group.members_changed", "group.deleted"];
    let expected: Vec<Vec<String>> =
        events.map(|event| vec![event.into(), "done".into(), ada.id.clone(), staff.clone()]).into();
    assert_eq!(app.sql(sql), expected);
}

async fn everybody_who_gets_an_account_joins_the_default_group(app: TestApp) {
    let ada = app.admin().await;
    let newcomers = group(&ada, "Newcomers", json!({ "features": { "webhooks": true } })).await;
    let unknown = ada.post("/api/v1/auths/admin/config", json!({ "DEFAULT_GROUP_ID": newcomers })).await;
    assert_eq!(unknown.expect(200).json()["DEFAULT_GROUP_ID"], json!(newcomers));

    let bob = app.person("bob").await;
    assert!(has(&bob, "features", "webhooks").await);
    let form = json!({ "name": "Cy", "email": "cy@example.com", "password": GOOD, "role": "user" });
    ada.post("/api/v1/auths/add", form).await.expect(200);
    let list = format!("Name,Email,Password,Role\nDi,di@example.com,{GOOD},user\n");
    let sent = ada.draft("POST", "/api/v1/users/import").header("content-type", "text/csv").body(list).send();
    assert_eq!(sent.await.expect(200).json()["made"], 1);
    let page = ada.get(&path(&newcomers, "/members")).await.expect(200).json();
    let names: Vec<_> = page["users"].as_array().unwrap().iter().map(|user| user["name"].clone()).collect();
    assert_eq!(names, ["Cy", "Di", "bob"]);

    // A group that is not there any more keeps nobody out.
    ada.delete(&path(&newcomers, "/delete")).await.expect(200);
    assert!(!has(&app.person("eve").await, "features", "webhooks").await);
}
