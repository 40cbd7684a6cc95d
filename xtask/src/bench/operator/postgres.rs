//! PostgreSQL without a replica: TLS only, SCRAM.

use crate::cluster::{
    backends::{postgres_program, user},
    paths,
    process::{as_user, fed, output, succeeds},
    render,
};
use anyhow::{Context as _, Result};
use std::{path::Path, process::Command, time::Duration};

use super::{
    process::{Process, Run},
    servers::home,
};

/// Its port.
pub(super) const PORT: u16 = 17_432;
const USER: &str = "postgres";
/// The first line that matches decides.
const RULES: &str = "local all postgres peer\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// Starts it and waits until it has the administrator.
pub(super) fn start(parent: &Path, pki: &Path, password: &str) -> Result<Process> {
    let (home, owner) = (home(parent, pki, "postgres", USER)?, user(USER)?);
    let data = home.join("data");
    let mut initdb = Command::new("env");
    as_user(&mut initdb, USER)
        .arg(postgres_program("initdb"))
        .args(["-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        .args(["--auth-local=peer", "--auth-host=scram-sha-256", "-D"])
        .arg(&data)
        .current_dir("/");
    output(&mut initdb)?;
    let folder = home.to_string_lossy();
    let config = render::file(
        &paths::source("postgres/postgresql.conf"),
        &[("DIR", &folder), ("ADDRESS", "127.0.0.1")],
    )?;
    render::write(&data.join("postgresql.conf"), &config, 0o600, Some(owner))?;
    render::write(&data.join("pg_hba.conf"), RULES, 0o600, Some(owner))?;
    let mut program = Command::new(postgres_program("postgres"));
    program.arg("-D").arg(&data);
    for setting in [
        format!("port={PORT}"),
        format!("unix_socket_directories={folder}"),
        // Thousands of databases: their regular look-over would be most of the work.
        "autovacuum=off".to_owned(),
        "shared_buffers=256MB".to_owned(),
    ] {
        program.args(["-c", &setting]);
    }
    let run = Run {
        name: "postgres",
        user: Some(USER),
        // At once, its children too.
        end: "QUIT",
        logs: parent,
        errors: true,
    };
    let mut process = Process::start(&run, &program)?;
    let ready = || {
        let mut look = Command::new(postgres_program("pg_isready"));
        succeeds(look.args(["-q", "-p", &PORT.to_string(), "-h"]).arg(&home))
    };
    process.wait("it answers", Duration::from_mins(1), || Ok(ready()))?;
    let roles = render::file(
        &paths::source("postgres/roles.sql"),
        &[("ADMIN", password), ("REPLICATOR", password)],
    )?;
    let mut psql = Command::new("env");
    as_user(&mut psql, USER)
        .arg(postgres_program("psql"))
        .args([
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
            "-p",
            &PORT.to_string(),
            "-h",
        ])
        .arg(&home)
        .current_dir("/");
    // No Job of a migration runs: each new database has a table from the start, as if one had.
    let roles = format!("{roles}\n\\connect template1\ncreate table migrated ();\n");
    fed(&mut psql, &roles).context("make the roles")?;
    Ok(process)
}
