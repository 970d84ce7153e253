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
