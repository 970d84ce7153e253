//! Providers that the environment names: addresses and keys, paired by position.

use kernel::{BaseUrl, Secret};
use serde_json::json;

use crate::{
    Entry, Grammar, Problem, Settings, Source,
    report::Shown,
    setting::{Setting, Wrong},
};

const OPENAI: &str = "https://api.openai.com/v1";
const OPENROUTER: &str = "https://openrouter.ai/api/v1";

/// A provider that the environment names.
#[derive(Debug, Clone)]
pub struct Provider {
    /// For people: the provider's name where we know it, else the host.
    pub name: String,
    /// Where it is.
    pub base_url: BaseUrl,
    /// Its key; none for a provider that needs none.
    pub key: Option<Secret<String>>,
}

/// Which base URLs a connection may have.
#[derive(Debug, Clone)]
pub struct BaseUrls {
    /// The only ones, and what is below them.
    pub allowed: Vec<BaseUrl>,
    /// Those of them that the operator wrote down, and that may therefore be on this machine or in a private
    /// network.
    pub named: Vec<BaseUrl>,
}

impl BaseUrls {
    /// Whether a connection may have this base URL.
    pub fn allows(&self, url: &BaseUrl) -> bool {
        self.allowed.iter().any(|allowed| url.is_within(allowed))
    }

    /// Whether it may be on this machine or in a private network.
    pub fn names(&self, url: &BaseUrl) -> bool {
        self.named.iter().any(|named| url.is_within(named))
    }
}

/// Base URLs, separated by `;`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Urls(pub Vec<BaseUrl>);

impl Setting for Urls {
    const GRAMMAR: Grammar = Grammar::Urls;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let mut urls = Vec::new();
        for (index, part) in text.trim_end_matches([';', ' ']).split(';').enumerate() {
            let url = BaseUrl::parse(part)
                .map_err(|error| Wrong::because(format!("of entry {} {error}", index + 1)))?;
            urls.push(url);
        }
        Ok(Self(urls))
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> Shown<'_> {
        let urls: Vec<&str> = self.0.iter().map(BaseUrl::as_str).collect();
        Shown::Plain(json!(urls.join(";")))
    }
}

/// Keys, separated by `;`; an empty place is a provider without a key.
#[derive(Debug, Clone, Default)]
pub struct Keys(pub Vec<Option<Secret<String>>>);

impl Setting for Keys {
    const GRAMMAR: Grammar = Grammar::Secrets;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let mut keys = Vec::new();
        for (index, key) in text.split(';').map(str::trim).enumerate() {
            // The key becomes a header; a line break in it would become a second one.
            if key.bytes().any(|b| !b.is_ascii_graphic()) {
                return Err(Wrong::because(format!("key {} has spaces or special characters", index + 1)));
            }
            keys.push((!key.is_empty()).then(|| Secret::from(key)));
        }
        // A lone `;` names no key at all.
        keys.truncate(keys.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        Ok(Self(keys))
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> Shown<'_> {
        Shown::Secrets(self.0.iter().flatten().collect())
    }
}

/// Pairs addresses and keys. More keys than addresses is an error: one of them would go to the wrong host.
pub(crate) fn providers(settings: &Settings) -> Result<Vec<Provider>, Problem> {
    let keys = &settings.openai_api_keys.value.0;
    let mut urls = settings.openai_api_base_urls.value.0.clone();
    if urls.is_empty() && !keys.is_empty() {
        urls.push(ours(OPENAI));
    }
    if keys.len() > urls.len() {
        let message = format!(
            "has {} keys for {} base URLs; the first key belongs to the first of OPENAI_API_BASE_URLS, and so on",
            keys.len(),
            urls.len()
        );
        return Err(Problem::together("OPENAI_API_KEYS", message));
    }
    let keys = keys.iter().cloned().chain(std::iter::repeat(None));
    let mut providers: Vec<Provider> = urls
        .into_iter()
        .zip(keys)
        .map(|(base_url, key)| Provider { name: name(&base_url), base_url, key })
        .collect();

    if let Some(key) = &settings.openrouter_api_key.value {
        let base_url = ours(OPENROUTER);
        let keyless = providers.iter_mut().find(|p| p.base_url == base_url && p.key.is_none());
        match keyless {
            Some(provider) => provider.key = Some(key.clone()),
            None => providers.push(Provider { name: name(&base_url), base_url, key: Some(key.clone()) }),
        }
    }
    Ok(providers)
}

/// Which base URLs connections may have, the environment's own included.
pub(crate) fn base_urls(settings: &Settings) -> BaseUrls {
    let listed = &settings.openai_allowed_api_base_urls;
    let mut named = settings.openai_api_base_urls.value.0.clone();
    if listed.source != Source::Default {
        named.extend(listed.value.0.iter().cloned());
    }
    let mut allowed = listed.value.0.clone();
    for url in &named {
        if !allowed.contains(url) {
            allowed.push(url.clone());
        }
    }
    BaseUrls { allowed, named }
}

fn ours(url: &str) -> BaseUrl {
    BaseUrl::parse(url).expect("our own constants are base URLs")
}

/// What to call a provider by its address, for people: the name where we know it, else the host.
pub fn name(url: &BaseUrl) -> String {
    match (url.url().host_str().unwrap_or_default(), url.url().port()) {
        ("api.openai.com", None) => "OpenAI".to_owned(),
        ("openrouter.ai", None) => "OpenRouter".to_owned(),
        (host, None) => host.to_owned(),
        (host, Some(port)) => format!("{host}:{port}"),
    }
}
