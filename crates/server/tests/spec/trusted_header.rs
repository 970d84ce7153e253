//! Sign-in by the headers of a trusted proxy. The tests connect from loopback, which is trusted by default.

use serde_json::{Value, json};
use testkit::{Answer, Caller, Stage, TestApp, spec};

spec! {
    whoever_the_proxy_names_is_signed_in_and_the_first_one_administrates;
    the_headers_of_anybody_else_count_for_nothing;
    a_session_of_somebody_else_than_the_proxy_names_is_over;
    a_header_that_comes_twice_signs_nobody_in;
    there_is_one_account_for_all_spellings_of_an_address;
    the_proxy_gives_roles_but_never_takes_the_last_administrator_away;
    whom_the_proxy_gives_less_than_the_default_is_signed_in_all_the_same;
    a_person_is_in_exactly_the_groups_that_the_proxy_names;
    whoever_is_switched_off_stays_out_whatever_the_proxy_says;
    nobody_makes_an_account_in_another_persons_name;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const WHO: &str = "/api/v1/auths/";

fn behind_a_proxy(stage: Stage) -> Stage {
    stage
        .env("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "X-Forwarded-Email")
        .env("WEBUI_AUTH_TRUSTED_NAME_HEADER", "X-Forwarded-Name")
        .env("WEBUI_AUTH_TRUSTED_ROLE_HEADER", "X-Forwarded-Role")
        .env("WEBUI_AUTH_TRUSTED_GROUPS_HEADER", "X-Forwarded-Groups")
}

/// Somebody whom the proxy names.
fn named(app: &TestApp, email: &str) -> Caller {
    app.anonymous().with("x-forwarded-email", email)
}

async fn sign_in(caller: &Caller) -> Answer {
    caller.draft("POST", SIGN_IN).send().await
}

/// The session of somebody whom the proxy names.
async fn signed_in(caller: &Caller) -> Value {
    sign_in(caller).await.expect(200).json()
}

fn going_on(app: &TestApp, session: &Value) -> Caller {
    app.anonymous().bearer(session["token"].as_str().unwrap())
}

async fn whoever_the_proxy_names_is_signed_in_and_the_first_one_administrates(stage: Stage) {
    let app = behind_a_proxy(stage)
        .env("ENABLE_PASSWORD_AUTH", "false")
        .env("DEFAULT_USER_ROLE", "user")
        .start()
        .await;
    let config = app.anonymous().get("/api/config").await.expect(200).json();
    assert_eq!(config["features"]["auth_trusted_header"], true);
    assert_eq!(config["features"]["enable_signup"], false);
    let ada = signed_in(&named(&app, "ada@example.com").with("x-forwarded-name", "Ren%C3%A9e%20Ada")).await;
    assert_eq!((&ada["role"], &ada["name"]), (&json!("admin"), &json!("Renée Ada")));
    let answer = sign_in(&named(&app, "bob@example.com")).await.expect(200);
    assert!(answer.header("set-cookie").unwrap().starts_with("token="));
    assert_eq!((&answer.json()["role"], &answer.json()["name"]), (&json!("user"), &json!("bob")));
    let ada = going_on(&app, &ada);
    ada.get(WHO).await.expect(200);
    // A fresh sign-in is a fresh proof.
    ada.post("/api/v1/keys", json!({ "name": "fresh" })).await.expect(201);
    let methods = app.sql("SELECT method FROM session");
    assert!(methods.iter().all(|row| row == &["trusted_header"]), "{methods:?}");
    let bodies = named(&app, "cy@example.com");
    let body = json!({ "email": "ada@example.com", "password": "whatever it is" });
    assert_eq!(bodies.post(SIGN_IN, body).await.expect(200).json()["email"], "cy@example.com");
}

async fn the_headers_of_anybody_else_count_for_nothing(stage: Stage) {
    let mut app = behind_a_proxy(stage).env("WARDROOM_TRUSTED_HEADER_PROXIES", "192.0.2.1").start().await;
    let refused = sign_in(&named(&app, "ada@example.com")).await.expect(400);
    assert_eq!(refused.code(), "trusted_header_missing");
    app.set_env("WARDROOM_TRUSTED_HEADER_PROXIES", "");
    app.set_env("FORWARDED_ALLOW_IPS", "192.0.2.1");
    app.restart().await;
    let refused = sign_in(&named(&app, "ada@example.com")).await.expect(400);
    assert_eq!(refused.code(), "trusted_header_missing");
    assert!(app.sql("SELECT id FROM account").is_empty());
}

async fn a_session_of_somebody_else_than_the_proxy_names_is_over(stage: Stage) {
    let app = behind_a_proxy(stage).env("DEFAULT_USER_ROLE", "user").start().await;
    let ada = going_on(&app, &signed_in(&named(&app, "ada@example.com")).await);
    ada.get(WHO).await.expect(200);
    ada.with("x-forwarded-email", "Ada@Example.com").get(WHO).await.expect(200);
    let other = ada.with("x-forwarded-email", "bob@example.com");
    assert_eq!(other.get(WHO).await.expect(401).code(), "session_over");
    let twice = ada.with("x-forwarded-email", "ada@example.com").with("x-forwarded-email", "bob@example.com");
    twice.get(WHO).await.expect(401);
    // Whoever sits there now signs in, in spite of the session that the browser still has.
    assert_eq!(signed_in(&other).await["email"], "bob@example.com");
}

async fn a_header_that_comes_twice_signs_nobody_in(stage: Stage) {
    let app = behind_a_proxy(stage).start().await;
    let twice = named(&app, "ada@example.com").with("x-forwarded-email", "bob@example.com");
    assert_eq!(sign_in(&twice).await.expect(400).code(), "trusted_header_invalid");
    let roles =
        named(&app, "ada@example.com").with("x-forwarded-role", "user").with("x-forwarded-role", "admin");
    assert_eq!(sign_in(&roles).await.expect(400).code(), "trusted_header_invalid");
    assert_eq!(sign_in(&named(&app, "no address")).await.expect(400).code(), "invalid_email");
    assert_eq!(sign_in(&app.anonymous()).await.expect(400).code(), "trusted_header_missing");
    assert!(app.sql("SELECT id FROM account").is_empty());
}

async fn there_is_one_account_for_all_spellings_of_an_address(stage: Stage) {
    let app = behind_a_proxy(stage).start().await;
    let (upper, lower) = (named(&app, "ADA@Example.COM"), named(&app, "ada@example.com"));
    let (upper, lower) = tokio::join!(signed_in(&upper), signed_in(&lower));
    assert_eq!(upper["id"], lower["id"]);
    assert_eq!(app.sql("SELECT id FROM account").len(), 1);
}

async fn the_proxy_gives_roles_but_never_takes_the_last_administrator_away(stage: Stage) {
    let app = behind_a_proxy(stage).start().await;
    let ada = named(&app, "ada@example.com");
    assert_eq!(signed_in(&ada.with("x-forwarded-role", "pending")).await["role"], "admin");
    let bob = named(&app, "bob@example.com");
    for (claim, role) in [
        ("user", "user"),
        ("captain", "user"),
        ("admin", "admin"),
        ("pending", "pending"),
        ("Admin", "admin"),
    ] {
        assert_eq!(signed_in(&bob.with("x-forwarded-role", claim)).await["role"], role, "{claim}");
    }
    let before = going_on(&app, &signed_in(&bob).await);
    before.get("/api/v1/users/").await.expect(200);
    assert_eq!(signed_in(&bob.with("x-forwarded-role", "user")).await["role"], "user");
    before.get("/api/v1/auths/").await.expect(401);
    signed_in(&bob.with("x-forwarded-role", "admin")).await;
    assert_eq!(signed_in(&ada.with("x-forwarded-role", "user")).await["role"], "user");
}

async fn whom_the_proxy_gives_less_than_the_default_is_signed_in_all_the_same(stage: Stage) {
    let app = behind_a_proxy(stage).env("DEFAULT_USER_ROLE", "user").start().await;
    signed_in(&named(&app, "ada@example.com")).await;

    let bob = signed_in(&named(&app, "bob@example.com").with("x-forwarded-role", "pending")).await;

    assert_eq!(bob["role"], "pending");
    going_on(&app, &bob).get(WHO).await.expect(200);
}

async fn a_person_is_in_exactly_the_groups_that_the_proxy_names(stage: Stage) {
    let app = behind_a_proxy(stage).env("DEFAULT_USER_ROLE", "user").start().await;
    let ada = going_on(&app, &signed_in(&named(&app, "ada@example.com")).await);
    for name in ["staff", "night watch", "cooks"] {
        let form = json!({ "name": name, "description": "" });
        ada.post("/api/v1/groups/create", form).await.expect(200);
    }
    let bob = named(&app, "bob@example.com");
    let groups = "SELECT name FROM user_group WHERE id IN (SELECT group_id FROM group_member) ORDER BY name";
    let member_of = || app.sql(groups).into_iter().flatten().collect::<Vec<_>>();
    signed_in(&bob.with("x-forwarded-groups", "staff, cooks,unknown")).await;
    assert_eq!(member_of(), ["cooks", "staff"]);
    signed_in(&bob).await;
    assert_eq!(member_of(), ["cooks", "staff"]);
    signed_in(&bob.with("x-forwarded-groups", "night watch,staff")).await;
    assert_eq!(member_of(), ["night watch", "staff"]);
}

async fn whoever_is_switched_off_stays_out_whatever_the_proxy_says(stage: Stage) {
    let app = behind_a_proxy(stage).env("DEFAULT_USER_ROLE", "user").start().await;
    signed_in(&named(&app, "ada@example.com")).await;
    signed_in(&named(&app, "bob@example.com")).await;
    app.sql("UPDATE account SET deactivated_at = 1 WHERE email = 'bob@example.com'");
    let bob = named(&app, "bob@example.com").with("x-forwarded-role", "admin");
    assert_eq!(sign_in(&bob).await.expect(400).code(), "wrong_credentials");
    let roles = app.sql("SELECT role FROM account WHERE email = 'bob@example.com'");
    assert_eq!(roles, [["user"]]);
}

async fn nobody_makes_an_account_in_another_persons_name(stage: Stage) {
    let app = behind_a_proxy(stage).env("ENABLE_SIGNUP", "true").start().await;
    let form = json!({ "name": "Ada", "email": "ada@example.com", "password": "anchovy lamp post" });
    let eve = named(&app, "eve@example.com");
    assert_eq!(eve.post("/api/v1/auths/signup", form).await.expect(403).code(), "signup_closed");
}
