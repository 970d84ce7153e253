//! Providers from the environment: which key goes where, and where connections may lead.

use kernel::BaseUrl;

use crate::World;

/// Name, address and key of every provider.
fn providers(environment: &[(&str, &str)]) -> Vec<(String, String, Option<String>)> {
    let loaded = World::with(environment).read();
    let all = loaded.providers.into_iter();
    all.map(|p| (p.name, p.base_url.as_str().to_owned(), p.key.map(|key| key.expose().clone()))).collect()
}

fn provider(name: &str, url: &str, key: Option<&str>) -> (String, String, Option<String>) {
    (name.to_owned(), url.to_owned(), key.map(str::to_owned))
}

#[test]
fn keys_belong_to_addresses_by_position_and_an_empty_place_has_none() {
    let found = providers(&[
        (
            "OPENAI_API_BASE_URLS",
            "https://api.openai.com/v1; http://127.0.0.1:11434/v1/ ;https://llm.example/v1;",
        ),
        ("OPENAI_API_KEYS", "sk-one;;sk-three"),
    ]);
    assert_eq!(
        found,
        [
            provider("OpenAI", "https://api.openai.com/v1", Some("sk-one")),
            provider("127.0.0.1:11434", "http://127.0.0.1:11434/v1", None),
            provider("llm.example", "https://llm.example/v1", Some("sk-three")),
        ]
    );
}

#[test]
fn addresses_without_keys_at_the_end_need_none() {
    let found = providers(&[
        ("OPENAI_API_BASE_URLS", "https://a.example;https://b.example"),
        ("OPENAI_API_KEYS", "k"),
    ]);
    assert_eq!(found[1], provider("b.example", "https://b.example", None));
}

#[test]
fn more_keys_than_addresses_are_refused_before_one_goes_to_the_wrong_host() {
    let problems =
        World::with(&[("OPENAI_API_BASE_URL", "https://a.example"), ("OPENAI_API_KEYS", "one;two")]);
    assert!(problems.problems().starts_with("OPENAI_API_KEYS has 2 keys for 1 base URLs"));
    assert!(World::with(&[("OPENAI_API_KEYS", "one;two")]).problems().contains("2 keys for 1 base URLs"));
}

#[test]
fn a_key_alone_is_openais() {
    let found = providers(&[("OPENAI_API_KEY", "sk-one")]);
    assert_eq!(found, [provider("OpenAI", "https://api.openai.com/v1", Some("sk-one"))]);
    assert_eq!(providers(&[("OPENAI_API_KEYS", "sk-one; ;")]), found);
    assert_eq!(providers(&[("OPENAI_API_KEYS", " ; ")]), []);
}

#[test]
fn an_openrouter_key_adds_openrouter_or_completes_it() {
    let openrouter = "https://openrouter.ai/api/v1";
    let alone = providers(&[("OPENROUTER_API_KEY", "sk-or")]);
    assert_eq!(alone, [provider("OpenRouter", openrouter, Some("sk-or"))]);
    let completed = providers(&[("OPENAI_API_BASE_URL", openrouter), ("OPENROUTER_API_KEY", "sk-or")]);
    assert_eq!(completed, alone);
    let second = providers(&[
        ("OPENAI_API_BASE_URL", openrouter),
        ("OPENAI_API_KEY", "one"),
        ("OPENROUTER_API_KEY", "two"),
    ]);
    assert_eq!(second.len(), 2);
}

#[test]
fn an_empty_place_among_the_addresses_is_refused_because_keys_would_shift() {
    let problems =
        World::with(&[("OPENAI_API_BASE_URLS", "https://a.example;;https://b.example")]).problems();
    assert!(problems.contains("of entry 2"), "{problems}");
}

#[test]
fn by_default_connections_lead_to_openai_and_openrouter_only() {
    let urls = World::default().read().base_urls;
    let allows = |text: &str| urls.allows(&BaseUrl::parse(text).unwrap());
    assert!(allows("https://api.openai.com/v1") && allows("https://openrouter.ai/api/v1"));
    for other in ["https://api.openai.com.evil.example/v1", "http://api.openai.com/v1", "http://127.0.0.1/v1"]
    {
        assert!(!allows(other), "{other}");
    }
    assert!(!urls.names(&BaseUrl::parse("https://api.openai.com/v1").unwrap()));
}

#[test]
fn what_the_operator_wrote_down_is_allowed_and_may_be_private() {
    let local = BaseUrl::parse("http://127.0.0.1:11434/v1").unwrap();
    let by_connection = World::with(&[("OPENAI_API_BASE_URL", local.as_str())]).read().base_urls;
    assert!(by_connection.allows(&local) && by_connection.names(&local));
    assert!(by_connection.allows(&BaseUrl::parse("https://api.openai.com/v1").unwrap()));

    let by_list = World::with(&[("OPENAI_ALLOWED_API_BASE_URLS", local.as_str())]).read().base_urls;
    assert!(by_list.allows(&local) && by_list.names(&local));
    assert!(!by_list.allows(&BaseUrl::parse("https://api.openai.com/v1").unwrap()));
    assert!(!by_list.names(&BaseUrl::parse("http://127.0.0.1:6379/v1").unwrap()));
}
