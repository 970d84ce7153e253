//! The ledger.

use kernel::{Caller, Endpoint, KeyChange, Money, Outcome, Permit, ReadUsage, TokenCount, UsageRecord};
use tokio::task::JoinSet;

use super::{Home, at, keys as key, on_both};
use crate::{
    keys, revision,
    usage::{self, BatchProof, KeyTotal, UsageFilter},
};

on_both! {
    a_row_of_the_ledger_comes_back_as_it_was_written;
    a_batch_that_is_settled_again_is_not_charged_again;
    an_id_that_stands_twice_in_a_batch_is_charged_once;
    batches_that_settle_at_once_lose_nothing_and_do_not_block_each_other;
    settling_is_no_change_of_the_key_and_keeps_the_latest_use;
    editing_a_key_loses_nothing_that_is_settled_meanwhile;
    absurd_numbers_saturate_instead_of_losing_the_batch;
    the_ledger_outlives_key_person_and_connection;
    rows_are_listed_newest_first_by_filter_and_page;
    totals_are_kept_by_key;
    a_batch_leaves_one_record_by_which_a_changed_row_is_found;
}

fn permit() -> Permit<ReadUsage> {
    Caller::operator().may_read_usage().unwrap()
}

fn record(number: usize, key: Option<&str>, nanos: i64) -> UsageRecord {
    UsageRecord {
        id: format!("use_{number:06}").parse().unwrap(),
        request: format!("req_{number}").parse().unwrap(),
        at: at(i64::try_from(number).unwrap()),
        endpoint: Endpoint::ChatCompletions,
        model: "openai/gpt-4o".to_owned(),
        connection: Some("conn_1".parse().unwrap()),
        key: key.map(|name| format!("key_{name}").parse().unwrap()),
        user: Some("user_ada".parse().unwrap()),
        api_key: key.is_none().then(|| "apikey_1".parse().unwrap()),
        outcome: Outcome::Ok,
        status: 200,
        tokens: TokenCount { prompt: 10, cached: 2, completion: 5, reasoning: 1 },
        is_estimated: false,
        cost: Some(Money::from_nanos(nanos)),
        milliseconds: 1234,
        first_byte_milliseconds: Some(12),
        is_stream: true,
        error: None,
    }
}

async fn all(db: &crate::Db) -> Vec<UsageRecord> {
    usage::list(db, &UsageFilter::default(), 1000, &permit()).await.unwrap()
}

async fn spend(db: &crate::Db, name: &str) -> i64 {
    keys::spend_of(db, &format!("key_{name}").parse().unwrap()).await.unwrap().unwrap().nanos()
}

async fn a_row_of_the_ledger_comes_back_as_it_was_written(home: Home) {
    let db = home.ready().await;
    let full = record(1, Some("one"), 7);
    let bare = UsageRecord {
        connection: None,
        key: None,
        user: None,
        api_key: None,
        outcome: Outcome::Refused,
        status: 429,
        is_estimated: true,
        cost: None,
        first_byte_milliseconds: None,
        is_stream: false,
        error: Some("budget_exceeded".to_owned()),
        ..record(0, None, 0)
    };
    usage::settle(&db, &[bare.clone(), full.clone()]).await.unwrap();
    usage::settle(&db, &[]).await.unwrap();
    assert_eq!(format!("{:?}", all(&db).await), format!("{:?}", [full, bare]));
}

async fn a_batch_that_is_settled_again_is_not_charged_again(home: Home) {
    let db = home.ready().await;
    key::stored(&db, "one", 1).await;
    // 64 + 8 + 1 and some: every size of statement takes part.
    let batch: Vec<_> = (0..75).map(|n| record(n, Some("one"), 10)).collect();
    usage::settle(&db, &batch[..70]).await.unwrap();
    assert_eq!(spend(&db, "one").await, 700);
    usage::settle(&db, &batch).await.unwrap();
    usage::settle(&db, &batch).await.unwrap();
    assert_eq!(spend(&db, "one").await, 750);
    assert_eq!(all(&db).await.len(), 75);
}

