//! Where secrets are and where they are not: logs, answers, files, other rows, other keys.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use testkit::{FakeProvider, MASTER_KEY, Reply, Stage, TestApp, spec, spec_sqlite};

spec! {
    no_secret_and_no_prompt_is_in_the_log_whatever_is_done;
    no_secret_is_in_what_the_server_keeps;
    no_answer_holds_a_providers_key;
    a_sealed_key_that_is_copied_to_another_row_does_not_open;
    a_sealed_key_of_which_a_bit_was_changed_does_not_open;
    under_a_wrong_key_nothing_is_served_and_nothing_is_written;
    the_right_key_opens_everything_again;
    commands_that_change_data_refuse_a_wrong_key;
}

spec_sqlite! {
    a_generated_key_that_is_lost_seals_the_data;
    files_are_for_their_owner_alone_whatever_the_umask;
    a_directory_that_was_open_to_others_is_closed;
    secrets_do_not_stand_where_other_processes_can_read_them;
}

const ROOT: &str = "hT9xLq3Wm7Zc2Vb8Nd5Kf1Rs6Pj4Gy0A";
const OTHER_ROOT: &str = "Qe4Ur8Ti2Yo6Pa1Sd9Fg3Hj7Kl5Zx0Cv";
const PROMPT: &str = "canary prompt about a surprise party";

/// Signs people in, keeps connections and keys, asks models and fails in many ways; returns every secret of it.
async fn a_busy_day(app: &TestApp, provider: &FakeProvider) -> BTreeMap<&'static str, String> {
    let ada = app.admin().await;
    let bob = app.person("bob").await;
    let program = app.key().create().await;
    let typed = json!({ "email": bob.email, "password": "canary-Wrong-Password-7" });
    app.anonymous().post("/api/v1/auths/signin", typed).await.expect(400);
    for caller in [&app.master(), &*program, &*ada, &bob.browser()] {
        caller.chat(PROMPT).await.expect(200);
        caller.stream(PROMPT).await.events().await;
        caller.ask("nobodys", PROMPT).await.expect(404);
    }
    for reply in
        [Reply::refuses(401, "no", provider.key()), Reply::refuses(400, "no", PROMPT), Reply::raw("nonsense")]
    {
        provider.answers_once(reply);
        program.chat(PROMPT).await;
    }
    let stored = FakeProvider::start().await;
    let connection = json!({ "name": "Stored", "base_url": provider.base_url() + "/below", "api_key": "sk-stored-Vn5Wd8Xk2Lq9" });
    ada.post("/api/v1/connections", connection.clone()).await.expect(201);
    let refused = json!({ "base_url": stored.base_url(), "api_key": "sk-refused-Gt6Hy2Mb4" });
    ada.post("/api/v1/connections", refused).await.expect(400);
    ada.post(
        "/api/v1/connections/test",
        json!({ "base_url": provider.base_url() + "/below", "api_key": "sk-tried-Kz3Jx7Fv1" }),
    )
    .await;
    app.anonymous().bearer("sk-unknown-Bq8Nw4Rt6").chat(PROMPT).await.expect(401);
    app.anonymous().with("cookie", "token=canary.cookie.Value9").get("/api/v1/auths/").await.expect(401);
    BTreeMap::from([
        ("the provider's key", provider.key().to_owned()),
        ("a stored provider key", "sk-stored-Vn5Wd8Xk2Lq9".to_owned()),
        ("a refused provider key", "sk-refused-Gt6Hy2Mb4".to_owned()),
        ("a tried provider key", "sk-tried-Kz3Jx7Fv1".to_owned()),
        ("the master key", MASTER_KEY.to_owned()),
        ("a virtual key", program.secret.clone()),
        ("an unknown key", "sk-unknown-Bq8Nw4Rt6".to_owned()),
        ("a password", bob.password.clone()),
        ("a mistyped password", "canary-Wrong-Password-7".to_owned()),
        ("a session", bob.token.clone()),
        ("a cookie", "canary.cookie.Value9".to_owned()),
        ("the root secret", ROOT.to_owned()),
    ])
}

async fn office(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    let app = stage
        .provider(&provider)
        .env("WEBUI_SECRET_KEY", ROOT)
        .env("GLOBAL_LOG_LEVEL", "trace")
        .start()
        .await;
    (app, provider)
}

async fn no_secret_and_no_prompt_is_in_the_log_whatever_is_done(stage: Stage) {
    let (mut app, provider) = office(stage).await;
    let secrets = a_busy_day(&app, &provider).await;
    app.stop().await;

    let log = app.log();
    assert!(log.contains("model request") && log.contains("/api/v1/auths/signin"), "{log}");
    for (what, secret) in &secrets {
        assert!(!log.contains(secret), "the log holds {what}");
    }
    for private in [PROMPT, "Hello.", "bob@example.com", "ada.admin@example.com"] {
        assert!(!log.contains(private), "the log holds {private:?}");
    }
}

