//! Settings that are one word of a few.

use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $other:literal)*, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$variant_doc])* $variant, )+
        }

        impl $name {
            /// The word in the environment.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl Setting for $name {
            const GRAMMAR: Grammar = Grammar::Choice(&[$($word),+]);

            fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
                match text.to_ascii_lowercase().as_str() {
                    $( $word $(| $other)* => Ok(Self::$variant), )+
                    _ => Err(Wrong::PLAIN),
                }
            }

            fn show(&self) -> Shown<'_> {
                Shown::Plain(json!(self.as_str()))
            }
        }
    };
}

pub(crate) use choice;

choice! {
    /// What the installation is for.
    Environment {
        /// People use it.
        Prod = "prod" | "production",
        /// Somebody works on it.
        Dev = "dev" | "development",
    }
}

choice! {
    /// How log lines are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

choice! {
    /// The least important kind of log line that is written. The peers' words mean the nearest of ours.
    LogLevel {
        /// Everything.
        Trace = "trace" | "notset",
        /// What a developer wants to know.
        Debug = "debug",
        /// What an operator wants to know.
        Info = "info",
        /// What may go wrong.
        Warn = "warn" | "warning",
        /// What went wrong.
        Error = "error" | "critical" | "fatal",
    }
}

choice! {
    /// How much of a request the audit log keeps.
    AuditLevel {
        /// Nothing at all.
        None = "NONE" | "none",
        /// Who did what to what, when, from where and how it ended.
        Metadata = "METADATA" | "metadata",
        /// The same, and what was sent, without its secrets.
        Request = "REQUEST" | "request",
        /// The same, and what was answered.
        RequestResponse = "REQUEST_RESPONSE" | "request_response",
    }
}

choice! {
    /// Whether browsers send a cookie with requests that other sites start.
    SameSite {
        /// Only when a person follows a link.
        Lax = "lax",
        /// Never.
        Strict = "strict",
        /// Always; needs HTTPS.
        None = "none",
    }
}

choice! {
    /// The answer to a key whose budget is spent.
    BudgetStatus {
        /// 402 Payment Required.
        PaymentRequired = "402",
        /// 422 Unprocessable Content.
        Unprocessable = "422",
        /// 429 Too Many Requests.
        TooManyRequests = "429",
    }
}

choice! {
    /// Who may use a model for which no grant was made.
    ModelAccess {
        /// Everybody who is signed in and not pending.
        Everyone = "everyone" | "public",
        /// Administrators.
        Private = "private",
    }
}

impl BudgetStatus {
    /// The HTTP status code.
    pub const fn code(self) -> u16 {
        match self {
            Self::PaymentRequired => 402,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_python_log_levels_find_their_place() {
        let entry = Entry::new("GLOBAL_LOG_LEVEL");
        assert_eq!(LogLevel::read("WARNING", &entry), Ok(LogLevel::Warn));
        assert_eq!(LogLevel::read("Critical", &entry), Ok(LogLevel::Error));
        assert_eq!(LogLevel::read("loud", &entry), Err(Wrong::PLAIN));
        assert_eq!(BudgetStatus::read("402", &entry).map(BudgetStatus::code), Ok(402));
    }
}
