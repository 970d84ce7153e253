//! What is wrong with the settings, and what is only worth saying, in words for operators.

use std::fmt;

/// Why the settings cannot be used. The text names the variable and the way out; it never repeats a secret,
/// an e-mail address or a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The value is not one.
    #[error("{name} is {given}; it must be {expected}{}", because(why.as_deref()))]
    Wrong {
        /// The variable.
        name: String,
        /// What was found.
        given: Given,
        /// What is expected.
        expected: String,
        /// What is wrong in particular.
        why: Option<String>,
    },
    /// A secret and the file of it.
    #[error("{0} and {0}_FILE are both set; remove one of them")]
    Both(&'static str),
    /// The file of a secret, or of prices, cannot be read.
    #[error("the file that {name} names cannot be read ({cause}); correct the path or its permissions")]
    Unreadable {
        /// The variable.
        name: String,
        /// The operating system's reason.
        cause: String,
    },
    /// The file of a secret is empty.
    #[error("the file that {0} names is empty; write the secret into it")]
    Empty(String),
    /// Settings that do not go together.
    #[error("{name} {message}")]
    Together {
        /// The variable.
        name: &'static str,
        /// What does not fit, and the way out.
        message: String,
    },
    /// A variable that nobody reads.
    #[error("{name} is not a setting{}", suggestion.map_or(String::new(), |known| format!("; did you mean {known}?")))]
    Unknown {
        /// As it was written.
        name: String,
        /// The setting that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A line of the `.env` file.
    #[error("line {line} of the .env file {message}")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong, and the way out.
        message: &'static str,
    },
    /// An administrator may not change it.
    #[error("{0} can only be set in the environment of the server")]
    EnvironmentOnly(&'static str),
    /// An administrator may change it, but the environment wins.
    #[error(
        "{0} is set by the environment, which wins. Remove it there, or set ENABLE_PERSISTENT_CONFIG=true"
    )]
    Locked(&'static str),
}

impl Problem {
    pub(crate) fn together(name: &'static str, message: impl Into<String>) -> Self {
        Self::Together { name, message: message.into() }
    }
}

fn because(why: Option<&str>) -> String {
    why.map(|why| format!(" ({why})")).unwrap_or_default()
}

/// What was found in place of a value, as far as an error may say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The text itself, shortened.
    Text(String),
    /// A text of this many characters that may be nobody's business.
    Private(usize),
    /// A value of this JSON type.
    Json(&'static str),
}

impl Given {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.chars().take(60).collect())
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Private(1) => f.write_str("a text of 1 character"),
            Self::Private(length) => write!(f, "a text of {length} characters"),
            Self::Json(kind) => write!(f, "a JSON {kind}"),
        }
    }
}

/// Something an operator should know that does not stop the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Variables of Open WebUI or LiteLLM that do nothing here.
    NotUsed(Vec<String>),
    /// `ENABLE_PERSISTENT_CONFIG=true`, and the stored value differs from the environment's.
    Hidden(&'static str),
    /// `FORWARDED_ALLOW_IPS=*`.
    EverybodyForwards,
    /// `DEFAULT_USER_ROLE=admin`.
    EverybodyAdministrates,
    /// `WARDROOM_ALLOWED_HOSTS=*`.
    AnyHost,
    /// `CORS_ALLOW_ORIGIN=*`.
    EverybodyReads,
    /// `JWT_EXPIRES_IN=-1`.
    EndlessSessions,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUsed(names) => {
                write!(f, "known to Open WebUI or LiteLLM, not used here: {}", names.join(", "))
            }
            Self::Hidden(name) => write!(
                f,
                "{name} is set in the environment, but a stored value wins because ENABLE_PERSISTENT_CONFIG is true"
            ),
            Self::EverybodyForwards => f.write_str(
                "FORWARDED_ALLOW_IPS is *: whoever can connect can claim any address; name your proxy instead",
            ),
            Self::EverybodyAdministrates => f.write_str(
                "DEFAULT_USER_ROLE is admin: everybody who signs up administrates; set it to pending or user",
            ),
            Self::AnyHost => f.write_str(
                "WARDROOM_ALLOWED_HOSTS is *: a foreign page can reach this server through its visitors' browsers; name your hosts instead",
            ),
            Self::EndlessSessions => f.write_str(
                "JWT_EXPIRES_IN is -1: a sign-in lasts until somebody ends it, also on a lost device; set a time such as 4w",
            ),
            Self::EverybodyReads => f.write_str(
                "CORS_ALLOW_ORIGIN is *: pages of every origin may use this API with a key; name the origins that need it instead",
            ),
        }
    }
}
