//! Bodies and paths read into types, refused in words that name the field.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
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
        let bytes =
            read(request.into_body(), app.services().settings.load().settings.max_body_size.value.bytes())
                .await?;
        parse(&bytes).map(Self).map_err(Refused)
    }
}

/// Reads a whole body up to `limit` bytes.
pub(crate) async fn read(body: axum::body::Body, limit: u64) -> Result<bytes::Bytes, Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let words =
                format!("The body is larger than {limit} bytes, the limit set by WARDROOM_MAX_BODY_SIZE.");
            Err(Refusal::new(Kind::TooLarge, "body_too_large", words))
        }
        Err(_) => {
            Err(Refusal::new(Kind::Invalid, "body_incomplete", "The body ended before it was complete."))
        }
    }
}

/// Reads JSON into a type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let words = format!("The body is not as expected: {}.", error.inner());
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