async fn no_secret_is_in_what_the_server_keeps(stage: Stage) {
    let (mut app, provider) = office(stage).await;
    let secrets = a_busy_day(&app, &provider).await;
    for secret in secrets.values() {
        app.must_not_hold(secret);
    }
    // A prompt of a program is nobody's chat and is kept nowhere.
    app.must_not_hold(PROMPT);
    app.stop().await;
    for secret in secrets.values() {
        app.must_not_hold(secret);
    }
}

async fn no_answer_holds_a_providers_key(stage: Stage) {
    let (app, provider) = office(stage).await;
    let secrets = a_busy_day(&app, &provider).await;
    let ada = app.admin().await;
    for path in [
        "/api/v1/connections",
        "/api/v1/keys",
        "/api/v1/settings",
        "/api/v1/usage",
        "/api/v1/users/",
        "/api/v1/catalog/models",
        "/api/models",
        "/api/config",
    ] {
        let text = ada.get(path).await.expect(200).text();
        for (what, secret) in secrets.iter().filter(|(what, _)| **what != "a session") {
            assert!(!text.contains(secret), "{path} holds {what}");
        }
    }
}

/// Two stored connections with a key each; both lead to the provider, below different paths.
async fn two_connections(app: &TestApp, provider: &FakeProvider) -> (String, String) {
    let ada = app.admin().await;
    let mut ids = Vec::new();
    for (name, path, key) in [("One", "/one", "sk-one-Vn5Wd8Xk2Lq9"), ("Two", "/two", "sk-two-Gt6Hy2Mb4Zp7")]
    {
        let body =
            json!({ "name": name, "base_url": provider.base_url() + path, "api_key": key, "prefix": name });
        let made = ada.post("/api/v1/connections", body).await.expect(201).json();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    (ids.remove(0), ids.remove(0))
}

fn keys_seen(provider: &FakeProvider) -> Vec<String> {
    provider.requests().iter().filter_map(|it| it.header("authorization").map(str::to_owned)).collect()
}

async fn a_sealed_key_that_is_copied_to_another_row_does_not_open(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &provider.base_url()).start().await;
    let (one, two) = two_connections(&app, &provider).await;
    app.master().ask("One/plain-model", "Hi").await.expect(200);
    app.master().ask("Two/plain-model", "Hi").await.expect(200);
    app.stop().await;

    app.sql(&format!(
        "UPDATE connection SET sealed_key = (SELECT sealed_key FROM connection WHERE id = '{one}') WHERE id = '{two}'"
    ));
    app.start_again().await;

    let before = provider.calls();
    app.master().ask("One/plain-model", "Hi").await.expect(200);
    let refused = app.master().ask("Two/plain-model", "Hi").await;
    assert!(refused.status >= 400, "{}", refused.text());
    assert_eq!(provider.calls(), before + 1);
    assert_eq!(keys_seen(&provider).iter().filter(|key| key.contains("sk-one")).count(), 2);
    let shown = app.admin().await.get("/api/v1/connections").await.expect(200).json();
    let broken = shown["items"].as_array().unwrap().iter().find(|it| it["id"] == two.as_str()).unwrap();
    assert!(broken["models"]["error"].as_str().is_some_and(|words| words.contains("key")), "{broken}");
}

async fn a_sealed_key_of_which_a_bit_was_changed_does_not_open(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &provider.base_url()).start().await;
    let (one, _) = two_connections(&app, &provider).await;
    app.stop().await;
    let sealed = app.sql(&format!("SELECT sealed_key FROM connection WHERE id = '{one}'"))[0][0].clone();
    let hex = sealed.trim_start_matches("\\x");
    let last = u8::from_str_radix(&hex[hex.len() - 2..], 16).unwrap() ^ 1;
    let changed = format!("{}{last:02x}", &hex[..hex.len() - 2]);
    let literal = if app.is_sqlite() { format!("x'{changed}'") } else { format!("'\\x{changed}'") };
    app.sql(&format!("UPDATE connection SET sealed_key = {literal} WHERE id = '{one}'"));

    app.start_again().await;

    let refused = app.master().ask("One/plain-model", "Hi").await;
    assert!(refused.status >= 400, "{}", refused.text());
    app.master().ask("Two/plain-model", "Hi").await.expect(200);
    assert!(keys_seen(&provider).iter().all(|key| key == "Bearer sk-two-Gt6Hy2Mb4Zp7"));
}

