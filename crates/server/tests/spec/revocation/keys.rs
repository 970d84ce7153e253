//! The same for programs: with API keys of people, and with virtual keys and their money.

use serde_json::{Value, json};
use testkit::{Caller, MODEL, Person, Stage, spec};

use super::{House, running::Running};

spec! {
    an_api_key_that_is_deleted_takes_what_it_runs_with_it;
    an_api_key_that_is_limited_to_something_else_stops_what_it_runs;
    the_api_keys_of_who_is_deactivated_stop;
    a_virtual_key_that_is_blocked_stops_and_pays_what_was_delivered;
    a_virtual_key_that_is_revoked_stops_in_every_process;
    a_virtual_key_that_expires_stops;
    a_virtual_key_that_loses_the_model_stops;
    the_virtual_keys_of_who_is_deactivated_stop;
}

const KEYS: &str = "/api/v1/auths/api_keys";

async fn house(stage: Stage) -> House {
    let stage = stage.env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true");
    House::on(stage.priced(MODEL, 1.0, 1.0)).await
}

/// A program with an API key of this person, and where the key is.
async fn script(person: &Person) -> (Caller, String) {
    let made = person.post(KEYS, json!({ "name": "script" })).await.expect(201).json();
    let path = format!("{KEYS}/{}", made["item"]["id"].as_str().unwrap());
    (person.bearer(made["api_key"].as_str().unwrap()), path)
}

async fn an_api_key_that_is_deleted_takes_what_it_runs_with_it(stage: Stage) {
    let house = house(stage).await;
    let (script, key) = script(&house.bob).await;
    let running = Running::of_a_person(&house.provider, &script).await;
    house.bob.delete(&key).await.expect(204);
    running.has_ended(&house.app, &house.provider, 401, "invalid_api_key").await;
}

async fn an_api_key_that_is_limited_to_something_else_stops_what_it_runs(stage: Stage) {
    let house = house(stage).await;
    let limits = [
        (json!({ "models": ["another"] }), "key_model_access_denied"),
        (json!({ "endpoints": ["GET /api/models"] }), "endpoint_not_allowed"),
        (json!({ "addresses": ["192.0.2.0/24"] }), "address_not_allowed"),
    ];
    for (limit, code) in limits {
        let (script, key) = script(&house.bob).await;
        let mut stream = {
            house.provider.answers(testkit::Reply::says("one two three").silent_after(2));
            script.stream("Count").await
        };
        assert_eq!(stream.next_event().await.unwrap().delta(), "one ");
        house.bob.patch(&key, limit).await.expect(200);
        assert_eq!(stream.events().await.pop().unwrap().json()["error"]["code"], code);
        assert_eq!(script.chat("And now?").await.expect(403).code(), code);
    }
    house.provider.hung_up_on(3).await;
}

async fn the_api_keys_of_who_is_deactivated_stop(stage: Stage) {
    let house = house(stage).await;
    let (script, _) = script(&house.bob).await;
    let running = Running::of_a_person(&house.provider, &script).await;
    house.update(json!({ "is_active": false })).await;
    running.has_ended(&house.app, &house.provider, 401, "invalid_api_key").await;
}

async fn a_virtual_key_that_is_blocked_stops_and_pays_what_was_delivered(stage: Stage) {
    let house = house(stage).await;
    let program = house.app.key().budget(1.0).create().await;
    let running = Running::of_a_program(&house.provider, &program).await;
    program.block().await;
    running.has_ended(&house.app, &house.provider, 401, "key_blocked").await;
    let shown = program.shown().await;
    assert_eq!(shown["reserved"], 0.0, "{shown}");
    assert!(shown["spend"].as_f64().unwrap() > 0.0, "{shown}");
}

async fn a_virtual_key_that_is_revoked_stops_in_every_process(stage: Stage) {
    let house = house(stage).await;
    let twin = house.app.twin().await;
    let program = house.app.key().create().await;
    testkit::eventually("the other process knows the key", async || {
        (twin.seen(&program).get("/v1/models").await.status == 200).then_some(())
    })
    .await;
    let running = Running::of_a_program(&house.provider, &twin.seen(&program)).await;
    program.revoke().await;
    running.has_ended(&house.app, &house.provider, 401, "invalid_api_key").await;
}

async fn a_virtual_key_that_expires_stops(stage: Stage) {
    let house = house(stage).await;
    let program = house.app.key().lasts(5).create().await;
    let running = Running::of_a_program(&house.provider, &program).await;
    running.has_ended(&house.app, &house.provider, 401, "expired_key").await;
}

async fn a_virtual_key_that_loses_the_model_stops(stage: Stage) {
    let house = house(stage).await;
    let program = house.app.key().create().await;
    let running = Running::of_a_program(&house.provider, &program).await;
    program.change(json!({ "models": ["another"] })).await;
    running.has_ended(&house.app, &house.provider, 403, "key_model_access_denied").await;
}

async fn the_virtual_keys_of_who_is_deactivated_stop(stage: Stage) {
    let house = house(stage).await;
    let program = house.app.key().field("owner_id", Value::from(house.bob.id.clone())).create().await;
    let running = Running::of_a_program(&house.provider, &program).await;
    house.update(json!({ "is_active": false })).await;
    running.has_ended(&house.app, &house.provider, 401, "key_blocked").await;
}
