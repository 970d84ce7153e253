//! Which of several values wins, and what it says about where it came from.

use settings::{Notice, Source};

use crate::World;

#[test]
fn nothing_set_is_a_safe_complete_configuration() {
    let loaded = World::default().read();
    let settings = &loaded.settings;
    assert_eq!(settings.host.value.to_string(), "127.0.0.1");
    assert_eq!((settings.port.value, settings.port.source), (8080, Source::Default));
    assert_eq!(settings.env.value, settings::Environment::Prod);
    assert_eq!(settings.default_user_role.value, kernel::Role::Pending);
    assert_eq!(settings.max_body_size.value.bytes(), 32 * 1024 * 1024);
    assert!(settings.webui_secret_key.value.is_none());
    assert!(!settings.forwarded_allow_ips.value.contains("203.0.113.9".parse().unwrap()));
    assert!(loaded.providers.is_empty() && loaded.notices.is_empty());
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_what_is_stored() {
    let name = "WEBUI_NAME";
    let world = World::with(&[(name, "env")]).file(&[(name, "file")]).stored(&[(name, "stored")]).read();
    assert_eq!(world.settings.webui_name.value, "env");
    assert_eq!(world.settings.webui_name.source, Source::Environment(name));

    let world = World::default().file(&[(name, "file")]).stored(&[(name, "stored")]).read();
    assert_eq!(world.settings.webui_name.value, "file");
    assert_eq!(world.settings.webui_name.source, Source::File(name));

    let world = World::default().stored(&[(name, "stored")]).read();
    assert_eq!(world.settings.webui_name.value, "stored");
    assert_eq!(world.settings.webui_name.source, Source::Stored);
}

#[test]
fn with_persistent_config_a_stored_value_wins_and_the_operator_is_told() {
    let world = World::with(&[("WEBUI_NAME", "env"), ("ENABLE_PERSISTENT_CONFIG", "True")])
        .stored(&[("WEBUI_NAME", "stored")])
        .read();
    assert_eq!(world.settings.webui_name.value, "stored");
    assert_eq!(world.notices, [Notice::Hidden("WEBUI_NAME")]);

    let unchanged = World::with(&[("WEBUI_NAME", "same"), ("ENABLE_PERSISTENT_CONFIG", "1")])
        .stored(&[("WEBUI_NAME", "same")])
        .read();
    assert_eq!(unchanged.notices, []);
}

#[test]
fn what_may_not_be_stored_is_not_read_from_the_store_either() {
    let world = World::with(&[("ENABLE_PERSISTENT_CONFIG", "true")])
        .stored(&[("PORT", "1"), ("OPENAI_ALLOWED_API_BASE_URLS", "http://169.254.169.254")])
        .read();
    assert_eq!(world.settings.port.value, 8080);
    assert_eq!(world.base_urls.allowed.len(), 2);
    assert!(world.base_urls.named.is_empty());
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let world = World::with(&[("PORT", ""), ("WEBUI_SECRET_KEY", " "), ("WEBUI_NAME", "")])
        .file(&[("WEBUI_NAME", "file")])
        .read();
    assert_eq!(world.settings.port.source, Source::Default);
    assert!(world.settings.webui_secret_key.value.is_none());
    assert_eq!(world.settings.webui_name.value, "file");
}

#[test]
fn an_alias_counts_when_the_name_itself_is_not_set() {
    let world = World::with(&[("WEBUI_JWT_SECRET_KEY", "from the alias")]).read();
    assert_eq!(world.settings.webui_secret_key.value.unwrap().expose(), "from the alias");
    assert_eq!(world.settings.webui_secret_key.source, Source::Environment("WEBUI_JWT_SECRET_KEY"));

    let both =
        World::with(&[("WEBUI_SESSION_COOKIE_SAME_SITE", "lax"), ("WEBUI_AUTH_COOKIE_SAME_SITE", "strict")]);
    assert_eq!(both.read().settings.webui_auth_cookie_same_site.value, settings::SameSite::Strict);
}

#[test]
fn a_secret_may_be_in_a_file_whose_last_line_break_does_not_count() {
    for (content, expected) in
        [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), (" key ", " key "), ("key \n", "key ")]
    {
        let world = World::with(&[("WEBUI_SECRET_KEY_FILE", "/run/secrets/key")])
            .disk(&[("/run/secrets/key", content)])
            .read();
        assert_eq!(world.settings.webui_secret_key.value.unwrap().expose(), expected, "{content:?}");
    }
}

#[test]
fn the_environment_may_replace_the_file_of_a_secret_that_the_env_file_names() {
    let world = World::with(&[("WEBUI_SECRET_KEY", "from the environment")])
        .file(&[("WEBUI_SECRET_KEY_FILE", "/none")]);
    assert_eq!(world.read().settings.webui_secret_key.value.unwrap().expose(), "from the environment");
}

#[test]
fn prices_may_be_written_down_or_be_in_a_file() {
    let json = r#"{"m":{"prompt":1,"completion":2}}"#;
    let written = World::with(&[("MODEL_PRICES", json)]).read();
    let in_file = World::with(&[("MODEL_PRICES", "prices.json")]).disk(&[("prices.json", json)]).read();
    assert_eq!(written.settings.model_prices.value, in_file.settings.model_prices.value);
    assert_eq!(written.settings.model_prices.value.0.len(), 1);
}

#[test]
fn risky_choices_are_allowed_and_pointed_out() {
    let world = World::with(&[("FORWARDED_ALLOW_IPS", "*"), ("DEFAULT_USER_ROLE", "admin")]).read();
    assert_eq!(world.notices, [Notice::EverybodyForwards, Notice::EverybodyAdministrates]);
}
