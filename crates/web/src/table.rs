//! The route table: every route is registered with who may use it and in which dialect it says no.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{MatchedPath, Request, State},
    http::request::Parts,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use kernel::{Caller, Refusal, Who};
use utoipa::openapi::{
    OpenApi, PathItem,
    path::{Operation, Paths},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{
    app::App,
    caller, credentials,
    dialect::Dialect,
    kept::Watch,
    policy::Policy,
    problem,
    record::Visit,
    refused::{Refused, no_such_path},
};

pub(crate) use crate::policy::Access;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Upper case.
    pub(crate) method: &'static str,
    /// With `{parameters}`.
    pub(crate) path: String,
    /// Who may use it, and how.
    pub(crate) policy: Policy,
}

/// Routes that share a dialect. The only way to add a route is with its [`Policy`].
pub(crate) struct Group {
    dialect: Dialect,
    router: OpenApiRouter<App>,
    rows: Vec<Row>,
}

impl Group {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, router: OpenApiRouter::new(), rows: Vec::new() }
    }

    /// Adds the handlers of one path, made by utoipa's `routes!`.
    pub(crate) fn route(
        mut self,
        policy: impl Into<Policy>,
        (schemas, mut paths, handlers): UtoipaMethodRouter<App>,
    ) -> Self {
        let policy = policy.into();
        self.describe(policy, &mut paths);
        let guard = Guard { policy, dialect: self.dialect, successes: successes(&paths) };
        self.router =
            self.router.routes((schemas, paths, handlers.layer(from_fn_with_state(guard, guarded))));
        self
    }

    /// Adds handlers of the hot path, which ask the gateway who may use them instead of the guard's layer.
    pub(crate) fn inference(mut self, (schemas, mut paths, handlers): UtoipaMethodRouter<App>) -> Self {
        self.describe(Access::Inference.into(), &mut paths);
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    /// Notes who may use these paths, and how they refuse.
    fn describe(&mut self, policy: Policy, paths: &mut Paths) {
        problem::mention(self.dialect, paths);
        credentials::mention(policy.access, paths);
        self.rows.extend(rows_of(paths, policy));
    }

    /// Adds another spelling of a route of the hot path, left out of the OpenAPI description.
    pub(crate) fn alias(mut self, method: &'static str, path: &str, handlers: MethodRouter<App>) -> Self {
        self.rows.push(Row { method, path: path.to_owned(), policy: Access::Inference.into() });
        self.router = self.router.route(path, handlers);
        self
    }

    /// Adds handlers for everything below `head`, which serve these paths and refuse the others themselves.
    pub(crate) fn below(
        mut self,
        method: &'static str,
        head: &str,
        paths: &[String],
        handlers: MethodRouter<App>,
    ) -> Self {
        let row = |path: &String| Row { method, path: path.clone(), policy: Access::Inference.into() };
        self.rows.extend(paths.iter().map(row));
        self.router = self.router.route(&format!("{head}/{{*rest}}"), handlers);
        self
    }

    /// Adds another group, which keeps its own dialect.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.rows.extend(other.rows);
        self
    }
}

fn rows_of(paths: &Paths, policy: Policy) -> Vec<Row> {
    let methods = |item: &PathItem| {
        by_method(item).into_iter().filter_map(|(method, it)| it.map(|_| method)).collect::<Vec<_>>()
    };
    paths
        .paths
        .iter()
        .flat_map(|(path, item)| {
            methods(item).into_iter().map(|method| Row { method, path: path.clone(), policy })
        })
        .collect()
}

#[derive(Debug, Clone)]
struct Guard {
    policy: Policy,
    dialect: Dialect,
    /// What each method answers when all is well.
    successes: Arc<[(&'static str, u16)]>,
}

impl Guard {
    /// The route, where reading it may be worth a record: what everybody may read is not.
    fn reading<'a>(&self, parts: &'a Parts) -> Option<&'a str> {
        let path = parts.extensions.get::<MatchedPath>()?;
        (self.policy.access != Access::Public).then(|| path.as_str())
    }

    fn success(&self, method: &http::Method) -> u16 {
        self.successes.iter().find(|(name, _)| method == name).map_or(200, |(_, status)| *status)
    }
}

