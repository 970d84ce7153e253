//! From settings to a listening server, and back down in order.

use std::{fs, thread, time::Duration};

use testkit::{FakeProvider, Gate, MODEL, Reply, Stage, TestApp, eventually, spec, spec_sqlite};
use tokio::time::Instant;

spec! {
    a_schema_of_a_newer_program_is_left_alone;
    processes_that_migrate_at_once_apply_each_migration_once;
    a_migration_that_was_changed_afterwards_is_noticed;
    ready_says_no_when_migrations_are_missing_and_health_says_yes;
    ready_says_no_when_the_database_is_away;
    a_terminated_server_lets_a_running_answer_end;
    a_terminated_server_cuts_an_answer_that_does_not_end_in_time;
    a_second_start_finds_everything_as_it_was;
}

spec_sqlite! {
    all_wrong_settings_are_named_at_once_and_no_secret_is_repeated;
    a_misspelt_setting_is_an_error_with_a_suggestion;
    weak_and_well_known_master_keys_are_refused;
    weak_and_well_known_root_secrets_are_refused;
    a_secret_from_a_file_counts_and_both_together_are_an_error;
    a_taken_port_is_an_error_that_names_the_settings;
    a_data_directory_that_cannot_be_made_is_an_error_that_names_the_setting;
    the_env_file_counts_and_the_environment_goes_before_it;
    the_first_line_says_where_to_go;
}

