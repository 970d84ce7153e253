//! Reading changes nothing: every route that reads, as every kind of caller, against all that the database holds.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Answer, Caller, Stage, TestApp, spec, spec_sqlite};

use crate::route_matrix::{Cast, Line, matrix};

spec! {
    reading_changes_nothing_whoever_reads;
}

spec_sqlite! {
    every_answer_carries_the_strict_headers;
    options_and_methods_that_nobody_serves_do_nothing;
}

/// What every answer says to browsers, whatever was asked and whoever asked.
const STRICT: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    ("content-security-policy", "default-src 'none'; script-src 'self'; "),
];

/// What may differ after reading: when somebody was last seen, and the record of a look at personal data.
const MAY_DIFFER: [&str; 2] = ["last_used_at", "last_active_at"];
/// The audit log, and the trace that the owner of a chat sees when an administrator opened it.
const MAY_GROW: [&str; 5] =
    ["audit_record", "audit_head", "audit_response", "audit_checkpoint", "chat_reading"];

/// All rows of all tables, without what may differ.
fn everything(app: &TestApp) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let (tables, columns) = if app.is_sqlite() {
        ("SELECT name FROM sqlite_master WHERE type = 'table'", "SELECT name FROM pragma_table_info('{}')")
    } else {
        (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' AND table_schema = 'public'",
        )
    };
    let rows = |table: String| {
        let columns = app.sql(&columns.replace("{}", &table)).concat();
        let same: Vec<_> = columns.into_iter().filter(|name| !MAY_DIFFER.contains(&name.as_str())).collect();
        let rows = app.sql(&format!("SELECT \"{}\" FROM \"{table}\"", same.join("\", \"")));
        (table, rows.into_iter().collect())
    };
    let tables = app.sql(tables).concat().into_iter();
    tables.filter(|table| !MAY_GROW.contains(&table.as_str())).map(rows).collect()
}

#[track_caller]
fn assert_unchanged(app: &TestApp, before: &BTreeMap<String, BTreeSet<Vec<String>>>) {
    let after = everything(app);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (table, rows) in before {
        let gone: Vec<_> = rows.difference(&after[table]).collect();
        let new: Vec<_> = after[table].difference(rows).collect();
        assert!(gone.is_empty() && new.is_empty(), "{table} differs: {gone:#?} became {new:#?}");
    }
}

/// The headers that an answer lacks or has otherwise or twice.
fn wrong_headers(answer: &Answer) -> Vec<&'static str> {
    let is_right = |name: &str, value: &str| {
        let found: Vec<_> = answer.headers.get_all(name).iter().filter_map(|it| it.to_str().ok()).collect();
        found.len() == 1 && found[0].starts_with(value)
    };
    let wrong = STRICT.iter().filter(|(name, value)| !is_right(name, value)).map(|(name, _)| *name);
    let said = ["cache-control", "x-request-id"].into_iter();
    wrong.chain(said.filter(|name| answer.headers.get_all(*name).iter().count() != 1)).collect()
}

/// The cast, once nothing happens behind anybody's back any more: the answer of the turn is written and accounted for.
async fn settled(stage: Stage) -> Cast {
    let cast = Cast::gather(stage).await;
    let turn = readings().into_iter().find(|line| line.path.ends_with("/events")).unwrap();
    read(&cast, &cast.callers["user"], "GET", &turn).await.expect(200);
    cast.app.usage(1).await;
    cast
}

/// The lines of the matrix that read.
fn readings() -> Vec<Line> {
    matrix().into_iter().filter(|line| line.method == "GET").collect()
}

/// The request of this line, with what a tunnel of methods would obey.
async fn read(cast: &Cast, caller: &Caller, method: &str, line: &Line) -> Answer {
    let draft = caller.draft(method, &cast.name(line, true));
    draft.header("x-http-method-override", "DELETE").header("x-method-override", "DELETE").send().await
}

