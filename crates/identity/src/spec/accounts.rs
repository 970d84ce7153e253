//! Who gets an account, and what administrators do with it.

use kernel::{Kind, Role};
use tokio::task::JoinSet;

use crate::{AccountChange, Filter};

use super::{ELSEWHERE, GOOD, HOME, House, account, code, done, permit, stranger};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_people_who_sign_up_first_together_one_administrates_and_the_others_find_the_door_closed() {
    let house = House::new().await;
    let there = house.another_process().await;
    let mut running = JoinSet::new();
    for n in 0..12 {
        let identity = if n % 2 == 0 { house.identity.clone() } else { there.clone() };
        running.spawn(async move {
            let (name, email) = (format!("p{n}"), format!("p{n}@example.com"));
            identity.sign_up(account(&name, &email, GOOD), &stranger(HOME)).await
        });
    }
    let outcomes = running.join_all().await;
    let made: Vec<_> = outcomes.into_iter().flatten().map(|step| done(step).user.role).collect();
    assert_eq!(made, [Role::Admin]);
    assert!(!house.identity.is_sign_up_open().await.unwrap());
    assert_eq!(code(house.sign_up("late").await), "signup_closed");
}

#[tokio::test]
async fn the_first_account_can_be_made_although_sign_up_is_closed_and_the_second_cannot() {
    let house = House::with(&[("ENABLE_SIGNUP", "false")]).await;
    assert!(house.identity.is_sign_up_open().await.unwrap());
    assert_eq!(house.sign_up("ada").await.unwrap().user.role, Role::Admin);
    let refused = house.sign_up("bob").await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_ref()), (Kind::Forbidden, "signup_closed"));
}

#[tokio::test]
async fn an_operator_who_fixes_sign_up_open_gets_waiting_accounts_or_the_default_role() {
    let house = House::open_to_all().await;
    house.sign_up("ada").await.unwrap();
    assert_eq!(house.sign_up("bob").await.unwrap().user.role, Role::Pending);

    let house = House::with(&[("ENABLE_SIGNUP", "true"), ("DEFAULT_USER_ROLE", "user")]).await;
    house.sign_up("ada").await.unwrap();
    assert_eq!(house.sign_up("cy").await.unwrap().user.role, Role::User);
}

#[tokio::test]
async fn an_address_has_one_account_in_every_spelling() {
    let house = House::open_to_all().await;
    house.sign_up("ada").await.unwrap();
    let refused =
        house.identity.sign_up(account("Eve", " ADA@Example.Com ", GOOD), &stranger(HOME)).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_ref()), (Kind::Invalid, "email_taken"));
    assert_eq!(refused.field.as_deref(), Some("email"));
}

#[tokio::test]
async fn each_rule_of_the_form_names_its_field_and_makes_no_account() {
    let house = House::new().await;
    for (name, email, password, field) in [
        ("Ada", "not an address", GOOD, "email"),
        ("", "ada@example.com", GOOD, "name"),
        ("Ada", "ada@example.com", "short", "password"),
        ("Ada", "ada@example.com", "ada@example.com", "password"),
    ] {
        let refused =
            house.identity.sign_up(account(name, email, password), &stranger(HOME)).await.unwrap_err();
        assert_eq!((refused.kind, refused.field.as_deref()), (Kind::Invalid, Some(field)));
    }
    assert!(!house.identity.has_accounts().await.unwrap());
}

