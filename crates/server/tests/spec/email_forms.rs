//! E-mail addresses: one account in every spelling, at every door through which an address comes in.

use serde_json::{Value, json};
use testkit::{Admin, Answer, Person, Stage, TestApp, spec};

spec! {
    every_spelling_is_the_same_account_at_every_door;
    what_could_be_two_people_is_no_address_at_any_door;
    addresses_that_only_look_alike_are_different_people;
    guesses_count_for_the_account_whatever_the_spelling;
    a_proxy_that_names_what_is_no_address_signs_nobody_in;
}

const SIGN_UP: &str = "/api/v1/auths/signup";
const SIGN_IN: &str = "/api/v1/auths/signin";
const PASSWORD: &str = "velvet harbour lamp 9";

/// Spellings of `ada@strasse.example`, canonical first.
const SPELLINGS: [&str; 9] = [
    "ada@strasse.example",
    "ADA@Strasse.EXAMPLE",
    "  ada@strasse.example\t",
    "\u{3000}ada@strasse.example\u{a0}",
    "ada@strasse.example.",
    "ada@strasse\u{3002}example",
    "ada@strasse.example\u{ff0e}",
    "\u{ff41}\u{ff24}\u{ff41}\u{ff20}\u{ff33}trasse.example",
    "\u{1d41a}da@strasse.example",
];

const NO_ADDRESSES: [&str; 24] = [
    "",
    "ada",
    "@strasse.example",
    "ada@",
    "a@b@strasse.example",
    "a\u{ff20}b@strasse.example",
    "\"ada\"@strasse.example",
    "\"a da\"@strasse.example",
    "ada(x)@strasse.example",
    "Ada <ada@strasse.example>",
    "ada@strasse.example,bob@strasse.example",
    "a da@strasse.example",
    "ada@stra sse.example",
    "ada\r\n@strasse.example",
    "ada\0@strasse.example",
    "ad\u{0430}@strasse.example",
    "\u{df}@strasse.example",
    "\u{130}da@strasse.example",
    "ada\u{301}@strasse.example",
    "ada\u{200b}@strasse.example",
    "ada@stra\u{200d}sse.example",
    "\u{202e}ada@strasse.example",
    "ada@strasse..example",
    "ada@xn--a.example",
];

/// A house with an administrator, Ada, and Bob.
struct House {
    app: TestApp,
    root: Admin,
    bob: Person,
}

impl House {
    async fn build(stage: Stage) -> Self {
        let app = stage.start().await;
        let root = app.admin().await;
        let bob = app.person("bob").await;
        let ada = json!({ "name": "Ada", "email": SPELLINGS[0], "password": PASSWORD });
        app.anonymous().post(SIGN_UP, ada).await.expect(200);
        Self { app, root, bob }
    }

