//! Who is calling: the credential of a request, and what it proves.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use kernel::{Caller, HttpFacts, Kind, Refusal, RequestFacts, Who};
use settings::Loaded;

use crate::{
    app::App,
    client::{self, Client},
    cors::Standing,
    door::Arrival,
};

/// The name of the session cookie, Open WebUI's.
pub(crate) const COOKIE: &str = "token";

/// Anthropic's name of the header for keys.
const KEY_HEADER: &str = "x-api-key";
/// It, Azure's and LiteLLM's.
const KEY_HEADERS: [&str; 3] = [KEY_HEADER, "api-key", "x-litellm-api-key"];

/// What opens no door: no header, no setting and no database holds it, and it is refused in the same words as what is
/// forged.
const WORTHLESS: &str = "\0";

/// What a request presents, and where it carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// In a header that a foreign page cannot make a browser send.
    Header(&'a str),
    /// In the cookie, which a browser sends whoever asks.
    Cookie(&'a str),
}

impl<'a> Credential<'a> {
    /// Looks in `Authorization: Bearer`, then in the API-key headers of OpenAI, Azure, Anthropic and
    /// LiteLLM clients, then in the cookie.
    ///
    /// Where one place says two different things, or what is no text, nobody can know what was meant: then the
    /// credential is [`WORTHLESS`], and other places are not looked at.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let named = || KEY_HEADERS.iter().find_map(|name| key_in(headers, name));
        let in_header = bearer(headers).or_else(named).map(Self::Header);
        in_header.or_else(|| cookie(headers).map(Self::Cookie))
    }

    /// The credential itself.
    pub(crate) const fn text(self) -> &'a str {
        match self {
            Self::Header(text) | Self::Cookie(text) => text,
        }
    }
}

/// `CUSTOM_API_KEY_HEADER` is another name of `x-api-key`, and is called so from the door on.
pub(crate) fn rename_key_header(headers: &mut HeaderMap, settings: &Loaded) {
    let custom = settings.settings.custom_api_key_header.value.as_str();
    if custom != KEY_HEADER
        && !headers.contains_key(KEY_HEADER)
        && let Some(value) = headers.remove(custom)
    {
        headers.insert(KEY_HEADER, value);
    }
}

/// The token of `Authorization: Bearer`. Other schemes (a proxy's own password, for one) are not ours to read.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::AUTHORIZATION);
    let is_bearer = |value: &&HeaderValue| scheme(value.as_bytes()).eq_ignore_ascii_case(b"bearer");
    let line = lines.iter().find(is_bearer)?;
    if lines.iter().any(|other| other != line) {
        return Some(WORTHLESS);
    }
    let Ok(text) = line.to_str() else { return Some(WORTHLESS) };
    let (_, token) = text.split_once(' ')?;
    Some(token.trim()).filter(|token| !token.is_empty())
}

fn scheme(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// The key in a header of this name.
fn key_in<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(name);
    let line = lines.iter().find(|value| !value.is_empty())?;
    if lines.iter().any(|other| other != line) {
        return Some(WORTHLESS);
    }
    let Ok(text) = line.to_str() else { return Some(WORTHLESS) };
    Some(text.strip_prefix("Bearer ").unwrap_or(text).trim()).filter(|key| !key.is_empty())
}

/// The session in the cookie. Other cookies may hold what they like, also what is no text.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="))
        .filter(|value| !value.is_empty());
    let token = found.next()?;
    // Two different cookies of the name mean that somebody planted one (a sibling domain can): trust none.
    let is_clear = found.all(|other| other == token);
    Some(str::from_utf8(token).ok().filter(|token| is_clear && token.is_ascii()).unwrap_or(WORTHLESS))
}

