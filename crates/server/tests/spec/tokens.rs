//! Tokens that are not what they pretend to be: one refusal, in the same words whatever is wrong with them.

use serde_json::{Value, json};
use testkit::{
    Answer, Caller, Person, Stage, TestApp, exchange, spec,
    token::{Hash, claims, forge, forge_text},
};

spec! {
    no_token_chooses_its_algorithm;
    no_token_brings_its_own_key_or_is_of_another_type;
    claims_that_are_not_of_a_living_session_open_nothing;
    a_token_that_was_cut_or_changed_opens_nothing;
    a_token_has_one_spelling;
    a_token_ends_with_its_account_its_session_and_its_secret;
    what_proves_something_else_is_no_session;
    a_session_proves_nothing_else;
    two_credentials_that_differ_are_worth_nothing;
    bytes_that_are_no_token_open_nothing_and_break_nothing;
}

const SECRET: &str = "hT9xLq3Wm7Zc2Vb8Nd5Kf1Rs6Pj4Gy0A";
/// One door of each kind: of the workspace, of models, of LiteLLM's management.
const DOORS: [&str; 3] = ["/api/v1/auths/", "/v1/models", "/key/list"];
/// For what only a person opens.
const WHO: &str = DOORS[0];

/// How a request carries a token.
#[derive(Clone, Copy)]
enum By {
    Bearer,
    Cookie,
}

/// A house in which the forger is signed in, knows how tokens look, and (where a test says so) even the secret.
struct House {
    app: TestApp,
    ada: Person,
    mallory: Person,
}

impl House {
    async fn build(stage: Stage) -> Self {
        let app = stage.env("WEBUI_SECRET_KEY", SECRET).start().await;
        let admin = app.admin().await;
        let ada = Person::clone(&admin);
        let mallory = app.person("mallory").await;
        Self { app, ada, mallory }
    }

    fn carrying(&self, token: &str, by: By) -> Caller {
        let stranger = self.app.anonymous();
        match by {
            By::Bearer => stranger.bearer(token),
            By::Cookie => {
                stranger.with("cookie", &format!("token={token}")).with("sec-fetch-site", "same-origin")
            }
        }
    }

    /// The token opens no door, and is answered like what was never a token.
    async fn refuses(&self, token: &str, why: &str) {
        for by in [By::Bearer, By::Cookie] {
            for door in DOORS {
                let answer = self.carrying(token, by).get(door).await;
                let nonsense = self.carrying("nonsense", by).get(door).await;
                assert_eq!(answer.status, 401, "{why} at {door}: {}", answer.text());
                assert_eq!(answer.text(), nonsense.text(), "{why} at {door}");
                assert_eq!(visible(&answer), visible(&nonsense), "{why} at {door}");
                is_in_dialect(&answer, door);
            }
        }
    }

    /// What the forger signs with the true secret, beginning from the administrator's own claims.
    fn signed(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims(&self.ada.token);
        change(&mut claims);
        forge(&json!({ "alg": "HS256", "typ": "JWT" }), &claims, Hash::Sha256, SECRET)
    }

    /// Nothing happened to anybody: those who were signed in are, and nobody else is.
    async fn is_as_before(&self) {
        self.ada.get(WHO).await.expect(200);
        self.mallory.get(WHO).await.expect(200);
        assert_eq!(self.app.sql("SELECT id FROM session").len(), 2);
        assert!(!self.app.log().contains("panicked"), "{}", self.app.log());
    }
}

