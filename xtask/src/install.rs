//! Debian packages that a step needs, installed when it comes to it.

use anyhow::{Context as _, Result};
use common_scratch::Package;
use xshell::{Shell, cmd};

/// Installs the package unless it is there, and says so.
pub(crate) fn ensure(package: &Package) -> Result<()> {
    if package.is_installed() {
        return Ok(());
    }
    let Package { file, name } = package;
    println!("      installing the Debian package {name} ({file} is missing)");
    let shell = Shell::new()?;
    shell.set_var("DEBIAN_FRONTEND", "noninteractive");
    // A package must not start the service that we start ourselves.
    shell.set_var("RUNLEVEL", "1");
    let install = || {
        cmd!(
            shell,
            "apt-get install --yes --no-install-recommends {name}"
        )
        .quiet()
        .ignore_stdout()
        .run()
    };
    if install().is_err() {
        cmd!(shell, "apt-get update")
            .quiet()
            .ignore_stdout()
            .run()
            .and_then(|()| install())
            .with_context(|| format!("install the Debian package {name}; it takes root"))?;
    }
    Ok(())
}
