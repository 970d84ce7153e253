//! Slips of the pen in variable names.
//!
//! Operators bring the `.env` of Open WebUI or LiteLLM along, with hundreds of names that mean nothing here.
//! Those must not stop the start; a misspelt name of ours must, or a default would be in force unnoticed.

use crate::catalogue;

/// Names with these beginnings are ours or a peer's; all others are somebody else's business.
const PEERS: &[&str] = &[
    "ADMIN_EMAIL",
    "AIOHTTP_CLIENT_",
    "API_KEY",
    "AUDIT_",
    "BUDGET_",
    "BYPASS_",
    "CONFIG_ENCRYPTION_",
    "CONTENT_SECURITY_",
    "CORS_",
    "CROSS_ORIGIN_",
    "DATABASE_",
    "DEFAULT_",
    "ENABLE_",
    "FORWARDED_",
    "GLOBAL_LOG_",
    "JWT_",
    "LITELLM_",
    "MODEL_PRICE",
    "OPENAI_",
    "OPENROUTER_",
    "PASSWORD_HASH_",
    "PASSWORD_VALIDATION_",
    "PENDING_USER_",
    "PERMISSIONS_POLIC",
    "REFERRER_POLIC",
    "SHOW_ADMIN_",
    "TASK_MODEL",
    "USER_PERMISSIONS_",
    "WEBUI_",
];
const OURS: &str = "WARDROOM_";
/// Up to so many slips a name is taken for a misspelt one of ours.
const SLIPS: usize = 2;

/// What a variable's name tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A setting, or none of our business.
    Fine,
    /// A peer's setting that does nothing here.
    NotUsed,
    /// Probably a misspelt setting, or one of ours that does not exist.
    Unknown(Option<&'static str>),
}

pub(crate) fn judge(name: &str) -> Verdict {
    let is_ours = name.starts_with(OURS);
    if !is_ours && !PEERS.iter().any(|prefix| name.starts_with(prefix)) {
        return Verdict::Fine;
    }
    let known = catalogue().iter().flat_map(|entry| entry.names().map(|name| (name, entry.is_secret())));
    let mut nearest: Option<(usize, &'static str)> = None;
    for (known, is_secret) in known {
        let stem = if is_secret { name.strip_suffix("_FILE").unwrap_or(name) } else { name };
        if stem == known {
            return Verdict::Fine;
        }
        let distance = distance(stem, known);
        if nearest.is_none_or(|(best, _)| distance < best) {
            nearest = Some((distance, known));
        }
    }
    match nearest {
        Some((slips, known)) if slips <= SLIPS => Verdict::Unknown(Some(known)),
        Some((slips, known)) if is_ours && slips <= name.len() / 3 => Verdict::Unknown(Some(known)),
        _ if is_ours => Verdict::Unknown(None),
        _ => Verdict::NotUsed,
    }
}

/// How many letters must be put in, taken out, replaced or swapped with their neighbour (optimal string
/// alignment distance).
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 0..one.len() {
        let mut row = vec![i + 1];
        for j in 0..other.len() {
            let mut best = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(one[i] != other[j]));
            if i > 0 && j > 0 && one[i] == other[j - 1] && one[i - 1] == other[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted_as_people_make_them() {
        for (one, other, expected) in [
            ("PORT", "PORT", 0),
            ("PROT", "PORT", 1),
            ("POT", "PORT", 1),
            ("PORTS", "PORT", 1),
            ("", "AB", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_misspelt_name_is_recognised_and_the_right_one_suggested() {
        for (slip, meant) in [
            ("WEBUI_SECRET_KEYS", "WEBUI_SECRET_KEY"),
            ("WEBUI_SERCET_KEY", "WEBUI_SECRET_KEY"),
            ("WEBUI_SERCET_KEY_FILE", "WEBUI_SECRET_KEY"),
            ("ENABLE_SIGN_UP", "ENABLE_SIGNUP"),
            ("OPENAI_API_BASE_ULRS", "OPENAI_API_BASE_URLS"),
            ("DATABASE_ULR", "DATABASE_URL"),
            ("LITELLM_MASTERKEY", "LITELLM_MASTER_KEY"),
            ("WARDROOM_MAX_BODYSIZE", "WARDROOM_MAX_BODY_SIZE"),
            ("WARDROOM_PROVIDER_TIMEOUT", "WARDROOM_PROVIDER_IDLE_TIMEOUT"),
        ] {
            assert_eq!(judge(slip), Verdict::Unknown(Some(meant)), "{slip}");
        }
        assert_eq!(judge("WARDROOM_TELEPORT"), Verdict::Unknown(None));
    }

    #[test]
    fn the_names_of_an_open_webui_env_file_do_not_stop_the_start() {
        for name in [
            "WEBUI_AUTH",
            "WEBUI_BANNERS",
            "CORS_ALLOW_METHODS",
            "ENABLE_LDAP",
            "ENABLE_OLLAMA_API",
            "OPENAI_API_CONFIGS",
            "AUDIT_UVICORN_LOGGER_NAMES",
            "DATABASE_ENABLE_SQLITE_WAL",
            "DEFAULT_LOCALE",
            "TASK_MODEL_PARAMS",
            "LITELLM_SALT_KEY",
            "ENABLE_TAGS_GENERATION",
            "ENABLE_SCIM",
            "AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST",
            "WEBUI_SECRET_KEY_LENGTH",
        ] {
            assert_eq!(judge(name), Verdict::NotUsed, "{name}");
        }
        for name in
            ["PATH", "HOME", "REDIS_URL", "PORT", "WEBUI_SECRET_KEY", "WEBUI_SECRET_KEY_FILE", "GOOGLE_API"]
        {
            assert_eq!(judge(name), Verdict::Fine, "{name}");
        }
    }

    #[test]
    fn the_file_of_something_that_is_no_secret_is_no_setting() {
        assert_eq!(judge("WEBUI_NAME_FILE"), Verdict::NotUsed);
    }
}
