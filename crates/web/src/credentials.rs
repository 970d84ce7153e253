//! How the OpenAPI description says what a caller must show. [`Access`] decides it; this only tells.

use utoipa::openapi::{
    OpenApi,
    path::Paths,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::{problem::operations, table::Access};

const COOKIE: &str = "cookie";
const SESSION: &str = "session";
const KEY: &str = "key";
const HEADER: &str = "x-api-key";
const AZURE: &str = "api-key";

/// The credentials that a route takes, each of them enough.
const fn taken(access: Access) -> &'static [&'static str] {
    match access {
        Access::Public => &[],
        Access::SignedIn | Access::Member | Access::Admin => &[COOKIE, SESSION],
        Access::KeyHolder | Access::Management | Access::Inference => &[KEY, HEADER, AZURE, COOKIE, SESSION],
    }
}

/// Says for each operation of these paths what it takes.
pub(crate) fn mention(access: Access, paths: &mut Paths) {
    let alternatives: Vec<_> =
        taken(access).iter().map(|name| SecurityRequirement::new(*name, [""; 0])).collect();
    for operation in paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(alternatives.clone());
    }
}

/// Describes the credentials.
pub(crate) fn describe(api: &mut OpenApi) {
    let bearer = |words: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build();
        SecurityScheme::Http(scheme)
    };
    let header = |name: &str, words: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, words)))
    };
    let cookie = ApiKeyValue::with_description("token", "What signing in sets; for our own pages alone.");
    let components = api.components.get_or_insert_default();
    let schemes = [
        (COOKIE.to_owned(), SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        (SESSION.to_owned(), bearer("The `token` of a sign-in, or a person's API key.")),
        (
            KEY.to_owned(),
            bearer(
                "A virtual key or a person's API key for models; the master key for `/key` and `/spend` too.",
            ),
        ),
        (HEADER.to_owned(), header(HEADER, "The same key, as Anthropic's SDKs send it.")),
        (AZURE.to_owned(), header(AZURE, "The same key, as Azure's SDKs send it.")),
    ];
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name, scheme.into())));
}
