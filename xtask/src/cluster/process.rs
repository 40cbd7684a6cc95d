//! Commands and daemons of the cluster.
//!
//! A daemon outlives the command that started it. It is found again by its pid file *and* by a mark in its own
//! environment: a pid file alone may name a stranger's process. The daemon's own first step writes the pid file, so
//! there is no moment in which it runs unrecorded, whatever happens to us. Its environment also holds a digest of what
//! it was started as, by which the next bring-up sees whether it is still what is wanted.

use super::{orphans, paths, progress::Failure};
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The variable that marks our daemons (and the shims of containerd, which inherit it).
const MARK: &str = "CREWDECK_CLUSTER";
/// The variable with the digest of what a daemon was started as.
const FORM: &str = "CREWDECK_FORM";

/// Writes the pid file, enters the freezer group, becomes the daemon.
const FIRST_STEP: &str = r#"
pid=$1 group=$2; shift 2
if [ -n "$group" ]; then echo $$ >"$group/tasks" || exit 1; fi
echo $$ >"$pid.new" && mv "$pid.new" "$pid" && exec "$@"
"#;

/// A process that stays.
pub(crate) struct Daemon<'a> {
    /// Its name: of the pid file and of the log.
    pub(crate) name: &'a str,
    /// The network namespace; `None` is the machine's own.
    pub(crate) netns: Option<&'a str>,
    /// The freezer group to enter.
    pub(crate) group: Option<PathBuf>,
    /// Its configuration, as far as it reads that only at its start.
    pub(crate) reads: &'a [PathBuf],
}

impl Daemon<'_> {
    /// Starts it unless it runs; one that runs with another program, other arguments or another configuration is ended first.
    pub(crate) fn start(&self, program: &Command) -> Result<()> {
        let form = self.form(program);
        if let Some(pid) = alive(self.name) {
            if environment(pid, FORM).is_some_and(|running| running == form) {
                return Ok(());
            }
            eprintln!(
                "      {} is started anew: it is to run otherwise",
                self.name
            );
            stop(end_of(self.name), &[self.name.to_owned()]);
        }
        let pid_file = pid_file(self.name);
        let log = paths::log(self.name);
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let mut command = Command::new("setsid");
        command
            .args(["sh", "-c", FIRST_STEP, "crewdeck"])
            .arg(&pid_file)
            .arg(self.group.as_deref().unwrap_or(Path::new("")));
        if let Some(netns) = self.netns {
            command
                .arg("nsenter")
                .arg(format!("--net={}", netns_file(netns).display()));
        }
        command.arg(program.get_program()).args(program.get_args());
        for (key, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(key, value);
            }
        }
        let child = command
            .env(MARK, paths::RUN)
            .env(FORM, form)
            .current_dir(program.get_current_dir().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {}", self.name))?;
        let (id, limit) = (child.id(), Duration::from_secs(5));
        if until(limit, || read_pid(&pid_file) == Some(id)) {
            return Ok(());
        }
        let what = format!("{} has not started within {} s", self.name, limit.as_secs());
        Err(Failure::new(what, "read the log").with_log(&log).into())
    }

    /// What the program would be started as. The environment is not in it: it has the PATH of whoever calls.
    fn form(&self, program: &Command) -> String {
        // Ours are links into folders of the cache that name the version.
        let name = Path::new(program.get_program());
        let real = name
            .is_absolute()
            .then(|| fs::canonicalize(name).ok())
            .flatten();
        let real = real.unwrap_or_else(|| name.to_owned());
        let mut parts = vec![
            real.into_os_string().into_encoded_bytes(),
            self.netns.unwrap_or_default().as_bytes().to_vec(),
        ];
        let arguments = program.get_args();
        parts.extend(arguments.map(|argument| argument.as_encoded_bytes().to_vec()));
        parts.extend(
            self.reads
                .iter()
                .map(|file| fs::read(file).unwrap_or_default()),
        );
        digest(&parts)
    }
}

/// The signal that ends a daemon.
pub(crate) fn end_of(name: &str) -> &'static str {
    // They keep nothing, or what they keep survives a kill.
    if ["kcm", "sched", "apiserver", "kafka"].contains(&name) {
        "KILL"
    } else {
        "TERM"
    }
}

