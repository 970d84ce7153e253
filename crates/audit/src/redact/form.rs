//! Forms, as browsers and programs send them: `name=value&…` and multipart.

use std::fmt::Write as _;

use super::{REMOVED, Rules, names};

/// `application/x-www-form-urlencoded`.
pub(super) fn urlencoded(bytes: &[u8], is_cut: bool, rules: &Rules<'_>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut pairs: Vec<&str> = text.split('&').collect();
    if is_cut {
        // The last pair may have lost half of its name.
        pairs.pop();
    }
    pairs.into_iter().map(|pair| kept(pair, rules)).collect::<Vec<_>>().join("&")
}

fn kept(pair: &str, rules: &Rules<'_>) -> String {
    let Some((name, value)) = pair.split_once('=') else { return encoded(&rules.text(&meant(pair), 0)) };
    let (name, value) = (meant(name), meant(value));
    let value = if names::is_secret(&name) { REMOVED.to_owned() } else { rules.text(&value, 0) };
    format!("{}={}", encoded(&rules.text(&name, 0)), encoded(&value))
}

fn meant(text: &str) -> String {
    let text = text.replace('+', " ");
    decoded(&text).unwrap_or(text)
}

/// Percent-decoded; `None` when that changes nothing or is no text.
pub(super) fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    let out = String::from_utf8_lossy(&out).into_owned();
    (out != text).then_some(out)
}

/// What would end a pair, percent-encoded.
fn encoded(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if matches!(c, '&' | '=' | '%' | '+') || c.is_control() {
            write!(out, "%{:02X}", u32::from(c)).expect("writing to a string cannot fail");
        } else {
            out.push(c);
        }
        out
    })
}

/// `multipart/form-data`, as `name=value` lines; of files only their size. `None` when it is none.
pub(super) fn multipart(bytes: &[u8], content_type: &str, rules: &Rules<'_>) -> Option<String> {
    let boundary = content_type.split(';').filter_map(|part| part.trim().split_once('=')).find_map(
        |(name, value)| name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned()),
    )?;
    if boundary.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut lines = Vec::new();
    for part in text.split(&format!("--{boundary}")).skip(1) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
        let attribute = |wanted: &str| {
            let sought = format!("{wanted}=\"");
            let begin = head.find(&sought)? + sought.len();
            head[begin..].split('"').next()
        };
        let name = attribute("; name").or_else(|| attribute("name")).unwrap_or_default();
        let value = value.strip_suffix("\r\n").unwrap_or(value);
        let kept = if attribute("filename").is_some() {
            format!("[a file of {} bytes]", value.len())
        } else if names::is_secret(name) {
            REMOVED.to_owned()
        } else {
            rules.text(value, 0)
        };
        lines.push(format!("{}={kept}", rules.text(name, 0)));
    }
    Some(lines.join("\n"))
}
