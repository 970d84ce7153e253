//! Identifiers, each a type of its own that prints its kind.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

use crate::World;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 1 to 64 letters, digits, '-', '_' or '.'")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A new one that nobody can guess and that sorts by time of making.
            pub fn new(world: &World) -> Self {
                Self(generate($prefix, world).into())
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                is_identifier(text).then(|| Self(text.into())).ok_or(IdError)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Identifies a person. Imported people keep the UUID they had.
    UserId, "user"
}
id! {
    /// Identifies one sign-in of a person.
    SessionId, "session"
}
id! {
    /// Identifies a provider connection.
    ConnectionId, "conn"
}
id! {
    /// Identifies one virtual key. Safe to log; the key's secret never is.
    KeyId, "key"
}
id! {
    /// Identifies a chat. Imported chats keep the UUID they had.
    ChatId, "chat"
}
id! {
    /// Identifies a message within its chat. Clients may choose it.
    MessageId, "msg"
}
id! {
    /// Identifies one answer that is being written.
    TurnId, "turn"
}
id! {
    /// Identifies one usage row; never the provider's own id, which may repeat.
    UsageId, "use"
}
id! {
    /// Identifies a group of people. Imported groups keep the UUID they had.
    GroupId, "group"
}
id! {
    /// Identifies the link under which a chat is shared. Nobody can guess it, but who has it may pass it on.
    ShareId, "share"
}
id! {
    /// Identifies one HTTP request, in the log line and in `x-request-id`.
    RequestId, "req"
}
id! {
    /// Identifies one key of a person. Safe to log; the key's secret never is.
    ApiKeyId, "apikey"
}
id! {
    /// Identifies a passkey of a person.
    PasskeyId, "passkey"
}
id! {
    /// Identifies one record of the audit log.
    AuditId, "audit"
}

impl UsageId {
    /// The id of the one row that a request leaves behind: unique because the request's is.
    pub fn of(request: &RequestId) -> Self {
        let own = request.as_str();
        Self(format!("use_{}", own.strip_prefix("req_").unwrap_or(own)).into())
    }
}

fn is_identifier(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// `prefix_` and 26 characters: a ULID (48 bits of milliseconds, 80 random bits) in Crockford's base 32.
fn generate(prefix: &str, world: &World) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0; 16];
    let millis = u64::try_from(world.now().millis()).unwrap_or(0).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6..].copy_from_slice(&world.bytes::<10>());
    let number = u128::from_be_bytes(bytes);

    let mut text = String::with_capacity(prefix.len() + 27);
    text.push_str(prefix);
    text.push('_');
    for digit in (0..26).rev() {
        let index = usize::try_from((number >> (digit * 5)) & 31).expect("five bits fit");
        text.push(char::from(ALPHABET[index]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Random, Timestamp};

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0)
        }
    }
    struct Ones;
    impl Random for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn an_id_says_its_kind_and_sorts_by_time() {
        let early = KeyId::new(&World::new(At(1_000), Ones));
        let late = KeyId::new(&World::new(At(2_000), Ones));
        assert!(early.as_str().starts_with("key_"));
        assert_eq!(early.as_str().len(), 30);
        assert!(early < late);
    }

    #[test]
    fn a_uuid_of_an_imported_person_is_an_id_and_a_path_or_a_line_break_is_not() {
        assert!("6f1c2e9e-8a55-4f0f-9b3f-0c6a0c7d2a11".parse::<UserId>().is_ok());
        for hostile in ["", "../etc/passwd", "a b", "a\nb", "ä", "%2e", &"x".repeat(65)] {
            assert_eq!(hostile.parse::<ChatId>(), Err(IdError), "{hostile:?}");
        }
    }
}