async fn an_id_that_stands_twice_in_a_batch_is_charged_once(home: Home) {
    let db = home.ready().await;
    key::stored(&db, "one", 1).await;
    let twice: Vec<_> = (0..8).map(|n| record(n / 2, Some("one"), 10)).collect();
    usage::settle(&db, &twice).await.unwrap();
    assert_eq!(spend(&db, "one").await, 40);
}

async fn batches_that_settle_at_once_lose_nothing_and_do_not_block_each_other(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    for (digest, name) in (0..).zip(["a", "b", "c"]) {
        key::stored(&here, name, digest).await;
    }
    let mut running = JoinSet::new();
    for batch in 0..24 {
        let db = if batch % 2 == 0 { here.clone() } else { there.clone() };
        running.spawn(async move {
            // Each batch names the keys in another order.
            let name = |n: usize| ["a", "b", "c"][(n + batch) % 3];
            let rows: Vec<_> = (0..30).map(|n| record(batch * 30 + n, Some(name(n)), 1)).collect();
            usage::settle(&db, &rows).await.unwrap();
        });
    }
    running.join_all().await;
    for name in ["a", "b", "c"] {
        assert_eq!(spend(&here, name).await, 240);
    }
}

async fn settling_is_no_change_of_the_key_and_keeps_the_latest_use(home: Home) {
    let db = home.ready().await;
    let one = key::stored(&db, "one", 1).await;
    let before = revision::read_all(&db).await.unwrap();
    usage::settle(&db, &[record(9, Some("one"), 1), record(3, Some("one"), 1)]).await.unwrap();
    usage::settle(&db, &[record(5, Some("one"), 1)]).await.unwrap();
    let after = keys::by_id(&db, &one.id).await.unwrap().unwrap();
    assert_eq!((after.last_used_at, after.updated_at), (Some(at(9)), one.updated_at));
    assert_eq!(revision::read_all(&db).await.unwrap(), before);
}

async fn editing_a_key_loses_nothing_that_is_settled_meanwhile(home: Home) {
    let db = home.ready().await;
    let one = key::stored(&db, "one", 1).await.id;
    let mut running = JoinSet::new();
    for n in 0..20 {
        let (here, there, one) = (db.clone(), db.clone(), one.clone());
        running.spawn(async move { usage::settle(&here, &[record(n, Some("one"), 1)]).await.unwrap() });
        running.spawn(async move {
            let change = KeyChange { is_blocked: Some(n % 2 == 0), ..KeyChange::default() };
            drop(keys::apply(&there, &one, change, at(1), &key::permit()).await.unwrap());
        });
    }
    running.join_all().await;
    assert_eq!(spend(&db, "one").await, 20);
}

async fn absurd_numbers_saturate_instead_of_losing_the_batch(home: Home) {
    let db = home.ready().await;
    key::stored(&db, "one", 1).await;
    let mut absurd = record(0, Some("one"), i64::MAX);
    absurd.tokens.prompt = u64::MAX;
    absurd.model = "nul\0byte".to_owned();
    usage::settle(&db, &[absurd, record(1, Some("one"), 5)]).await.unwrap();
    usage::settle(&db, &[record(2, Some("one"), 5)]).await.unwrap();
    assert_eq!(spend(&db, "one").await, i64::MAX);
    assert_eq!(all(&db).await[2].tokens.prompt, u64::try_from(i64::MAX).unwrap());
    let totals = usage::totals_by_key(&db, &UsageFilter::default(), &permit()).await.unwrap();
    assert_eq!(totals[0].requests, 3);
}

async fn the_ledger_outlives_key_person_and_connection(home: Home) {
    let db = home.ready().await;
    usage::settle(&db, &[record(1, Some("never_existed"), 5)]).await.unwrap();
    assert_eq!(all(&db).await.len(), 1);
}