/// What is known of the request besides who makes it. `success_status` is what the route answers when all is well.
pub(crate) fn facts(app: &App, parts: &Parts, success_status: u16) -> Result<Arc<RequestFacts>, Refusal> {
    let arrival = parts.extensions.get::<Arrival>().ok_or_else(Refusal::internal)?;
    let client = Client::at_door(app, parts, arrival);
    let agent = parts.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let facts = RequestFacts::http(&HttpFacts {
        id: arrival.id.clone(),
        method: parts.method.as_str(),
        scheme: if client.is_https { "https" } else { "http" },
        host: host(parts).unwrap_or_default(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        address: client.address,
        peer: arrival.peer.ip().to_canonical(),
        agent: agent.as_deref().unwrap_or_default(),
        success_status,
    });
    if app.services().trail.keeping().leaves_out(parts.uri.path()) {
        facts.leave_out();
    }
    Ok(Arc::new(facts))
}

/// Finds out who is calling a route of the workspace or of the management API.
///
/// An unknown or ended credential is an error, not an anonymous caller, so that a client learns of it.
pub(crate) async fn identify(app: &App, parts: &Parts, facts: &Arc<RequestFacts>) -> Result<Caller, Refusal> {
    let who = who(app, parts).await?;
    Ok(Caller::new(who, facts.clone()))
}

/// Whom to name in the record of a credential that does not open the door: the virtual key that is blocked or expired, or
/// the person whose API key is over or limited to something else. A key that is not known here is nobody's.
pub(crate) async fn unproved(
    app: &App,
    parts: &Parts,
    facts: Arc<RequestFacts>,
    refusal: &Refusal,
) -> Caller {
    Caller::new(holder(app, parts, refusal).await.unwrap_or(Who::Anonymous), facts)
}

async fn holder(app: &App, parts: &Parts, refusal: &Refusal) -> Option<Who> {
    let Some(Credential::Header(token)) = Credential::of(&parts.headers) else { return None };
    if let Some(held) = app.services().gateway.key_presented(token) {
        return Some(held.who());
    }
    // What is not known at all was looked for already.
    let may_be_known = token.starts_with("sk-") && refusal.code != "invalid_api_key";
    if !may_be_known {
        return None;
    }
    app.services().identity.holder_of_key(token).await.map(Who::Person)
}

async fn who(app: &App, parts: &Parts) -> Result<Who, Refusal> {
    let Some(credential) = Credential::of(&parts.headers) else { return Ok(Who::Anonymous) };
    let services = app.services();
    let token = match credential {
        Credential::Header(token) => token,
        // A browser sends the cookie whoever asks, so it carries sessions and never a key.
        Credential::Cookie(token) => {
            require_same_origin(app, parts)?;
            return signed_in(app, parts, token).await;
        }
    };
    if services.gateway.is_master_key(token) {
        return Ok(Who::Master);
    }
    if !token.starts_with("sk-") {
        return signed_in(app, parts, token).await;
    }
    if let Some(held) = services.gateway.known_key(token) {
        return held.map(|held| held.who());
    }
    let arrival = parts.extensions.get::<Arrival>().ok_or_else(Refusal::internal)?;
    let from = Client::at_door(app, parts, arrival).address;
    let person =
        services.identity.person_with_key(token, parts.method.as_str(), parts.uri.path(), from).await;
    person.map(Who::Person)
}

/// Whom a session stands for. Where the proxy names somebody else, the person in front of the browser has changed, and
/// the session is not theirs.
async fn signed_in(app: &App, parts: &Parts, token: &str) -> Result<Who, Refusal> {
    let services = app.services();
    let person = services.identity.person(token).await?;
    let is_theirs = match &services.settings.load().trusted_headers {
        Some(trusted) => client::names_nobody_else(&parts.headers, trusted, &person.email),
        None => true,
    };
    if is_theirs {
        return Ok(Who::Person(person));
    }
    let words = "Your organisation's sign-in names somebody else than this session. Sign in again.";
    Err(Refusal::new(Kind::Unauthenticated, "session_over", words))
}

/// A request that relies on the cookie must come from our own pages or from those that the operator named, at
/// least when it changes something.
///
/// `Sec-Fetch-Site` is sent by every current browser and cannot be set by a page; older ones send
/// `Origin` with every such request. A client that sends neither is no browser, and no page can use it.
/// A page of another origin that only reads cannot see the answer; it is refused all the same.
pub(crate) fn require_same_origin(app: &App, parts: &Parts) -> Result<(), Refusal> {
    let only_reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let standing = Standing::of(&parts.headers, &parts.uri, &app.services().settings.load());
    let mut sites = parts.headers.get_all("sec-fetch-site").iter();
    let site = sites.next().map(HeaderValue::as_bytes).filter(|_| sites.next().is_none());
    let is_ours = match (site, standing) {
        (_, Standing::Friend) | (Some(b"same-origin" | b"none"), _) => true,
        // A link on another site leads here without `Origin`, and may.
        (_, Standing::Unsaid) => only_reads || !parts.headers.contains_key("sec-fetch-site"),
        (_, Standing::Own) => only_reads || site.is_none(),
        (_, Standing::Anybody | Standing::Foreign) => false,
    };
    if is_ours {
        return Ok(());
    }
    let words = "This request came from another site. Open Wardroom itself and try again.";
    Err(Refusal::new(Kind::Forbidden, "cross_origin", words))
}

/// The host that the client asked for.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    let in_uri = parts.uri.authority().map(http::uri::Authority::as_str);
    in_uri.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_header_goes_before_the_cookie() {
        let both = headers(&[("cookie", b"token=from-cookie"), ("authorization", b"bearer  from-header")]);
        assert_eq!(Credential::of(&both), Some(Credential::Header("from-header")));
        let azure = headers(&[("api-key", b"sk-azure")]);
        assert_eq!(Credential::of(&azure), Some(Credential::Header("sk-azure")));
        let three =
            headers(&[("x-api-key", b"sk-a"), ("api-key", b"sk-b"), ("authorization", b"Bearer sk-c")]);
        assert_eq!(Credential::of(&three), Some(Credential::Header("sk-c")));
    }

    #[test]
    fn what_another_scheme_or_nothing_says_is_no_credential() {
        for line in
            [&b"Basic YWRhOmxvdmVsYWNl"[..], b"Bearer", b"Bearer ", b"Bearer  ", b"BearerToken x", b""]
        {
            assert_eq!(Credential::of(&headers(&[("authorization", line)])), None);
            let with_cookie = headers(&[("authorization", line), ("cookie", b"token=mine")]);
            assert_eq!(Credential::of(&with_cookie), Some(Credential::Cookie("mine")));
        }
        assert_eq!(Credential::of(&headers(&[("cookie", b"token=; tokens=x; xtoken=y; Token=z")])), None);
    }

    #[test]
    fn two_different_cookies_of_our_name_are_worth_nothing() {
        let worthless = Some(Credential::Cookie(WORTHLESS));
        assert_eq!(Credential::of(&headers(&[("cookie", b"token=mine; other=1; token=planted")])), worthless);
        assert_eq!(Credential::of(&headers(&[("cookie", b"token=a"), ("cookie", b"token=b")])), worthless);
        let same = headers(&[("cookie", b"a=b; token=mine"), ("cookie", b"token=mine")]);
        assert_eq!(Credential::of(&same), Some(Credential::Cookie("mine")));
    }

    #[test]
    fn two_different_headers_or_what_is_no_text_are_worth_nothing() {
        let worthless = Some(Credential::Header(WORTHLESS));
        for pairs in [
            [("authorization", &b"Bearer a"[..]), ("authorization", b"Bearer b")],
            [("authorization", b"Basic a"), ("authorization", b"Bearer b")],
            [("authorization", b"Bearer \xff"), ("cookie", b"token=mine")],
            [("x-api-key", b"sk-a"), ("x-api-key", b"sk-b")],
            [("x-api-key", b"sk-\xe9"), ("cookie", b"token=mine")],
        ] {
            assert_eq!(Credential::of(&headers(&pairs)), worthless, "{pairs:?}");
        }
    }

    #[test]
    fn a_cookie_of_another_program_may_hold_anything() {
        let foreign = headers(&[("cookie", b"name=Ren\xe9e; token=mine")]);
        assert_eq!(Credential::of(&foreign), Some(Credential::Cookie("mine")));
        let own = headers(&[("cookie", b"token=Ren\xe9e")]);
        assert_eq!(Credential::of(&own), Some(Credential::Cookie(WORTHLESS)));
    }
}