#[tokio::test]
async fn the_environments_administrator_is_made_once_and_only_in_an_empty_house() {
    let named = [("WEBUI_ADMIN_EMAIL", "Ada@example.com"), ("WEBUI_ADMIN_PASSWORD", GOOD)];
    let house = House::with(&named).await;
    let made = house.identity.ensure_admin().await.unwrap().unwrap();
    assert_eq!((made.role, made.name.as_str()), (Role::Admin, "Admin"));
    assert!(house.identity.ensure_admin().await.unwrap().is_none());
    assert_eq!(code(house.sign_up("bob").await), "signup_closed");
    assert!(house.sign_in("ada", GOOD, HOME).await.is_ok());

    let house = House::with(&named).await;
    house.sign_up("eve").await.unwrap();
    assert!(house.identity.ensure_admin().await.unwrap().is_none());
    assert!(House::new().await.identity.ensure_admin().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_start_together_make_the_environments_administrator_once() {
    let house =
        House::with(&[("WEBUI_ADMIN_EMAIL", "ada@example.com"), ("WEBUI_ADMIN_PASSWORD", GOOD)]).await;
    let there = house.another_process().await;
    let (one, two) = tokio::join!(house.identity.ensure_admin(), there.ensure_admin());
    assert_eq!([one.unwrap(), two.unwrap()].into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn a_weak_password_in_the_environment_is_refused_with_the_name_of_the_variable() {
    let weak = [("WEBUI_ADMIN_EMAIL", "ada@example.com"), ("WEBUI_ADMIN_PASSWORD", "password")];
    let refused = House::with(&weak).await.identity.ensure_admin().await.unwrap_err();
    assert!(refused.detail.starts_with("WEBUI_ADMIN_PASSWORD "), "{refused}");
}

#[tokio::test]
async fn an_operator_who_does_not_show_the_administrator_does_not() {
    let house = House::with(&[("SHOW_ADMIN_DETAILS", "false")]).await;
    house.sign_up("ada").await.unwrap();
    assert_eq!(house.identity.contact().await.unwrap(), None);
}

#[tokio::test]
async fn the_operator_makes_administrators_and_the_first_of_them_closes_sign_up() {
    let house = House::new().await;
    let make = async |name: &str| {
        house
            .identity
            .create(account(name, &format!("{name}@example.com"), GOOD), Role::Admin, &permit())
            .await
    };
    assert_eq!(make("ada").await.unwrap().role, Role::Admin);
    assert_eq!(code(house.sign_up("stranger").await), "signup_closed");
    house.wait(1);
    assert_eq!(make("bob").await.unwrap().role, Role::Admin);
    assert_eq!(code(make("bob").await), "email_taken");
    assert_eq!(house.identity.contact().await.unwrap().unwrap().name, "ada");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_demoted_and_one_of_two_can() {
    let house = House::new().await;
    let ada = house.sign_up("ada").await.unwrap().user;
    let refused = house.set_role(&ada.id, Role::User).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_ref()), (Kind::Invalid, "last_admin"));

    house.identity.create(account("Bob", "bob@example.com", GOOD), Role::Admin, &permit()).await.unwrap();
    assert_eq!(house.set_role(&ada.id, Role::User).await.unwrap().role, Role::User);
    let nobody = "user_nobody".parse().unwrap();
    assert_eq!(code(house.set_role(&nobody, Role::User).await), "not_found");
}

#[tokio::test]
async fn a_changed_role_counts_from_the_next_request_on() {
    let house = House::open_to_all().await;
    house.sign_up("ada").await.unwrap();
    let bob = house.sign_up("bob").await.unwrap();
    assert_eq!(house.role(&bob).await, Ok(Role::Pending));
    house.set_role(&bob.user.id, Role::User).await.unwrap();
    assert_eq!(house.role(&bob).await, Ok(Role::User));
}

#[tokio::test]
async fn a_reset_password_ends_every_session_and_only_the_new_one_opens() {
    let house = House::new().await;
    let (here, there) =
        (house.sign_up("ada").await.unwrap(), house.sign_in("ada", GOOD, ELSEWHERE).await.unwrap());
    assert!(house.role(&here).await.is_ok() && house.role(&there).await.is_ok());

    let weak = house.identity.reset_password(&here.user.id, "password".into(), &permit()).await;
    assert_eq!(code(weak), "weak_password");
    assert!(house.role(&here).await.is_ok());

    house.identity.reset_password(&here.user.id, "velvet harbour".into(), &permit()).await.unwrap();
    assert_eq!(code(house.role(&here).await), "session_over");
    assert_eq!(code(house.role(&there).await), "session_over");
    assert_eq!(code(house.sign_in("ada", GOOD, HOME).await), "wrong_credentials");
    assert!(house.sign_in("ada", "velvet harbour", HOME).await.is_ok());
}

#[tokio::test]
async fn accounts_are_listed_thirty_a_page_and_renamed() {
    let house = House::open_to_all().await;
    let ada = house.sign_up("ada").await.unwrap().user;
    house.sign_up("bob").await.unwrap();
    house.rename(&ada.id, "  Countess  ").await.unwrap();
    let (found, total) = house
        .identity
        .users(Filter { text: Some("countess"), ..Filter::default() }, Default::default(), 1, &permit())
        .await
        .unwrap();
    assert_eq!((found[0].id.clone(), total), (ada.id.clone(), 1));
    assert_eq!(house.identity.users(Filter::default(), Default::default(), 1, &permit()).await.unwrap().1, 2);
    let half_wrong = AccountChange { role: Some(Role::User), name: Some("\n"), ..AccountChange::default() };
    let bob = house.identity.user_by_email("bob@example.com").await.unwrap().unwrap();
    assert_eq!(code(house.identity.change(&bob.id, half_wrong, &permit()).await), "invalid_name");
    assert_eq!(house.identity.user(&bob.id).await.unwrap().unwrap().role, Role::Pending);
}
