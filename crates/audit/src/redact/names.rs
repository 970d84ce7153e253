//! Names of fields whose values are secrets, in whatever case and with whatever around them.

/// A name that holds one of these, letters and digits only, names a secret.
const ANYWHERE: &[&str] = &[
    "apikey",
    "assertion",
    "authorization",
    "bearer",
    "challenge",
    "cookie",
    "credential",
    "jwt",
    "masterkey",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "recovery",
    "salt",
    "secret",
    "seed",
    "session",
    "signature",
    "token",
    "totp",
];
/// A name that ends with one of these does too.
const AT_THE_END: &[&str] =
    &["auth", "code", "codes", "key", "keys", "nonce", "pass", "pin", "pw", "pwd", "sig", "state"];

/// Whether the value of a field with this name must not be kept.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    ANYWHERE.iter().any(|part| plain.contains(part)) || AT_THE_END.iter().any(|end| plain.ends_with(end))
}

/// Whether a secret's name is also the name of a count: `max_tokens`, `prompt_tokens`. A number there is shown.
pub(super) fn may_count(name: &str) -> bool {
    name.ends_with("tokens") || name.ends_with("Tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_in_any_dress() {
        for name in [
            "password",
            "new_password",
            "newPassword",
            "X-API-Key",
            "OPENAI_API_KEYS",
            "client_secret",
            "code",
            "otp_code",
            "recoveryCodes",
            "Authorization",
            "Set-Cookie",
            "access_token",
            "key",
            "keys",
            "sk_key",
            "credential",
            "challenge_token",
            "challenge_id",
            "PASSWORD ",
            "pass\u{200b}word",
            "WEBUI_ADMIN_PASSWORD",
            "session_id",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["name", "email", "model", "messages", "content", "role", "keyboard", "id", "max_budget"]
        {
            assert!(!is_secret(name), "{name}");
        }
        assert!(may_count("max_tokens") && may_count("maxOutputTokens") && !may_count("token"));
    }
}
