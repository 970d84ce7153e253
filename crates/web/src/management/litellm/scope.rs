//! What a key may call, in LiteLLM's words: `allowed_routes`, `key_type`, and the special model names.

use kernel::{Endpoint, Refusal};

/// The groups that stand for every route to a model.
const ALL: [&str; 2] = ["llm_api_routes", "openai_routes"];

/// Reads `allowed_routes`: paths, or a group that stands for all. Empty means all.
pub(super) fn endpoints(routes: &[String]) -> Result<Vec<Endpoint>, Refusal> {
    let (groups, paths): (Vec<&String>, Vec<&String>) =
        routes.iter().partition(|route| ALL.contains(&route.as_str()));
    let endpoints = paths.into_iter().map(|route| endpoint(route)).collect::<Result<Vec<_>, _>>()?;
    Ok(if groups.is_empty() { endpoints } else { Vec::new() })
}

fn endpoint(route: &str) -> Result<Endpoint, Refusal> {
    let known = |endpoint: &Endpoint| endpoint.path() == route || endpoint.provider_path() == route;
    Endpoint::ALL.into_iter().find(known).ok_or_else(|| {
        let paths: Vec<&str> = Endpoint::ALL.into_iter().map(Endpoint::path).collect();
        let words = format!(
            "A key may be limited to llm_api_routes and to {}. '{}' is not supported yet.",
            paths.join(", "),
            route.chars().take(64).collect::<String>()
        );
        Refusal::field("allowed_routes", "unsupported_route", words)
    })
}

/// `allowed_routes` of a key. Empty means all.
pub(super) fn routes(endpoints: &[Endpoint]) -> Vec<&'static str> {
    endpoints.iter().copied().map(Endpoint::path).collect()
}

/// Refuses a `key_type` that would be more than a key for models.
pub(super) fn check_type(key_type: Option<&str>) -> Result<(), Refusal> {
    match key_type {
        None | Some("" | "default" | "llm_api") => Ok(()),
        Some(_) => {
            let words = "Keys are for models alone: key_type may be default or llm_api. Administration takes the master \
                 key or an administrator's session.";
            Err(Refusal::field("key_type", "unsupported_field", words))
        }
    }
}

/// Reads `models`: `all-proxy-models` is every model, and there are no teams to take models from.
pub(super) fn models(models: Vec<String>) -> Result<Vec<String>, Refusal> {
    if models.iter().any(|model| model == "all-team-models") {
        let words = "Teams are not supported yet, so all-team-models stands for nothing. List the models.";
        return Err(Refusal::field("models", "unsupported_field", words));
    }
    Ok(if models.iter().any(|model| model == "all-proxy-models") { Vec::new() } else { models })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(routes: &[&str]) -> Result<Vec<Endpoint>, Refusal> {
        endpoints(&routes.iter().map(|&route| route.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn paths_become_endpoints_and_the_groups_become_all() {
        assert_eq!(
            read(&["/v1/chat/completions", "/embeddings"]),
            Ok(vec![Endpoint::ChatCompletions, Endpoint::Embeddings])
        );
        assert_eq!(read(&["llm_api_routes"]), Ok(vec![]));
        assert_eq!(read(&["openai_routes", "/v1/models"]), Ok(vec![]));
        assert_eq!(routes(&[Endpoint::Responses]), ["/v1/responses"]);
    }

    #[test]
    fn a_route_that_a_key_cannot_have_is_refused_and_never_read_as_all() {
        for routes in [
            &["management_routes"][..],
            &["info_routes"],
            &["/key/generate"],
            &["llm_api_routes", "management_routes"],
            &[""],
        ] {
            assert_eq!(read(routes).unwrap_err().field.as_deref(), Some("allowed_routes"), "{routes:?}");
        }
        assert!(check_type(Some("management")).is_err());
    }
}
