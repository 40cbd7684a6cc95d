//! Exit codes are those of sysexits.h, and every refusal says what is allowed.

use std::os::unix::fs::PermissionsExt as _;

use common_scratch::Folder;

use crate::program::{crewdeck, ended};

fn refused(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = crewdeck(arguments);
    command.envs(settings.iter().copied());
    ended(&command.output().expect("it starts"))
}

#[test]
fn without_a_role_it_lists_the_roles() {
    let (code, words) = refused(&[], &[]);
    assert_eq!(code, Some(64), "{words}");
    assert!(
        words.contains("web") && words.contains("analytics-worker"),
        "{words}"
    );
}

#[test]
fn called_by_the_name_that_kubectl_looks_for_it_is_the_plugin() {
    let folder = Folder::new("plugin").expect("a folder");
    let plugin = folder.path().join("kubectl-crewdeck");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_crewdeck"), &plugin).expect("a link");
    let kubeconfig = folder.path().join("none");
    let arguments = [
        "status",
        "--kubeconfig",
        kubeconfig.to_str().expect("Unicode"),
    ];
    let as_plugin = std::process::Command::new(&plugin)
        .args(arguments)
        .env_clear()
        .output();
    let as_command = crewdeck(&["platform"]).args(arguments).output();
    for output in [as_plugin, as_command] {
        let (code, words) = ended(&output.expect("it starts"));
        assert_eq!(code, Some(1), "{words}");
        assert!(
            words.contains("no cluster to ask") && words.contains("/none"),
            "{words}"
        );
    }
    let help = std::process::Command::new(&plugin)
        .arg("--help")
        .output()
        .expect("it starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("Usage: kubectl crewdeck"), "{help}");
}

#[test]
fn a_role_that_does_not_exist_is_refused() {
    let (code, words) = refused(&[], &[("ROLE", "wbe")]);
    assert_eq!(code, Some(64), "{words}");
    assert!(words.contains("ROLE=wbe is no role"), "{words}");
}

#[test]
fn a_missing_setting_is_named_before_anything_runs() {
    let (code, words) = refused(&[], &[("ROLE", "beat")]);
    assert_eq!(code, Some(78), "{words}");
    assert!(
        words.contains("section [database]") && words.contains("url"),
        "{words}"
    );
}

#[test]
fn a_misspelt_key_gets_a_hint() {
    let (code, words) = refused(
        &["run", "beat"],
        &[("CREWDECK_DATABASE_ULR", "postgres://x")],
    );
    assert_eq!(code, Some(78), "{words}");
    assert!(
        words.contains("did you mean \"CREWDECK_DATABASE_URL\"?"),
        "{words}"
    );
}

#[test]
fn a_misspelt_section_gets_a_hint_with_file_and_line() {
    let folder = Folder::new("misspelt").expect("a folder");
    let file = folder.path().join("crewdeck.toml");
    std::fs::write(&file, "\n[databse]\nurl = \"postgres://x\"\n").expect("writable");
    let path = file.to_str().expect("Unicode");
    let (code, words) = refused(&["run", "beat"], &[("CREWDECK_CONFIG", path)]);
    assert_eq!(code, Some(78), "{words}");
    assert!(
        words.contains("crewdeck.toml:2; did you mean \"database\"?"),
        "{words}"
    );
}

#[test]
fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let folder = Folder::new("keys").expect("a folder");
    let path = folder.path().to_str().expect("Unicode");
    let made = crewdeck(&["keys", "generate", path])
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{:?}", ended(&made));
    let private = folder.path().join("signing.jwk");
    let rights = std::fs::metadata(&private)
        .expect("made")
        .permissions()
        .mode();
    assert_eq!(rights & 0o777, 0o600);
    let set = std::fs::read_to_string(folder.path().join("jwks.json")).expect("made");
    assert!(!set.contains("\"d\""), "{set}");

    let before = std::fs::read(&private).expect("made");
    let again = crewdeck(&["keys", "generate", path])
        .output()
        .expect("it starts");
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(std::fs::read(&private).expect("still there"), before);
}
