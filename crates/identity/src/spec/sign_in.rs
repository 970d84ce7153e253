//! How a person signs in and out, and what a session token is worth.

use std::time::Duration;

use kernel::{Kind, Role, Session, SignInMethod};
use tokio::task::JoinSet;

use super::{ELSEWHERE, GOOD, HOME, House, code, done, permit, stranger};
use crate::SignInForm;

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_refused_in_the_same_words() {
    let house = House::new().await;
    house.sign_up("ada").await.unwrap();
    let wrong = house.sign_in("ada", "velvet harbour", HOME).await.unwrap_err();
    assert_eq!(
        (wrong.kind, wrong.code.as_ref(), wrong.field.as_deref()),
        (Kind::Invalid, "wrong_credentials", None)
    );
    for (name, password) in
        [("nobody", GOOD), ("nobody", ""), ("ada", ""), ("ada", &"x".repeat(2000)), ("@", GOOD)]
    {
        assert_eq!(house.sign_in(name, password, HOME).await.unwrap_err(), wrong, "{name}");
    }
}

#[tokio::test]
async fn an_address_signs_in_in_any_spelling_and_each_time_with_a_new_session() {
    let house = House::new().await;
    let first = house.sign_up("ada").await.unwrap();
    let form = SignInForm { email: " ADA@example.com", password: GOOD.into(), device: None };
    let second = done(house.identity.sign_in(form, &stranger(HOME)).await.unwrap());
    assert_ne!(first.session.id, second.session.id);
    assert_eq!(house.role(&first).await, Ok(Role::Admin));
    assert_eq!(house.role(&second).await, Ok(Role::Admin));
}

#[tokio::test]
async fn guessing_ends_after_fifteen_failures_and_the_owner_elsewhere_still_gets_in() {
    let house = House::new().await;
    house.sign_up("ada").await.unwrap();
    for _ in 0..15 {
        assert_eq!(code(house.sign_in("ada", "velvet harbour", HOME).await), "wrong_credentials");
    }
    let refused = house.sign_in("ada", GOOD, HOME).await.unwrap_err();
    assert_eq!((refused.kind, refused.retry_after), (Kind::TooMany, Some(Duration::from_mins(3))));
    assert!(house.sign_in("ada", GOOD, ELSEWHERE).await.is_ok());
    house.wait(180);
    assert!(house.sign_in("ada", GOOD, HOME).await.is_ok());
}

