//! Nobody edits the audit log unseen: each way to change records or lines is found by `wardroom audit verify`, and
//! what nobody touched passes, whatever happened to the process.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use testkit::{FakeProvider, Ran, Stage, TestApp, spec, spec_sqlite};

spec! {
    an_untouched_log_passes;
    a_log_passes_after_a_kill_under_load;
    an_edited_record_is_found;
    an_index_that_says_something_else_is_found;
    a_deleted_record_is_found;
    an_inserted_record_is_found;
    records_in_another_order_are_found;
    records_that_were_cut_off_are_found_by_what_was_signed;
    records_that_were_cut_off_are_found_by_the_log_file;
    records_that_were_cut_off_are_found_by_a_place_written_down_elsewhere;
    a_forged_checkpoint_is_found;
    a_record_under_another_key_is_found;
    usage_that_was_changed_deleted_or_inserted_is_found;
}

spec_sqlite! {
    an_edited_line_is_found;
    a_deleted_an_inserted_and_a_moved_line_are_found;
    a_log_file_that_was_cut_short_is_found;
    a_log_file_that_was_put_aside_and_deleted_is_missed;
    a_log_passes_after_a_kill_while_files_are_put_aside;
    what_was_tampered_with_is_recorded_at_the_next_start;
    one_file_can_be_verified_by_itself;
}

/// Ten records or so, and a server that was ended in order.
async fn filled(stage: Stage) -> TestApp {
    let mut app = stage.start().await;
    let ada = app.admin().await;
    for name in ["one", "two", "three", "four"] {
        ada.post("/api/v1/keys", json!({ "name": name })).await.expect(201);
    }
    app.stop().await;
    app
}

#[track_caller]
fn finds(app: &TestApp, words: &str) -> Ran {
    let ran = app.run(&["audit", "verify"]).expect_failure();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains(words), "{words:?} is not in:\n{}", ran.everything());
    ran
}

fn last(app: &TestApp) -> i64 {
    app.sql("SELECT MAX(seq) FROM audit_record")[0][0].parse().unwrap()
}

async fn an_untouched_log_passes(stage: Stage) {
    let app = filled(stage).await;
    let ran = app.run(&["audit", "verify", "--json"]).expect_success().json();
    assert_eq!((&ran["ok"], &ran["problems"], &ran["notes"]), (&json!(true), &json!([]), &json!([])));
    assert!(ran["records"].as_u64().unwrap() >= 8 && ran["lines"].as_u64().unwrap() >= 8, "{ran}");
    // To have verified is a record itself, and the next verification finds it in order.
    app.run(&["audit", "verify"]).expect_success();
}

