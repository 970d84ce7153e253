//! The audit log: the line of each record, what is kept at which level, and the page that shows it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use testkit::{Answer, FakeProvider, MODEL, Reply, Stage, TestApp, eventually, spec, spec_sqlite};

spec! {
    a_change_has_its_line_in_the_file_before_it_is_answered;
    a_failed_sign_in_names_the_account_that_was_tried;
    what_the_command_line_changed_gets_its_line_from_the_running_server;
    an_answer_that_used_a_model_leaves_open_webuis_usage_line_where_that_is_wanted;
    by_itself_the_file_tells_about_answers_by_the_batch;
    at_level_none_nothing_is_recorded_but_that_it_was_lowered;
    at_level_request_the_body_is_kept_without_its_secrets;
    at_level_request_response_the_answer_is_kept_too;
    an_answer_that_is_still_being_sent_gets_a_line_of_its_own;
    paths_that_are_left_out_keep_chats_out_and_nothing_else;
    successful_reads_leave_a_record_when_that_is_wanted;
    the_page_filters_and_pages_and_reading_it_is_recorded;
    the_log_is_for_administrators_alone;
    an_export_is_a_file_and_is_recorded;
    the_state_of_the_log_is_shown;
    a_verification_is_asked_for_and_remembered;
}

spec_sqlite! {
    what_a_stranger_writes_stays_in_its_field;
    a_full_log_file_gives_way_to_a_new_one;
    the_lines_go_to_standard_output_when_that_is_wanted;
    a_log_file_that_cannot_be_opened_stops_the_start;
    an_unknown_level_stops_the_start;
    the_file_is_for_its_owner_alone_and_goes_on_after_a_restart;
}

const CANARY: &str = "Zx8Kq2-canary-Wv5Tn7";

fn file(app: &Stage) -> PathBuf {
    app.data_dir().join("audit.log")
}

