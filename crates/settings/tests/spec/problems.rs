//! What is refused, in which words.

use crate::World;

#[test]
fn all_problems_are_named_at_once() {
    let problems = World::with(&[("PORT", "80a"), ("ENV", "live"), ("JWT_EXPIRES_IN", "4 weeks")])
        .file(&[("ENABLE_SIGNUP", "maybe"), ("WARDROOM_TELEPORT", "1")])
        .problems();
    assert_eq!(
        problems,
        "PORT is \"80a\"; it must be a whole number from 1 to 65535\n\
         ENV is \"live\"; it must be one of prod, dev\n\
         ENABLE_SIGNUP is \"maybe\"; it must be true or false (or 1, 0, yes, no)\n\
         JWT_EXPIRES_IN is \"4 weeks\"; it must be a time such as 30s, 10m, 1h30m or 4w (units ms, s, m, h, d, w), \
         or -1 for no limit\n\
         WARDROOM_TELEPORT is not a setting"
    );
}

#[test]
fn a_misspelt_setting_is_an_error_not_a_silent_default() {
    let problems = World::with(&[("WARDROOM_MAX_BODYSIZE", "1MiB"), ("WEBUI_SERCET_KEY", "x")]).problems();
    assert_eq!(
        problems,
        "WARDROOM_MAX_BODYSIZE is not a setting; did you mean WARDROOM_MAX_BODY_SIZE?\n\
         WEBUI_SERCET_KEY is not a setting; did you mean WEBUI_SECRET_KEY?"
    );
}

#[test]
fn settings_of_open_webui_that_do_nothing_here_are_listed_once_and_stop_nothing() {
    let loaded =
        World::with(&[("WEBUI_AUTH", "True"), ("PATH", "/bin")]).file(&[("ENABLE_LDAP", "false")]).read();
    let notices: Vec<String> = loaded.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices, ["known to Open WebUI or LiteLLM, not used here: ENABLE_LDAP, WEBUI_AUTH"]);
}

#[test]
fn no_error_repeats_a_secret_an_address_or_a_mail_address() {
    const CANARY: &str = "CANARY-7f3a";
    let line_break = format!("{CANARY}\n{CANARY}");
    let world = World::with(&[
        ("WEBUI_SECRET_KEY", &line_break),
        ("OPENAI_API_KEYS", &format!("sk-{CANARY} x;ü")),
        ("DATABASE_URL", &format!("mysql://u:{CANARY}@h/d")),
        ("OPENAI_API_BASE_URLS", &format!("https://u:{CANARY}@h/v1")),
        ("WEBUI_URL", &format!("https://u:{CANARY}@h/v1")),
        ("WEBUI_ADMIN_EMAIL", &format!("{CANARY} at example.com")),
        ("WEBUI_ADMIN_PASSWORD", &line_break),
    ]);
    let problems = world.problems();
    assert_eq!(problems.lines().count(), 7, "{problems}");
    assert!(!problems.contains("CANARY") && !problems.contains("7f3a"), "{problems}");
    assert!(problems.contains("WEBUI_SECRET_KEY is a text of 23 characters"), "{problems}");
}

