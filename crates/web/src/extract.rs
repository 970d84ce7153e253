//! Bodies and paths read into types, refused in words that name the field.

use std::{collections::BTreeMap, fmt, marker::PhantomData, time::Duration};

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{Kind, Refusal};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use tokio::time::Instant;

use crate::{app::App, blame, kept, refused::Refused};

/// A JSON body. Refuses other content types (which a foreign page could send without asking), too many
/// bytes, and whatever does not fit the type, with the path of the field at fault.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            let words = "Send the body as JSON, with the header Content-Type: application/json.";
            return Err(Refusal::new(Kind::Invalid, "not_json", words).into());
        }
        let (parts, body) = request.into_parts();
        let bytes = read(body, Patience::of(app)).await?;
        kept::request(app, &parts, &bytes);
        parse(&bytes).map(Self).map_err(Refused)
    }
}

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The most bytes.
    size: u64,
    /// The longest silence between two pieces. The whole body may take [`MOST_SILENCES`] times as long, so that
    /// nobody keeps a connection and what was read so far by a byte now and then.
    silence: Duration,
}

/// See [`Patience`].
const MOST_SILENCES: u32 = 10;

impl Patience {
    /// What the settings say.
    pub(crate) fn of(app: &App) -> Self {
        let loaded = app.services().settings.load();
        let settings = &loaded.settings;
        Self { size: settings.max_body_size.value.bytes(), silence: settings.body_timeout.value }
    }
}

/// Reads a whole body. One that says itself that it is too large is refused before it is waited for.
pub(crate) async fn read(body: axum::body::Body, patience: Patience) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(patience.size).unwrap_or(usize::MAX);
    if body.size_hint().lower() > patience.size {
        return Err(too_large(limit));
    }
    let mut body = Limited::new(body, limit);
    let end = Instant::now() + patience.silence * MOST_SILENCES;
    let mut whole = Whole::Empty;
    loop {
        let next = end.min(Instant::now() + patience.silence);
        let frame = match tokio::time::timeout_at(next, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
            Ok(Some(Err(_))) => {
                let words = "The body ended before it was complete.";
                return Err(Refusal::new(Kind::Invalid, "body_incomplete", words));
            }
            Ok(None) => return Ok(whole.into_bytes()),
            Err(_) => {
                let words =
                    "The rest of the body did not come in time, the limit set by WARDROOM_BODY_TIMEOUT.";
                return Err(Refusal::new(Kind::TooSlow, "body_incomplete", words));
            }
        };
        if let Ok(data) = frame.into_data() {
            whole = whole.with(data);
        }
    }
}

/// What was read so far. Most bodies are one piece, which is not copied. More of them are put together at once:
/// kept side by side, pieces of one byte would take a hundred times their size.
enum Whole {
    Empty,
    One(Bytes),
    Joined(BytesMut),
}

impl Whole {
    fn with(self, piece: Bytes) -> Self {
        let mut joined = match self {
            Self::Empty => return Self::One(piece),
            Self::One(first) => BytesMut::from(first),
            Self::Joined(joined) => joined,
        };
        joined.extend_from_slice(&piece);
        Self::Joined(joined)
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::One(piece) => piece,
            Self::Joined(joined) => joined.freeze(),
        }
    }
}

fn too_large(limit: usize) -> Refusal {
    let words = format!("The body is larger than {limit} bytes, the limit set by WARDROOM_MAX_BODY_SIZE.");
    Refusal::new(Kind::TooLarge, "body_too_large", words)
}

/// Reads a JSON object into a type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    if !is_object {
        // A list would be taken for an object's fields in their order, under no name that anybody could look at.
        return Err(Refusal::new(Kind::Invalid, "invalid_body", "The body must be a JSON object."));
    }
    // Also where fields that nobody reads are skipped.
    let Ok(text) = str::from_utf8(bytes) else {
        return Err(Refusal::new(Kind::Invalid, "invalid_body", "The body is not UTF-8."));
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner().to_string();
        let words = format!("The body is not as expected: {}.", blame::words(&inner));
        match blame::field(&error.path().to_string(), &inner) {
            None => Refusal::new(Kind::Invalid, "invalid_body", words),
            Some(field) => Refusal::field(field, "invalid_body", words),
        }
    })?;
    json.end().map_err(|_| {
        Refusal::new(Kind::Invalid, "invalid_body", "There is more after the end of the JSON body.")
    })?;
    Ok(value)
}

/// Reads an object whose names are not known beforehand, each of which may stand in it once: which of two is meant,
/// two readers could decide differently.
pub(crate) fn each_once<'de, D, V, M>(from: D) -> Result<M, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
    M: FromIterator<(String, V)>,
{
    struct Pairs<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                if pairs.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                }
                pairs.insert(name, map.next_value()?);
            }
            Ok(pairs)
        }
    }

    from.deserialize_map(Pairs(PhantomData)).map(M::from_iter)
}

/// Path parameters; what is no identifier is answered like what does not exist.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for At<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let found = Path::<T>::from_request_parts(parts, app).await;
        found.map(|Path(value)| Self(value)).map_err(|_| Refusal::not_found("object").into())
    }
}

/// Query parameters.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let found = Query::<T>::from_request_parts(parts, app).await;
        found.map(|Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let inner = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            // The name stands before the reason, and no reason begins with a name and a colon.
            let (name, inner) = inner.split_once(": ").unwrap_or((".", inner));
            let words = format!("The query is not as expected: {}.", blame::words(inner));
            let field = blame::field(name, inner);
            Refusal { field: field.map(Into::into), ..Refusal::new(Kind::Invalid, "invalid_query", words) }
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Outer {
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Inner {
        count: u8,
    }

    #[test]
    fn the_field_at_fault_is_named_wherever_it_is() {
        for (body, field) in [
            (r#"{"inner": {"count": "x"}}"#, Some("inner.count")),
            (r#"{"inner": {}}"#, Some("inner.count")),
            ("{}", Some("inner")),
            (r#"{"inner": {"count": 1}, "more": 2}"#, Some("more")),
            ("[", None),
            ("[[1]]", None),
            ("[{\"count\": 1}]", None),
            ("null", None),
            (r#"{"inner": {"count": 1, "count": 1}}"#, Some("inner.count")),
            (r#"{"inner": {"count": 1}, "in\u006eer": {"count": 2}}"#, Some("inner")),
            (r#"{"inner": {"count": 1}} {}"#, None),
        ] {
            assert_eq!(parse::<Outer>(body.as_bytes()).unwrap_err().field.as_deref(), field, "{body}");
        }
    }

    const PATIENCE: Patience = Patience { size: 10, silence: Duration::from_secs(30) };

    /// A body of this many bytes, one after each pause.
    fn dripping(count: usize, pause: Duration) -> axum::body::Body {
        let sent = stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, axum::BoxError>(Bytes::from_static(b"x"))
        });
        axum::body::Body::from_stream(sent)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_come_slowly_but_not_for_ever() {
        assert_eq!(read(dripping(10, Duration::from_secs(29)), PATIENCE).await.unwrap(), "xxxxxxxxxx");
        let refused =
            |body, size| async move { read(body, Patience { size, ..PATIENCE }).await.unwrap_err().kind };
        assert_eq!(refused(dripping(1, Duration::from_secs(31)), 10).await, Kind::TooSlow);
        assert_eq!(refused(dripping(100, Duration::from_secs(29)), 1_000).await, Kind::TooSlow);
        assert_eq!(refused(dripping(11, Duration::ZERO), 10).await, Kind::TooLarge);
    }
}
