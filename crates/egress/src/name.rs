//! Host names that never mean the public internet, whatever a resolver answers for them.

/// Top-level names and suffixes reserved for private use or used by container and cloud networks.
const PRIVATE_SUFFIXES: [&str; 13] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "corp",
    "home",
    "home.arpa",
    "localdomain",
    "consul",
    "flycast",
    "onion",
    "metadata.goog",
];

/// Whether a host name may belong to the public internet: it has a dot and no private suffix.
///
/// A split-horizon resolver can answer a public address for `metadata.google.internal`; the name itself
/// is the reason to refuse.
pub(crate) fn is_public(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.contains('.')
        && !PRIVATE_SUFFIXES.iter().any(|suffix| {
            host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn a_private_suffix_is_recognised_whole_in_any_case_and_with_a_root_dot() {
        for host in
            ["redis", "LOCALHOST.", "a.b.localhost", "host.docker.internal", "nas.home.arpa", "x.Lan."]
        {
            assert!(!is_public(host), "{host}");
        }
        for host in
            ["api.openai.com", "example.com.", "mylocal.example.net", "notlocalhost.com", "xn--bcher-kva.de"]
        {
            assert!(is_public(host), "{host}");
        }
    }
}
