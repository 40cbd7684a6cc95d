//! Precedence, unknown keys, newer files, files of secrets.

use std::io::Write as _;

use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::*;
use crate::SecretRef;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sample {
    url: SecretRef,
    #[serde(default = "ten")]
    max_connections: u32,
}

fn ten() -> u32 {
    10
}

impl AppConfig for Sample {
    const SECTION: &'static str = "database";
}

struct TempFile(std::path::PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("crewdeck-config-{}-{name}", std::process::id()));
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("the temporary folder is writable");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn environment_wins_over_the_file_and_defaults_fill_the_rest() {
    let file = TempFile::new("wins.toml", "[database]\nurl = \"from-file\"\n");
    let source =
        Source::load(Some(&file.0), env(&[("CREWDECK_DATABASE_URL", "from-env")])).expect("loads");
    let section: Sample = source.section().expect("valid");
    assert_eq!(
        section.url.read().expect("inline").expose_secret(),
        "from-env"
    );
    assert_eq!(section.max_connections, 10);
}

#[test]
fn a_file_reference_is_read_each_time() {
    let secret = TempFile::new("secret", "first\n");
    let text = format!("[database]\nurl_file = \"{}\"\n", secret.0.display());
    let file = TempFile::new("reference.toml", &text);
    let section: Sample = Source::load(Some(&file.0), [])
        .expect("loads")
        .section()
        .expect("valid");
    assert_eq!(
        section.url.read().expect("readable").expose_secret(),
        "first"
    );
    std::fs::write(&secret.0, "second").expect("writable");
    assert_eq!(
        section.url.read().expect("readable").expose_secret(),
        "second"
    );
}

#[test]
fn an_environment_file_replaces_an_inline_value() {
    let secret = TempFile::new("env-secret", "from-secret-file");
    let file = TempFile::new("replaced.toml", "[database]\nurl = \"inline\"\n");
    let path = secret.0.display().to_string();
    let source =
        Source::load(Some(&file.0), env(&[("CREWDECK_DATABASE_URL_FILE", &path)])).expect("loads");
    let section: Sample = source.section().expect("valid");
    assert_eq!(
        section.url.read().expect("readable").expose_secret(),
        "from-secret-file"
    );
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_key() {
    let file = TempFile::new(
        "typo.toml",
        "# head\n[database]\nurl = \"x\"\nmax_conections = 3\n",
    );
    let error = Source::load(Some(&file.0), [])
        .expect("loads")
        .section::<Sample>()
        .expect_err("a typo");
    let text = error.to_string();
    assert!(text.contains("unknown key \"max_conections\""), "{text}");
    assert!(
        text.ends_with(":4; did you mean \"max_connections\"?"),
        "{text}"
    );
}

#[test]
fn an_unknown_section_is_refused() {
    let file = TempFile::new("section.toml", "[databse]\nurl = \"x\"\n");
    let error = Source::load(Some(&file.0), [])
        .expect("loads")
        .deny_unknown_sections(&["database", "redis"])
        .expect_err("a typo");
    assert!(
        error
            .to_string()
            .ends_with(":1; did you mean \"database\"?"),
        "{error}"
    );
}

/// With a number so much above our own, and a key and a section that nobody knows.
fn from(ahead: i64, name: &str) -> Result<Source, ConfigError> {
    let number = crate::KEYS + ahead;
    let file = TempFile::new(
        name,
        &format!("schema = {number}\n[database]\nurl = \"x\"\nlater = [1]\n[more]\nurl = \"x\"\n"),
    );
    Source::load(Some(&file.0), [])
}

#[test]
fn what_is_new_in_a_newer_file_is_passed_over_and_told() {
    let source = from(1, "newer.toml").expect("loads");
    source
        .deny_unknown_sections(&["database"])
        .expect("passed over");
    let section: Sample = source.section().expect("passed over");
    assert_eq!(section.max_connections, 10);
    let schema = FileSchema::new().with::<Sample>();
    assert_eq!(source.passed_over(&schema), ["[database] later", "[more]"]);
}

#[test]
fn a_file_of_our_own_number_or_an_older_one_is_read_strictly() {
    for ahead in [0, 1 - crate::KEYS] {
        let source = from(ahead, &format!("own-{ahead}.toml")).expect("loads");
        source
            .deny_unknown_sections(&["database"])
            .expect_err("unknown");
        let error = source.section::<Sample>().expect_err("unknown");
        assert!(
            error.to_string().contains("unknown key \"later\""),
            "{error}"
        );
        let schema = FileSchema::new().with::<Sample>();
        assert_eq!(source.passed_over(&schema), [""; 0]);
    }
}

/// The operator writes no variable: one that nobody reads is a person's.
#[test]
fn beside_a_newer_file_a_variable_is_read_strictly() {
    let file = TempFile::new("variable.toml", &format!("schema = {}", crate::KEYS + 1));
    let source =
        Source::load(Some(&file.0), env(&[("CREWDECK_DATABASE_ULR", "x")])).expect("loads");
    source.section::<Sample>().expect_err("a typo");
}

#[test]
fn a_number_that_is_none_is_refused_with_its_line() {
    let file = TempFile::new("number.toml", "# head\nschema = \"one\"\n");
    let error = Source::load(Some(&file.0), []).expect_err("no number");
    let text = error.to_string();
    assert!(text.contains("number.toml:2: schema is \"one\""), "{text}");
}

#[test]
fn an_unknown_variable_is_refused() {
    let source = Source::load(None, env(&[("CREWDECK_DATABASE_ULR", "x")])).expect("loads");
    let error = source.section::<Sample>().expect_err("a typo");
    assert!(
        error.to_string().contains("CREWDECK_DATABASE_URL"),
        "{error}"
    );
}

#[test]
fn a_missing_key_and_a_wrong_type_name_the_section() {
    let error = Source::load(None, [])
        .expect("loads")
        .section::<Sample>()
        .expect_err("no url");
    assert!(
        error.to_string().contains("[database]") && error.to_string().contains("url"),
        "{error}"
    );
    let source = Source::load(
        None,
        env(&[
            ("CREWDECK_DATABASE_URL", "x"),
            ("CREWDECK_DATABASE_MAX_CONNECTIONS", "many"),
        ]),
    )
    .expect("loads");
    let error = source.section::<Sample>().expect_err("not a number");
    assert!(error.to_string().contains("[database]"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let source =
        Source::load(None, env(&[("CREWDECK_DATABASE_URL", "canary-value")])).expect("loads");
    let section: Sample = source.section().expect("valid");
    assert!(!format!("{section:?}").contains("canary"), "{section:?}");
}
