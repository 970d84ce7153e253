//! No secret gets through, however it is dressed; what is no secret does.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Piece, Presented, body};

const CANARY: &str = "Zx8Kq2-canary-Wv5Tn7";

fn kept(content_type: &str, text: &str) -> String {
    kept_of(content_type, text, text.len(), 2048)
}

fn kept_of(content_type: &str, text: &str, seen: usize, most: usize) -> String {
    let presented = Presented::of(
        [("authorization", "Bearer eyJx.presented-Lp4"), ("cookie", "token=cookie-Rt9Yb3; a=b")].into_iter(),
    );
    let piece =
        Piece { content_type: Some(content_type), bytes: &text.as_bytes()[..seen], length: text.len() };
    body(&piece, &presented, most)
}

fn json_of(value: &Value) -> String {
    kept("application/json; charset=utf-8", &value.to_string())
}

#[test]
fn what_is_no_secret_is_kept_as_it_was_sent() {
    let sent = r#"{"model":"m","messages":[{"role":"user","content":"How long is a sea mile? [1] \"yes\""}],"max_tokens":5,"n":1.5e3,"x":null}"#;
    assert_eq!(kept("application/json", sent), sent);
    assert_eq!(kept("application/x-www-form-urlencoded", "name=Ada&page=2"), "name=Ada&page=2");
}

#[test]
fn a_secret_is_removed_by_its_name_wherever_it_is() {
    for sent in [
        json!({ "password": CANARY }),
        json!({ "a": [{ "New-Password": CANARY }] }),
        json!({ "api_keys": [CANARY, { "x": CANARY }] }),
        json!({ "code": 123_456, "credential": { "response": { "x": CANARY } } }),
        json!({ "inner": json!({ "client_secret": CANARY }).to_string() }),
        json!({ "inner": json!([json!({ "token": CANARY }).to_string()]).to_string() }),
        json!({ "inner": format!("a=1&api_key={CANARY}&b=2") }),
        json!({ "header": format!("Authorization: Bearer {CANARY}") }),
        json!({ "encoded": STANDARD.encode(format!("password={CANARY}")) }),
        json!({ "encoded": format!("%70assword%3D{CANARY}") }),
    ] {
        let text = json_of(&sent);
        assert!(!text.contains(CANARY) && !text.contains("123456"), "{sent} -> {text}");
        assert!(!text.contains(&STANDARD.encode(format!("password={CANARY}"))), "{text}");
    }
}

#[test]
fn what_the_request_presented_is_removed_from_its_body_in_any_spelling() {
    for secret in ["eyJx.presented-Lp4", "cookie-Rt9Yb3"] {
        for spelt in [
            secret.to_owned(),
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(format!("user:{secret}")),
            secret.replace('-', "%2D"),
        ] {
            let text = json_of(&json!({ "note": format!("see {spelt} here"), "list": [spelt] }));
            assert!(!text.contains(&spelt), "{spelt} -> {text}");
        }
    }
}

#[test]
fn forms_and_files_keep_names_and_sizes_only_of_what_is_secret() {
    assert_eq!(
        kept("application/x-www-form-urlencoded", &format!("name=Ada&password={CANARY}")),
        "name=Ada&password=[removed]"
    );
    let part = |name: &str, value: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\r\n{CANARY}\r\n"
    );
    let sent = format!("{}{}{file}--xyz--\r\n", part("name", "Ada"), part("otp", CANARY));
    let text = kept("multipart/form-data; boundary=xyz", &sent);
    assert_eq!(text, format!("name=Ada\notp=[removed]\nfile=[a file of {} bytes]", CANARY.len()));
}

#[test]
fn of_what_cannot_be_read_only_the_size_is_kept() {
    for (kind, sent) in [
        ("application/json", format!("{{password: {CANARY}}}")),
        ("application/json", format!("{{\"a\":1}} {CANARY}")),
        ("application/json", format!("{{\"a\":\"{CANARY}")),
        ("text/csv", format!("Name,Password\nAda,{CANARY}")),
        ("text/plain", CANARY.to_owned()),
        ("", CANARY.to_owned()),
        ("multipart/form-data", CANARY.to_owned()),
    ] {
        assert_eq!(kept(kind, &sent), format!("[{} bytes of another kind]", sent.len()));
    }
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    assert!(kept("application/json", &deep).contains("another kind"));
}

