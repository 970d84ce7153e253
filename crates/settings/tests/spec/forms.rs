//! What an administrator sees, and what the form may store.

use kernel::Secret;
use serde_json::{Value, json};
use settings::{Row, catalogue};

use crate::World;

fn rows(world: &World) -> Vec<Row> {
    let fingerprint = |secret: &Secret<String>| json!(format!("fingerprint of {}", secret.expose().len()));
    world.read().settings.rows(&fingerprint)
}

fn row(world: &World, name: &str) -> Row {
    rows(world).into_iter().find(|row| row.name == name).expect("the setting is in the list")
}

fn store(world: &World, name: &str, value: &Value) -> Result<Option<String>, String> {
    world.read().settings.storable(name, value).map_err(|problem| problem.to_string())
}

#[test]
fn every_setting_is_shown_once_with_its_default() {
    let rows = rows(&World::default());
    assert_eq!(rows.len(), catalogue().len());
    assert!(rows.iter().all(|row| row.value == row.default && !row.doc.is_empty()));
}

#[test]
fn a_secret_is_shown_as_its_fingerprint_only() {
    let world = World::with(&[
        ("LITELLM_MASTER_KEY", "sk-very-private"),
        ("OPENAI_API_KEY", "sk-one"),
        ("DATABASE_URL", "postgresql://u:sk-very-private@h/d"),
    ]);
    assert_eq!(row(&world, "LITELLM_MASTER_KEY").value, json!("fingerprint of 15"));
    assert_eq!(row(&world, "OPENAI_API_KEYS").value, json!("fingerprint of 6"));
    assert_eq!(row(&world, "DATABASE_URL").value, json!("postgresql://u:***@h/d"));
    assert_eq!(row(&World::default(), "LITELLM_MASTER_KEY").value, Value::Null);
    let printed = format!("{:?}", rows(&world));
    assert!(!printed.contains("very-private") && !printed.contains("sk-one"), "{printed}");
}

#[test]
fn a_setting_that_the_environment_decides_is_locked() {
    let world = World::with(&[("WEBUI_NAME", "Deck")]).file(&[("ENABLE_SIGNUP", "no")]);
    assert_eq!(row(&world, "WEBUI_NAME").source.as_str(), "environment");
    assert!(row(&world, "WEBUI_NAME").is_locked && row(&world, "ENABLE_SIGNUP").is_locked);
    assert!(row(&world, "PORT").is_locked);
    assert!(!row(&world, "DEFAULT_USER_ROLE").is_locked);

    let persistent = World::with(&[("WEBUI_NAME", "Deck"), ("ENABLE_PERSISTENT_CONFIG", "true")]);
    assert!(!row(&persistent, "WEBUI_NAME").is_locked);
}

#[test]
fn what_is_stored_is_read_again_as_the_same_value() {
    let nothing = World::default();
    for (name, value, shown) in [
        ("ENABLE_SIGNUP", json!(false), json!(false)),
        ("JWT_EXPIRES_IN", json!("90m"), json!("1h30m")),
        ("JWT_EXPIRES_IN", json!(-1), json!("-1")),
        ("DEFAULT_USER_ROLE", json!("user"), json!("user")),
        ("WEBUI_NAME", json!(" Deck "), json!("Deck")),
        ("WEBUI_URL", json!("https://chat.example/"), json!("https://chat.example")),
    ] {
        let text = store(&nothing, name, &value).unwrap().expect("a value");
        let stored = World::default().stored(&[(name, &text)]);
        assert_eq!(row(&stored, name).value, shown, "{name}");
        assert_eq!(row(&stored, name).source.as_str(), "stored");
    }
}

#[test]
fn null_and_an_empty_text_reset_a_setting() {
    assert_eq!(store(&World::default(), "WEBUI_NAME", &Value::Null), Ok(None));
    assert_eq!(store(&World::default(), "TASK_MODEL", &json!(" ")), Ok(None));
}

#[test]
fn nothing_is_stored_that_would_not_be_read_again() {
    let nothing = World::default();
    for (name, value, expected) in [
        ("ENABLE_SIGNUP", json!("perhaps"), "ENABLE_SIGNUP is \"perhaps\"; it must be true or false"),
        ("ENABLE_SIGNUP", json!({"a": 1}), "ENABLE_SIGNUP is a JSON object; it must be true or false"),
        ("WEBUI_NAME", json!(["a"]), "WEBUI_NAME is a JSON array"),
        ("WEBUI_URL", json!("ftp://u:pw@h"), "WEBUI_URL is a text of 12 characters"),
        ("DEFAULT_USER_ROLE", json!("root"), "one of pending, user, admin"),
        ("PORT", json!(80), "PORT can only be set in the environment of the server"),
        ("OPENAI_ALLOWED_API_BASE_URLS", json!("http://10.0.0.1"), "can only be set in the environment"),
        ("LITELLM_MASTER_KEY", json!("sk-1"), "can only be set in the environment"),
        ("NONSENSE", json!(1), "NONSENSE is not a setting"),
    ] {
        let refused = store(&nothing, name, &value).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn a_locked_setting_is_not_stored_where_it_would_have_no_effect() {
    let world = World::with(&[("WEBUI_NAME", "Deck")]);
    let refused = store(&world, "WEBUI_NAME", &json!("Bridge")).unwrap_err();
    assert!(refused.starts_with("WEBUI_NAME is set by the environment, which wins"), "{refused}");
    let persistent = World::with(&[("WEBUI_NAME", "Deck"), ("ENABLE_PERSISTENT_CONFIG", "true")]);
    assert_eq!(store(&persistent, "WEBUI_NAME", &json!("Bridge")), Ok(Some("Bridge".to_owned())));
}

#[test]
fn no_secret_may_be_stored_and_every_one_may_be_in_a_file() {
    for entry in catalogue().iter().filter(|entry| entry.is_secret()) {
        assert_eq!(entry.places, settings::Places::Environment, "{}", entry.name);
        let file = format!("{}_FILE", entry.name);
        let both = World::with(&[(entry.name, "a"), (&file, "/b")]).problems();
        assert!(both.contains(&format!("{} and {file} are both set", entry.name)), "{both}");
    }
}
