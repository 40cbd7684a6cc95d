//! Servers that live as long as the value that stands for them: PostgreSQL, Redis and RabbitMQ on loopback, in a
//! temporary folder. The kernel ends them too when this process dies without a chance to.

mod postgres;
mod rabbitmq;
mod redis;

pub(crate) use postgres::{Direction, Postgres, migrations};
pub(crate) use rabbitmq::RabbitMq;
pub(crate) use redis::Redis;

use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// A folder below the system's temporary one, removed with its content when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a new, empty folder.
    pub(crate) fn new(name: &str) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("crewdeck-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        // Passwords lie in some of them.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: what is left lies in the temporary folder and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A child that is asked to end, then waited for, when dropped.
#[derive(Debug)]
struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stop: &'static str,
}

impl Server {
    /// Starts a program as a system user (as ourselves when we are not root) with its output in a file.
    fn start(name: &'static str, user: &str, log: PathBuf, program: &Command) -> Result<Self> {
        Self::spawn(name, log, &mut as_user(user, program))
    }

    /// The same inside a network namespace, which only root may enter.
    fn start_in(
        namespace: &Path,
        name: &'static str,
        user: &str,
        log: PathBuf,
        program: &Command,
    ) -> Result<Self> {
        let inside = as_user(user, program);
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", namespace.display()));
        continue_with(&mut command, &inside);
        Self::spawn(name, log, &mut command)
    }

    fn spawn(name: &'static str, log: PathBuf, command: &mut Command) -> Result<Self> {
        let output = fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0) // an interrupt is for us; we end our servers in order
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self {
            name,
            child,
            log,
            stop: "TERM",
        })
    }

    /// Waits until `ready` is true; fails early, with the log's end, when the process is gone.
    fn wait(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once ({status}):\n{}", self.name, self.tail());
            }
            if ready() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} is not ready after {} s:\n{}",
                    self.name,
                    limit.as_secs(),
                    self.tail()
                );
            }
            pause();
        }
    }

    /// The last lines of the log.
    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group is our child's own, and its number stays taken until we have waited: this cannot hit a stranger.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-s", self.stop, "--", &group])
            .status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            pause();
        }
    }
}

/// The command run as a system user, ended by the kernel when this process dies.
fn as_user(user: &str, program: &Command) -> Command {
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
fn continue_with(wrapper: &mut Command, program: &Command) {
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
fn give(folder: &Path, user: &str) -> Result<()> {
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
fn succeed(command: &mut Command) -> Result<String> {
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

/// Installs the Debian package of a missing file, and says so.
pub(crate) fn ensure_installed(file: &Path, package: &str) -> Result<()> {
    if file.exists() {
        return Ok(());
    }
    if !is_root() {
        bail!(
            "{} is missing: install the Debian package {package}",
            file.display()
        );
    }
    println!(
        "      installing the Debian package {package} ({} is missing)",
        file.display()
    );
    let install = |package: &str| {
        succeed(
            Command::new("apt-get")
                .args(["install", "--yes", "--no-install-recommends", package])
                .env("DEBIAN_FRONTEND", "noninteractive")
                // A package must not start the service that we start ourselves.
                .env("RUNLEVEL", "1"),
        )
    };
    if install(package).is_err() {
        succeed(Command::new("apt-get").arg("update"))?;
        install(package)?;
    }
    Ok(())
}

/// A port that was free a moment ago, below the range from which the kernel takes the ports of clients.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 8_000)?;
    for _ in 0..4_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free port between {first} and {} on 127.0.0.1",
        first + 4_000
    )
}

/// Whether a server answers on the port.
fn answers(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server answers on the port inside a network namespace.
fn answers_in(namespace: &Path, port: u16) -> bool {
    Command::new("nsenter")
        .arg(format!("--net={}", namespace.display()))
        .args(["bash", "-c", &format!("</dev/tcp/127.0.0.1/{port}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Between two looks at a condition.
fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the wait for a condition: it has a deadline"
    )]
    std::thread::sleep(Duration::from_millis(50));
}

/// Whether we may become other users.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
