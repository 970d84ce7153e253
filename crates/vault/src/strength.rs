//! Whether a root secret is worth the name. Defaults, placeholders and short secrets are refused at start.
//!
//! It judges text only; it does not know what the secret will be used for.

use std::collections::BTreeSet;

use kernel::Secret;

const SHORTEST: usize = 16;
/// What must be left when well-known words and runs are taken out. Sixteen random characters lose that many
/// about once in a hundred thousand times, and `openssl rand -base64 32` never.
const FEWEST_OWN_CHARACTERS: usize = 10;
const FEWEST_DISTINCT: usize = 6;

/// Why a root secret is refused. The text names the variable and the way out, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer than 16 characters.
    #[error("{0} is too short: it needs at least 16 characters. Make one with: {1}")]
    Short(&'static str, &'static str),
    /// A default, a placeholder or made of well-known words.
    #[error("{0} is a well-known default or made of well-known words. Make one with: {1}")]
    WellKnown(&'static str, &'static str),
    /// Few characters over and over, or one row of the keyboard.
    #[error("{0} repeats itself or follows a pattern. Make one with: {1}")]
    Monotonous(&'static str, &'static str),
    /// A master key that is no `sk-` key.
    #[error("{0} must begin with sk-. Make one with: {1}")]
    NotAKey(&'static str, &'static str),
}

/// Refuses a guessable root secret, e.g. the value of `WEBUI_SECRET_KEY`; `name` is that variable.
pub fn check_root_secret(name: &'static str, secret: &Secret<String>) -> Result<(), WeakSecret> {
    check(name, secret.expose(), "openssl rand -base64 32")
}

/// Refuses a guessable or malformed master key; `name` is the variable, e.g. `LITELLM_MASTER_KEY`.
pub fn check_master_key(name: &'static str, secret: &Secret<String>) -> Result<(), WeakSecret> {
    let recipe = "echo sk-$(openssl rand -hex 24)";
    match secret.expose().strip_prefix("sk-") {
        Some(key) => check(name, key, recipe),
        None => Err(WeakSecret::NotAKey(name, recipe)),
    }
}

fn check(name: &'static str, secret: &str, recipe: &'static str) -> Result<(), WeakSecret> {
    if secret.trim().chars().count() < SHORTEST {
        return Err(WeakSecret::Short(name, recipe));
    }
    let distinct: BTreeSet<char> = secret.chars().flat_map(char::to_lowercase).collect();
    if distinct.len() < FEWEST_DISTINCT || repeats_a_unit(secret) || follows_a_row(secret) {
        return Err(WeakSecret::Monotonous(name, recipe));
    }
    if without_well_known_words(secret).len() < FEWEST_OWN_CHARACTERS {
        return Err(WeakSecret::WellKnown(name, recipe));
    }
    Ok(())
}

/// `abcdabcdabcd…`: the whole is a shorter text repeated, the last time perhaps in part.
fn repeats_a_unit(secret: &str) -> bool {
    let bytes = secret.as_bytes();
    (1..=bytes.len() / 2).any(|unit| bytes[unit..] == bytes[..bytes.len() - unit])
}

/// `0123456789abcdef`, `qwertyuiopasdfgh`: most characters follow their neighbour in the alphabet, among the
/// digits or on the keyboard, forwards or backwards.
fn follows_a_row(secret: &str) -> bool {
    const ROWS: &[u8] = b"abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop asdfghjkl zxcvbnm qwertz azerty";
    let lower = secret.to_ascii_lowercase();
    let pairs = lower.as_bytes().windows(2);
    let total = pairs.len();
    let in_a_row = pairs.filter(|pair| {
        pair[0] == pair[1]
            || ROWS.windows(2).any(|row| row == *pair || (row[1] == pair[0] && row[0] == pair[1]))
    });
    in_a_row.count() * 3 > total * 2
}

/// The letters and digits that remain, in lower case and with the usual digit-for-letter swaps undone.
fn without_well_known_words(secret: &str) -> String {
    let mut rest: String = secret
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            other => other,
        })
        .collect();
    for word in WELL_KNOWN {
        rest = rest.replace(word, "");
    }
    rest
}

