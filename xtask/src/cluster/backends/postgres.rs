//! PostgreSQL: a primary and a streaming replica, TLS only, SCRAM.

use super::{PRIMARY_PORT, REPLICA_PORT, certificates, folder, state, text, user};
use crate::cluster::{
    node::NODES,
    paths, pki,
    process::{self, as_user, fed, inside, logged},
    progress::Step,
    render, versions,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const ADVICE: &str = "`cargo xtask down` removes a damaged state; then `cargo xtask up`";

/// Starts both servers and makes the roles.
pub(super) fn start(step: &Step) -> Result<()> {
    let owner = user("postgres")?;
    let dir = state("postgres");
    for path in [
        &dir,
        &dir.join("tls"),
        &paths::run("postgres"),
        &paths::state("log/postgres"),
    ] {
        folder(path, owner)?;
    }
    certificates("postgres", &dir.join("tls"), owner)?;
    for server in ["primary", "replica"] {
        let file = format!("hba-{server}.conf");
        let rules = render::file(&paths::source("postgres").join(&file), &[])?;
        render::write(&dir.join(&file), &rules, 0o600, Some(owner))?;
    }
    step.say("PostgreSQL, primary");
    primary(&dir, owner)?;
    let roles = render::file(
        &paths::source("postgres/roles.sql"),
        &[
            ("ADMIN", &pki::password("pg-admin")?),
            ("REPLICATOR", &pki::password("pg-replicator")?),
        ],
    )?;
    let mut psql = Command::new("env");
    as_user(&mut psql, "postgres")
        .arg(bin("psql"))
        .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-h"])
        .arg(paths::run("postgres"))
        .args(["-p", &PRIMARY_PORT.to_string()])
        .current_dir("/");
    fed(&mut psql, &roles).context("make the roles")?;
    step.say("PostgreSQL, replica");
    replica(&dir, owner)
}

fn primary(dir: &Path, owner: (u32, u32)) -> Result<()> {
    let data = dir.join("primary");
    if !data.exists() {
        let new = dir.join("primary.new");
        let _ = fs::remove_dir_all(&new);
        let mut command = Command::new("env");
        as_user(&mut command, "postgres")
            .arg(bin("initdb"))
            .arg("-D")
            .arg(&new)
            .args([
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .args(["--auth-local=peer", "--auth-host=scram-sha-256"])
            .current_dir("/");
        logged(&mut command, &paths::log("initdb"), ADVICE)?;
        fs::rename(&new, &data)?;
    }
    server(dir, "primary", PRIMARY_PORT, owner)
}

fn replica(dir: &Path, owner: (u32, u32)) -> Result<()> {
    let data = dir.join("replica");
    if !data.exists() {
        let new = dir.join("replica.new");
        let _ = fs::remove_dir_all(&new);
        let mut command = inside(NODES[0].netns, "env");
        // Written into the replica's configuration by -R; the password stays out of the arguments.
        command
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", dir.join("tls/ca.crt"))
            .env("PGPASSWORD", pki::password("pg-replicator")?);
        as_user(&mut command, "postgres")
            .arg(bin("pg_basebackup"))
            .args(["-h", NODES[0].ip, "-U", "replicator", "-D"])
            .arg(&new)
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync"])
            .current_dir("/");
        logged(&mut command, &paths::log("basebackup"), ADVICE)?;
        fs::rename(&new, &data)?;
    }
    server(dir, "replica", REPLICA_PORT, owner)
}

/// Starts one server unless it runs, and waits for it; one that runs with another program or another configuration is ended
/// first.
fn server(dir: &Path, name: &str, port: u16, owner: (u32, u32)) -> Result<()> {
    let data = dir.join(name);
    let config = render::file(
        &paths::source("postgres/postgresql.conf"),
        &[("DIR", &text(dir)), ("ADDRESS", NODES[0].ip)],
    )?;
    render::write(&data.join("postgresql.conf"), &config, 0o600, Some(owner))?;
    let options = format!(
        "-c port={port} -c hba_file={}/hba-{name}.conf -c unix_socket_directories={} -c cluster_name={name}",
        dir.display(),
        paths::run("postgres").display(),
    );
    let rules = fs::read_to_string(dir.join(format!("hba-{name}.conf")))?;
    let form = process::digest(&[&text(&bin("postgres")), &options, &config, &rules]);
    // Its title takes the place of its environment, where other daemons have this.
    let note = dir.join(format!("form-{name}"));
    if let Some(pid) = postmaster(&data) {
        if fs::read_to_string(&note).is_ok_and(|running| running == form) {
            return Ok(());
        }
        eprintln!("      PostgreSQL's {name} is started anew: it is to run otherwise");
        end(&[pid]);
    }
    if let Some(pid) = postmaster(&data) {
        bail!("process {pid}, PostgreSQL's {name}, does not end; what to do: {ADVICE}");
    }
    let mut command = inside(NODES[0].netns, "env");
    as_user(&mut command, "postgres")
        .arg(bin("pg_ctl"))
        .args(["-s", "-w", "-t", "60", "-D"])
        .arg(&data)
        .arg("-l")
        .arg(paths::state(format!("log/postgres/{name}.log")))
        .arg("-o")
        .arg(options)
        .arg("start")
        .current_dir("/");
    let started = process::daemonised(&mut command, &paths::log("pg_ctl"), ADVICE);
    started.with_context(|| {
        let log = paths::state(format!("log/postgres/{name}.log"));
        let tail = crate::cluster::progress::tail(&log, 10).join("\n    ");
        format!(
            "PostgreSQL's {name} does not start; {}:\n    {tail}",
            log.display()
        )
    })?;
    // After that: whoever dies before it has the next one start it once more.
    render::write(&note, &form, 0o600, None)
}

/// The server's process. Its environment is overwritten by its title, so it is known by its folder.
fn postmaster(data: &Path) -> Option<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: u32 = file.lines().next()?.trim().parse().ok()?;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (folder == data).then_some(pid)
}

/// Ends both servers at once; the next start recovers.
pub(crate) fn stop() {
    let servers: Vec<u32> = ["replica", "primary"]
        .iter()
        .filter_map(|name| postmaster(&state("postgres").join(name)))
        .collect();
    end(&servers);
}

fn end(servers: &[u32]) {
    // SIGQUIT is PostgreSQL's immediate shutdown: it ends its children too.
    process::kill("QUIT", servers);
    // One that has ended keeps its number until its parent notices, but no folder.
    let works = |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok();
    process::until(Duration::from_secs(10), || !servers.iter().any(works));
}

/// The primary's process, if it runs.
pub(crate) fn primary_process() -> Option<u32> {
    postmaster(&state("postgres").join("primary"))
}

/// A program of the server's.
pub(crate) fn bin(program: &str) -> PathBuf {
    Path::new("/usr/lib/postgresql")
        .join(versions::POSTGRES)
        .join("bin")
        .join(program)
}