async fn reading_changes_nothing_whoever_reads(stage: Stage) {
    let cast = settled(stage).await;
    let (before, mut wrong) = (everything(&cast.app), Vec::new());
    assert!(before.values().filter(|rows| !rows.is_empty()).count() > 12, "there is something to change");
    for line in readings() {
        for (kind, caller) in &cast.callers {
            let whole = read(&cast, caller, "GET", &line).await;
            let head = read(&cast, caller, "HEAD", &line).await;
            let (path, status) = (&line.path, whole.status);
            if status >= 500 {
                wrong.push(format!("GET {path} as {kind}: {status}: {}", whole.text()));
            }
            if head.status != status || !head.body.is_empty() {
                wrong.push(format!("HEAD {path} as {kind}: {} instead of {status}", head.status));
            }
            for (method, answer) in [("GET", &whole), ("HEAD", &head)] {
                let lacking = wrong_headers(answer);
                if !lacking.is_empty() {
                    wrong.push(format!("{method} {path} as {kind}: {lacking:?}"));
                }
            }
            if head.header("content-type") != whole.header("content-type") {
                wrong.push(format!("HEAD {path} as {kind}: another content type"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_unchanged(&cast.app, &before);
}

async fn options_and_methods_that_nobody_serves_do_nothing(stage: Stage) {
    let cast = settled(stage).await;
    let (before, mut wrong) = (everything(&cast.app), Vec::new());
    let paths: BTreeMap<String, Line> = matrix().into_iter().map(|line| (line.path.clone(), line)).collect();
    for line in paths.values() {
        for method in ["OPTIONS", "TRACE", "PROPFIND"] {
            let answer = read(&cast, &cast.callers["admin"], method, line).await;
            let lacking = wrong_headers(&answer);
            if !matches!(answer.status, 404 | 405) || !lacking.is_empty() {
                wrong.push(format!("{method} {}: {} {lacking:?}", line.path, answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_unchanged(&cast.app, &before);
}

async fn every_answer_carries_the_strict_headers(app: TestApp) {
    let stranger = app.anonymous();
    let ada = app.admin().await;
    let preflight = stranger.draft("OPTIONS", "/v1/models").header("access-control-request-method", "GET");
    let page = stranger.get("/").await;
    let file = page.text().split('"').find(|part| part.starts_with("/a/")).map(str::to_owned);
    let huge = "x".repeat(33 * 1024 * 1024);
    let large = ada.draft("POST", "/api/v1/chats/new").header("content-type", "application/json");
    let mut answers = vec![
        ("page", 200, page),
        ("page of the app", 200, stranger.get("/admin/users").await),
        ("health", 200, stranger.get("/health").await),
        ("json", 200, stranger.get("/api/config").await),
        ("signed out", 401, stranger.get("/api/v1/chats/").await),
        ("no such key", 401, stranger.bearer("sk-none").get("/v1/models").await),
        ("missing object", 404, ada.get("/api/v1/chats/nothing").await),
        ("unknown path", 404, stranger.get("/api/nothing").await),
        ("unknown path of programs", 404, stranger.get("/v1/nothing").await),
        ("missing file", 404, stranger.get("/a/nothing.js").await),
        ("missing file that climbs", 404, stranger.get("/a/..%2f..%2fetc/passwd.js").await),
        ("wrong method", 405, stranger.delete("/api/config").await),
        ("broken body", 400, stranger.draft("POST", "/api/v1/auths/signin").body("{").send().await),
        ("large body", 413, large.body(huge).send().await),
        ("foreign host", 421, stranger.draft("GET", "/").header("host", "evil.example").send().await),
        ("no host", 400, stranger.draft("GET", "/").header("host", "@").send().await),
        ("preflight", 403, preflight.clone().header("origin", "https://evil.example").send().await),
        ("preflight of nobody", 405, preflight.send().await),
    ];
    if let Some(file) = file {
        answers.push(("file", 200, stranger.get(&file).await));
    }
    for (what, status, answer) in answers {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(wrong_headers(&answer), [""; 0], "{what}: {:?}", answer.headers);
    }
}
