//! What leaves a record although it changes nothing: a request that the policy refused, and an administrator's look
//! at personal data. The record is there before the answer is; without it the answer is 503.
//!
//! A missing object and somebody else's are recorded alike, so that not even the time that an answer takes tells
//! them apart.

use axum::{
    extract::MatchedPath,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use kernel::{
    Caller, Kind, Refusal, Role, Who,
    audit::{Entry, Event, Target, TargetKind},
};
use store::{Db, audit};

use crate::{caller::Credential, refused::Refused};

/// Where a program or a page asks who is signed in. Before anybody is, that is no trespass.
const WHO_AM_I: &str = "/api/v1/auths/";

/// One request to a route of the table, as far as its record needs it.
pub(crate) struct Visit {
    /// With `{parameters}`.
    route: String,
    /// The first of its parameters, as it came.
    object: Option<String>,
    /// Whose data the route shows to administrators, if it does.
    personal: Option<TargetKind>,
    is_first_look: bool,
}

impl Visit {
    /// A request to the route that was found for it. `personal`: what kind of personal data it shows, whatever its
    /// method is called.
    pub(crate) fn of(parts: &Parts, personal: Option<TargetKind>) -> Self {
        let path = parts.uri.path();
        let route = parts.extensions.get::<MatchedPath>().map_or(path, MatchedPath::as_str).to_owned();
        let only_reads = matches!(parts.method, Method::GET | Method::HEAD);
        let has_credential = Credential::of(&parts.headers).is_some();
        Self {
            object: object(&route, path).map(str::to_owned),
            personal,
            is_first_look: only_reads && route == WHO_AM_I && !has_credential,
            route,
        }
    }

    /// Leaves the record that this answer needs, if nobody left one before. The answer, or that the record could
    /// not be written.
    pub(crate) async fn record(&self, db: &Db, caller: &Caller, response: Response) -> Response {
        let Some(entry) = self.entry(caller, &response) else { return response };
        match audit::record(db, &entry).await {
            Ok(()) => response,
            Err(error) => Refused(error.into()).into_response(),
        }
    }

    fn entry(&self, caller: &Caller, response: &Response) -> Option<Entry> {
        if caller.request().records() > 0 {
            return None;
        }
        let status = response.status();
        if self.is_denial(caller, status) {
            let reason = response.extensions().get::<Refused>().map(|refused| refused.0.code.as_ref());
            return Some(denial(caller, status.as_u16(), &self.route, reason));
        }
        let kind = self.personal.filter(|_| status.is_success() && sees_others(caller))?;
        let target = match &self.object {
            Some(id) => Target::new(kind, id),
            None => Target::new(TargetKind::Route, &self.route),
        };
        Some(Entry::done(Event::DataRead, caller).on(target))
    }

    fn is_denial(&self, caller: &Caller, status: StatusCode) -> bool {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => !self.is_first_look,
            StatusCode::NOT_FOUND => self.object.is_some() && *caller.who() != Who::Anonymous,
            _ => false,
        }
    }
}

/// Whoever reads what belongs to somebody else; a program that asks about its own key does not.
fn sees_others(caller: &Caller) -> bool {
    match caller.who() {
        Who::Person(person) => person.role == Role::Admin,
        Who::Master | Who::Operator => true,
        Who::Program(_) | Who::Anonymous => false,
    }
}

/// The record of a refusal.
pub(crate) fn denial(caller: &Caller, status: u16, route: &str, reason: Option<&str>) -> Entry {
    Entry::denied(Event::AccessDenied, caller, status)
        .on(Target::new(TargetKind::Route, route))
        .with("reason", reason)
}

/// Whether a refusal of the hot path is one of the policy's: a provider that says no is no trespass, and a model
/// that is not there may be one that the caller may not know of.
pub(crate) fn is_denial(refusal: &Refusal) -> bool {
    matches!(refusal.kind, Kind::Unauthenticated | Kind::Forbidden)
        || (refusal.kind == Kind::NotFound && refusal.code == "model_not_found")
}

/// The part of a path that stands where the route has its first parameter.
fn object<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    route.split('/').zip(path.split('/')).find(|(part, _)| part.starts_with('{')).map(|(_, part)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_a_path_is_its_first_parameter() {
        assert_eq!(
            object("/api/v1/chats/{id}/messages/{message}", "/api/v1/chats/c1/messages/m1"),
            Some("c1")
        );
        assert_eq!(object("/api/v1/chats/", "/api/v1/chats/"), None);
    }

    #[test]
    fn a_provider_that_says_no_is_no_denial_of_ours() {
        let is = |kind, code: &'static str| is_denial(&Refusal::new(kind, code, ""));
        assert!(is(Kind::Unauthenticated, "invalid_api_key") && is(Kind::Forbidden, "x"));
        assert!(is(Kind::NotFound, "model_not_found"));
        assert!(!is(Kind::Provider(401), "provider_error") && !is(Kind::NotFound, "not_found"));
        assert!(!is(Kind::OverBudget(429), "budget_exceeded"));
    }
}
