//! What a password must be like, how its digest is kept, and what a digest from elsewhere becomes.

use serde_json::{Value, json};
use testkit::{Admin, Answer, Stage, TestApp, spec};

spec! {
    a_password_that_would_soon_be_guessed_is_refused_with_the_reason_wherever_one_is_set;
    the_operators_pattern_looks_ahead_and_its_hint_is_the_answer;
    a_pattern_that_cannot_be_read_stops_the_start_by_name;
    bcrypt_takes_72_bytes_and_says_so;
    a_bcrypt_digest_from_elsewhere_opens_once_and_is_argon2id_from_then_on;
    where_bcrypt_is_chosen_digests_are_bcrypt_and_argon2id_stays;
    the_environments_administrator_needs_a_good_password_too;
    a_list_on_the_command_line_makes_accounts;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const SIGN_UP: &str = "/api/v1/auths/signup";
const ADD: &str = "/api/v1/auths/add";
const GOOD: &str = "anchovy lamp post";
/// A published test vector of bcrypt: "abc", cost 6.
const BCRYPT: &str = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";

fn account(name: &str, password: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.com"), "password": password, "role": "user" })
}

async fn sign_in(app: &TestApp, name: &str, password: &str) -> Answer {
    app.anonymous().post(SIGN_IN, account(name, password)).await
}

fn digest(app: &TestApp, name: &str) -> String {
    app.sql(&format!("SELECT password FROM account WHERE email = '{name}@example.com'"))[0][0].clone()
}

async fn import(admin: &Admin, rows: &str) -> Value {
    let list = format!("Name,Email,Password_Hash,Role\n{rows}");
    let sent = admin.draft("POST", "/api/v1/users/import").header("content-type", "text/csv").body(list);
    sent.send().await.expect(200).json()
}

async fn a_password_that_would_soon_be_guessed_is_refused_with_the_reason_wherever_one_is_set(app: TestApp) {
    let ada = app.admin().await;
    let bob = app.person("bob").await;
    let weak = "qwertyuiop12";
    let update = format!("/api/v1/users/{}/update", bob.id);
    for refused in [
        app.anonymous().post(SIGN_UP, account("cy", weak)).await.expect(400),
        ada.post(ADD, account("cy", weak)).await.expect(400),
        ada.post(&update, json!({ "password": weak })).await.expect(400),
    ] {
        assert_eq!(
            (refused.code().as_str(), &refused.json()["field"]),
            ("weak_password", &json!("password"))
        );
        assert!(refused.message().len() > 40 && !refused.text().contains(weak), "{}", refused.text());
    }
    let list = format!("Name,Email,Password,Role\nCy,cy@example.com,{weak},user\n");
    let sent = ada.draft("POST", "/api/v1/users/import").header("content-type", "text/csv").body(list);
    assert_eq!(sent.send().await.expect(200).json()["refused"][0]["code"], "weak_password");
    sign_in(&app, "bob", &bob.password).await.expect(200);
}

async fn the_operators_pattern_looks_ahead_and_its_hint_is_the_answer(stage: Stage) {
    let app = stage
        .env("ENABLE_PASSWORD_VALIDATION", "true")
        .env("PASSWORD_VALIDATION_REGEX_PATTERN", r"^(?=.*\d)(?!.*password).{12,}$")
        .env("PASSWORD_VALIDATION_HINT", "Twelve characters, one of them a digit.")
        .start()
        .await;
    let refused = app.anonymous().post(SIGN_UP, account("ada", GOOD)).await.expect(400);
    assert_eq!(refused.json()["detail"], "Twelve characters, one of them a digit.");
    app.anonymous().post(SIGN_UP, account("ada", "my password is 7 feet long")).await.expect(400);
    app.anonymous().post(SIGN_UP, account("ada", "anchovy lamp 7 post")).await.expect(200);
}

async fn a_pattern_that_cannot_be_read_stops_the_start_by_name(stage: Stage) {
    let said = stage.env("PASSWORD_VALIDATION_REGEX_PATTERN", "(?=.*[a-z]").fails().everything();
    assert!(said.contains("PASSWORD_VALIDATION_REGEX_PATTERN"), "{said}");
}

async fn bcrypt_takes_72_bytes_and_says_so(stage: Stage) {
    let app = stage.env("PASSWORD_HASH_ALGORITHM", "bcrypt").start().await;
    let (fits, exceeds) = (GOOD.repeat(5)[..72].to_owned(), GOOD.repeat(5)[..73].to_owned());
    let refused = app.anonymous().post(SIGN_UP, account("ada", &exceeds)).await.expect(400);
    assert!(refused.message().contains("72 bytes"), "{}", refused.text());
    app.anonymous().post(SIGN_UP, account("ada", &fits)).await.expect(200);
    sign_in(&app, "ada", &fits).await.expect(200);
    sign_in(&app, "ada", &fits[..71]).await.expect(400);
}

async fn a_bcrypt_digest_from_elsewhere_opens_once_and_is_argon2id_from_then_on(app: TestApp) {
    let ada = app.admin().await;
    let report =
        import(&ada, &format!("Bob,bob@example.com,{BCRYPT},user\nCy,cy@example.com,$2x$06$no,user\n")).await;
    assert_eq!((&report["made"], &report["refused"][0]["line"]), (&json!(1), &json!(3)));
    assert_eq!(digest(&app, "bob"), BCRYPT);
    sign_in(&app, "bob", "abd").await.expect(400);
    assert_eq!(digest(&app, "bob"), BCRYPT);
    let first = sign_in(&app, "bob", "abc").await.expect(200);
    assert!(digest(&app, "bob").starts_with("$argon2id$"));
    let bearer = format!("Bearer {}", first.json()["token"].as_str().unwrap());
    app.anonymous().draft("GET", "/api/v1/auths/").header("authorization", &bearer).send().await.expect(200);
    sign_in(&app, "bob", "abc").await.expect(200);
    sign_in(&app, "bob", "abd").await.expect(400);
}

async fn where_bcrypt_is_chosen_digests_are_bcrypt_and_argon2id_stays(stage: Stage) {
    let mut app = stage.start().await;
    app.anonymous().post(SIGN_UP, account("ada", GOOD)).await.expect(200);
    app.set_env("PASSWORD_HASH_ALGORITHM", "bcrypt");
    app.restart().await;
    sign_in(&app, "ada", GOOD).await.expect(200);
    assert!(digest(&app, "ada").starts_with("$argon2id$"));
    app.anonymous().post(SIGN_UP, account("bob", GOOD)).await.expect(200);
    assert!(digest(&app, "bob").starts_with("$2b$12$"));
    sign_in(&app, "bob", GOOD).await.expect(200);
}

async fn the_environments_administrator_needs_a_good_password_too(stage: Stage) {
    let named =
        stage.env("WEBUI_ADMIN_EMAIL", "root@example.com").env("WEBUI_ADMIN_PASSWORD", "qwertyuiop12");
    let said = named.fails().everything();
    assert!(said.contains("WEBUI_ADMIN_PASSWORD") && !said.contains("qwertyuiop12"), "{said}");
}

async fn a_list_on_the_command_line_makes_accounts(stage: Stage) {
    let app = stage.start().await;
    app.admin().await;
    let list = app.folder().join("list.csv");
    std::fs::write(&list, format!("Name,Email,Password_Hash,Role\nBob,bob@example.com,{BCRYPT},user\n"))
        .unwrap();
    app.shell(&format!("\"$0\" users import < '{}'", list.display())).expect_success();
    sign_in(&app, "bob", "abc").await.expect(200);
    let again = app.shell(&format!("\"$0\" users import --json < '{}'", list.display())).expect_failure();
    assert_eq!(again.json()["refused"][0]["code"], "email_taken");
}
