//! Guessing ends soon, however many guess at once and from wherever, and its victim still gets in.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{Answer, Caller, TestApp, spec};
use tokio::task::JoinSet;

spec! {
    five_hundred_guesses_at_once_are_fifteen_looks_at_the_password;
    guessers_from_everywhere_have_a_hundred_together_and_the_owners_device_none_of_theirs;
    the_owner_signs_in_from_a_network_that_the_account_knows;
    whoever_has_many_addresses_in_one_network_guesses_thirty_times;
    one_network_tries_a_hundred_accounts_and_no_more;
    a_mark_of_another_account_or_a_forged_one_is_worth_nothing;
    refusals_are_the_same_to_the_byte_whatever_is_wrong;
    each_refused_sign_in_names_the_account_that_was_tried;
    hundreds_who_sign_in_at_once_all_get_an_answer_and_take_no_more_memory_than_a_few;
    bad_input_is_refused_and_never_an_error_of_ours;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const GOOD: &str = "anchovy lamp post";
const WRONG: &str = "velvet harbour";

fn credentials(name: &str, password: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": password })
}

/// Somebody at this address, seen through the proxy that the test plays.
fn from(app: &TestApp, address: &str) -> Caller {
    Caller::clone(&app.anonymous()).with("x-forwarded-for", address)
}

/// Tries to sign in, again and again while the server is too busy to look: such a try counts nowhere.
async fn tries(caller: Caller, name: String, password: &'static str) -> Answer {
    loop {
        let answer = caller.post(SIGN_IN, credentials(&name, password)).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

async fn all(running: JoinSet<Answer>) -> Vec<u16> {
    running.join_all().await.into_iter().map(|answer| answer.status).collect()
}

fn count(statuses: &[u16], wanted: u16) -> usize {
    statuses.iter().filter(|status| **status == wanted).count()
}

async fn account(app: &TestApp, name: &str) -> Answer {
    let form = json!({ "name": name, "email": format!("{name}@example.com"), "password": GOOD });
    app.anonymous().post("/api/v1/auths/signup", form).await.expect(200)
}

async fn five_hundred_guesses_at_once_are_fifteen_looks_at_the_password(app: TestApp) {
    account(&app, "ada").await;
    let mut running = JoinSet::new();
    for _ in 0..500 {
        running.spawn(tries(from(&app, "203.0.113.9"), "ada".to_owned(), WRONG));
    }
    let statuses = all(running).await;
    assert_eq!((count(&statuses, 400), count(&statuses, 429)), (15, 485));
    // The right password does not help a guesser, either: nobody looks at it.
    let refused = from(&app, "203.0.113.9").post(SIGN_IN, credentials("ada", GOOD)).await.expect(429);
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!((1..=180).contains(&wait), "{wait}");
    // Whoever lives next door to the guesser gets in, though nothing tells that it is the owner.
    from(&app, "203.0.113.8").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
}

async fn whoever_has_many_addresses_in_one_network_guesses_thirty_times(app: TestApp) {
    account(&app, "ada").await;
    let mut running = JoinSet::new();
    for n in 0..250 {
        running.spawn(tries(from(&app, &format!("203.0.113.{n}")), "ada".to_owned(), WRONG));
    }
    let statuses = all(running).await;
    assert_eq!((count(&statuses, 400), count(&statuses, 429)), (30, 220));
}

/// The cookie by which a device is known.
fn device(answer: &Answer) -> String {
    let set: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    let mark = set.iter().find(|cookie| cookie.starts_with("device=")).expect("the device is marked");
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/api/v1/auths", "; Max-Age="] {
        assert!(mark.contains(attribute), "{mark}");
    }
    mark.split(';').next().unwrap_or_default().to_owned()
}

async fn guessers_from_everywhere_have_a_hundred_together_and_the_owners_device_none_of_theirs(app: TestApp) {
    let mark = device(&account(&app, "ada").await);
    let mut running = JoinSet::new();
    for n in 0..150 {
        let guesser = from(&app, &format!("203.0.{n}.1"));
        running.spawn(tries(guesser, "ada".to_owned(), WRONG));
    }
    let statuses = all(running).await;
    assert_eq!((count(&statuses, 400), count(&statuses, 429)), (100, 50));

    let stranger = from(&app, "198.51.100.1");
    stranger.post(SIGN_IN, credentials("ada", GOOD)).await.expect(429);
    let own = stranger.with("cookie", &mark);
    own.post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
    // A device that was stolen guesses no faster than a stranger.
    let mut guesses = Vec::new();
    for _ in 0..17 {
        guesses.push(own.post(SIGN_IN, credentials("ada", WRONG)).await.status);
    }
    assert_eq!((count(&guesses, 400), count(&guesses, 429)), (15, 2));
}

async fn the_owner_signs_in_from_a_network_that_the_account_knows(app: TestApp) {
    let form = json!({ "name": "ada", "email": "ada@example.com", "password": GOOD });
    from(&app, "192.0.2.9").post("/api/v1/auths/signup", form).await.expect(200);
    from(&app, "198.51.100.1").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
    for n in 0..100 {
        from(&app, &format!("203.0.{n}.1")).post(SIGN_IN, credentials("ada", WRONG)).await.expect(400);
    }
    from(&app, "203.0.200.1").post(SIGN_IN, credentials("ada", GOOD)).await.expect(429);
    from(&app, "198.51.100.77").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
    from(&app, "192.0.2.9").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
}

async fn one_network_tries_a_hundred_accounts_and_no_more(app: TestApp) {
    account(&app, "ada").await;
    let mut running = JoinSet::new();
    for n in 0..120 {
        let sprayer = from(&app, "203.0.113.5");
        running.spawn(tries(sprayer, format!("p{n}"), WRONG));
    }
    let statuses = all(running).await;
    assert_eq!((count(&statuses, 400), count(&statuses, 429)), (100, 20));
    from(&app, "203.0.114.5").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
}

async fn a_mark_of_another_account_or_a_forged_one_is_worth_nothing(app: TestApp) {
    account(&app, "ada").await;
    let bobs = device(&account(&app, "bob").await);
    for _ in 0..15 {
        from(&app, "203.0.113.5").post(SIGN_IN, credentials("ada", WRONG)).await.expect(400);
    }
    for mark in [bobs.as_str(), "device=", "device=AAAA", "device=%00", "device"] {
        let guesser = from(&app, "203.0.113.5").with("cookie", mark);
        guesser.post(SIGN_IN, credentials("ada", WRONG)).await.expect(429);
    }
}

async fn refusals_are_the_same_to_the_byte_whatever_is_wrong(app: TestApp) {
    let ada = app.admin().await;
    let off = account(&app, "off").await.json();
    ada.post(&format!("/api/v1/users/{}/update", off["id"].as_str().unwrap()), json!({ "is_active": false }))
        .await
        .expect(200);
    account(&app, "bob").await;
    app.sql("UPDATE account SET password = NULL WHERE email = 'bob@example.com'");
    let shape = |answer: Answer| {
        let mut headers: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        (answer.status, headers, answer.text())
    };
    let tries = [
        (credentials("nobody", WRONG), "203.0.1.1"),
        (credentials("off", GOOD), "203.0.2.1"),
        (credentials("bob", GOOD), "203.0.3.1"),
        (json!({ "email": ada.email, "password": WRONG }), "203.0.4.1"),
        (json!({ "email": "no address", "password": WRONG }), "203.0.5.1"),
        (json!({ "email": ada.email, "password": "" }), "203.0.6.1"),
    ];
    let mut seen = BTreeSet::new();
    for (body, address) in &tries {
        seen.insert(shape(from(&app, address).post(SIGN_IN, body.clone()).await));
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen.first().map(|(status, ..)| *status), Some(400));

    // The bound is as silent.
    let mut bound = BTreeSet::new();
    for (body, address) in &tries {
        for _ in 0..14 {
            from(&app, address).post(SIGN_IN, body.clone()).await.expect(400);
        }
        let (status, headers, text) = shape(from(&app, address).post(SIGN_IN, body.clone()).await);
        let headers: Vec<String> =
            headers.into_iter().filter(|line| !line.starts_with("retry-after")).collect();
        bound.insert((status, headers, text));
    }
    assert_eq!(bound.len(), 1, "{bound:#?}");
    assert_eq!(bound.first().map(|(status, ..)| *status), Some(429));
}

async fn each_refused_sign_in_names_the_account_that_was_tried(app: TestApp) {
    account(&app, "ada").await;
    from(&app, "203.0.113.5").post(SIGN_IN, credentials("ADA", WRONG)).await.expect(400);
    from(&app, "203.0.113.5").post(SIGN_IN, credentials("ghost", WRONG)).await.expect(400);
    let rows = app.sql("SELECT body FROM audit_record WHERE event = 'session.refused' ORDER BY seq");
    let tried: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str::<Value>(&row[0]).unwrap()["detail"]["tried"].clone())
        .collect();
    assert_eq!(tried, [json!("ada@example.com"), json!("ghost@example.com")]);
    assert!(!rows.concat().concat().contains(WRONG));
}

/// The most memory that the server ever held, in MiB.
fn peak(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

async fn hundreds_who_sign_in_at_once_all_get_an_answer_and_take_no_more_memory_than_a_few(app: TestApp) {
    account(&app, "ada").await;
    let mut running = JoinSet::new();
    for n in 0..300 {
        let person = from(&app, &format!("203.0.{}.1", n % 200));
        running.spawn(async move { person.post(SIGN_IN, credentials("ada", GOOD)).await });
    }
    let statuses = all(running).await;
    assert_eq!(statuses.len(), 300);
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(count(&statuses, 200) >= 20, "{statuses:?}");
    // Each digest takes 19 MiB; all at once would take six GiB.
    assert!(peak(&app) < 512, "{} MiB", peak(&app));
}

async fn bad_input_is_refused_and_never_an_error_of_ours(app: TestApp) {
    account(&app, "ada").await;
    let long = "x".repeat(100_000);
    for email in [
        "ada@example.com\u{0}",
        "ada@example.com\r\nX: y",
        long.as_str(),
        "a\u{300}\u{301}da@example.com",
        "",
        "@",
        "\u{202e}ada@example.com",
    ] {
        for password in [GOOD, "", "\u{0}", long.as_str(), "\u{300}\u{301}\u{302}"] {
            let answer = from(&app, "203.0.113.5")
                .post(SIGN_IN, json!({ "email": email, "password": password }))
                .await;
            assert!(matches!(answer.status, 400 | 429), "{email:.20?} {}", answer.status);
            let form = json!({ "name": "Eve\u{0}", "email": email, "password": password });
            let answer = from(&app, "203.0.113.5").post("/api/v1/auths/signup", form).await;
            assert_eq!(answer.status, 400, "{email:.20?}");
        }
    }
    for body in [
        r#"{"email":"ada@example.com","email":"bob@example.com","password":"x"}"#,
        r#"{"email":["ada@example.com"],"password":"x"}"#,
        r#"{"email":"ada@example.com"}"#,
        "[]",
        "{",
        "",
    ] {
        let sent = app
            .anonymous()
            .draft("POST", SIGN_IN)
            .header("content-type", "application/json")
            .body(body.to_owned());
        sent.send().await.expect(400);
    }
}