    /// What becomes of an address that comes in at each door: the code of the refusal.
    async fn knock(&self, email: &str) -> [(&'static str, String); 4] {
        let form = json!({ "name": "Twin", "email": email, "password": PASSWORD, "role": "user" });
        let refused = |answer: Answer| {
            let answer = answer.expect(400);
            assert_eq!(answer.json()["field"], "email", "{}", answer.text());
            answer.code()
        };
        let list =
            format!("Name,Email,Password,Role\nTwin,\"{}\",{PASSWORD},user\n", email.replace('"', "\"\""));
        let imported =
            self.root.draft("POST", "/api/v1/users/import").header("content-type", "text/csv").body(list);
        let report = imported.send().await.expect(200).json();
        let code = |report: &Value| report["refused"][0]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!(report["made"], 0, "{email:?}");
        let change = format!("/api/v1/users/{}/update", self.bob.id);
        [
            ("sign-up", refused(self.app.anonymous().post(SIGN_UP, form.clone()).await)),
            ("add", refused(self.root.post("/api/v1/auths/add", form).await)),
            ("edit", refused(self.root.post(&change, json!({ "email": email })).await)),
            ("import", code(&report)),
        ]
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.app.anonymous().post(SIGN_IN, json!({ "email": email, "password": password })).await
    }

    fn accounts(&self) -> Vec<Vec<String>> {
        self.app.sql("SELECT id, email FROM account ORDER BY id")
    }
}

async fn every_spelling_is_the_same_account_at_every_door(stage: Stage) {
    let house = House::build(stage).await;
    let before = house.accounts();
    for spelling in SPELLINGS {
        for (door, code) in house.knock(spelling).await {
            assert_eq!(code, "email_taken", "{spelling:?} at {door}");
        }
        let session = house.sign_in(spelling, PASSWORD).await.expect(200).json();
        assert_eq!(session["email"], SPELLINGS[0], "{spelling:?}");
    }
    assert_eq!(house.accounts(), before);
}

async fn what_could_be_two_people_is_no_address_at_any_door(stage: Stage) {
    let house = House::build(stage).await;
    let before = house.accounts();
    let unknown = house.sign_in("nobody@strasse.example", PASSWORD).await.expect(400).text();
    for typed in NO_ADDRESSES {
        for (door, code) in house.knock(typed).await {
            assert_eq!(code, "invalid_email", "{typed:?} at {door}");
        }
    }
    // At sign-in, it is an address that nobody has. A few: the more would be taken for guesses.
    for typed in ["", "ada", "\u{130}da@strasse.example", "ada\0@strasse.example"] {
        assert_eq!(house.sign_in(typed, PASSWORD).await.expect(400).text(), unknown, "{typed:?}");
    }
    assert_eq!(house.accounts(), before);
}

async fn addresses_that_only_look_alike_are_different_people(stage: Stage) {
    let house = House::build(stage).await;
    let mut seen = vec![SPELLINGS[0].to_owned()];
    for (typed, kept) in [
        ("ada+list@strasse.example", "ada+list@strasse.example"),
        ("a.da@strasse.example", "a.da@strasse.example"),
        ("ada@stra\u{df}e.example", "ada@xn--strae-oqa.example"),
        ("ada@str\u{430}sse.example", "ada@xn--strsse-5nf.example"),
        ("o'hara@strasse.example", "o'hara@strasse.example"),
    ] {
        let form = json!({ "name": "Twin", "email": typed, "password": PASSWORD });
        let made = house.app.anonymous().post(SIGN_UP, form).await.expect(200).json();
        assert_eq!(made["email"], kept);
        // Its own form leads back to it, and to nobody else.
        assert_eq!(house.sign_in(kept, PASSWORD).await.expect(200).json()["id"], made["id"]);
        assert!(!seen.contains(&kept.to_owned()));
        seen.push(kept.to_owned());
    }
}

async fn guesses_count_for_the_account_whatever_the_spelling(stage: Stage) {
    let house = House::build(stage).await;
    let mut codes = Vec::new();
    for spelling in SPELLINGS.iter().cycle().take(16) {
        codes.push(house.sign_in(spelling, "a wrong guess").await.code());
    }
    assert!(codes[..15].iter().all(|code| code == "wrong_credentials"), "{codes:?}");
    assert_eq!(codes[15], "too_many_attempts");
    for spelling in SPELLINGS {
        assert_eq!(house.sign_in(spelling, PASSWORD).await.status, 429, "{spelling:?}");
    }
}

async fn a_proxy_that_names_what_is_no_address_signs_nobody_in(stage: Stage) {
    let app = stage.env("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "X-Forwarded-Email").start().await;
    let named = |email: &str| app.anonymous().with("x-forwarded-email", email);
    let ada = named("ada@strasse.example").draft("POST", SIGN_IN).send().await.expect(200).json();
    for spelling in ["ADA@strasse.EXAMPLE", " ada@strasse.example. "] {
        let again = named(spelling).draft("POST", SIGN_IN).send().await.expect(200).json();
        assert_eq!(again["id"], ada["id"]);
    }
    for typed in
        NO_ADDRESSES.iter().filter(|it| !it.is_empty() && it.bytes().all(|b| (b' '..=b'~').contains(&b)))
    {
        let refused = named(typed).draft("POST", SIGN_IN).send().await.expect(400);
        assert!(refused.header("set-cookie").is_none(), "{typed}");
        assert_eq!(refused.code(), "invalid_email", "{typed}");
    }
    assert_eq!(app.sql("SELECT email FROM account"), [["ada@strasse.example"]]);
}
