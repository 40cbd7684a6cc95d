//! Programs and folders of system users: servers refuse to run as root.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The command run as a system user, ended by the kernel when this process dies.
pub(crate) fn as_user(user: &str, program: &Command) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root() {
        command.args([
            &format!("--reuid={user}"),
            &format!("--regid={user}"),
            "--init-groups",
        ]);
    }
    continue_with(&mut command, program);
    command
}

/// Makes a wrapper run this program, with its environment.
pub(crate) fn continue_with(wrapper: &mut Command, program: &Command) {
    wrapper
        .arg("--")
        .arg(program.get_program())
        .args(program.get_args())
        // The caller's folder may be closed to the user.
        .current_dir("/");
    for (key, value) in program.get_envs() {
        if let Some(value) = value {
            wrapper.env(key, value);
        }
    }
}

/// Gives a folder to a system user; without root everything is ours already.
pub(crate) fn give(folder: &Path, user: &str) -> Result<()> {
    if is_root() {
        succeed(
            Command::new("chown")
                .arg("-R")
                .arg(format!("{user}:"))
                .arg(folder),
        )?;
    }
    Ok(())
}

/// Runs a short command, silently unless it fails.
pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed ({}):\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether we may become other users.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