/// Everything that is stored, in a form that can be compared.
fn everything(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let mut data = app.all_data();
    // pg_dump writes a random word of its own into its script.
    for (_, bytes) in &mut data {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.contains("\\restrict ") {
            let lines = text
                .lines()
                .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
            *bytes = lines.collect::<Vec<_>>().join("\n").into_bytes();
        }
    }
    // Shared memory and the log of the embedded database are made anew by whoever opens it.
    data.retain(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal"));
    data.sort();
    data
}

async fn under_a_wrong_key_nothing_is_served_and_nothing_is_written(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.provider(&provider).env("WEBUI_SECRET_KEY", ROOT).start().await;
    let (ada, program) = (app.admin().await, app.key().create().await);
    app.stop().await;
    let before = everything(&app);
    let calls = provider.listings() + provider.calls();

    app.set_env("WEBUI_SECRET_KEY", OTHER_ROOT);
    app.start_sealed().await;

    app.anonymous().get("/health").await.expect(200);
    let ready = app.anonymous().get("/ready").await.expect(503);
    assert!(ready.json()["reason"].as_str().unwrap().starts_with("keys: "), "{}", ready.text());
    for secret in [ROOT, OTHER_ROOT] {
        assert!(!ready.text().contains(secret));
    }
    for path in ["/", "/api/config", "/api/v1/auths/", "/api/v1/chats/", "/v1/models", "/health/nothing"] {
        ada.get(path).await.expect(503);
    }
    let account = json!({ "name": "Eve", "email": "eve@example.com", "password": "Correct-Horse-9" });
    app.anonymous().post("/api/v1/auths/signup", account).await.expect(503);
    program.chat("Hi").await.expect(503);
    app.master().chat("Hi").await.expect(503);
    app.stop().await;

    assert!(everything(&app) == before, "a sealed server changed what is stored");
    assert_eq!(provider.listings() + provider.calls(), calls);
}

async fn the_right_key_opens_everything_again(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.provider(&provider).env("WEBUI_SECRET_KEY", ROOT).start().await;
    let (ada, program) = (app.admin().await, app.key().create().await);
    app.stop().await;
    app.set_env("WEBUI_SECRET_KEY", OTHER_ROOT);
    app.start_sealed().await;
    app.stop().await;

    app.set_env("WEBUI_SECRET_KEY", ROOT);
    app.start_again().await;

    ada.get("/api/v1/auths/").await.expect(200);
    program.chat("Hi").await.expect(200);
}

async fn commands_that_change_data_refuse_a_wrong_key(stage: Stage) {
    let stage = stage.env("WEBUI_SECRET_KEY", ROOT);
    stage.run(&["keys", "create", "--name", "first"]).expect_success();
    for arguments in [
        &["keys", "create", "--name", "second"][..],
        &["keys", "list"],
        &["settings", "set", "WEBUI_NAME", "X"],
        &["users", "list"],
    ] {
        let ran = stage.run_with(&[("WEBUI_SECRET_KEY", OTHER_ROOT)], arguments).expect_failure();
        assert!(
            ran.stderr.contains("WEBUI_SECRET_KEY") && !ran.stderr.contains(OTHER_ROOT),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(stage.sql("SELECT COUNT(*) FROM virtual_key"), [["1"]]);
    let doctor = stage.run_with(&[("WEBUI_SECRET_KEY", OTHER_ROOT)], &["doctor"]).expect_failure();
    assert!(doctor.stdout.contains("PROBLEM  keys: "), "{}", doctor.stdout);
}

async fn a_generated_key_that_is_lost_seals_the_data(stage: Stage) {
    let mut app = stage.start().await;
    app.admin().await;
    app.stop().await;
    let file = app.data_dir().join(".webui_secret_key");
    fs::remove_file(&file).unwrap();

    app.start_sealed().await;

    app.anonymous().get("/ready").await.expect(503);
    app.anonymous().get("/api/config").await.expect(503);
}

fn modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    found.push((folder.display().to_string(), mode(folder)));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            modes(&path, found);
        } else {
            found.push((path.display().to_string(), mode(&path)));
        }
    }
}

async fn files_are_for_their_owner_alone_whatever_the_umask(stage: Stage) {
    let mut app = stage.umask(0).start().await;
    app.admin().await;
    let check = |app: &TestApp, least: usize| {
        let mut found = Vec::new();
        modes(&app.data_dir(), &mut found);
        assert!(found.len() >= least, "{found:?}");
        for (path, mode) in found {
            let expected = if Path::new(&path).is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{path} has mode {mode:o}");
        }
    };
    // The directory, the database with its two companions, the generated key.
    check(&app, 5);
    app.restart().await;
    app.admin().await;
    check(&app, 5);
}

async fn a_directory_that_was_open_to_others_is_closed(stage: Stage) {
    fs::create_dir(stage.data_dir()).unwrap();
    fs::set_permissions(stage.data_dir(), fs::Permissions::from_mode(0o777)).unwrap();
    let app = stage.start().await;
    let mode = fs::metadata(app.data_dir()).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700, "{mode:o}");
}

async fn secrets_do_not_stand_where_other_processes_can_read_them(stage: Stage) {
    let app = stage.env("WEBUI_SECRET_KEY", ROOT).start().await;
    let line = fs::read(format!("/proc/{}/cmdline", app.pid())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(!line.contains(ROOT) && !line.contains(MASTER_KEY), "{line}");
    assert!(line.contains("serve"), "{line}");
}