/// The headers without those that differ between any two answers.
fn visible(answer: &Answer) -> Vec<(String, String)> {
    let ever_new = ["x-request-id", "x-litellm-call-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !ever_new.contains(&name.as_str()));
    headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect()
}

fn is_in_dialect(answer: &Answer, door: &str) {
    let body = answer.json();
    let spoken = if door.starts_with("/api/") { &body["detail"] } else { &body["error"]["message"] };
    assert!(spoken.is_string(), "{door}: {body}");
}

async fn no_token_chooses_its_algorithm(stage: Stage) {
    let house = House::build(stage).await;
    let known = claims(&house.ada.token);
    for alg in
        ["none", "NoNe", "NONE", "", "hs256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "dir"]
    {
        let header = json!({ "alg": alg, "typ": "JWT" });
        let token = forge(&header, &known, Hash::Sha256, SECRET);
        house.refuses(&token, alg).await;
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        house.refuses(&format!("{unsigned}."), &format!("{alg} without a signature")).await;
        house.refuses(unsigned, &format!("{alg} in two parts")).await;
    }
    for (alg, hash) in [("HS384", Hash::Sha384), ("HS512", Hash::Sha512)] {
        let token = forge(&json!({ "alg": alg, "typ": "JWT" }), &known, hash, SECRET);
        house.refuses(&token, "truly signed with another hash").await;
        let lying = forge(&json!({ "alg": "HS256", "typ": "JWT" }), &known, hash, SECRET);
        house.refuses(&lying, "signed with another hash than it says").await;
    }
    for header in [
        "{}",
        r#"{"typ":"JWT"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        "[]",
    ] {
        house.refuses(&forge_text(header, &known.to_string(), Hash::Sha256, SECRET), header).await;
    }
    for weak in ["", "secret", "t0p-s3cret", "null"] {
        let token = forge(&json!({ "alg": "HS256", "typ": "JWT" }), &known, Hash::Sha256, weak);
        house.refuses(&token, "signed with a secret that is not ours").await;
    }
    house.is_as_before().await;
}

async fn no_token_brings_its_own_key_or_is_of_another_type(stage: Stage) {
    let house = House::build(stage).await;
    let known = claims(&house.ada.token);
    let own_key = json!({
        "alg": "HS256", "typ": "JWT", "kid": "../../dev/null", "jku": "https://evil.example/keys",
        "jwk": { "kty": "oct", "k": "YXR0YWNrZXI", "alg": "HS256" }, "x5u": "https://evil.example/cert",
    });
    house.refuses(&forge(&own_key, &known, Hash::Sha256, "attacker"), "the key in the header").await;
    for kid in ["", "/dev/null", "' UNION SELECT 'attacker", "file:///dev/null", "|id"] {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": kid });
        house.refuses(&forge(&header, &known, Hash::Sha256, ""), kid).await;
        house.refuses(&forge(&header, &known, Hash::Sha256, "attacker"), kid).await;
    }
    // Signed truly: what it says of itself is not what a session is.
    for header in [
        json!({ "alg": "HS256", "typ": "at+jwt" }),
        json!({ "alg": "HS256", "typ": "JWT", "cty": "JWT" }),
        json!({ "alg": "HS256", "typ": "JWT", "crit": ["b64"], "b64": false }),
        json!({ "alg": "HS256", "typ": "JWT", "crit": [] }),
        json!({ "alg": "HS256", "typ": "JWT", "zip": "DEF" }),
        json!({ "alg": "HS256", "typ": "JWT", "enc": "A256GCM" }),
        json!({ "alg": "HS256", "typ": 7 }),
    ] {
        house.refuses(&forge(&header, &known, Hash::Sha256, SECRET), &header.to_string()).await;
    }
    house.is_as_before().await;
}

/// Values of claims that no session of the administrator's has. Each is signed truly.
fn odd_claims(house: &House, issued: i64) -> [(&'static str, Vec<Value>); 6] {
    [
        (
            "exp",
            vec![
                json!("9999999999"),
                json!(9_999_999_999.5),
                json!(-1),
                json!(0),
                json!(issued),
                json!(u64::MAX),
                json!([1]),
            ],
        ),
        ("iat", vec![json!(issued + 100_000), json!(i64::MAX), json!("1"), json!(1.5), json!(null)]),
        ("nbf", vec![json!(issued + 100_000), json!(i64::MAX), json!("1"), json!(false)]),
        (
            "jti",
            vec![
                json!("session_none"),
                json!(""),
                json!(null),
                json!(5),
                json!("../x"),
                json!("x".repeat(1_000)),
                json!("\0"),
            ],
        ),
        (
            "id",
            vec![
                json!(house.mallory.id),
                json!("nobody"),
                json!(""),
                json!(null),
                json!([house.ada.id]),
                json!("' OR 1=1--"),
            ],
        ),
        ("typ", vec![json!("automation"), json!("Session"), json!(null), json!(["session"])]),
    ]
}

async fn claims_that_are_not_of_a_living_session_open_nothing(stage: Stage) {
    let house = House::build(stage).await;
    assert_eq!(
        house.carrying(&house.signed(|_| ()), By::Bearer).get(WHO).await.status,
        200,
        "what follows is no accident"
    );
    let said = claims(&house.ada.token);
    let issued = said["iat"].as_i64().unwrap();
    for (name, values) in odd_claims(&house, issued) {
        for value in values {
            let token = house.signed(|claims| claims[name] = value.clone());
            house.refuses(&token, &format!("{name}: {value:.80}")).await;
        }
    }
    for name in ["jti", "id", "typ", "iat"] {
        let token = house.signed(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        house.refuses(&token, &format!("without {name}")).await;
    }
    let twice = said.to_string().replacen('{', &format!("{{\"id\":\"{}\",", house.mallory.id), 1);
    for claims in [twice.as_str(), "[]", "null", "7", "{", "", "{}{}"] {
        let token = forge_text(r#"{"alg":"HS256","typ":"JWT"}"#, claims, Hash::Sha256, SECRET);
        house.refuses(&token, claims).await;
    }
    // The session of one person in the name of another.
    let session = claims(&house.mallory.token)["jti"].clone();
    house.refuses(&house.signed(|claims| claims["jti"] = session), "somebody else's session").await;
    house.is_as_before().await;
}

async fn a_token_that_was_cut_or_changed_opens_nothing(stage: Stage) {
    let house = House::build(stage).await;
    let token = house.ada.token.as_str();
    let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
    let is_near_a_dot = |at: usize| dots.iter().any(|dot| at.abs_diff(*dot) <= 1);
    for end in (1..token.len()).filter(|end| end % 16 == 1 || is_near_a_dot(*end) || *end + 3 > token.len()) {
        house.refuses(&token[..end], &format!("cut at {end}")).await;
        house.refuses(&token[end..], &format!("without the first {end}")).await;
    }
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (ada, mallory) = (parts(token), parts(&house.mallory.token));
    house.refuses(&format!("{}.{}.{}", ada[0], ada[1], mallory[2]), "another's signature").await;
    house.refuses(&format!("{}.{}.{}", ada[0], mallory[1], ada[2]), "another's claims").await;
    house.refuses(&format!("{}.{}.{}", ada[1], ada[0], ada[2]), "turned around").await;
    for at in (0..token.len()).filter(|at| at % 23 == 0 || is_near_a_dot(*at)) {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        house
            .refuses(&format!("{}{other}{}", &token[..at], &token[at + 1..]), &format!("changed at {at}"))
            .await;
    }
    house.is_as_before().await;
}

async fn a_token_has_one_spelling(stage: Stage) {
    let house = House::build(stage).await;
    let token = house.ada.token.as_str();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, said, tag) = (parts[0], parts[1], parts[2]);
    // The last letter of the signature carries two bits that say nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(&tag[42..]).unwrap();
    for twin in (0..4).map(|bits| last / 4 * 4 + bits).filter(|twin| *twin != last) {
        let other = format!("{header}.{said}.{}{}", &tag[..42], &alphabet[twin..=twin]);
        house.refuses(&other, "bits behind the end").await;
    }
    for (other, why) in [
        (format!("{token}="), "padded"),
        (format!("{header}=.{said}=.{tag}="), "padded everywhere"),
        (format!("{token}."), "an empty fourth part"),
        (format!("{token}.{tag}"), "a fourth part"),
        (format!("{header}.{tag}.{said}.{tag}.{tag}"), "the shape of an encrypted token"),
        (format!("{header}.{said}..{tag}"), "an empty part"),
        (format!("{header}. {said}.{tag}"), "a space inside"),
        (format!("{header}.{said}.\t{tag}"), "a tab inside"),
        (format!("\"{token}\""), "quoted"),
        (token.replace('.', "%2e"), "percent-encoded"),
        (format!("Bearer {token}"), "the scheme twice"),
        (format!("{token},{token}"), "twice"),
    ] {
        house.refuses(&other, why).await;
    }
    // Between scheme and token, and around a cookie, white space is HTTP's own.
    for spelling in [format!("bearer {token}"), format!("BEARER   {token} ")] {
        house.app.anonymous().with("authorization", &spelling).get(WHO).await.expect(200);
    }
    house.app.anonymous().with("authorization", &format!("Token {token}")).get(WHO).await.expect(401);
    house.is_as_before().await;
}

async fn a_token_ends_with_its_account_its_session_and_its_secret(stage: Stage) {
    let mut house = House::build(stage).await;
    let person = |name: &'static str| house.app.person(name);
    let (deleted, switched_off, gone) = (person("deleted").await, person("off").await, person("gone").await);
    house.ada.delete(&format!("/api/v1/users/{}", deleted.id)).await.expect(200);
    let off = json!({ "is_active": false });
    house.ada.post(&format!("/api/v1/users/{}/update", switched_off.id), off).await.expect(200);
    gone.post("/api/v1/auths/signout", json!({})).await.expect(200);
    for (person, why) in [(&deleted, "deleted"), (&switched_off, "switched off"), (&gone, "signed out")] {
        house.refuses(&person.token, why).await;
    }
    house.is_as_before().await;

    house.app.stop().await;
    house.app.set_env("WEBUI_SECRET_KEY", "Qe4Ur8Ti2Yo6Pa1Sd9Fg3Hj7Kl5Zx0Cv");
    house.app.set_env("WEBUI_SECRET_KEY_PREVIOUS", SECRET);
    house.app.start_again().await;
    house.refuses(&house.ada.token, "signed with the former secret").await;
}

/// Bearers of something else that the forger was given by us.
async fn what_proves_something_else_is_no_session(stage: Stage) {
    let stage = stage.env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true");
    let house = House::build(stage).await;
    let mallory = &house.mallory;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // A passkey is of a host name, and an address is none.
    let at_localhost =
        house.app.anonymous().with("host", &format!("localhost:{}", house.app.address().port()));
    let passkey =
        at_localhost.post("/api/v1/auths/passkeys/signin/start", json!({})).await.expect(200).json();
    let chat =
        mallory.post("/api/v1/chats/new", json!({ "chat": { "title": "Mine" } })).await.expect(200).json();
    let chat = text(&chat["id"]);
    let share = mallory.post(&format!("/api/v1/chats/{chat}/share"), json!({})).await.expect(200).json();
    let sessions = mallory.get("/api/v1/auths/sessions").await.expect(200).json();
    for (other, what) in [
        (text(&passkey["challenge_id"]), "a challenge of a passkey"),
        (text(&passkey["options"]["challenge"]), "what a passkey signs"),
        (text(&share["share_id"]), "a shared link"),
        (text(&sessions["items"][0]["id"]), "the id of a session"),
        (chat, "a chat"),
        (mallory.id.clone(), "the id of an account"),
        (SECRET.to_owned(), "the secret itself"),
    ] {
        assert!(!other.is_empty(), "{what}");
        house.refuses(&other, what).await;
    }
    // Keys open their own doors, and none of them in a cookie, which a browser sends whoever asks.
    let key = house.app.key().create().await;
    let own = mallory.post("/api/v1/auths/api_keys", json!({ "name": "mine" })).await.expect(201).json();
    for secret in [key.secret.as_str(), own["api_key"].as_str().unwrap(), testkit::MASTER_KEY] {
        house.carrying(secret, By::Bearer).get("/v1/models").await.expect(200);
        for door in DOORS {
            let answer = house.carrying(secret, By::Cookie).get(door).await;
            let nonsense = house.carrying("nonsense", By::Cookie).get(door).await;
            assert_eq!((answer.status, answer.text()), (401, nonsense.text()), "{door}");
        }
    }
}

async fn a_session_proves_nothing_else(stage: Stage) {
    let house = House::build(stage).await;
    let (stranger, token) = (house.app.anonymous(), &house.ada.token);
    for (path, body) in [
        ("/api/v1/auths/mfa/verify", json!({ "challenge_token": token, "code": "123456" })),
        ("/api/v1/auths/mfa/recover", json!({ "challenge_token": token, "code": "AAAA-AAAA-AAAA-AAAA" })),
        ("/api/v1/auths/mfa/enroll/start", json!({ "challenge_token": token })),
        ("/api/v1/auths/mfa/enroll/confirm", json!({ "challenge_token": token, "code": "123456" })),
        ("/api/v1/auths/passkeys/signin/finish", json!({ "challenge_token": token, "credential": {} })),
    ] {
        let answer = stranger.post(path, body).await;
        assert!(matches!(answer.status, 400 | 401), "{path}: {}", answer.text());
        assert!(answer.header("set-cookie").is_none(), "{path}");
        assert!(!answer.text().contains(token.as_str()), "{path}");
    }
    house.mallory.get(&format!("/api/v1/chats/share/{token}")).await.expect(404);
    house.is_as_before().await;
}

async fn two_credentials_that_differ_are_worth_nothing(stage: Stage) {
    let house = House::build(stage).await;
    let (ada, mallory) = (&house.ada.token, &house.mallory.token);
    let own_page = house.app.anonymous().with("sec-fetch-site", "same-origin");
    let nonsense = house.carrying("nonsense", By::Cookie).get(WHO).await.expect(401).text();
    for cookies in [
        vec![format!("token={ada}; token={mallory}")],
        vec![format!("token={mallory}"), format!("token={ada}")],
        vec![format!("token={ada}; token=x")],
        vec![format!("token=x; a=b; token={ada}")],
    ] {
        let caller = cookies.iter().fold(own_page.clone(), |caller, line| caller.with("cookie", line));
        assert_eq!(caller.get(WHO).await.expect(401).text(), nonsense, "{}", cookies.len());
        // They do not keep anybody from signing in, and are taken away by it.
        caller.get("/api/config").await.expect(200);
        let form = json!({ "email": house.mallory.email, "password": house.mallory.password });
        caller.post("/api/v1/auths/signin", form).await.expect(200);
    }
    own_page.with("cookie", &format!("token={ada}; token={ada}")).get(WHO).await.expect(200);
    own_page.with("cookie", &format!("tokens=x; xtoken=y; Token=z; token={ada}")).get(WHO).await.expect(200);

    let stranger = house.app.anonymous();
    let refused = stranger.bearer("nonsense").get(WHO).await.expect(401).text();
    for (one, other) in [(ada, mallory), (mallory, ada)] {
        let lines = [format!("Bearer {one}"), format!("Bearer {other}")];
        let both = lines.iter().fold(stranger.caller(), |caller, line| caller.with("authorization", line));
        assert_eq!(both.get(WHO).await.expect(401).text(), refused);
        let keys = stranger.with("x-api-key", one).with("x-api-key", other);
        assert_eq!(keys.get(WHO).await.expect(401).text(), refused);
    }
    // A header, which no foreign page can make a browser send, goes before the cookie; it is who asks.
    let who = |answer: Answer| answer.expect(200).json()["id"].clone();
    let both = own_page.with("cookie", &format!("token={ada}")).bearer(mallory);
    assert_eq!(who(both.get(WHO).await), json!(house.mallory.id));
    let worthless = own_page.with("cookie", &format!("token={ada}")).bearer("nonsense");
    worthless.get(WHO).await.expect(401);
}

async fn bytes_that_are_no_token_open_nothing_and_break_nothing(stage: Stage) {
    let house = House::build(stage).await;
    for length in [4_097, 20_000] {
        house.refuses(&"A".repeat(length), "long").await;
        let long = house.signed(|claims| claims["filler"] = json!("x".repeat(length)));
        house.refuses(&long, "long and truly signed").await;
    }
    let token = house.ada.token.as_bytes();
    let address = house.app.address();
    for door in DOORS {
        for (name, head) in [("bearer", &b"authorization: Bearer "[..]), ("cookie", b"cookie: token=")] {
            let raw = async |value: &[u8]| {
                let begin = format!("GET {door} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
                let request = [begin.as_bytes(), head, value, b"\r\n\r\n"].concat();
                exchange(address, &request).await
            };
            for odd in [&b"\0"[..], b"\r", b"\n", b"\x7f", b"\x1b[31m"] {
                // No header at all in HTTP, so there is no dialect to refuse it in.
                let answer = raw(&[token, odd, b"x"].concat()).await;
                assert!(
                    answer.starts_with("HTTP/1.1 4") && !answer.contains("\r\nx"),
                    "{name} {odd:?}: {answer}"
                );
            }
            for odd in [&b"\xff\xfe"[..], "é".as_bytes(), "\u{202e}".as_bytes(), b"\xc3\x28"] {
                let answer = raw(&[token, odd].concat()).await;
                let nonsense = raw(b"nonsense").await;
                assert!(answer.starts_with("HTTP/1.1 401 "), "{name} {odd:?}: {answer}");
                let body = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
                assert_eq!(body(&answer), body(&nonsense), "{name} {odd:?}");
            }
            let beyond = raw(&vec![b'A'; 70_000]).await;
            assert!(beyond.is_empty() || beyond.starts_with("HTTP/1.1 4"), "{beyond}");
        }
    }
    // What another program keeps in its cookie is not ours to judge.
    let neighbour = [
        b"GET /api/v1/auths/ HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncookie: name=Ren\xe9e; token=",
        token,
        b"\r\n\r\n",
    ];
    let answer = exchange(address, &neighbour.concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    house.is_as_before().await;
}
