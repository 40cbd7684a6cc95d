//! The steps that cargo does: formatting, lints, documentation.

use super::Outcome;
use crate::repo;
use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

/// A shell at the root that compiles queries from the committed `.sqlx`.
fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    shell.set_var("SQLX_OFFLINE", "true");
    Ok(shell)
}

/// Runs it with its output on the terminal; a failure is one finding that names the command to repeat.
fn judge(command: Cmd<'_>) -> Outcome {
    let line = command.to_string();
    let findings = match command.quiet().run() {
        Ok(()) => Vec::new(),
        Err(_) => vec![format!("see above; again with `{line}`")],
    };
    Outcome::of(findings, String::new())
}

/// `cargo fmt --check`.
pub(super) fn fmt() -> Result<Outcome> {
    let shell = shell()?;
    Ok(judge(cmd!(shell, "cargo fmt --all --check")))
}

/// Clippy over every target and feature, with the bans of `clippy.toml`; warnings are errors.
pub(super) fn clippy() -> Result<Outcome> {
    let shell = shell()?;
    Ok(judge(cmd!(
        shell,
        "cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings"
    )))
}

/// Documentation of our own crates; a broken link is an error.
pub(super) fn rustdoc() -> Result<Outcome> {
    let shell = shell()?;
    shell.set_var("RUSTDOCFLAGS", "-D warnings");
    Ok(judge(cmd!(
        shell,
        "cargo doc --quiet --workspace --all-features --no-deps --document-private-items"
    )))
}