async fn all_wrong_settings_are_named_at_once_and_no_secret_is_repeated(stage: Stage) {
    let stage = stage
        .env("LOG_FORMAT", "xml")
        .env("ENABLE_SIGNUP", "perhaps")
        .env("WARDROOM_MAX_BODY_SIZE", "huge")
        .env("JWT_EXPIRES_IN", "sometimes")
        .env("OPENAI_API_BASE_URL", "not a url")
        .env("OPENAI_API_KEYS", "sk-canary-one;sk-canary-two;sk-canary-three");
    let said = stage.fails().stderr;

    for name in
        ["LOG_FORMAT", "ENABLE_SIGNUP", "WARDROOM_MAX_BODY_SIZE", "JWT_EXPIRES_IN", "OPENAI_API_BASE_URL"]
    {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
    assert!(!said.contains("canary"), "{said}");
    assert!(said.contains("json") && said.contains("text"), "the way out is not in: {said}");
}

async fn a_misspelt_setting_is_an_error_with_a_suggestion(stage: Stage) {
    let said = stage.env("WARDROOM_SHUTDOWN_TIMOUT", "5s").fails().stderr;
    assert!(said.contains("did you mean WARDROOM_SHUTDOWN_TIMEOUT?"), "{said}");
}

async fn weak_and_well_known_master_keys_are_refused(stage: Stage) {
    let weak = [
        "sk-1234",
        "sk-",
        "sk-12345678901234567890",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "sk-changeme-changeme-changeme",
        "sk-master-key-master-key",
        "sk-abcabcabcabcabcabcabcabc",
        "Yq7mZt3LwXc9Rk2Vd8Hf6Bn4-without-prefix",
    ];
    let mut stage = stage;
    for key in weak {
        stage = stage.env("LITELLM_MASTER_KEY", key);
        let said = stage.fails().stderr;
        assert!(said.contains("LITELLM_MASTER_KEY") && said.contains("openssl rand"), "{key}: {said}");
        assert!(key.len() < 5 || !said.contains(key), "{key}: {said}");
    }
    assert!(!stage.data_dir().join("wardroom.db").exists(), "a refused start touched the data");
}

async fn weak_and_well_known_root_secrets_are_refused(stage: Stage) {
    let mut stage = stage;
    for (name, secret) in [
        ("WEBUI_SECRET_KEY", "t0p-s3cr3t"),
        ("WEBUI_SECRET_KEY", "tiny-0"),
        ("WEBUI_SECRET_KEY", "supersecretkeysupersecretkey"),
        ("CONFIG_ENCRYPTION_KEY", "0123456789abcdef0123456789abcdef"),
    ] {
        stage = stage.env(name, secret);
        let said = stage.fails().stderr;
        assert!(said.contains(name) && !said.contains(secret), "{said}");
        stage = stage.without(name);
    }
}

async fn a_secret_from_a_file_counts_and_both_together_are_an_error(stage: Stage) {
    let file = stage.folder().join("master");
    fs::write(&file, "sk-Jd83hfKq02mXv7Pz5Rt1Ls9W\n").unwrap();
    let path = file.display().to_string();
    let both = stage.env("LITELLM_MASTER_KEY_FILE", &path);
    assert!(both.fails().stderr.contains("LITELLM_MASTER_KEY_FILE are both set"));

    let app = both.without("LITELLM_MASTER_KEY").start().await;
    app.anonymous().bearer("sk-Jd83hfKq02mXv7Pz5Rt1Ls9W").get("/v1/models").await.expect(200);
    app.master().get("/v1/models").await.expect(401);
}

async fn a_taken_port_is_an_error_that_names_the_settings(stage: Stage) {
    let app = stage.start().await;
    let port = app.address().port().to_string();
    let said = app.run_with(&[("PORT", &port)], &["serve"]).expect_failure().everything();
    assert!(said.contains("HOST and PORT") && said.contains(&port), "{said}");
    app.anonymous().get("/ready").await.expect(200);
}

async fn a_data_directory_that_cannot_be_made_is_an_error_that_names_the_setting(stage: Stage) {
    let file = stage.folder().join("file");
    fs::write(&file, "in the way").unwrap();
    let said = stage.env("DATA_DIR", &file.join("data").display().to_string()).fails().stderr;
    assert!(said.contains("DATA_DIR"), "{said}");
}

async fn the_env_file_counts_and_the_environment_goes_before_it(stage: Stage) {
    let text = "# names\nWEBUI_NAME=\"From the file\"\nLOG_FORMAT=json\n";
    fs::write(stage.folder().join(".env"), text).unwrap();
    let app = stage.env("LOG_FORMAT", "text").start().await;

    assert_eq!(app.anonymous().get("/api/config").await.expect(200).json()["name"], "From the file");
    assert!(!app.log().contains("{\""), "{}", app.log());
}

async fn the_first_line_says_where_to_go(app: TestApp) {
    app.log_line(&format!("listening on {}", app.origin())).await;
    app.log_line("the first account becomes the administrator").await;
}

async fn a_schema_of_a_newer_program_is_left_alone(stage: Stage) {
    stage.run(&["migrate"]).expect_success();
    stage.sql(
        "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES (9999, 'future', 'x', 0)",
    );

    let said = stage.fails().everything();

    assert!(said.contains("9999") && said.contains("newer"), "{said}");
    stage.run(&["migrate"]).expect_failure();
    assert_eq!(stage.sql("SELECT COUNT(*) FROM account"), [["0"]]);
    assert_eq!(stage.sql("SELECT COUNT(*) FROM setting"), [["0"]]);
}

async fn processes_that_migrate_at_once_apply_each_migration_once(stage: Stage) {
    let ran = thread::scope(|scope| {
        let running: Vec<_> = (0..6).map(|_| scope.spawn(|| stage.run(&["migrate"]))).collect();
        running.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });

    let applied: u32 = ran
        .into_iter()
        .map(|it| it.expect_success().stdout)
        .filter_map(|said| said.split_whitespace().nth(1)?.parse::<u32>().ok())
        .sum();
    let rows = stage.sql("SELECT COUNT(*) FROM schema_migration");
    assert_eq!(rows, [[applied.to_string()]]);
    assert!(applied > 0);
    assert!(stage.run(&["migrate"]).expect_success().stdout.contains("up to date"));
}

async fn a_migration_that_was_changed_afterwards_is_noticed(stage: Stage) {
    stage.run(&["migrate"]).expect_success();
    stage.sql("UPDATE schema_migration SET checksum = 'fnv1a64:0000000000000000:1' WHERE version = 1");
    let said = stage.fails().everything();
    assert!(said.contains("migration 1"), "{said}");
}

async fn ready_says_no_when_migrations_are_missing_and_health_says_yes(app: TestApp) {
    app.sql("DELETE FROM schema_migration WHERE version = (SELECT MAX(version) FROM schema_migration)");

    let ready = app.anonymous().get("/ready").await.expect(503);
    assert_eq!(ready.json()["status"], false);
    assert!(ready.json()["reason"].as_str().unwrap().starts_with("migrations: "), "{}", ready.text());
    app.anonymous().get("/health/readiness").await.expect(503);
    assert_eq!(app.anonymous().get("/health").await.expect(200).json()["status"], true);
}

async fn ready_says_no_when_the_database_is_away(app: TestApp) {
    if app.is_sqlite() {
        // An embedded database goes away only with the disk; what a broken file does is tried in the store.
        return;
    }
    app.drop_database();

    let reason = eventually("/ready says no", async || {
        let ready = app.anonymous().get("/ready").await;
        (ready.status == 503).then(|| ready.json()["reason"].as_str().unwrap_or_default().to_owned())
    });
    let reason = reason.await;
    assert!(reason.starts_with("database: "), "{reason}");
    assert!(!reason.contains("wardroom@") && !reason.contains("/tmp"), "{reason}");
    app.anonymous().get("/health").await.expect(200);
}

async fn a_terminated_server_lets_a_running_answer_end(stage: Stage) {
    let provider = FakeProvider::start().await;
    let gate = Gate::closed();
    provider.answers(Reply::says("one two three").gated(&gate));
    let mut app = stage.provider(&provider).env("WARDROOM_SHUTDOWN_TIMEOUT", "20s").start().await;
    gate.lets(1);
    let mut stream = app.master().stream("Count").await;
    stream.next_event().await.unwrap();

    app.terminate();
    app.log_line("shutting down").await;
    let refused = eventually("new connections are refused", async || {
        app.anonymous().draft("GET", "/health").try_send().await.is_err().then_some(())
    });
    refused.await;
    gate.open();
    let events = stream.events().await;

    assert!(events.last().unwrap().is_done());
    assert!(app.wait().await.success());
    let row = &app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.completion_tokens), ("ok", 5));
}

async fn a_terminated_server_cuts_an_answer_that_does_not_end_in_time(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.answers(Reply::says("one two three").silent_after(1));
    let mut app = stage.provider(&provider).env("WARDROOM_SHUTDOWN_TIMEOUT", "1s").start().await;
    let mut stream = app.master().stream("Count").await;
    stream.next_event().await.unwrap();

    let asked = Instant::now();
    app.terminate();

    let status = app.wait().await;
    assert!(status.success(), "{status}: {}", app.log());
    assert!(asked.elapsed() < Duration::from_secs(10));
    let row = &app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.model.as_str()), ("disconnected", MODEL));
}

async fn a_second_start_finds_everything_as_it_was(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.provider(&provider).start().await;
    let ada = app.admin().await;
    app.master().chat("Hi").await.expect(200);
    let before = app.sql("SELECT id, name, kind, position FROM connection ORDER BY id");

    app.restart().await;

    ada.get("/api/v1/auths/").await.expect(200);
    app.master().chat("Hi").await.expect(200);
    assert_eq!(app.sql("SELECT id, name, kind, position FROM connection ORDER BY id"), before);
    app.usage(2).await;
}
