//! Starting the program with nothing of this shell but what it needs.

use std::process::{Command, Output};

/// The program with these arguments and no setting.
pub(crate) fn crewdeck(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crewdeck"));
    command.args(arguments).env_clear().env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command
}

/// Exit code and words on stderr.
pub(crate) fn ended(output: &Output) -> (Option<i32>, String) {
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), words)
}
