//! The one error that leaves the inner code; each surface renders it in its own dialect.

use std::{borrow::Cow, time::Duration};

/// What sort of "no" it is. The surface turns it into a status code in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong: 400.
    Invalid,
    /// Nobody we know: 401.
    Unauthenticated,
    /// Known, but not allowed: 403.
    Forbidden,
    /// Not there, or not for this caller's eyes: 404.
    NotFound,
    /// The caller stopped sending in the middle: 408.
    TooSlow,
    /// Against the present state: 409.
    Conflict,
    /// Too many bytes: 413.
    TooLarge,
    /// Too often: 429.
    TooMany,
    /// The budget is spent: 402, 422 or 429, whichever `BUDGET_EXCEEDED_STATUS` says.
    OverBudget(u16),
    /// Our own failure: 500. The detail says nothing about the cause; the log does.
    Internal,
    /// The provider failed or answered nonsense: 502.
    BadGateway,
    /// We cannot serve at present: 503.
    Unavailable,
    /// The provider was too slow: 504.
    Timeout,
    /// The provider refused with this status, 400 to 599, which is passed on.
    Provider(u16),
}

impl Kind {
    /// The HTTP status of this kind.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooSlow => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::OverBudget(status) | Self::Provider(status) => status,
        }
    }
}

/// A refusal in words that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Decides the status.
    pub kind: Kind,
    /// Stable and machine-readable, e.g. `model_not_found`.
    pub code: Cow<'static, str>,
    /// A sentence for the reader: what is wrong and the way out. Never a secret, never a cause from inside.
    pub detail: Cow<'static, str>,
    /// The input at fault, e.g. `base_url` or `messages[0].role`.
    pub field: Option<Cow<'static, str>>,
    /// When to come back, in whole seconds on the wire.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), field: None, retry_after: None }
    }

    /// 400 for one named input.
    pub fn field(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(Kind::Invalid, code, detail) }
    }

    /// 404 in the same words for what is missing and what is somebody else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("There is no such {what}."))
    }

    /// 500 that gives nothing away; log the cause where this is made.
    pub fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "internal",
            "Something went wrong on our side. The log names the cause under this request's id.",
        )
    }

    /// Adds when to come back.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}
