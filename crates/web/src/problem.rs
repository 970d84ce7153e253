//! How the OpenAPI description says that a route of the workspace API may refuse: once for all of them,
//! because [`Dialect`] decides the body once for all of them.

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response,
        path::{Operation, PathItem, Paths},
    },
};

use crate::dialect::Dialect;

const NAME: &str = "Problem";

// `Dialect::render` writes it; this is its description.
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

/// Adds the answer that stands for every refusal to each operation.
pub(crate) fn mention(dialect: Dialect, paths: &mut Paths) {
    if dialect != Dialect::Workspace {
        return;
    }
    for operation in paths.paths.values_mut().flat_map(operations) {
        let refusal = RefOr::Ref(Ref::from_response_name(NAME));
        operation.responses.responses.entry("default".to_owned()).or_insert(refusal);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Describes what the operations mention.
pub(crate) fn describe(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    components.schemas.insert(NAME.to_owned(), Problem::schema());
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(NAME))));
    let mut response = Response::new("A refusal");
    response.content.insert("application/json".to_owned(), content.into());
    components.responses.insert(NAME.to_owned(), response.into());
}