#[test]
fn what_is_too_long_is_cut_after_its_secrets_are_gone() {
    let sent = json!({ "password": CANARY, "z": "x".repeat(5_000) }).to_string();
    let text = kept("application/json", &sent);
    assert!(text.len() == 2048 && text.starts_with(r#"{"password":"[removed]""#), "{text}");
    assert!(kept_of("application/json", r#"{"a":"ä"}"#, 9, 7).len() <= 7);
}

/// Every way to cut a body off leaves nothing of a secret that is longer than a name.
#[test]
fn a_body_cut_off_anywhere_shows_no_half_secret() {
    let sent = format!(
        r#"{{"a":"b","password":"{CANARY}","note":"use sk-{CANARY} and cookie-Rt9Yb3 now","n":[1,2]}}"#
    );
    for seen in 0..sent.len() {
        let text = kept_of("application/json", &sent, seen, 2048);
        assert!(!text.contains("Zx8K") && !text.contains("cookie-R"), "{seen}: {text}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|it| json!(it)),
        "[a-zA-Z \\[\\]{}\"\\\\:=&%]{0,12}".prop_map(Value::String),
        Just(json!({ "password": CANARY })),
        Just(json!({ "x-api-key": [CANARY, 5] })),
        Just(json!(json!({ "secret": CANARY }).to_string())),
        Just(json!(format!("Bearer {CANARY}"))),
        Just(json!(format!("sk-{CANARY}"))),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec(("[a-z]{1,6}", inner.clone()), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            inner.prop_map(|it| json!(it.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn no_canary_survives_in_any_body(sent in any_json(), cut in 0usize..400) {
        let text = sent.to_string();
        let whole = json_of(&json!({ "value": sent }));
        prop_assert!(!whole.contains("canary"), "{whole}");
        let cut = cut.min(text.len());
        if text.is_char_boundary(cut) {
            let part = kept_of("application/json", &text, cut, 2048);
            prop_assert!(!part.contains("canary"), "{part}");
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0usize..4) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/event-stream"];
        let piece = Piece { content_type: Some(kinds[kind]), bytes: &bytes, length: bytes.len() };
        prop_assert!(body(&piece, &Presented::default(), 100).len() <= 100);
    }
}

/// What clients really send, in every spelling of its names.
#[test]
fn secrets_are_removed_in_the_spellings_that_clients_use() {
    for name in [
        "apiKey",
        "api-key",
        "api key",
        "x_api_key",
        "X-Api-Key",
        "OPENAI_API_KEY",
        "new_password",
        "newPassword",
        "PASSWORD",
        "pass",
        "passwd",
        "pwd",
        "totp",
        "totp_code",
        "code",
        "recovery",
        "recoveryCode",
        "credential",
        "credentials",
        "authorization",
        "Proxy-Authorization",
        "Set-Cookie",
        "refresh_token",
        "id-token",
        "clientSecret",
        "private_key",
        "p\u{200b}assword",
        "\u{feff}password",
        "sig",
    ] {
        for sent in [
            json!({ name: CANARY }),
            json!({ "connection": { "headers": { name: CANARY } } }),
            json!({ "headers": [{ "name": name, "value": CANARY }] }),
            json!({ "headers": [{ "value": CANARY, "key": name }] }),
            json!({ "headers": [[name, CANARY]] }),
            json!({ "config": json!({ name: [CANARY] }).to_string() }),
        ] {
            let text = json_of(&sent);
            assert!(!text.contains("canary"), "{sent} -> {text}");
        }
        let form = format!("a=1&{}={CANARY}&b=2", name.replace(' ', "+"));
        assert!(!kept("application/x-www-form-urlencoded", &form).contains("canary"), "{form}");
    }
}

#[test]
fn secrets_without_a_telling_name_are_known_by_their_looks() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6ImNhbmFyeSJ9.Y2FuYXJ5";
    for secret in [
        format!("sk-{CANARY}"),
        format!("sk-proj-{CANARY}"),
        format!("Bearer {CANARY}"),
        format!("bearer\u{a0}{CANARY}"),
        format!("Basic {}", STANDARD.encode(format!("ada:{CANARY}"))),
        jwt.to_owned(),
        format!("https://ada:{CANARY}@models.example/v1"),
        format!("postgres://ada:{CANARY}@db/wardroom?sslmode=off"),
        format!("https://models.example/v1?api-key={CANARY}&x=1"),
        format!("https://models.example/v1?a=1&sig={CANARY}"),
        format!("otpauth://totp/x?secret={CANARY}"),
    ] {
        for sent in [
            json!({ "note": secret }),
            json!({ "note": format!("see \"{secret}\", it works") }),
            json!([[{ "a": [secret] }]]),
            json!({ secret.clone(): 1 }),
            json!({ "note": json!({ "x": secret }).to_string() }),
            json!({ "note": STANDARD.encode(&secret) }),
            json!({ "note": URL_SAFE_NO_PAD.encode(json!({ "note": secret }).to_string()) }),
        ] {
            let text = json_of(&sent);
            let is_there = text.contains("canary") || text.contains("Y2FuYXJ5") || text.contains("Wjh4");
            assert!(!is_there, "{sent} -> {text}");
            assert!(!text.contains(&STANDARD.encode(&secret)[..20]), "{sent} -> {text}");
        }
        let form = format!("note={}", secret.replace('&', "%26").replace('=', "%3D"));
        assert!(!kept("application/x-www-form-urlencoded", &form).contains("canary"), "{form}");
        let events = format!("event: x\ndata: {}\n\ndata: {secret}\n\n", json!({ "delta": secret }));
        assert!(!kept("text/event-stream", &events).contains("canary"), "{events}");
    }
}

#[test]
fn a_pair_of_name_and_value_is_removed_only_where_the_name_is_a_secrets() {
    let sent = r#"{"headers":[{"name":"Accept","value":"text/html"},["Accept","text/html"]],"value":"v"}"#;
    assert_eq!(kept("application/json", sent), sent);
    let three = r#"["name","password","role"]"#;
    assert_eq!(kept("application/json", three), three);
}

/// A body is cut to its last whole character, at any size and any place.
#[test]
fn what_is_kept_ends_with_a_whole_character() {
    let sent = r#"{"a":"äöü€😀漢字","password":"Zx8Kq2"}"#;
    for most in 0..sent.len() {
        let text = kept_of("application/json", sent, sent.len(), most);
        assert!(text.len() <= most && !text.contains("Zx8"), "{most}: {text}");
    }
    for seen in 0..sent.len() {
        assert!(!kept_of("application/json", sent, seen, 2048).contains("Zx8"), "{seen}");
    }
}
