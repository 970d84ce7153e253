//! How each surface says no. Decided once per route, never by looking at the path again.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use kernel::{Kind, Refusal};
use serde_json::json;

use crate::refused::Refused;

/// The shape of error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `{"detail", "code"}` and `"field"` where one input is at fault: Open WebUI's shape, ours added.
    Workspace,
    /// `{"error": {"message", "type", "param", "code"}}`: OpenAI's and LiteLLM's shape.
    OpenAi,
}

impl Dialect {
    /// Writes the body of a refusal that a handler left in the response; leaves other answers alone.
    pub(crate) fn speak(self, mut response: Response) -> Response {
        let Some(Refused(refusal)) = response.extensions_mut().remove::<Refused>() else { return response };
        let (mut parts, body) = self.render(&refusal).into_parts();
        let written: Vec<_> = parts.headers.keys().cloned().collect();
        // What the handler set besides (a cookie to clear) stays.
        for (name, value) in response.headers() {
            if *name != header::CONTENT_LENGTH && !written.contains(name) {
                parts.headers.append(name, value.clone());
            }
        }
        Response::from_parts(parts, body)
    }

    /// The answer for a path that is there, but not for this method.
    pub(crate) fn wrong_method(self) -> Response {
        let refusal = Refusal::new(Kind::Invalid, "method_not_allowed", "Method Not Allowed");
        let mut response = self.render(&refusal);
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
    }

    /// The whole answer for a refusal, for the paths that no handler serves.
    pub(crate) fn render(self, refusal: &Refusal) -> Response {
        let status = StatusCode::from_u16(refusal.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match self {
            Self::Workspace => {
                let mut body = json!({ "detail": refusal.detail, "code": refusal.code });
                if let Some(field) = &refusal.field {
                    body["field"] = json!(field);
                }
                body
            }
            Self::OpenAi => json!({ "error": {
                "message": refusal.detail,
                "type": openai_type(refusal),
                "param": refusal.field,
                "code": refusal.code,
            }}),
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = refusal.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self == Self::OpenAi && refusal.code == "budget_exceeded" {
            // The official SDKs would try again and again; a spent budget does not refill by waiting.
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }
}

/// The `type` that OpenAI's SDKs and LiteLLM's clients look at.
fn openai_type(refusal: &Refusal) -> &str {
    match (refusal.kind, refusal.code.as_ref()) {
        (_, code @ ("budget_exceeded" | "expired_key" | "key_model_access_denied")) => code,
        (Kind::Unauthenticated, _) => "authentication_error",
        (Kind::Forbidden, _) => "permission_error",
        (Kind::TooMany | Kind::Provider(429), _) => "rate_limit_error",
        (Kind::Invalid | Kind::NotFound | Kind::Conflict | Kind::TooLarge | Kind::Provider(400..=499), _) => {
            "invalid_request_error"
        }
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_type_that_sdks_expect() {
        let of = |kind, code: &'static str| openai_type(&Refusal::new(kind, code, "")).to_owned();
        assert_eq!(of(Kind::OverBudget(429), "budget_exceeded"), "budget_exceeded");
        assert_eq!(of(Kind::TooMany, "slow_down"), "rate_limit_error");
        assert_eq!(of(Kind::NotFound, "model_not_found"), "invalid_request_error");
        assert_eq!(of(Kind::BadGateway, "provider_unreachable"), "api_error");
        assert_eq!(of(Kind::Provider(422), "provider_error"), "invalid_request_error");
    }

    #[test]
    fn the_time_to_come_back_is_said_once_and_a_cookie_to_clear_stays() {
        let refusal = Refusal::new(Kind::TooMany, "slow_down", "").after(std::time::Duration::from_secs(3));
        let mut response = Refused(refusal).into_response();
        for cookie in ["a=; Max-Age=0", "b=; Max-Age=0"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let spoken = Dialect::Workspace.speak(response);
        assert_eq!(spoken.headers().get_all(header::RETRY_AFTER).iter().count(), 1);
        assert_eq!(spoken.headers().get_all(header::SET_COOKIE).iter().count(), 2);
    }
}
