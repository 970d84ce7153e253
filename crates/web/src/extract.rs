//! Bodies and paths read into types, refused in words that name the field.

use std::time::Duration;

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{Kind, Refusal};
use serde::de::DeserializeOwned;

use crate::{app::App, refused::Refused};

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
        let bytes = read(request.into_body(), Patience::of(app)).await?;
        parse(&bytes).map(Self).map_err(Refused)
    }
}

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The most bytes.
    size: u64,
    /// The longest silence between two pieces.
    silence: Duration,
}

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
    let mut pieces = Vec::new();
    loop {
        let frame = match tokio::time::timeout(patience.silence, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
            Ok(Some(Err(_))) => {
                let words = "The body ended before it was complete.";
                return Err(Refusal::new(Kind::Invalid, "body_incomplete", words));
            }
            Ok(None) => return Ok(joined(pieces)),
            Err(_) => {
                let words =
                    "The rest of the body did not come in time, the limit set by WARDROOM_BODY_TIMEOUT.";
                return Err(Refusal::new(Kind::TooSlow, "body_incomplete", words));
            }
        };
        if let Ok(data) = frame.into_data() {
            pieces.push(data);
        }
    }
}

/// Most bodies are one piece, which is not copied.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 => Bytes::new(),
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}

fn too_large(limit: usize) -> Refusal {
    let words = format!("The body is larger than {limit} bytes, the limit set by WARDROOM_MAX_BODY_SIZE.");
    Refusal::new(Kind::TooLarge, "body_too_large", words)
}

/// Reads JSON into a type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner().to_string();
        let words = format!("The body is not as expected: {inner}.");
        let path = at_fault(&error.path().to_string(), &inner);
        if path == "." {
            Refusal::new(Kind::Invalid, "invalid_body", words)
        } else {
            Refusal::field(path, "invalid_body", words)
        }
    })?;
    json.end().map_err(|_| {
        Refusal::new(Kind::Invalid, "invalid_body", "There is more after the end of the JSON body.")
    })?;
    Ok(value)
}

/// The path of the field at fault. A field that is missing is not on the way to where serde noticed, only in
/// its words.
fn at_fault(path: &str, words: &str) -> String {
    let missing = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, path) {
        (None, path) => path.to_owned(),
        (Some(field), ".") => field.to_owned(),
        (Some(field), path) => format!("{path}.{field}"),
    }
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
            Refusal::new(
                Kind::Invalid,
                "invalid_query",
                format!("The query is not as expected: {}.", rejection.body_text()),
            )
            .into()
        })
    }
}

#[cfg(test)]
mod tests {
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
            (r#"{"inner": {"count": 1}} {}"#, None),
        ] {
            assert_eq!(parse::<Outer>(body.as_bytes()).unwrap_err().field.as_deref(), field, "{body}");
        }
    }
}
