//! Values on their way into a statement and out of a row. Knows three column types: BIGINT, TEXT and
//! BLOB/BYTEA; refuses to know tables.

use kernel::{
    ApiKeyId, AuditId, BaseUrl, ChatId, ConnectionId, Email, GroupId, KeyId, MessageId, Money, PasskeyId,
    RequestId, SessionId, ShareId, Timestamp, UsageId, UserId, audit,
};

/// One value. It has no `Debug`: values are people's data and must not end up in a log.
#[derive(Clone, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A list of [`Value`]s for `$1`, `$2` and so on.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

impl From<String> for Value {
    /// PostgreSQL cannot store U+0000 in text, so it becomes U+FFFD on both databases.
    fn from(text: String) -> Self {
        Self::Text(if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    /// Saturates: a provider's absurd token count must not lose the row.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(answer: bool) -> Self {
        Self::Int(answer.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.micros())
    }
}

impl From<Money> for Value {
    fn from(money: Money) -> Self {
        Self::Int(money.nanos())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What can be read out of a column; `None` when the column holds something else.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for String {
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Int(number) = value { Some(number) } else { None }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        if matches!(value, Value::Null) { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for u16 {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Option<Self> {
        match i64::from_value(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl FromValue for Money {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_nanos)
    }
}

impl FromValue for Email {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for BaseUrl {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

macro_rules! as_text {
    ($($name:ty),* $(,)?) => {$(
        impl From<&$name> for Value {
            fn from(it: &$name) -> Self {
                it.as_str().into()
            }
        }
    )*};
}

macro_rules! ids {
    ($($name:ty),* $(,)?) => {$(
        impl FromValue for $name {
            fn from_value(value: Value) -> Option<Self> {
                String::from_value(value)?.parse().ok()
            }
        }
    )*};
}

/// States that the kernel spells with `as_str` and reads with `parse`.
macro_rules! words {
    ($($name:ty),* $(,)?) => {$(
        impl From<$name> for Value {
            fn from(it: $name) -> Self {
                it.as_str().into()
            }
        }
        impl FromValue for $name {
            fn from_value(value: Value) -> Option<Self> {
                <$name>::parse(&String::from_value(value)?)
            }
        }
    )*};
}

as_text!(
    ApiKeyId,
    UserId,
    SessionId,
    PasskeyId,
    ConnectionId,
    KeyId,
    ChatId,
    MessageId,
    UsageId,
    RequestId,
    AuditId,
    GroupId,
    ShareId,
    Email,
    BaseUrl
);
ids!(
    ApiKeyId,
    UserId,
    SessionId,
    PasskeyId,
    ConnectionId,
    KeyId,
    ChatId,
    MessageId,
    UsageId,
    RequestId,
    GroupId,
    ShareId
);
words!(audit::Event, audit::Outcome, audit::TargetKind);
words!(
    kernel::SignInMethod,
    kernel::Role,
    kernel::MessageRole,
    kernel::Endpoint,
    kernel::Outcome,
    kernel::Want
);