async fn rows_are_listed_newest_first_by_filter_and_page(home: Home) {
    let db = home.ready().await;
    let mut rows: Vec<_> = (0..6).map(|n| record(n, Some("one"), 1)).collect();
    rows[1].key = None;
    rows[2].user = None;
    rows[3].model = "other".to_owned();
    usage::settle(&db, &rows).await.unwrap();
    let ids = async |filter: UsageFilter, limit| {
        let rows = usage::list(&db, &filter, limit, &permit()).await.unwrap();
        rows.iter().map(|row| row.id.as_str()[9..].to_owned()).collect::<Vec<_>>().concat()
    };
    let none = UsageFilter::default;
    assert_eq!(ids(none(), 3).await, "543");
    assert_eq!(ids(UsageFilter { before: Some(rows[3].id.clone()), ..none() }, 2).await, "21");
    assert_eq!(ids(UsageFilter { key: rows[0].key.clone(), ..none() }, 9).await, "54320");
    assert_eq!(ids(UsageFilter { user: rows[0].user.clone(), ..none() }, 9).await, "54310");
    assert_eq!(ids(UsageFilter { model: Some("other".to_owned()), ..none() }, 9).await, "3");
    assert_eq!(ids(UsageFilter { request: Some(rows[2].request.clone()), ..none() }, 9).await, "2");
    assert_eq!(ids(UsageFilter { since: Some(at(1)), until: Some(at(4)), ..none() }, 9).await, "321");
}

async fn totals_are_kept_by_key(home: Home) {
    let db = home.ready().await;
    let mut rows = vec![record(0, Some("one"), 5), record(1, Some("one"), 6), record(2, None, 7)];
    rows[1].cost = None;
    usage::settle(&db, &rows).await.unwrap();
    let total = |row: usize, requests, cost| KeyTotal {
        key: rows[row].key.clone(),
        requests,
        tokens: TokenCount {
            prompt: 10 * requests,
            cached: 2 * requests,
            completion: 5 * requests,
            reasoning: requests,
        },
        cost: Money::from_nanos(cost),
    };
    let totals = usage::totals_by_key(&db, &UsageFilter::default(), &permit()).await.unwrap();
    assert_eq!(totals, [total(2, 1, 7), total(0, 2, 5)]);
}

async fn a_batch_leaves_one_record_by_which_a_changed_row_is_found(home: Home) {
    let db = home.ready().await;
    // One row twice, out of order, and numbers and texts that are stored in another form than they came.
    let odd = UsageRecord {
        error: Some("a\0b".to_owned()),
        tokens: TokenCount { prompt: u64::MAX, ..TokenCount::default() },
        cost: None,
        ..record(1, None, 0)
    };
    let batch = [record(3, None, 5), odd, record(2, None, 7), record(2, None, 9)];
    usage::settle(&db, &batch).await.unwrap();
    usage::settle(&db, &batch).await.unwrap();
    usage::settle(&db, &[record(4, None, 1)]).await.unwrap();

    let recorded = async || {
        let records = crate::audit::walk(&db, 1, 10).await.unwrap();
        let detail = |record: &crate::audit::Record| {
            let body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
            assert_eq!(body["event"], "usage.recorded");
            let proof = BatchProof {
                count: body["detail"]["count"].as_u64().unwrap(),
                digest: body["detail"]["digest"].as_str().unwrap().to_owned(),
            };
            (body["detail"]["batch"].as_i64().unwrap(), proof)
        };
        records.iter().map(detail).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(recorded().await.values().map(|proof| proof.count).sum::<u64>(), 4);
    assert_eq!(usage::batches(&db).await.unwrap(), recorded().await);

    for change in [
        "UPDATE usage_record SET cost = 6 WHERE cost = 7",
        "UPDATE usage_record SET api_key_id = 'apikey_2' WHERE cost = 6",
        "UPDATE usage_record SET api_key_id = NULL WHERE cost = 6",
        "DELETE FROM usage_record WHERE cost = 1",
    ] {
        let before = usage::batches(&db).await.unwrap();
        db.execute(change, Vec::new()).await.unwrap();
        assert_ne!(usage::batches(&db).await.unwrap(), before, "{change}");
    }
    assert_ne!(usage::batches(&db).await.unwrap(), recorded().await);
}