/// A digest of several texts, in which none can run into the next.
pub(crate) fn digest(parts: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new();
    for part in parts.iter().map(AsRef::as_ref) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut text = String::new();
    for byte in hash.finalize().iter().take(16) {
        use std::fmt::Write as _;
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The file of a network namespace.
pub(crate) fn netns_file(netns: &str) -> PathBuf {
    Path::new("/run/netns").join(netns)
}

/// A command inside a network namespace. Not `ip netns exec`: that mounts /sys again and hides the control groups.
pub(crate) fn inside(netns: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", netns_file(netns).display()))
        .arg(program);
    command
}

/// Adds the words that make the rest of the command run as a system user.
pub(crate) fn as_user<'a>(command: &'a mut Command, user: &str) -> &'a mut Command {
    // Not ours: it would look for certificates and settings in there, which it may not read.
    command.env("HOME", "/nonexistent").args([
        "setpriv",
        &format!("--reuid={user}"),
        &format!("--regid={user}"),
        "--init-groups",
    ])
}

fn pid_file(name: &str) -> PathBuf {
    paths::run(format!("{name}.pid"))
}

fn read_pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The process of a daemon, if it runs.
pub(crate) fn alive(name: &str) -> Option<u32> {
    read_pid(&pid_file(name)).filter(|pid| is_ours(*pid))
}

/// Whether a process is one of our daemons, or was begun by one.
fn is_ours(pid: u32) -> bool {
    environment(pid, MARK).is_some_and(|mark| mark == paths::RUN)
}

/// What the kernel tells of a process.
pub(super) struct Stat {
    /// Whether it has ended, and only waits for its parent to notice.
    pub(super) ended: bool,
    /// When it began, by which it is told from a later one of the same number.
    pub(super) began: u64,
}

/// Reads `/proc/<pid>/stat`; `None` when there is no such process.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    Stat::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

impl Stat {
    pub(super) fn read(text: &str) -> Option<Self> {
        // The name stands in parentheses and may hold spaces.
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let ended = ["Z", "X"].contains(&fields.next()?);
        // Field 22 of all, the second being the name and the third the state.
        let began = fields.nth(18)?.parse().ok()?;
        Some(Self { ended, began })
    }
}

/// Whether the process that began then holds anything still. Of one that is killed the environment goes first and the sockets later,
/// and its first thread may end before others, which have them.
fn lives(pid: u32, began: u64) -> bool {
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    stat(pid).is_some_and(|now| now.began == began && (!now.ended || threads() > 1))
}

/// A variable of a process's environment.
pub(super) fn environment(pid: u32, variable: &str) -> Option<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environ.split(|byte| *byte == 0).find_map(|entry| {
        let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
        (name == variable).then(|| value.to_owned())
    })
}

/// The names of daemons that have a pid file.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(paths::RUN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".pid")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Sends a signal to the daemons and waits until they are gone; after ten seconds they are killed.
pub(crate) fn stop(signal: &str, names: &[String]) {
    let pids: Vec<u32> = names.iter().filter_map(|name| alive(name)).collect();
    let begun = |pid: &u32| Some((*pid, stat(*pid)?.began));
    let processes: Vec<(u32, u64)> = pids.iter().filter_map(begun).collect();
    let living = || -> Vec<u32> {
        let living = processes.iter().filter(|(pid, began)| lives(*pid, *began));
        living.map(|(pid, _)| *pid).collect()
    };
    kill(signal, &pids);
    if !until(Duration::from_secs(10), || living().is_empty()) {
        kill("KILL", &living());
        // What even that does not end is reported by the caller, who looks for what is left.
        until(Duration::from_secs(5), || living().is_empty());
    }
    for name in names {
        let _ = fs::remove_file(pid_file(name));
    }
}

/// Sends a signal to processes; one that is gone already is no error.
pub(crate) fn kill(signal: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let _ = Command::new("kill")
        .args(["-s", signal])
        .args(pids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

/// Every process with the daemons' mark.
pub(crate) fn marked() -> Vec<u32> {
    all().filter(|pid| is_ours(*pid)).collect()
}

/// Every process of the machine.
pub(super) fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process that has begun another one, or taken it over.
pub(super) fn parent(pid: u32) -> Option<u32> {
    let told = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

/// Runs a command to its end with its output in a log; the failure shows the log's last lines.
pub(crate) fn logged(command: &mut Command, log: &Path, advice: &str) -> Result<()> {
    daemonised(of_step(command), log, advice)
}

/// Marks a command as the work of a step: it is ended when the command that began it is no more.
pub(crate) fn of_step(command: &mut Command) -> &mut Command {
    orphans::mark(command)
}

/// The same for a command that leaves a daemon behind, which must not be taken for the command's own work.
pub(crate) fn daemonised(command: &mut Command, log: &Path, advice: &str) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let output = File::create(log).with_context(|| format!("make {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| format!("run {}", name_of(command)))?;
    if status.success() {
        return Ok(());
    }
    let what = format!("{} ended with {status}", name_of(command));
    Err(Failure::new(what, advice).with_log(log).into())
}

/// Runs a short command and returns what it prints; the failure tells what it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {}", name_of(command)))?;
    anyhow::ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        name_of(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).context("its output is no text")
}

/// The same with text on its standard input.
pub(crate) fn fed(command: &mut Command, input: &str) -> Result<String> {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {}", name_of(command)))?;
    // It may end before it has read everything; its status tells why.
    let _ = child
        .stdin
        .take()
        .context("standard input is a pipe")?
        .write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    anyhow::ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        name_of(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).context("its output is no text")
}

/// Whether a short command succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The program of a command behind the wrappers that only choose where and as whom it runs, without its arguments:
/// these may hold passwords.
fn name_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .find(|word| {
            !word.starts_with('-')
                && !["nsenter", "setpriv", "env", "nice"].contains(&word.as_str())
                && !word.contains('=')
        })
        .unwrap_or_else(|| command.get_program().to_string_lossy().into_owned())
}

/// Waits for a condition; gives whether it came within the limit.
pub(crate) fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        pause();
    }
    true
}

