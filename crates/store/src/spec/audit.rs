//! The chain of records.

use std::net::{IpAddr, Ipv4Addr};

use kernel::{
    Caller, Clock, HttpFacts, Random, RequestFacts, Role, Timestamp, World,
    audit::{Entry, Event, Level, Outcome, Sealer, Target, TargetKind},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Home, Sums, at, on_both, person, recorder, signed_in};
use crate::{
    Db, StoreError,
    audit::{self, Checkpoint, Filter, Record, Recorder},
    users::{self, UserChange},
};

on_both! {
    each_record_is_sealed_together_with_the_one_before;
    a_record_says_who_did_what_to_what_by_which_request;
    records_that_are_written_at_once_by_two_processes_have_no_gap_and_no_fork;
    a_change_that_is_rolled_back_leaves_no_record;
    a_change_whose_record_cannot_be_written_does_not_happen;
    a_clock_that_is_set_back_does_not_reorder_the_log;
    the_body_of_a_request_is_kept_only_at_the_level_that_asks_for_it;
    nothing_is_written_where_the_log_is_switched_off;
    what_does_not_differ_is_no_change;
    records_are_found_by_actor_event_target_outcome_and_time;
    a_checkpoint_is_kept_once;
}

fn by(name: &str) -> Caller {
    signed_in(name, Role::Admin)
}

fn said(event: Event) -> Entry {
    Entry::done(event, &by("ada"))
}

async fn all(db: &Db) -> Vec<Record> {
    audit::walk(db, 1, 1000).await.unwrap()
}

fn body(record: &Record) -> Value {
    serde_json::from_str(&record.body).unwrap()
}

/// Computes the whole chain anew.
async fn assert_linked(db: &Db) {
    let mut previous = [0; 32];
    for (number, record) in (1..).zip(all(db).await) {
        assert_eq!(record.seq, number);
        assert_eq!(record.hash, Sums.seal_record(&previous, record.body.as_bytes()), "record {number}");
        assert_eq!(body(&record)["seq"], number);
        previous = record.hash;
    }
    assert_eq!(audit::head(db).await.unwrap().hash, previous);
}

async fn each_record_is_sealed_together_with_the_one_before(home: Home) {
    let db = home.ready().await;
    assert_eq!(audit::head(&db).await.unwrap().seq, 0);
    for event in [Event::DataRead, Event::AccessDenied, Event::DataRead] {
        audit::record(&db, &said(event)).await.unwrap();
    }
    assert_eq!(audit::head(&db).await.unwrap().seq, 3);
    assert_linked(&db).await;
}

async fn a_record_says_who_did_what_to_what_by_which_request(home: Home) {
    let db = home.ready().await;
    let facts = RequestFacts::http(&HttpFacts {
        id: "req_1".parse().unwrap(),
        method: "POST",
        scheme: "https",
        host: "chat.example.com",
        path: "/api/v1/users/user_bob/update",
        query: Some("key=sk-secret"),
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        agent: "curl\n",
        success_status: 200,
    });
    let ada = Caller::new(by("ada").who().clone(), facts.into());
    let bob = person(&db, "bob", Role::User).await.id;
    let change = UserChange {
        role: Some(Role::Admin),
        name: Some("B\u{0}\n\u{202e}".to_owned()),
        ..UserChange::default()
    };
    users::change(&db, &bob, change, at(1), &ada.may_manage_users().unwrap()).await.unwrap();

    let records = all(&db).await;
    assert_eq!(records.len(), 2);
    let expected = json!({
        "seq": 2,
        "id": records[1].id,
        "at": at(0).micros(),
        "event": "account.role_changed",
        "outcome": "done",
        "actor": {
            "kind": "person", "id": "user_ada", "email": "ada@example.com", "role": "admin", "name": "ada",
            "credential": "session_ada",
        },
        "target": { "kind": "account", "id": "user_bob" },
        "detail": { "changed": ["role", "name"], "role": "admin", "role_before": "user" },
        "request": {
            "id": "req_1", "channel": "http", "method": "POST",
            "uri": "https://chat.example.com/api/v1/users/user_bob/update?key=***",
            "address": "192.0.2.1", "agent": "curl%0A", "status": 200,
        },
        "level": "METADATA",
        "request_object": null,
    });
    assert_eq!(body(&records[1]), expected);
    assert_eq!(ada.request().records(), 1);
    assert_eq!(body(&records[0])["actor"]["kind"], "operator");
}

async fn records_that_are_written_at_once_by_two_processes_have_no_gap_and_no_fork(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let mut running = JoinSet::new();
    for n in 0..100 {
        let db = if n % 2 == 0 { here.clone() } else { there.clone() };
        running.spawn(async move { audit::record(&db, &said(Event::DataRead).with("n", n)).await });
    }
    for outcome in running.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(all(&here).await.len(), 100);
    assert_linked(&here).await;
}

async fn a_change_that_is_rolled_back_leaves_no_record(home: Home) {
    let db = home.ready().await;
    audit::record(&db, &said(Event::DataRead)).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    audit::append(&mut tx, &said(Event::AccountDeleted)).await.unwrap();
    drop(tx);
    audit::record(&db, &said(Event::DataRead)).await.unwrap();
    assert!(all(&db).await.iter().all(|record| record.event == "data.read"));
    assert_linked(&db).await;
}