/// The first success that each operation declares.
fn successes(paths: &Paths) -> Arc<[(&'static str, u16)]> {
    let first = |operation: &Operation| {
        let declared = operation.responses.responses.keys().filter_map(|status| status.parse().ok());
        declared.filter(|status| (200..300).contains(status)).min().unwrap_or(200)
    };
    let each = |item: &PathItem| {
        by_method(item).into_iter().filter_map(|(method, it)| Some((method, first(it?)))).collect::<Vec<_>>()
    };
    paths.paths.values().flat_map(each).collect()
}

fn by_method(item: &PathItem) -> [(&'static str, Option<&Operation>); 5] {
    [
        ("GET", item.get.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("DELETE", item.delete.as_ref()),
    ]
}

/// Finds out who is calling, asks whether the route is for them, records refusals, and writes them in the route's
/// dialect.
async fn guarded(
    State(guard): State<Guard>,
    Extension(app): Extension<App>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let facts = match caller::facts(&app, &parts, guard.success(&parts.method)) {
        Ok(facts) => facts,
        Err(refusal) => return guard.dialect.render(&refusal),
    };
    let visit = Visit::of(&parts, guard.policy.personal);
    let (caller, admitted) = match caller::identify(&app, &parts, &facts).await {
        Ok(caller) => {
            let admitted = guard.policy.admits(&caller, app.services().world.now()).map_err(Refusal::from);
            (caller, admitted)
        }
        // An ended session must not keep anybody from signing in again.
        Err(_) if guard.policy.access == Access::Public => (Caller::new(Who::Anonymous, facts), Ok(())),
        Err(refusal) => (caller::unproved(&app, &parts, facts, &refusal).await, Err(refusal)),
    };
    let watch = Watch::over(&app, &parts, &caller, guard.reading(&parts));
    let response = match admitted {
        Ok(()) => {
            parts.extensions.insert(caller.clone());
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => Refused(refusal).into_response(),
    };
    let response = guard.dialect.speak(visit.record(&app.services().db, &caller, response).await);
    let mut response = match watch.end(&app, &caller, response).await {
        Ok(response) => response,
        Err(refusal) => guard.dialect.render(&refusal),
    };
    // For the log line.
    response.extensions_mut().insert(caller);
    response
}

fn all() -> Group {
    Group::new(Dialect::Workspace)
        .with(crate::health::routes())
        .with(crate::workspace::routes())
        .with(crate::management::routes())
        .with(crate::inference::routes())
}

/// Every line of the table.
pub(crate) fn rows() -> Vec<Row> {
    all().rows
}

/// The OpenAPI description of all routes, made from the handlers themselves.
pub fn openapi() -> OpenApi {
    let mut api = all().router.into_openapi();
    "Wardroom".clone_into(&mut api.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    api.info.description = Some("Chat workspace and LLM gateway. The UI uses exactly this API.".to_owned());
    // Both would be those of the library that makes the description.
    api.info.license = None;
    api.info.contact = None;
    problem::describe(&mut api);
    credentials::describe(&mut api);
    // What the router takes as "the rest of the path" is an ordinary parameter to a reader.
    let described = |path: String| path.replace("{*", "{");
    api.paths.paths = std::mem::take(&mut api.paths.paths)
        .into_iter()
        .map(|(path, item)| (described(path), item))
        .collect();
    api
}

/// The router of all surfaces; what no route serves goes to the UI or is a 404 in the dialect of its prefix.
pub fn router(app: App) -> Router {
    let (router, _) = all().router.split_for_parts();
    router
        .fallback(unrouted)
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(app.clone()))
        .with_state(app)
}

async fn unrouted(request: Request) -> Response {
    match dialect_of(request.uri().path()) {
        Some(dialect) => dialect.render(&no_such_path()),
        None => crate::ui::serve(&request),
    }
}

async fn wrong_method(request: Request) -> Response {
    dialect_of(request.uri().path()).unwrap_or(Dialect::Workspace).wrong_method()
}

/// The dialect of paths below an API prefix that no route serves; `None` for the UI's own paths.
pub(crate) fn dialect_of(path: &str) -> Option<Dialect> {
    let first = path.split('/').nth(1).unwrap_or_default();
    match first {
        "api" | "health" | "ready" | "metrics" | "docs" | "oauth" | "cache" | "ws" => {
            Some(Dialect::Workspace)
        }
        "v1" | "openai" | "engines" | "chat" | "completions" | "embeddings" | "responses" | "models"
        | "key" | "team" | "user" | "budget" | "spend" | "model" | "customer" => Some(Dialect::OpenAi),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::openapi::{RefOr, path::Parameter};

    use super::*;

    /// Each operation with its path.
    fn each(look: impl Fn(&str, &Operation)) {
        for (path, item) in &mut openapi().paths.paths {
            problem::operations(item).for_each(|operation| look(path, operation));
        }
    }

    #[test]
    fn no_two_operations_have_the_same_name() {
        let seen = std::cell::RefCell::new(BTreeSet::new());
        each(|path, operation| {
            let name = operation.operation_id.clone().unwrap();
            assert!(seen.borrow_mut().insert(name.clone()), "{path}: there is another {name}");
        });
    }

    #[test]
    fn every_operation_says_what_it_answers_and_how_it_refuses() {
        each(|path, operation| {
            let answers = &operation.responses.responses;
            assert!(answers.contains_key("default"), "{path} never refuses");
            for (status, answer) in answers {
                let has_body = match answer {
                    RefOr::T(answer) => !answer.content.is_empty(),
                    RefOr::Ref(_) => true,
                };
                assert!(has_body || status == "204", "{path} answers {status} with nothing");
            }
        });
    }

    #[test]
    fn every_operation_describes_the_parameters_of_its_path() {
        each(|path, operation| {
            let named = |it: &RefOr<Parameter>| match it {
                RefOr::T(it) => Some(it.name.clone()),
                RefOr::Ref(_) => None,
            };
            let described: BTreeSet<String> =
                operation.parameters.iter().flatten().filter_map(named).collect();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(described.contains(name), "{path} does not describe {name}");
            }
        });
    }

    #[test]
    fn the_description_names_no_author_of_a_library() {
        let info = openapi().info;
        assert!(info.contact.is_none() && info.license.is_none());
    }

    #[test]
    fn only_what_is_for_everybody_takes_no_credential() {
        let api = openapi();
        for row in all().rows {
            let Some(item) = api.paths.paths.get(&row.path.replace("{*", "{")) else { continue };
            let mut item = item.clone();
            for operation in problem::operations(&mut item) {
                let is_open = operation.security.as_ref().is_none_or(Vec::is_empty);
                assert_eq!(is_open, row.policy.access == Access::Public, "{}", row.path);
            }
        }
    }
}
