//! For which host name passkeys are made and asked: the one of `WEBUI_URL`, or the one that the browser uses when that
//! is a safe place.

use axum::{extract::FromRequestParts, http::request::Parts};
use identity::RelyingParty;
use kernel::{BaseUrl, Kind, Refusal};
use url::Host;

use crate::{app::App, caller, client::Client, refused::Refused};

/// The party that passkeys belong to. Refuses with `passkeys_unavailable` where browsers have none.
pub(crate) struct Party(pub(crate) RelyingParty);

impl FromRequestParts<App> for Party {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let configured = app.services().settings.load().settings.webui_url.value.clone();
        let used = if configured.is_some() {
            configured
        } else {
            let is_https = Client::from_request_parts(parts, app).await?.is_https;
            let scheme = if is_https { "https" } else { "http" };
            // Which hosts are ours was checked at the door.
            caller::host(parts).and_then(|host| BaseUrl::parse(&format!("{scheme}://{host}")).ok())
        };
        Ok(Self(used.as_ref().and_then(party).ok_or_else(unavailable)?))
    }
}

/// Browsers take no address for a host name here, and nothing but HTTPS outside the own machine.
fn party(url: &BaseUrl) -> Option<RelyingParty> {
    let Some(Host::Domain(name)) = url.url().host() else { return None };
    let is_local = name == "localhost" || name.ends_with(".localhost");
    let is_safe = url.url().scheme() == "https" || is_local;
    is_safe.then(|| RelyingParty { id: name.to_owned(), origin: url.origin() })
}

fn unavailable() -> Refusal {
    let words = "Passkeys need HTTPS and a host name. Open Wardroom at the address that WEBUI_URL names, or as localhost.";
    Refusal::new(Kind::Invalid, "passkeys_unavailable", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> Option<(String, String)> {
        party(&BaseUrl::parse(url).unwrap()).map(|party| (party.id, party.origin))
    }

    #[test]
    fn the_party_is_the_host_name_and_the_origin_carries_the_port() {
        let is =
            |url, id: &str, origin: &str| assert_eq!(named(url), Some((id.to_owned(), origin.to_owned())));
        is("https://chat.example.com/app", "chat.example.com", "https://chat.example.com");
        is("https://chat.example.com:8443", "chat.example.com", "https://chat.example.com:8443");
        is("http://localhost:3000", "localhost", "http://localhost:3000");
    }

    #[test]
    fn where_browsers_have_no_passkeys_there_is_no_party() {
        for url in
            ["http://chat.example.com", "https://192.0.2.1", "http://127.0.0.1:8080", "http://[::1]:8080"]
        {
            assert_eq!(named(url), None, "{url}");
        }
    }
}