#[test]
fn nothing_that_is_loaded_prints_a_secret() {
    const CANARY: &str = "CANARY-7f3a";
    let loaded = World::with(&[
        ("WEBUI_SECRET_KEY", CANARY),
        ("OPENAI_API_KEYS", CANARY),
        ("DATABASE_URL", &format!("postgresql://u:{CANARY}@h/d")),
        ("WEBUI_ADMIN_EMAIL", &format!("{CANARY}@example.com")),
        ("WEBUI_ADMIN_PASSWORD", CANARY),
    ])
    .read();
    let printed = format!("{loaded:?}").to_lowercase();
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn a_secret_and_its_file_together_are_refused() {
    let problems = World::with(&[("WEBUI_SECRET_KEY", "a"), ("WEBUI_SECRET_KEY_FILE", "/b")]).problems();
    assert_eq!(problems, "WEBUI_SECRET_KEY and WEBUI_SECRET_KEY_FILE are both set; remove one of them");
}

#[test]
fn a_file_that_is_missing_or_empty_is_no_secret() {
    let missing = World::with(&[("LITELLM_MASTER_KEY_FILE", "/none")]).problems();
    assert!(missing.starts_with("the file that LITELLM_MASTER_KEY_FILE names cannot be read"), "{missing}");
    for content in ["", "\n", " \r\n"] {
        let empty = World::with(&[("LITELLM_MASTER_KEY_FILE", "/key")]).disk(&[("/key", content)]).problems();
        assert_eq!(empty, "the file that LITELLM_MASTER_KEY_FILE names is empty; write the secret into it");
    }
}

#[test]
fn nothing_in_a_value_is_ever_replaced() {
    let world = World::with(&[("WEBUI_NAME", "${HOME} $(id) {{7*7}} os.environ/HOME file:///etc/passwd")])
        .disk(&[("file:///etc/passwd", "root")]);
    let name = world.read().settings.webui_name.value;
    assert_eq!(name, "${HOME} $(id) {{7*7}} os.environ/HOME file:///etc/passwd");
}

#[test]
fn a_bad_stored_value_is_named_as_such() {
    let problems = World::default().stored(&[("ENABLE_SIGNUP", "perhaps")]).problems();
    assert!(problems.starts_with("the stored value of ENABLE_SIGNUP is \"perhaps\""), "{problems}");
}

#[test]
fn an_administrator_from_the_environment_needs_both_halves() {
    assert!(
        World::with(&[("WEBUI_ADMIN_EMAIL", "ada@example.com")])
            .problems()
            .contains("needs WEBUI_ADMIN_PASSWORD")
    );
    assert!(
        World::with(&[("WEBUI_ADMIN_PASSWORD", "secret")]).problems().contains("needs WEBUI_ADMIN_EMAIL")
    );
}

#[test]
fn a_cookie_that_browsers_would_drop_is_refused() {
    let problems =
        World::with(&[("WEBUI_AUTH_COOKIE_SAME_SITE", "None"), ("WEBUI_AUTH_COOKIE_SECURE", "false")])
            .problems();
    assert!(problems.contains("browsers drop such a cookie"), "{problems}");
}

#[test]
fn every_header_that_is_not_one_stops_the_start_and_says_what_would_be() {
    let problems = World::with(&[
        ("HSTS", "a year"),
        ("XFRAME_OPTIONS", "ALLOW-FROM https://a.example"),
        ("XCONTENT_TYPE", "sniff"),
        ("REFERRER_POLICY", "none"),
        ("PERMISSIONS_POLICY", "camera=()(microphone"),
        ("CACHE_CONTROL", "sometimes"),
        ("XDOWNLOAD_OPTIONS", "open"),
        ("XPERMITTED_CROSS_DOMAIN_POLICIES", "all"),
        ("CONTENT_SECURITY_POLICY", "'self'"),
        ("CONTENT_SECURITY_POLICY_REPORT_ONLY", ";"),
        ("CROSS_ORIGIN_EMBEDDER_POLICY", "strict"),
        ("CROSS_ORIGIN_OPENER_POLICY", "strict"),
        ("CROSS_ORIGIN_RESOURCE_POLICY", "none"),
        ("REPORTING_ENDPOINTS", "https://a.example"),
    ])
    .problems();
    let lines: Vec<&str> = problems.lines().collect();
    assert_eq!(lines.len(), 14, "{problems}");
    assert_eq!(
        lines[1],
        "XFRAME_OPTIONS is \"ALLOW-FROM https://a.example\"; it must be one of deny, sameorigin"
    );
    assert!(
        lines[4].starts_with("PERMISSIONS_POLICY is \"camera=()(microphone\"; it must be directives such as")
    );
    assert!(lines.iter().all(|line| line.contains("; it must be ")), "{problems}");
}

#[test]
fn an_origin_that_is_none_stops_the_start() {
    for wrong in
        ["null", "chat.example.com", "https://a.example/path", "https://a.example;*", "https://a.example;"]
    {
        let problems = World::with(&[("CORS_ALLOW_ORIGIN", wrong)]).problems();
        assert!(problems.starts_with("CORS_ALLOW_ORIGIN is "), "{wrong}: {problems}");
    }
    let app = [("CORS_ALLOW_ORIGIN", "https://a.example; app://main")];
    assert!(World::with(&app).problems().contains("name the scheme in CORS_ALLOW_CUSTOM_SCHEME"));
    World::with(&app).file(&[("CORS_ALLOW_CUSTOM_SCHEME", "app")]).read();
}

#[test]
fn headers_that_anybody_could_write_sign_nobody_in() {
    let email = ("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "X-Forwarded-Email");
    for everybody in ["*", "0.0.0.0/0", "10.0.0.0/8,::/0"] {
        let problems = World::with(&[email, ("FORWARDED_ALLOW_IPS", everybody)]).problems();
        assert!(problems.starts_with("FORWARDED_ALLOW_IPS trusts everybody"), "{problems}");
    }
    let named =
        World::with(&[email, ("FORWARDED_ALLOW_IPS", "*"), ("WARDROOM_TRUSTED_HEADER_PROXIES", "10.0.0.7")]);
    let trusted = named.read().trusted_headers.unwrap();
    assert_eq!(trusted.email.as_str(), "x-forwarded-email");
    assert!(!trusted.proxies.contains("10.0.0.8".parse().unwrap()));
    let lonely = World::with(&[("WEBUI_AUTH_TRUSTED_ROLE_HEADER", "X-Role")]).problems();
    assert_eq!(lonely, "WEBUI_AUTH_TRUSTED_ROLE_HEADER needs WEBUI_AUTH_TRUSTED_EMAIL_HEADER beside it");
    for name in ["Cookie", "x_email", "X Email", "Authorization"] {
        let problems = World::with(&[("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", name)]).problems();
        assert!(problems.contains("the name of a header"), "{name}: {problems}");
    }
    let twice = World::with(&[email, ("WEBUI_AUTH_TRUSTED_ROLE_HEADER", "x-forwarded-email")]).problems();
    assert!(twice.contains("name the same header twice"), "{twice}");
}

#[test]
fn open_doors_are_said_aloud() {
    let loaded = World::with(&[("WARDROOM_ALLOWED_HOSTS", "*"), ("CORS_ALLOW_ORIGIN", "*")]).read();
    let notices: Vec<String> = loaded.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(
        notices[0].starts_with("WARDROOM_ALLOWED_HOSTS is *")
            && notices[1].starts_with("CORS_ALLOW_ORIGIN is *")
    );
}