/// All lines of the log file at this moment.
fn lines(app: &Stage) -> Vec<Value> {
    let text = fs::read_to_string(file(app)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_event(app: &Stage, event: &str) -> Vec<Value> {
    lines(app).into_iter().filter(|line| line["event"] == event).collect()
}

async fn a_change_has_its_line_in_the_file_before_it_is_answered(app: TestApp) {
    let ada = app.admin().await;
    let made = ada.post("/api/v1/keys", json!({ "name": "ci" })).await.expect(201);

    let line = of_event(&app, "virtual_key.made").pop().unwrap();

    assert_eq!(
        line["user"],
        json!({ "id": ada.id, "email": ada.email, "role": "admin", "name": "Ada Admin" })
    );
    assert_eq!((&line["audit_level"], &line["verb"]), (&json!("METADATA"), &json!("POST")));
    assert_eq!(line["request_uri"], format!("{}/api/v1/keys", app.origin()));
    assert_eq!((&line["response_status_code"], &line["source_ip"]), (&json!(201), &json!("127.0.0.1")));
    assert_eq!(
        (&line["model_id"], &line["usage"], &line["request_object"]),
        (&Value::Null, &Value::Null, &json!(""))
    );
    assert_eq!(line["request_id"], made.header("x-request-id").unwrap());
    assert_eq!(line["target"]["id"], made.json()["item"]["id"]);
    assert_eq!(line["outcome"], "done");
    let rows = app.sql("SELECT id, seq FROM audit_record WHERE event = 'virtual_key.made'");
    assert_eq!(rows, [[line["id"].as_str().unwrap().to_owned(), line["seq"].to_string()]]);

    // Every record has one line, in the order of the records.
    let seqs: Vec<u64> = lines(&app).iter().filter_map(|line| line["seq"].as_u64()).collect();
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected);
}

async fn a_failed_sign_in_names_the_account_that_was_tried(app: TestApp) {
    app.admin().await;
    let tried = json!({ "email": "Nobody@Example.com", "password": CANARY });
    app.anonymous().post("/api/v1/auths/signin", tried).await.expect(400);

    let line = of_event(&app, "session.refused").pop().unwrap();

    assert_eq!((&line["user"], &line["response_status_code"]), (&json!({}), &json!(400)));
    assert_eq!(line["extra"]["tried"], "nobody@example.com");
    assert_eq!(line["outcome"], "failed");
    app.must_not_hold(CANARY);
}

async fn what_the_command_line_changed_gets_its_line_from_the_running_server(app: TestApp) {
    app.run(&["settings", "set", "WEBUI_NAME", "Galley"]).expect_success();
    let line = eventually("the line", async || of_event(&app, "settings.changed").pop()).await;
    assert_eq!((&line["user"]["role"], &line["request_uri"]), (&json!("operator"), &json!("settings set")));
}

async fn an_answer_that_used_a_model_leaves_open_webuis_usage_line_where_that_is_wanted(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.answers(Reply::says_for("Hello.", 12, 3));
    let app = stage.provider(&provider).env("ENABLE_AUDIT_MODEL_USAGE", "true").start().await;
    let program = app.key().create().await;
    let answer = program.chat(CANARY).await.expect(200);

    let find = || lines(&app).into_iter().find(|line| line["extra"]["event"] == "model_usage");
    let line = eventually("the usage line", async || find()).await;

    assert_eq!(line["usage"], json!({ "input_tokens": 12, "output_tokens": 3, "total_tokens": 15 }));
    assert_eq!(line["model_id"], MODEL);
    assert_eq!(line["extra"]["request_id"], answer.header("x-request-id").unwrap());
    assert_eq!((&line["credential"], &line["response_status_code"]), (&json!(program.id), &json!(200)));
    app.must_not_hold(CANARY);
}

async fn by_itself_the_file_tells_about_answers_by_the_batch(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    app.key().create().await.chat("Hello?").await.expect(200);

    let line = eventually("the batch", async || of_event(&app, "usage.recorded").pop()).await;

    assert_eq!((&line["seq"].is_u64(), &line["detail"]["count"]), (&true, &json!(1)));
    assert!(lines(&app).iter().all(|line| line["extra"]["event"] != "model_usage"));
}

async fn at_level_none_nothing_is_recorded_but_that_it_was_lowered(stage: Stage) {
    let mut app = stage.start().await;
    app.admin().await;
    app.stop().await;
    app.set_env("AUDIT_LOG_LEVEL", "NONE");
    let count = || app.sql("SELECT COUNT(*) FROM audit_record")[0][0].parse::<u32>().unwrap();
    let before = count();

    app.start_again().await;
    app.admin().await.post("/api/v1/keys", json!({ "name": "unseen" })).await.expect(201);

    let count = app.sql("SELECT COUNT(*) FROM audit_record")[0][0].parse::<u32>().unwrap();
    assert_eq!(count, before + 1);
    let last = app.sql("SELECT body FROM audit_record ORDER BY seq DESC LIMIT 1")[0][0].clone();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["event"], "server.started");
    let detail = &last["detail"];
    assert_eq!((&detail["level"], &detail["level_before"]), (&json!("NONE"), &json!("METADATA")));
    app.run(&["audit", "verify"]).expect_success();
}