#[tokio::test]
async fn an_address_that_nobody_has_is_throttled_like_one_that_somebody_has() {
    let house = House::new().await;
    house.sign_up("ada").await.unwrap();
    let mut answers = [Vec::new(), Vec::new()];
    for (name, answers) in ["ada", "nobody"].into_iter().zip(&mut answers) {
        for _ in 0..17 {
            answers.push(house.sign_in(name, "velvet harbour", HOME).await.unwrap_err());
        }
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_in_parallel_get_no_more_looks_at_the_password_than_guesses_in_a_row() {
    let house = House::new().await;
    house.sign_up("ada").await.unwrap();
    let mut running = JoinSet::new();
    for _ in 0..40 {
        let identity = house.identity.clone();
        running.spawn(async move {
            let form =
                SignInForm { email: "ada@example.com", password: "velvet harbour".into(), device: None };
            code(identity.sign_in(form, &stranger(HOME)).await)
        });
    }
    let codes = running.join_all().await;
    assert_eq!(codes.iter().filter(|code| *code == "wrong_credentials").count(), 15);
    assert_eq!(codes.iter().filter(|code| *code == "too_many_attempts").count(), 25);
}

#[tokio::test]
async fn sign_out_ends_the_session_at_once_and_no_other() {
    let house = House::new().await;
    let (here, there) =
        (house.sign_up("ada").await.unwrap(), house.sign_in("ada", GOOD, HOME).await.unwrap());
    assert!(house.role(&here).await.is_ok() && house.role(&there).await.is_ok());
    house.identity.sign_out(&here.session.id, &stranger(HOME)).await.unwrap();
    assert_eq!(code(house.role(&here).await), "session_over");
    assert_eq!(house.role(&there).await, Ok(Role::Admin));
    house.identity.sign_out(&here.session.id, &stranger(HOME)).await.unwrap();
}

#[tokio::test]
async fn a_sign_out_in_another_process_counts_as_soon_as_the_revision_is_noticed_and_after_a_minute_anyway() {
    let house = House::new().await;
    let other = house.another_process().await;
    let (one, two) = (house.sign_up("ada").await.unwrap(), house.sign_in("ada", GOOD, HOME).await.unwrap());
    assert!(house.role(&one).await.is_ok() && house.role(&two).await.is_ok());

    other.sign_out(&one.session.id, &stranger(HOME)).await.unwrap();
    house.identity.forget();
    assert_eq!(code(house.role(&one).await), "session_over");

    assert!(house.role(&two).await.is_ok());
    other.sign_out(&two.session.id, &stranger(HOME)).await.unwrap();
    house.wait(60);
    assert_eq!(code(house.role(&two).await), "session_over");
}

#[tokio::test]
async fn a_session_ends_by_the_clock_also_when_it_is_in_memory() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap();
    assert_eq!(ada.session.expires_at.unwrap().seconds(), house.now().seconds() + 3600);
    house.wait(3599);
    assert!(house.role(&ada).await.is_ok());
    house.wait(1);
    assert_eq!(code(house.role(&ada).await), "session_over");
    assert_eq!(house.identity.sweep().await, Ok(1));
}

#[tokio::test]
async fn a_session_without_an_end_lasts_until_it_is_ended() {
    let house = House::with(&[("JWT_EXPIRES_IN", "-1")]).await;
    let ada = house.sign_up("ada").await.unwrap();
    house.wait(10 * 365 * 86_400);
    assert!(house.role(&ada).await.is_ok());
    assert_eq!(house.identity.sweep().await, Ok(0));
}

#[tokio::test]
async fn a_token_of_one_person_does_not_open_the_session_of_another() {
    let house = House::open_to_all().await;
    let (ada, bob) = (house.sign_up("ada").await.unwrap(), house.sign_up("bob").await.unwrap());
    let mixed = Session { user: bob.user.id.clone(), ..ada.session.clone() };
    let token = house.ring.sign_session(&mixed);
    assert_eq!(code(house.identity.person(token.expose()).await), "session_over");
    let never_begun = Session { id: "session_x".parse().unwrap(), ..ada.session.clone() };
    let token = house.ring.sign_session(&never_begun);
    assert_eq!(code(house.identity.person(token.expose()).await), "session_over");
}

#[tokio::test]
async fn what_is_no_token_is_refused_in_the_same_words_as_a_session_that_is_over() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap();
    let token = ada.token.expose().clone();
    house.identity.sign_out(&ada.session.id, &stranger(HOME)).await.unwrap();
    let over = house.identity.person(&token).await.unwrap_err();
    assert_eq!(over.kind, Kind::Unauthenticated);
    for forged in ["", "a.b.c", "sk-key", &token[..token.len() - 1], &"x".repeat(100_000)] {
        assert_eq!(house.identity.person(forged).await.unwrap_err(), over);
    }
}

#[tokio::test]
async fn a_session_that_is_known_needs_no_database() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap();
    assert!(house.role(&ada).await.is_ok());
    house.db.close().await;
    assert_eq!(house.role(&ada).await, Ok(Role::Admin));
    house.identity.forget();
    assert_eq!(house.role(&ada).await.unwrap_err().kind, Kind::Unavailable);
}

#[tokio::test]
async fn the_owner_is_shown_the_same_token_again() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap();
    let person = house.identity.person(ada.token.expose()).await.unwrap();
    let shown = house.identity.session_of(&person).await.unwrap();
    assert_eq!(shown.token.expose(), ada.token.expose());
    assert_eq!(shown.session.expires_at, ada.session.expires_at);
    house.identity.sign_out(person.session().unwrap(), &stranger(HOME)).await.unwrap();
    assert_eq!(code(house.identity.session_of(&person).await), "session_over");
}

#[tokio::test]
async fn when_a_person_was_last_seen_is_kept_to_the_minute() {
    let house = House::new().await;
    house.wait(30);
    let ada = house.sign_up("ada").await.unwrap();
    let seen = async || {
        assert!(house.role(&ada).await.is_ok());
        house.identity.write_activity().await.unwrap();
        house
            .identity
            .user(&ada.user.id)
            .await
            .unwrap()
            .unwrap()
            .last_active_at
            .map(|at| at.seconds() % 86_400)
    };
    let start = (house.now().seconds() - 30) % 86_400;
    assert_eq!(seen().await, Some(start));
    house.wait(29);
    assert_eq!(seen().await, Some(start));
    house.wait(60);
    assert_eq!(seen().await, Some(start + 60));
}

#[tokio::test]
async fn a_reset_that_overtakes_a_sign_in_leaves_no_session_behind() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap();
    // What `sign_in` holds once the old password was found right.
    let as_checked = ada.user.clone();
    house.identity.reset_password(&ada.user.id, "velvet harbour".into(), &permit()).await.unwrap();
    assert_eq!(
        code(house.identity.begin(as_checked, SignInMethod::Password, None, &stranger(HOME)).await),
        "wrong_credentials"
    );
    house.wait(3600);
    assert_eq!(house.identity.sweep().await, Ok(0), "no session is left to expire");
}