/// Words of defaults, placeholders and example files, longest first, as the swaps above leave them
/// (`1234` is `i2ea`).
const WELL_KNOWN: [&str; 121] = [
    "correcthorsebatterystaple",
    "donotuseinproduction",
    "supercalifragilistic",
    "jumpsoverthelazydog",
    "openssirandbase6a",
    "opensslrandbase6a",
    "thequickbrownfox",
    "loremipsumdolor",
    "authentication",
    "supersecretkey",
    "administrator",
    "encryptionkey",
    "confidential",
    "correcthorse",
    "development",
    "environment",
    "placeholder",
    "replacethis",
    "replacewith",
    "characters",
    "encryption",
    "helloworld",
    "openrouter",
    "passphrase",
    "production",
    "character",
    "generated",
    "masterkey",
    "openwebui",
    "secretkey",
    "superuser",
    "cafebabe",
    "changeit",
    "changeme",
    "database",
    "deadbeef",
    "generate",
    "iloveyou",
    "insecure",
    "internal",
    "password",
    "passwort",
    "security",
    "wardroom",
    "atleast",
    "default",
    "example",
    "gateway",
    "laravel",
    "letmein",
    "litellm",
    "minimum",
    "private",
    "replace",
    "session",
    "signing",
    "staging",
    "testing",
    "welcome",
    "abcdef",
    "change",
    "django",
    "docker",
    "dragon",
    "foobar",
    "master",
    "monkey",
    "ollama",
    "openai",
    "phrase",
    "please",
    "public",
    "qwerty",
    "random",
    "sample",
    "secret",
    "secure",
    "server",
    "shared",
    "should",
    "strapi",
    "string",
    "strong",
    "system",
    "thirty",
    "unsafe",
    "admin",
    "flask",
    "local",
    "rails",
    "super",
    "token",
    "value",
    "webui",
    "asdf",
    "chat",
    "here",
    "i2ea",
    "long",
    "must",
    "pass",
    "prod",
    "root",
    "salt",
    "some",
    "temp",
    "test",
    "that",
    "this",
    "todo",
    "user",
    "very",
    "with",
    "your",
    "dev",
    "i2e",
    "isa",
    "jwt",
    "key",
    "not",
    "the",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(secret: &str) -> Result<(), WeakSecret> {
        check_root_secret("WEBUI_SECRET_KEY", &secret.into())
    }

    #[test]
    fn a_hundred_known_defaults_and_lazy_secrets_are_refused() {
        let known = include_str!("../tests/known_defaults.txt");
        let known: Vec<&str> = known.lines().filter(|line| !line.is_empty()).collect();
        assert!(known.len() >= 100, "only {}", known.len());
        let accepted: Vec<&&str> = known.iter().filter(|secret| verdict(secret).is_ok()).collect();
        assert!(accepted.is_empty(), "accepted: {accepted:?}");
    }

    #[test]
    fn what_generators_make_is_accepted() {
        for good in [
            "3q2+7wAAbGk9Zm8xQ0RFRmdoSUpLTE1OT1BRUlNUVVY=",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "t9Bn4KxLq2WzR7Yd",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "gravel-anthem-otter-quartz-nimbus",
            "8e4f2b1a-7c3d-4e5f-9a8b-1c2d3e4f5a6b",
        ] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_reason_names_the_variable_and_a_recipe_and_never_the_value() {
        for weak in ["hunter2-hunter3", "your-secret-key-change-me", "abcabcabcabcabcabc"] {
            let text = verdict(weak).unwrap_err().to_string();
            assert!(text.contains("WEBUI_SECRET_KEY") && text.contains("openssl rand"), "{text}");
            assert!(!text.contains(weak), "{text}");
        }
        assert_eq!(
            verdict("short").unwrap_err().to_string(),
            "WEBUI_SECRET_KEY is too short: it needs at least 16 characters. Make one with: openssl rand -base64 32"
        );
    }

    #[test]
    fn a_master_key_is_a_long_sk_key_of_its_own() {
        let verdict = |key: &str| check_master_key("LITELLM_MASTER_KEY", &key.into());
        let recipe = "echo sk-$(openssl rand -hex 24)";
        assert_eq!(verdict("sk-5f4dcc3b5aa765d61d8327deb882cf99"), Ok(()));
        assert_eq!(verdict("sk-1234"), Err(WeakSecret::Short("LITELLM_MASTER_KEY", recipe)));
        assert_eq!(
            verdict("5f4dcc3b5aa765d61d8327deb882cf99"),
            Err(WeakSecret::NotAKey("LITELLM_MASTER_KEY", recipe))
        );
        assert!(verdict("sk-litellm-master-key-1234").is_err());
        assert!(verdict("sk-aaaaaaaaaaaaaaaaaaaaaaaa").is_err());
    }

    #[test]
    fn made_secrets_pass_however_they_fall() {
        // A thousand keys of the weakest kind that operators make: 16 bytes in hexadecimal.
        let world = crate::testing::world(11);
        for _ in 0..1_000 {
            let key =
                world.bytes::<16>().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
            assert_eq!(verdict(&key), Ok(()), "{key}");
        }
    }
}
