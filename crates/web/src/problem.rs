//! How the OpenAPI description says that a route may refuse: once for all routes of a dialect, because
//! [`Dialect`] decides the body once for all of them.

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response, Schema,
        path::{Operation, PathItem, Paths},
    },
};

use crate::dialect::Dialect;

// `Dialect::render` writes them; these are their descriptions.
/// Every refusal of the workspace API.
#[derive(Serialize, ToSchema)]
struct Problem {
    /// A sentence for the reader.
    detail: String,
    /// A stable code for programs.
    code: String,
    /// The input at fault, when it is one.
    #[schema(nullable = false)]
    field: Option<String>,
}

/// Every refusal of the routes for programs, in OpenAI's envelope.
#[derive(Serialize, ToSchema)]
struct OpenAiProblem {
    error: OpenAiError,
}

/// What was refused.
#[derive(Serialize, ToSchema)]
struct OpenAiError {
    /// A sentence for the reader.
    message: String,
    /// The family of the code, as OpenAI and LiteLLM name it.
    r#type: String,
    /// The input at fault, when it is one.
    #[schema(required)]
    param: Option<String>,
    /// A stable code for programs.
    #[schema(required)]
    code: Option<String>,
}

const fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Workspace => "Problem",
        Dialect::OpenAi => "OpenAiProblem",
    }
}

fn body(dialect: Dialect) -> RefOr<Content> {
    Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(name(dialect))))).into()
}

/// Adds the answer that stands for every refusal to each operation, and its body to those that are named.
pub(crate) fn mention(dialect: Dialect, paths: &mut Paths) {
    for operation in paths.paths.values_mut().flat_map(operations) {
        let answers = &mut operation.responses.responses;
        for (status, answer) in answers.iter_mut() {
            if let RefOr::T(answer) = answer
                && status.starts_with('4')
                && answer.content.is_empty()
            {
                answer.content.insert("application/json".to_owned(), body(dialect));
            }
        }
        let refusal = RefOr::Ref(Ref::from_response_name(name(dialect)));
        answers.entry("default".to_owned()).or_insert(refusal);
    }
}

/// The operations of a path.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Describes what the operations mention.
pub(crate) fn describe(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    for (dialect, schema) in
        [(Dialect::Workspace, Problem::schema()), (Dialect::OpenAi, OpenAiProblem::schema())]
    {
        components.schemas.insert(name(dialect).to_owned(), schema);
        let mut response = Response::new("A refusal");
        response.content.insert("application/json".to_owned(), body(dialect));
        components.responses.insert(name(dialect).to_owned(), response.into());
    }
    components.schemas.insert("OpenAiError".to_owned(), OpenAiError::schema());
}
