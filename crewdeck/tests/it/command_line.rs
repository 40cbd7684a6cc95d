//! Exit codes are those of sysexits.h, and every refusal says what is allowed.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

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
    let as_plugin = Command::new(&plugin).args(arguments).env_clear().output();
    let as_command = crewdeck(&["platform"]).args(arguments).output();
    for output in [as_plugin, as_command] {
        let (code, words) = ended(&output.expect("it starts"));
        assert_eq!(code, Some(1), "{words}");
        assert!(
            words.contains("no cluster to ask") && words.contains("/none"),
            "{words}"
        );
    }
    let help = Command::new(&plugin)
        .arg("--help")
        .output()
        .expect("it starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("Usage: kubectl crewdeck"), "{help}");
}

#[test]
fn a_command_that_is_told_to_end_says_so() {
    // A server that never answers.
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("free");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    let folder = Folder::new("told").expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "ada@example.org").expect("written");
    let file = file.to_str().expect("Unicode");
    let arguments = ["--url", &url, "--email-file", file, "--password-file", file];
    let child = crewdeck(&["smoke"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let id = child.id().to_string();
    // Beside the wait for its end, which comes too when it never asks.
    std::thread::spawn(move || {
        let _asked = server.accept().expect("it asks");
        let told = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(told.expect("kill").success());
        std::thread::park();
    });
    let (code, words) = ended(&child.wait_with_output().expect("it ends"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("told to end before it was done"), "{words}");
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

/// The operator is renewed before the image: what it writes for newer images is told, and stops no old one.
#[test]
fn a_file_of_a_newer_operator_is_read_without_what_is_new_in_it() {
    let folder = Folder::new("newer").expect("a folder");
    let file = folder.path().join("crewdeck.toml");
    let text = "schema = 1000000\n[telemetry]\nlog_format = \"json\"\nlater = 1\n[more]\nkey = 1\n";
    std::fs::write(&file, text).expect("writable");
    let path = file.to_str().expect("Unicode");
    let output = crewdeck(&["run", "beat"])
        .env("CREWDECK_CONFIG", path)
        .output()
        .expect("it starts");
    let (code, words) = ended(&output);
    let all = words + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(code, Some(78), "{all}");
    assert!(
        all.contains("[telemetry] later") && all.contains("[more]"),
        "{all}"
    );
    // It came as far as what a person has to give.
    assert!(all.contains("section [database]"), "{all}");
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