async fn a_change_whose_record_cannot_be_written_does_not_happen(home: Home) {
    let db = home.ready().await;
    let bob = person(&db, "bob", Role::User).await.id;
    db.execute("DELETE FROM audit_head", Vec::new()).await.unwrap();
    let change = UserChange { name: Some("Robert".to_owned()), ..UserChange::default() };
    let refused = users::change(&db, &bob, change, at(1), &by("ada").may_manage_users().unwrap()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(users::by_id(&db, &bob).await.unwrap().unwrap().name, "bob");
}

/// A process whose clock shows this second.
async fn process_at(home: &Home, second: i64, level: Level) -> Db {
    struct Shows(i64);
    impl Clock for Shows {
        fn now(&self) -> Timestamp {
            at(self.0)
        }
    }
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    let recorder = Recorder::new(World::new(Shows(second), Zeros), std::sync::Arc::new(Sums), level);
    Db::open(&home.config(), recorder).await.unwrap()
}

async fn a_clock_that_is_set_back_does_not_reorder_the_log(home: Home) {
    drop(home.ready().await);
    for second in [100, 40, 101] {
        let db = process_at(&home, second, Level::Metadata).await;
        audit::record(&db, &said(Event::DataRead)).await.unwrap();
    }
    let db = home.open().await;
    let times: Vec<_> = all(&db).await.iter().map(|record| record.at).collect();
    assert_eq!(times, [at(100), at(100), at(101)]);
    assert_linked(&db).await;
}

async fn the_body_of_a_request_is_kept_only_at_the_level_that_asks_for_it(home: Home) {
    drop(home.ready().await);
    for (level, kept) in [(Level::Metadata, json!(null)), (Level::Request, json!("{\"name\":\"x\"}"))] {
        let db = process_at(&home, 0, level).await;
        let entry = said(Event::AccountChanged);
        entry.caller.request().capture_body("{\"name\":\"x\"}".into());
        audit::record(&db, &entry).await.unwrap();
        let last = all(&db).await.pop().unwrap();
        assert_eq!((&body(&last)["request_object"], &body(&last)["level"]), (&kept, &json!(level.as_str())));
    }
}

async fn nothing_is_written_where_the_log_is_switched_off(home: Home) {
    let db = home.ready().await;
    db.recorder().set_level(Level::None);
    person(&db, "bob", Role::User).await;
    audit::record(&db, &said(Event::DataRead)).await.unwrap();
    assert_eq!(all(&db).await, []);
    db.recorder().set_level(Level::Metadata);
    audit::record(&db, &said(Event::DataRead)).await.unwrap();
    assert_linked(&db).await;
}

async fn what_does_not_differ_is_no_change(home: Home) {
    let db = home.ready().await;
    let bob = person(&db, "bob", Role::User).await.id;
    let same = UserChange { role: Some(Role::User), name: Some("bob".to_owned()), ..UserChange::default() };
    users::change(&db, &bob, same, at(1), &by("ada").may_manage_users().unwrap()).await.unwrap();
    assert_eq!(all(&db).await.len(), 1);
    assert_eq!(users::by_id(&db, &bob).await.unwrap().unwrap().updated_at, at(0));
}

async fn records_are_found_by_actor_event_target_outcome_and_time(home: Home) {
    let db = home.ready().await;
    let route = Target::new(TargetKind::Route, "/api/v1/users/");
    let entries = [
        Entry::done(Event::SessionStarted, &by("ada")),
        Entry::failed(Event::SessionRefused, &by("bob"), 400),
        Entry::denied(Event::AccessDenied, &by("bob"), 401).on(route),
        Entry::done(Event::SettingsChanged, &Caller::operator()),
    ];
    for entry in &entries {
        audit::record(&db, entry).await.unwrap();
    }
    let found = async |filter: Filter| {
        audit::list(&db, &filter, 10).await.unwrap().iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    let all = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(all()).await, [4, 3, 2, 1]);
    assert_eq!(found(Filter { before: Some(3), ..all() }).await, [2, 1]);
    assert_eq!(found(Filter { actor: text("user_bob"), ..all() }).await, [3, 2]);
    assert_eq!(found(Filter { actor: text("operator"), ..all() }).await, [4]);
    assert_eq!(found(Filter { event: text("session."), ..all() }).await, [2, 1]);
    assert_eq!(found(Filter { event: text("session.started"), ..all() }).await, [1]);
    assert_eq!(found(Filter { target: text("/api/v1/users/"), ..all() }).await, [3]);
    assert_eq!(found(Filter { target: text("route"), ..all() }).await, [3]);
    assert_eq!(found(Filter { outcome: Some(Outcome::Failed), ..all() }).await, [2]);
    assert_eq!(found(Filter { from: Some(at(1)), ..all() }).await, [0; 0]);
    assert_eq!(found(Filter { to: Some(at(1)), from: Some(at(0)), ..all() }).await.len(), 4);
    assert_eq!(audit::by_seq(&db, 3).await.unwrap().unwrap().outcome, "denied");
}

async fn a_checkpoint_is_kept_once(home: Home) {
    let db = home.ready().await;
    assert_eq!(audit::last_checkpoint(&db).await.unwrap(), None);
    let signed = |seq, byte| Checkpoint { seq, hash: [byte; 32], at: at(0), signature: vec![byte; 64] };
    for checkpoint in [signed(1, 1), signed(2, 2), signed(2, 3)] {
        audit::add_checkpoint(&db, &checkpoint).await.unwrap();
    }
    assert_eq!(audit::last_checkpoint(&db).await.unwrap(), Some(signed(2, 2)));
}

#[test]
fn the_level_is_shared_by_all_handles() {
    let one = recorder();
    let other = one.clone();
    for level in Level::ALL {
        one.set_level(*level);
        assert_eq!(other.level(), *level);
    }
}