async fn at_level_request_the_body_is_kept_without_its_secrets(stage: Stage) {
    let app = stage.env("AUDIT_LOG_LEVEL", "REQUEST").start().await;
    let ada = app.admin().await;
    let wrong = json!({ "email": "x@example.com", "password": CANARY, "note": { "inner": json!({ "api_key": CANARY }).to_string() } });
    app.anonymous().post("/api/v1/auths/signin", wrong).await.expect(400);
    let with_cookie = ada.with("cookie", "other=Wq7-presented-Lp4");
    with_cookie.post("/api/v1/keys", json!({ "name": "uses Wq7-presented-Lp4" })).await.expect(201);

    let refused = of_event(&app, "session.refused").pop().unwrap();
    let kept: Value = serde_json::from_str(refused["request_object"].as_str().unwrap()).unwrap();
    assert_eq!((&kept["email"], &kept["password"]), (&json!("x@example.com"), &json!("[removed]")));
    let made = of_event(&app, "virtual_key.made").pop().unwrap();
    assert_eq!(made["request_object"], r#"{"name":"uses [removed]"}"#);
    assert_eq!(made["response_object"], "");
    app.must_not_hold(CANARY);
    app.run(&["audit", "verify"]).expect_success();
}

async fn at_level_request_response_the_answer_is_kept_too(stage: Stage) {
    let app = stage.env("AUDIT_LOG_LEVEL", "REQUEST_RESPONSE").env("MAX_BODY_LOG_SIZE", "300").start().await;
    let ada = app.admin().await;
    let made = ada.post("/api/v1/keys", json!({ "name": "ci" })).await.expect(201).json();
    let secret = made["key"].as_str().unwrap();

    let line = of_event(&app, "virtual_key.made").pop().unwrap();
    let kept = line["response_object"].as_str().unwrap();

    assert!(kept.contains(r#""name":"ci""#) && kept.len() <= 300 && !kept.contains(secret), "{kept}");
    let seq = line["seq"].as_u64().unwrap();
    let shown = ada.get(&format!("/api/v1/audit/{seq}")).await.expect(200).json();
    assert_eq!(
        (&shown["response_object"], &shown["request_object"]),
        (&json!(kept), &json!(r#"{"name":"ci"}"#))
    );
    assert_eq!(shown["level"], "REQUEST_RESPONSE");
    // The token that a sign-in answers with stands nowhere.
    app.must_not_hold(&ada.token);
    app.must_not_hold(secret);
    app.run(&["audit", "verify"]).expect_success();

    app.sql(&format!("UPDATE audit_response SET body = 'another' WHERE seq = {seq}"));
    let found = app.run(&["audit", "verify"]).expect_failure().stdout;
    assert!(found.contains(&format!("The answer kept with record {seq} was changed")), "{found}");
}

async fn an_answer_that_is_still_being_sent_gets_a_line_of_its_own(stage: Stage) {
    let app = stage.env("AUDIT_LOG_LEVEL", "REQUEST_RESPONSE").start().await;
    let ada = app.admin().await;
    let length = ada.get("/api/v1/audit/export").await.expect(200).body.len();

    let seq = of_event(&app, "audit.exported")[0]["seq"].clone();
    let find = || lines(&app).into_iter().find(|line| line["detail"]["answer_of"] == seq);
    let line = eventually("the answer's line", async || find()).await;

    assert_eq!(line["response_object"], format!("[{length} bytes of another kind]"));
    assert_eq!((&line["seq"], &line["response_status_code"]), (&Value::Null, &json!(200)));
    app.run(&["audit", "verify"]).expect_success();
}

async fn paths_that_are_left_out_keep_chats_out_and_nothing_else(stage: Stage) {
    let app = stage.env("AUDIT_EXCLUDED_PATHS", "/chats,users,/keys").start().await;
    let ada = app.admin().await;
    ada.post("/api/v1/chats/new", json!({ "chat": { "title": "t" } })).await.expect(200);
    ada.post("/api/v1/keys", json!({ "name": "ci" })).await.expect(201);
    app.anonymous().get("/api/v1/chats/").await.expect(401);

    assert!(of_event(&app, "chat.made").is_empty());
    assert_eq!(of_event(&app, "virtual_key.made").len(), 1);
    assert_eq!(of_event(&app, "account.signed_up").len(), 1);
    let started = of_event(&app, "server.started").pop().unwrap();
    assert_eq!(started["detail"]["excluded_paths"], "/chats,/users,/keys");
}

async fn successful_reads_leave_a_record_when_that_is_wanted(stage: Stage) {
    let app = stage.env("ENABLE_AUDIT_GET_REQUESTS", "true").start().await;
    let ada = app.admin().await;
    ada.get("/api/v1/chats/").await.expect(200);
    ada.get("/api/v1/chats/chat_00000000000000000000000000").await.expect(404);

    let read: Vec<Value> =
        of_event(&app, "data.read").into_iter().filter(|line| line["target"]["kind"] == "route").collect();
    assert_eq!(read.len(), 1, "{read:#?}");
    assert_eq!(read[0]["target"]["id"], "/api/v1/chats/");
    assert_eq!(read[0]["user"]["id"], ada.id);
}

async fn the_page_filters_and_pages_and_reading_it_is_recorded(app: TestApp) {
    let ada = app.admin().await;
    for name in ["a", "b", "c"] {
        ada.post("/api/v1/keys", json!({ "name": name })).await.expect(201);
    }
    app.anonymous()
        .post("/api/v1/auths/signin", json!({ "email": "x@y.example", "password": "no" }))
        .await
        .expect(400);
    let page = async |query: &str| ada.get(&format!("/api/v1/audit?{query}")).await.expect(200).json();
    let events = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap().to_owned()).collect()
    };

    let first = page("event=virtual_key.made&limit=2").await;
    assert_eq!(events(&first), ["virtual_key.made"; 2]);
    let rest = page(&format!("event=virtual_key.made&limit=2&before={}", first["next"])).await;
    assert_eq!((events(&rest).len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(events(&page("event=session.&outcome=failed").await), ["session.refused"]);
    assert_eq!(events(&page(&format!("actor={}&event=virtual_key.made", ada.id)).await).len(), 3);
    let id = first["items"][0]["target"]["id"].as_str().unwrap();
    assert_eq!(events(&page(&format!("target={id}")).await), ["virtual_key.made"]);
    let later = first["items"][0]["at"].as_i64().unwrap() + 60;
    assert_eq!(events(&page(&format!("from={later}")).await), Vec::<String>::new());
    assert!(events(&page(&format!("to={later}&limit=200")).await).len() >= 5);

    let item = &first["items"][0];
    assert_eq!((&item["actor"]["kind"], &item["actor"]["name"]), (&json!("person"), &json!("Ada Admin")));
    assert_eq!((&item["method"], &item["status"]), (&json!("POST"), &json!(201)));
    let detail = ada.get(&format!("/api/v1/audit/{}", item["seq"])).await.expect(200).json();
    assert_eq!(
        (detail["hash"].as_str().unwrap().len(), detail["previous"].as_str().unwrap().len()),
        (64, 64)
    );
    // Each of the eight readings above.
    let read = page("event=data.read&target=audit&limit=200").await;
    assert_eq!(events(&read).len(), 8, "{read:#}");
    ada.get("/api/v1/audit?who=x").await.expect(400);
    ada.get("/api/v1/audit?outcome=maybe").await.expect(400);
    ada.get("/api/v1/audit/999999").await.expect(404);
}

async fn the_log_is_for_administrators_alone(app: TestApp) {
    app.admin().await;
    let bob = app.person("Bob").await;
    for path in ["/api/v1/audit", "/api/v1/audit/1", "/api/v1/audit/status", "/api/v1/audit/export"] {
        bob.get(path).await.expect(401);
        app.anonymous().get(path).await.expect(401);
    }
    bob.post("/api/v1/audit/verify", json!({})).await.expect(401);
    let denied = of_event(&app, "access.denied");
    assert_eq!(denied.iter().filter(|line| line["user"]["id"] == bob.id.as_str()).count(), 5);
    assert_eq!(denied.iter().filter(|line| line["user"] == json!({})).count(), 4);
}

async fn an_export_is_a_file_and_is_recorded(app: TestApp) {
    let ada = app.admin().await;
    let name = "=1+1,\"x\"";
    ada.post("/api/v1/keys", json!({ "name": name })).await.expect(201);

    let answer: Answer = ada.get("/api/v1/audit/export").await.expect(200);
    assert!(answer.header("content-disposition").unwrap().contains("audit.jsonl"));
    let rows: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["seq"], 1);
    assert_eq!(rows.iter().filter(|row| row["event"] == "virtual_key.made").count(), 1);
    assert_eq!(of_event(&app, "audit.exported").len(), 1);

    let table = ada.get("/api/v1/audit/export?format=csv").await.expect(200).text();
    assert!(table.starts_with("seq,id,time,event,outcome,"), "{table}");
    assert_eq!(table.lines().count(), rows.len() + 2, "one row for each record, and the head: {table}");
    ada.get("/api/v1/audit/export?format=xml").await.expect(400);

    let out = app.folder().join("audit.csv").display().to_string();
    app.run(&["audit", "export", "--format", "csv", "--out", &out]).expect_success();
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    app.run(&["audit", "export", "--out", &out]).expect_failure();
    let none = app.run(&["audit", "export", "--from", "4000000000"]).expect_success().stdout;
    assert_eq!(none, "");
}

async fn the_state_of_the_log_is_shown(app: TestApp) {
    let ada = app.admin().await;
    let shown = ada.get("/api/v1/audit/status").await.expect(200).json();
    assert_eq!((&shown["level"], &shown["problems"]), (&json!("METADATA"), &json!([])));
    assert_eq!(shown["records"], shown["head"]["seq"]);
    let kinds: Vec<&Value> = shown["sinks"].as_array().unwrap().iter().map(|sink| &sink["kind"]).collect();
    assert_eq!(kinds, ["database", "file"]);
    assert!(shown["sinks"].as_array().unwrap().iter().all(|sink| sink["ok"] == true), "{shown:#}");

    let said = app.run(&["audit", "status", "--json"]).expect_success().json();
    assert_eq!((&said["level"], &said["public_key"]), (&shown["level"], &shown["public_key"]));
}

async fn a_verification_is_asked_for_and_remembered(app: TestApp) {
    let ada = app.admin().await;
    let report = ada.post("/api/v1/audit/verify", json!({})).await.expect(200).json();
    assert_eq!((&report["ok"], &report["problems"]), (&json!(true), &json!([])));
    assert!(report["records"].as_u64().unwrap() >= 3 && report["lines"].as_u64().unwrap() >= 3, "{report}");
    assert_eq!(ada.get("/api/v1/audit/status").await.json()["verified"]["ok"], true);
    assert_eq!(of_event(&app, "audit.checked").len(), 1);

    app.sql("UPDATE audit_record SET event = 'chat.made' WHERE seq = 2");
    let report = ada.post("/api/v1/audit/verify", json!({})).await.expect(200).json();
    assert_eq!(report["ok"], false);
    let verified = ada.get("/api/v1/audit/status").await.json()["verified"].clone();
    assert!(verified["problem"].as_str().unwrap().contains("Record 2"), "{verified}");
}

async fn what_a_stranger_writes_stays_in_its_field(app: TestApp) {
    app.admin().await;
    let mail = "x\u{202e}\u{85}\u{2028}@example.com";
    let stranger = app.anonymous().with("user-agent", "curl\u{9b}31m \"},{\"event\":\"forged\"");
    for email in [mail, "a\r\n{\"event\":\"forged\"}@example.com", "\u{1b}[2Jx@example.com"] {
        stranger.post("/api/v1/auths/signin", json!({ "email": email, "password": "no" })).await;
    }
    stranger.get("/api/v1/users/%0d%0a%7b%22event%22:%22forged%22%7d?a=%1b%5b2J").await;

    let text = fs::read_to_string(file(&app)).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{85}', '\u{2028}', '\u{9b}']), "{text:?}");
    assert!(lines(&app).iter().all(|line| line["event"] != "forged"));
    app.run(&["audit", "verify"]).expect_success();
}

async fn a_full_log_file_gives_way_to_a_new_one(stage: Stage) {
    let app = stage.env("AUDIT_LOG_FILE_ROTATION_SIZE", "64KiB").start().await;
    let ada = app.admin().await;
    for n in 0..150 {
        ada.post("/api/v1/chats/new", json!({ "chat": { "title": format!("{n}") } })).await.expect(200);
    }
    let names: Vec<String> = fs::read_dir(app.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("audit-0"))
        .collect();
    assert!(names.iter().any(|name| name == "audit-000000000001.log"), "{names:?}");
    assert!(fs::metadata(file(&app)).unwrap().len() <= 64 * 1024);
    assert_eq!(fs::metadata(app.data_dir().join(&names[0])).unwrap().permissions().mode() & 0o777, 0o600);
    app.run(&["audit", "verify"]).expect_success();
}

async fn the_lines_go_to_standard_output_when_that_is_wanted(stage: Stage) {
    let app = stage.env("ENABLE_AUDIT_STDOUT", "true").env("ENABLE_AUDIT_LOGS_FILE", "false").start().await;
    let ada = app.admin().await;
    let line = app.log_line("\"event\":\"account.signed_up\"").await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["user"]["id"], ada.id);
    assert!(!file(&app).exists());
    let shown = ada.get("/api/v1/audit/status").await.expect(200).json();
    assert_eq!(shown["sinks"][1]["kind"], "stdout");
}

async fn a_log_file_that_cannot_be_opened_stops_the_start(stage: Stage) {
    let stage = stage.env("AUDIT_LOGS_FILE_PATH", "/proc/none/audit.log");
    let said = stage.fails().everything();
    assert!(said.contains("AUDIT_LOGS_FILE_PATH") && said.contains("/proc/none/audit.log"), "{said}");
    let stage = stage.env("ENABLE_AUDIT_LOGS_FILE", "false");
    stage.start().await.admin().await;
}

async fn an_unknown_level_stops_the_start(stage: Stage) {
    let said = stage.env("AUDIT_LOG_LEVEL", "VERBOSE").fails().everything();
    assert!(said.contains("AUDIT_LOG_LEVEL") && said.contains("REQUEST_RESPONSE"), "{said}");
}

async fn the_file_is_for_its_owner_alone_and_goes_on_after_a_restart(stage: Stage) {
    let mut app = stage.umask(0).start().await;
    app.admin().await;
    app.restart().await;
    app.admin().await;

    for name in ["audit.log", "audit.log.head", "audit.checkpoint"] {
        let mode = fs::metadata(app.data_dir().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name} has mode {mode:o}");
    }
    assert_eq!(of_event(&app, "server.started").len(), 2);
    assert_eq!(of_event(&app, "server.stopped").len(), 1);
    app.run(&["audit", "verify"]).expect_success();
}