/// Waits for a condition; the failure says what to do.
pub(crate) fn wait(
    what: &str,
    limit: Duration,
    advice: &str,
    condition: impl FnMut() -> bool,
) -> std::result::Result<(), Failure> {
    if until(limit, condition) {
        return Ok(());
    }
    Err(Failure::new(in_vain(what, limit), advice))
}

fn in_vain(what: &str, limit: Duration) -> String {
    format!("waited {} s for {what}, in vain", limit.as_secs())
}

/// Waits for a condition that a daemon brings about; fails at once when the daemon ends.
pub(crate) fn wait_for(
    daemon: &str,
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
) -> Result<()> {
    let mut ended = false;
    let came = until(limit, || {
        ended = alive(daemon).is_none();
        ended || condition()
    });
    let what = match (came, ended) {
        (true, false) => return Ok(()),
        (_, true) => format!("{daemon} ended while we waited for {what}"),
        (false, false) => in_vain(what, limit),
    };
    Err(Failure::new(
        what,
        "run `cargo xtask up` again; if it fails the same way, `cargo xtask down` removes a damaged state",
    )
    .with_log(&paths::log(daemon))
    .into())
}

/// Between two looks at a condition.
pub(crate) fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the wait for a condition: it has a deadline"
    )]
    std::thread::sleep(Duration::from_millis(100));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_read_behind_any_name() {
        let stat = |state: &str| {
            let between = "0 ".repeat(18);
            let told = Stat::read(&format!("7 (a) b) {state} {between}4711 0 0"));
            told.map(|stat| (stat.began, stat.ended))
        };
        assert_eq!(stat("S"), Some((4711, false)));
        assert_eq!(stat("Z"), Some((4711, true)));
    }

    #[test]
    fn a_command_is_named_without_its_arguments() {
        let mut command = inside("crewdeck", "setpriv");
        command.args(["--reuid=postgres", "psql", "--password=secret"]);
        assert_eq!(name_of(&command), "psql");
    }

    #[test]
    fn our_own_process_has_no_mark() {
        assert!(!is_ours(std::process::id()));
    }

    #[test]
    fn a_wait_ends_at_its_deadline() {
        let error = wait("nothing", Duration::ZERO, "do it", || false).expect_err("never comes");
        assert_eq!(
            error.to_string(),
            "waited 0 s for nothing, in vain\n\n  what to do: do it"
        );
    }

    #[test]
    fn a_daemon_that_is_to_run_otherwise_has_another_form() {
        let folder = common_scratch::Folder::new("form").expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for version in ["etcd-1", "etcd-2"] {
            fs::write(at(version), version).expect("written");
        }
        let link = |version: &str| {
            let _ = fs::remove_file(at("etcd"));
            std::os::unix::fs::symlink(at(version), at("etcd")).expect("linked");
        };
        let files = [at("config")];
        let form = |netns, arguments: &[&str], path: &str| {
            let daemon = Daemon {
                name: "etcd",
                netns,
                group: None,
                reads: &files,
            };
            let mut program = Command::new(at("etcd"));
            daemon.form(program.args(arguments).env("PATH", path))
        };
        link("etcd-1");
        let first = form(None, &["-a", "b"], "/bin");
        assert_eq!(form(None, &["-a", "b"], "/usr/bin"), first);
        assert_ne!(form(None, &["-a", "c"], "/bin"), first);
        assert_ne!(form(None, &["-ab"], "/bin"), first);
        assert_ne!(form(Some("crewdeck"), &["-a", "b"], "/bin"), first);
        link("etcd-2");
        assert_ne!(form(None, &["-a", "b"], "/bin"), first);
        link("etcd-1");
        fs::write(&files[0], "x = 1").expect("written");
        assert_ne!(form(None, &["-a", "b"], "/bin"), first);
    }
}