async fn write_until_it_dies(app: &mut TestApp, time: Duration) {
    let ada = app.admin().await.caller();
    let mut load = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let ada = ada.clone();
        load.spawn(async move {
            for n in 0.. {
                let body = json!({ "chat": { "title": format!("{worker}-{n}") } });
                if ada.draft("POST", "/api/v1/chats/new").json(&body).try_send().await.is_err() {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(time).await;
    app.kill();
    load.join_all().await;
}

async fn a_log_passes_after_a_kill_under_load(stage: Stage) {
    let mut app = stage.start().await;
    for _ in 0..3 {
        write_until_it_dies(&mut app, Duration::from_millis(700)).await;
        app.run(&["audit", "verify"]).expect_success();
        app.start_again().await;
    }
    app.stop().await;

    let ran = app.run(&["audit", "verify", "--json"]).expect_success().json();

    // The lines that the kill prevented were written after it.
    assert_eq!(
        ran["lines"],
        app.sql("SELECT COUNT(*) FROM audit_record WHERE event <> 'audit.checked'")[0][0]
            .parse::<u64>()
            .map(|count| json!(count + 3))
            .unwrap(),
        "{ran}"
    );
}

async fn an_edited_record_is_found(stage: Stage) {
    let app = filled(stage).await;
    app.sql("UPDATE audit_record SET body = REPLACE(body, 'virtual_key.made', 'chat.made') WHERE event = 'virtual_key.made'");
    let ran = finds(&app, "was changed, inserted or moved: its seal does not fit");
    assert_eq!(ran.stdout.matches("its seal does not fit").count(), 4, "{}", ran.stdout);
}

async fn an_index_that_says_something_else_is_found(stage: Stage) {
    let app = filled(stage).await;
    for (column, value) in [
        ("event", "'chat.made'"),
        ("actor_id", "NULL"),
        ("at", "1"),
        ("outcome", "'denied'"),
        ("target_id", "'x'"),
    ] {
        let before = app.sql(&format!("SELECT {column} FROM audit_record WHERE seq = 4"))[0][0].clone();
        app.sql(&format!("UPDATE audit_record SET {column} = {value} WHERE seq = 4"));
        finds(&app, &format!("Record 4 was changed: its column {column} is not what was sealed"));
        app.sql(&format!("UPDATE audit_record SET {column} = '{before}' WHERE seq = 4"));
    }
    app.run(&["audit", "verify"]).expect_success();
}

async fn a_deleted_record_is_found(stage: Stage) {
    let app = filled(stage).await;
    app.sql("DELETE FROM audit_record WHERE seq = 4");
    finds(&app, "Record 4 is missing");
    app.sql("DELETE FROM audit_record WHERE seq IN (1, 2, 3)");
    finds(&app, "The records 1 to 4 are missing");
}

async fn an_inserted_record_is_found(stage: Stage) {
    let app = filled(stage).await;
    let columns = "id, at, event, outcome, actor_kind, actor_id, target_kind, target_id, address, request_id, body, hash";
    let beyond = last(&app) + 1;
    app.sql(&format!(
        "INSERT INTO audit_record (seq, {columns}) SELECT {beyond}, {columns} FROM audit_record WHERE seq = 4"
    ));
    // The next record takes the place, so the command line cannot even record that it verified.
    finds(&app, "is behind the end of the chain: it was inserted");

    app.sql(&format!("UPDATE audit_head SET seq = {beyond}"));
    finds(&app, &format!("Record {beyond} was changed, inserted or moved"));
}

async fn records_in_another_order_are_found(stage: Stage) {
    let app = filled(stage).await;
    for (from, to) in [(4, -1), (5, 4), (-1, 5)] {
        app.sql(&format!("UPDATE audit_record SET seq = {to} WHERE seq = {from}"));
    }
    finds(&app, "Record 4 was changed, inserted or moved");
}

/// Deletes the newest records so that the rest fits together.
fn cut_off(app: &TestApp, keep: i64) {
    app.sql(&format!("DELETE FROM audit_record WHERE seq > {keep}"));
    app.sql(&format!(
        "UPDATE audit_head SET seq = {keep}, hash = (SELECT hash FROM audit_record WHERE seq = {keep}),
         at = (SELECT at FROM audit_record WHERE seq = {keep})"
    ));
    app.sql(&format!("DELETE FROM audit_checkpoint WHERE seq > {keep}"));
}

async fn records_that_were_cut_off_are_found_by_what_was_signed(stage: Stage) {
    let app = filled(stage.env("ENABLE_AUDIT_LOGS_FILE", "false")).await;
    let end = last(&app);
    cut_off(&app, end - 2);
    finds(&app, &format!("The newest records are missing: record {end} was signed"));
}

async fn records_that_were_cut_off_are_found_by_the_log_file(stage: Stage) {
    let app = filled(stage).await;
    let end = last(&app);
    cut_off(&app, end - 3);
    fs::remove_file(app.data_dir().join("audit.checkpoint")).unwrap();
    finds(&app, &format!("the log file tells about record {end}"));
}

async fn records_that_were_cut_off_are_found_by_a_place_written_down_elsewhere(stage: Stage) {
    let app = filled(stage.env("ENABLE_AUDIT_LOGS_FILE", "false")).await;
    let head = app.run(&["audit", "status", "--json"]).expect_success().json()["head"].clone();
    let place = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap());
    app.run(&["audit", "verify", "--expect", &place]).expect_success();

    cut_off(&app, 3);
    app.sql("DELETE FROM audit_checkpoint");
    fs::remove_file(app.data_dir().join("audit.checkpoint")).unwrap();

    app.run(&["audit", "verify"]).expect_success();
    let ran = app.run(&["audit", "verify", "--expect", &place]).expect_failure();
    assert!(ran.stdout.contains(&format!("Record {} is", head["seq"])), "{}", ran.everything());
    let said = app.run(&["audit", "verify", "--expect", "7"]).expect_failure().stderr;
    assert!(said.contains("--expect") && said.contains("SEQ:HASH"), "{said}");
}

async fn a_forged_checkpoint_is_found(stage: Stage) {
    let app = filled(stage).await;
    app.sql("UPDATE audit_checkpoint SET at = at + 1");
    finds(&app, "its signature does not fit");

    let file = app.data_dir().join("audit.checkpoint");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("\"seq\":", "\"seq\":1")).unwrap();
    finds(&app, "The file audit.checkpoint was changed");
}

async fn a_record_under_another_key_is_found(stage: Stage) {
    let app = filled(stage).await;
    // All that can be done without the key: a seal of the right size over the right text.
    let hash = if app.is_sqlite() { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
    app.sql(&format!("UPDATE audit_record SET hash = {hash} WHERE seq = 4"));
    finds(&app, "Record 4 was changed, inserted or moved");
    finds(&app, "Record 5 was changed, inserted or moved");
}

async fn usage_that_was_changed_deleted_or_inserted_is_found(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.provider(&provider).start().await;
    let program = app.key().create().await;
    for _ in 0..3 {
        program.chat("Hi").await.expect(200);
    }
    app.usage(3).await;
    app.stop().await;
    app.run(&["audit", "verify"]).expect_success();
    let first = "(SELECT MIN(id) FROM usage_record)";

    app.sql(&format!("UPDATE usage_record SET status = status + 1 WHERE id = {first}"));
    finds(&app, "Usage rows that record");
    app.sql(&format!("UPDATE usage_record SET status = status - 1 WHERE id = {first}"));
    app.run(&["audit", "verify"]).expect_success();

    let batch = app.sql(&format!("SELECT batch FROM usage_record WHERE id = {first}"))[0][0].clone();
    app.sql(&format!("UPDATE usage_record SET batch = 7 WHERE id = {first}"));
    finds(&app, "1 usage rows were inserted: no record tells about them");
    app.sql(&format!("UPDATE usage_record SET batch = {batch} WHERE id = {first}"));

    let other = format!("id = {first} OR id = (SELECT MAX(id) FROM usage_record)");
    app.sql(&format!("UPDATE usage_record SET batch = NULL WHERE {other}"));
    finds(&app, "2 usage rows say that they belong to no record");
    app.sql("DELETE FROM usage_record WHERE batch IS NULL");

    app.sql("DELETE FROM usage_record");
    finds(&app, "tells about are missing");
}

fn log(app: &TestApp) -> PathBuf {
    app.data_dir().join("audit.log")
}

/// Does something to the lines of a file.
fn edit(path: &Path, with: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    with(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

async fn an_edited_line_is_found(stage: Stage) {
    let app = filled(stage).await;
    edit(&log(&app), |lines| lines[3] = lines[3].replace("ada.admin@example.com", "bob@example.com"));
    finds(&app, "Line 4 in audit.log was changed");
}

async fn a_deleted_an_inserted_and_a_moved_line_are_found(stage: Stage) {
    let app = filled(stage).await;
    let original = fs::read(log(&app)).unwrap();
    edit(&log(&app), |lines| drop(lines.remove(3)));
    finds(&app, "Before line 4 in audit.log lines are missing");

    fs::write(log(&app), &original).unwrap();
    edit(&log(&app), |lines| lines.insert(3, lines[3].replace("\"seq\":4", "\"seq\":5")));
    finds(&app, "Line 4 in audit.log was changed or inserted");

    fs::write(log(&app), &original).unwrap();
    edit(&log(&app), |lines| lines.swap(3, 4));
    finds(&app, "Before line 4 in audit.log");

    fs::write(log(&app), &original).unwrap();
    app.run(&["audit", "verify"]).expect_success();
}

async fn a_log_file_that_was_cut_short_is_found(stage: Stage) {
    let app = filled(stage).await;
    let original = fs::read(log(&app)).unwrap();
    edit(&log(&app), |lines| lines.truncate(5));
    finds(&app, "The newest lines are missing: the log ends with line 5");

    fs::write(log(&app), &original[..original.len() - 10]).unwrap();
    finds(&app, "was cut short");

    fs::write(log(&app), "").unwrap();
    finds(&app, "The newest lines are missing");

    fs::remove_file(log(&app)).unwrap();
    finds(&app, "is missing");
}

fn put_aside(app: &TestApp) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(app.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("audit-0"))
        .collect();
    files.sort();
    files
}

/// A log of several files, of which the server was killed under load twice.
async fn several_files(stage: Stage) -> TestApp {
    let mut app = stage.env("AUDIT_LOG_FILE_ROTATION_SIZE", "64KiB").start().await;
    while put_aside(&app).len() < 3 {
        write_until_it_dies(&mut app, Duration::from_millis(400)).await;
        app.start_again().await;
    }
    app.stop().await;
    app
}

async fn a_log_passes_after_a_kill_while_files_are_put_aside(stage: Stage) {
    let app = several_files(stage).await;
    app.run(&["audit", "verify"]).expect_success();
}

async fn a_log_file_that_was_put_aside_and_deleted_is_missed(stage: Stage) {
    let app = several_files(stage).await;
    let files = put_aside(&app);
    let kept = fs::read(&files[1]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    finds(&app, "are missing: there is no file with them");

    fs::write(&files[1], kept).unwrap();
    edit(&files[1], |lines| drop(lines.pop()));
    finds(&app, "missing");
}

async fn what_was_tampered_with_is_recorded_at_the_next_start(stage: Stage) {
    let mut app = filled(stage).await;
    edit(&log(&app), |lines| lines.truncate(5));

    app.start_again().await;

    let rows = app.sql("SELECT body FROM audit_record WHERE event = 'audit.checked' AND outcome = 'failed'");
    assert!(rows.len() == 1 && rows[0][0].contains("the log file was cut short"), "{rows:?}");
    let shown = app.admin().await.get("/api/v1/audit/status").await.expect(200).json();
    assert_eq!(shown["problems"][0], "the log file was cut short");
    // To go on does not heal it.
    finds(&app, "audit.log");
}

async fn one_file_can_be_verified_by_itself(stage: Stage) {
    let app = several_files(stage).await;
    let archived = app.folder().join("archived.log");
    fs::copy(&put_aside(&app)[1], &archived).unwrap();
    let path = archived.display().to_string();
    app.run(&["audit", "verify", "--file", &path]).expect_success();
    edit(&archived, |lines| drop(lines.remove(2)));
    let ran = app.run(&["audit", "verify", "--file", &path]).expect_failure();
    assert!(ran.stdout.contains("Before line 3"), "{}", ran.stdout);
    app.run(&["audit", "verify", "--file", "/nowhere"]).expect_failure();
}
