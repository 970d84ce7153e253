//! Lists of paths that pick requests out: plain segments, never a pattern that somebody could get wrong.

use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

/// Paths and what is below them. `/chats`, `chats` and `/chats/` are the same; `/api` and `/api/v1` before a path
/// may be left out, as Open WebUI does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathList(Vec<Vec<String>>);

impl PathList {
    /// Whether nothing is listed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a request's path (without its query) is one of these, or below one. Segments are compared whole, in
    /// any case, because the router's own comparison decides what a path reaches and this only what is noted.
    pub fn covers(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let asked: Vec<&str> = segments(path).collect();
        let below_api = asked.strip_prefix(&["api"]);
        let below_version = asked.strip_prefix(&["api", "v1"]);
        [Some(asked.as_slice()), below_api, below_version]
            .into_iter()
            .flatten()
            .any(|path| self.0.iter().any(|listed| begins(path, listed)))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn begins(path: &[&str], listed: &[String]) -> bool {
    path.len() >= listed.len() && path.iter().zip(listed).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// As it is written in the environment.
impl std::fmt::Display for PathList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<String> = self.0.iter().map(|path| format!("/{}", path.join("/"))).collect();
        f.write_str(&texts.join(","))
    }
}

impl Setting for PathList {
    const GRAMMAR: Grammar = Grammar::Paths;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let mut paths = Vec::new();
        for (index, part) in text.split(',').map(str::trim).enumerate().filter(|(_, part)| !part.is_empty()) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~:@".contains(c);
            if !part.chars().all(is_plain) {
                let why = format!("entry {} is no plain path; patterns and queries are not used", index + 1);
                return Err(Wrong::because(why));
            }
            let path: Vec<String> = segments(part).map(str::to_owned).collect();
            if path.is_empty() {
                return Err(Wrong::because(format!("entry {} would be every path", index + 1)));
            }
            paths.push(path);
        }
        Ok(Self(paths))
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<PathList, Wrong> {
        PathList::read(text, &Entry::new("AUDIT_EXCLUDED_PATHS"))
    }

    #[test]
    fn open_webuis_words_mean_the_same_with_and_without_slashes() {
        for text in ["/chats,/chat,/folders", "chats, chat, folders", "/chats/,chat/,/folders/"] {
            let list = list(text).unwrap();
            for (path, expected) in [
                ("/api/v1/chats/", true),
                ("/api/v1/chats/chat_1/share", true),
                ("/api/chat/completions", true),
                ("/chats", true),
                ("/api/v1/chatsy", false),
                ("/api/v1/users/chats", false),
                ("/v1/chat/completions", false),
                ("/", false),
            ] {
                assert_eq!(list.covers(path), expected, "{path} in {text}");
            }
        }
    }

    #[test]
    fn a_longer_path_covers_only_what_is_below_it() {
        let list = list("/api/v1/chats/all").unwrap();
        assert!(list.covers("/api/v1/chats/all/db") && !list.covers("/api/v1/chats/new"));
    }

    #[test]
    fn patterns_and_what_would_be_everything_are_refused_by_their_place() {
        for text in ["/chats,/a.*b", "/chats,/", "/chats,/x?y=1", "chats,^users", "chats,a|b", "/chats,//"] {
            let why = list(text).unwrap_err().0.unwrap();
            assert!(why.starts_with("entry 2 "), "{text}: {why}");
        }
        assert!(PathList::unset().unwrap().is_empty());
    }
}
