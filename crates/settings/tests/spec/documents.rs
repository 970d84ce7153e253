//! The manual and the schema in `docs/` are made from the list, and are current.

use std::{collections::BTreeSet, fs, path::Path};

use settings::catalogue;

/// Compares a generated file with what is in the repository, or writes it when `UPDATE_DOCS` is set.
#[expect(clippy::disallowed_methods, reason = "a test is started by a person, who asks for the update here")]
fn assert_current(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var("UPDATE_DOCS").is_ok() {
        fs::write(&path, text).expect("docs/ can be written");
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    assert!(current == text, "docs/{name} is not current; run: UPDATE_DOCS=1 cargo test -p settings");
}

#[test]
fn the_manual_is_current() {
    assert_current("settings.md", &settings::docs());
}

#[test]
fn the_schema_is_current() {
    let text = serde_json::to_string_pretty(&settings::schema()).expect("a JSON value serialises");
    assert_current("settings.schema.json", &(text + "\n"));
}

#[test]
fn no_two_settings_share_a_name() {
    let names: Vec<&str> = catalogue().iter().flat_map(|entry| entry.names()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn the_manual_has_one_row_per_setting_with_every_name() {
    let manual = settings::docs();
    for entry in catalogue() {
        let rows = manual.lines().filter(|line| line.starts_with(&format!("| `{}`", entry.name)));
        let row: Vec<&str> = rows.collect();
        assert_eq!(row.len(), 1, "{}", entry.name);
        assert_eq!(row[0].replace("\\|", "").matches('|').count(), 4, "{}", row[0]);
        assert!(entry.aliases.iter().all(|alias| row[0].contains(alias)), "{}", row[0]);
    }
}

#[test]
fn the_schema_knows_types_ranges_and_defaults() {
    let schema = settings::schema();
    let properties = &schema["properties"];
    assert_eq!(properties["PORT"]["type"], "integer");
    assert_eq!(
        (&properties["PORT"]["maximum"], &properties["PORT"]["default"]),
        (&65_535.into(), &8080.into())
    );
    assert_eq!(properties["ENABLE_SIGNUP"]["default"], true);
    assert_eq!(properties["BUDGET_EXCEEDED_STATUS"]["default"], "429");
    assert_eq!(properties["DEFAULT_USER_ROLE"]["enum"][0], "pending");
    assert_eq!(properties["LITELLM_MASTER_KEY"]["writeOnly"], true);
    assert_eq!(properties.as_object().map(serde_json::Map::len), Some(catalogue().len()));
}
