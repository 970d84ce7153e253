//! A refusal on its way out. Handlers return it; the route's dialect writes the body.

use axum::response::{IntoResponse, Response};
use gateway::AdminError;
use http::{HeaderValue, StatusCode, header};
use kernel::{Denied, Kind, Refusal};
use workspace::WorkspaceError;

/// What every handler returns.
pub(crate) type Answer<T> = Result<T, Refused>;

/// A [`Refusal`] as axum carries it: status and `retry-after` are set, the body is still to be written
/// by [`crate::dialect::Dialect::speak`].
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Refusal);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(wait) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        Self(error.into())
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self(denied.into())
    }
}

impl From<WorkspaceError> for Refused {
    fn from(error: WorkspaceError) -> Self {
        Self(error.into())
    }
}

/// The words for a path that is not there.
pub(crate) fn no_such_path() -> Refusal {
    Refusal::new(Kind::NotFound, "not_found", "Not Found")
}
