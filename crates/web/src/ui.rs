//! The web UI, embedded in the binary and served with the encodings that its build prepared.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Files;

const MISSING: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Wardroom</title><h1>The web UI is not in this binary</h1>\
     <p>Build it with <code>make build</code>. The API works without it.";

/// Serves a file of the UI; every other path is a page of the app, which routes in the browser.
pub(crate) fn serve(request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let is_page = path.is_empty() || Files::get(path).is_none();
    if is_page && path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        // A file that is not there, perhaps a chunk of another build: a page is no stand-in for a script.
        return StatusCode::NOT_FOUND.into_response();
    }
    let name = if is_page { "index.html" } else { path };
    let Some((encoding, file)) = encoded(name, request) else {
        return ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], MISSING).into_response();
    };

    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..12]));
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    let kind = content_type(name);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Names under a/ carry a hash of their content, so they never change.
    let cache = if name.starts_with("a/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The file in the best encoding that the browser takes and the build prepared.
fn encoded(name: &str, request: &Request) -> Option<(Option<&'static str>, rust_embed::EmbeddedFile)> {
    let accepted = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let takes =
        |encoding: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(encoding));
    let prepared =
        [("br", "br"), ("gzip", "gz")].into_iter().filter(|(encoding, _)| takes(encoding)).find_map(
            |(encoding, extension)| Some((Some(encoding), Files::get(&format!("{name}.{extension}"))?)),
        );
    prepared.or_else(|| Some((None, Files::get(name)?)))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
