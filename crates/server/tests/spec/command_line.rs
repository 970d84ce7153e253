//! The commands of the binary: what they print, for people and for scripts, and how they end.

use serde_json::Value;
use testkit::{FakeProvider, MASTER_KEY, Stage, eventually, spec, spec_sqlite};

spec! {
    doctor_says_what_is_in_order_and_ends_with_0;
    doctor_ends_with_1_when_something_must_be_fixed;
    a_setting_stored_on_the_command_line_reaches_the_running_server;
}

spec_sqlite! {
    version_is_one_line_for_people_and_json_for_scripts;
    every_command_explains_itself_with_an_example;
    a_mistyped_command_is_refused_with_the_right_one;
    settings_lists_every_value_with_its_source_and_no_secret;
    a_setting_of_the_wrong_type_is_not_stored;
    a_closed_pipe_is_no_error;
}

async fn version_is_one_line_for_people_and_json_for_scripts(stage: Stage) {
    let line = stage.run(&["version"]).expect_success().stdout;
    let json = stage.run(&["version", "--json"]).expect_success().json();
    assert_eq!(json["name"], "wardroom");
    assert_eq!(line.trim(), format!("wardroom {}", json["version"].as_str().unwrap()));
    assert!(!stage.data_dir().exists(), "asking for the version made a data directory");
}

async fn every_command_explains_itself_with_an_example(stage: Stage) {
    let overview = stage.run(&["--help"]).expect_success().stdout;
    for command in ["serve", "migrate", "doctor", "settings", "keys", "users"] {
        assert!(overview.contains(command), "{command} is not in: {overview}");
        let help = stage.run(&[command, "--help"]).expect_success().stdout;
        assert!(help.contains("Example") && help.contains(&format!("wardroom {command}")), "{help}");
    }
}

async fn a_mistyped_command_is_refused_with_the_right_one(stage: Stage) {
    let ran = stage.run(&["migrat"]).expect_failure();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("migrate"), "{}", ran.stderr);
}

async fn doctor_says_what_is_in_order_and_ends_with_0(stage: Stage) {
    let provider = FakeProvider::start().await;
    let stage = stage.provider(&provider);
    let people = stage.run(&["doctor"]).expect_success().stdout;
    assert!(people.contains("ok       database: "), "{people}");

    let findings = stage.run(&["doctor", "--json"]).expect_success().json();
    let level = |subject: &str| {
        let found = findings.as_array().unwrap().iter().find(|it| it["subject"] == subject);
        found.map(|it| it["level"].as_str().unwrap().to_owned())
    };
    assert_eq!(level("database").as_deref(), Some("ok"));
    assert_eq!(level("keys").as_deref(), Some("ok"));
    assert_eq!(level("providers").as_deref(), Some("ok"));
    assert_eq!(level("accounts").as_deref(), Some("advice"));
    assert!(!findings.to_string().contains(provider.key()));
}

async fn doctor_ends_with_1_when_something_must_be_fixed(stage: Stage) {
    let stage = stage.env("FORWARDED_ALLOW_IPS", "*");
    let ran = stage.run(&["doctor", "--json"]);
    assert_eq!(ran.code, Some(1));
    let problem = |it: &&Value| {
        it["level"] == "problem" && it["message"].as_str().unwrap().contains("FORWARDED_ALLOW_IPS")
    };
    assert_eq!(ran.json().as_array().unwrap().iter().filter(problem).count(), 1);

    // A start that would fail is a finding too, not a crash.
    let ran = stage.without("FORWARDED_ALLOW_IPS").env("LOG_FORMAT", "xml").run(&["doctor", "--json"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.json()[0]["message"].as_str().unwrap().contains("LOG_FORMAT"));
}

async fn settings_lists_every_value_with_its_source_and_no_secret(stage: Stage) {
    let stage = stage.env("OPENAI_API_KEYS", "sk-canary-Zx8Kq2").env("WEBUI_NAME", "Bridge");
    let rows = stage.run(&["settings", "--json"]).expect_success();
    let json = rows.json();
    let find = |name: &str| json.as_array().unwrap().iter().find(|row| row["name"] == name).cloned().unwrap();

    assert_eq!(
        (&find("WEBUI_NAME")["value"], &find("WEBUI_NAME")["source"]),
        (&"Bridge".into(), &"environment".into())
    );
    assert_eq!(find("LOG_FORMAT")["source"], "default");
    assert_eq!(find("LITELLM_MASTER_KEY")["secret"], true);
    assert!(find("LITELLM_MASTER_KEY")["value"].to_string().contains("fingerprint"));
    assert!(
        json.as_array().unwrap().iter().all(|row| row["doc"].as_str().is_some_and(|doc| !doc.is_empty()))
    );

    let table = stage.run(&["settings"]).expect_success().everything();
    for text in [rows.everything(), table] {
        assert!(!text.contains(MASTER_KEY) && !text.contains("canary"), "{text}");
    }
}

async fn a_setting_stored_on_the_command_line_reaches_the_running_server(stage: Stage) {
    let app = stage.start().await;
    app.run(&["settings", "set", "WEBUI_NAME", "Galley"]).expect_success();
    let name = async || app.anonymous().get("/api/config").await.json()["name"].as_str().unwrap().to_owned();
    eventually("the new name", async || (name().await == "Galley").then_some(())).await;

    app.run(&["settings", "unset", "WEBUI_NAME"]).expect_success();
    eventually("the old name", async || (name().await == "Wardroom").then_some(())).await;
}

async fn a_setting_of_the_wrong_type_is_not_stored(stage: Stage) {
    stage.run(&["migrate"]).expect_success();
    for (name, value) in [
        ("DEFAULT_USER_ROLE", "emperor"),
        ("NO_SUCH_SETTING", "1"),
        ("DATA_DIR", "/elsewhere"),
        ("LITELLM_MASTER_KEY", "sk-Jd83hfKq02mXv7Pz5Rt1Ls9W"),
    ] {
        let said = stage.run(&["settings", "set", name, value]).expect_failure().stderr;
        assert!(said.contains(name), "{said}");
    }
    assert_eq!(stage.sql("SELECT COUNT(*) FROM setting WHERE name NOT LIKE 'keys.%'"), [["0"]]);
}

async fn a_closed_pipe_is_no_error(stage: Stage) {
    let ran = stage.shell("\"$0\" settings --json | head -n 1");
    assert_eq!((ran.code, ran.stdout.trim(), ran.stderr.as_str()), (Some(0), "[", ""));
}
