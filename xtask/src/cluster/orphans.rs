//! What a killed command of ours left working: a compiler, buildah, Helm. Each bears in its environment who began it, by which
//! it is told from the work of a command that still goes on.

use super::process::{self, environment, until};
use std::{fs, process::Command, time::Duration};

/// The variable that names who began the work.
const MARK: &str = "CREWDECK_STEP";

/// A process, told from a later one of the same number by the time of its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Starter {
    pid: u32,
    /// Ticks since the machine's start.
    began: u64,
}

impl Starter {
    /// The process of this number; `None` when it is no more, or only waits for its parent to notice.
    fn of(pid: u32) -> Option<Self> {
        let stat = process::stat(pid).filter(|stat| !stat.ended)?;
        Some(Self {
            pid,
            began: stat.began,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (pid, began) = text.split_once('@')?;
        Some(Self {
            pid: pid.parse().ok()?,
            began: began.parse().ok()?,
        })
    }

    fn text(self) -> String {
        format!("{}@{}", self.pid, self.began)
    }

    fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// Marks a command as our work: it is ended when we are no more and somebody else goes on.
pub(super) fn mark(command: &mut Command) -> &mut Command {
    if let Some(own) = Starter::of(std::process::id()) {
        command.env(MARK, own.text());
    }
    command
}

/// Ends what killed commands left working; gives how much it was.
pub(super) fn end() -> usize {
    let orphans = orphans();
    process::kill("KILL", &orphans);
    until(Duration::from_secs(5), || self::orphans().is_empty());
    orphans.len()
}

/// The marked processes whose starter is no more.
fn orphans() -> Vec<u32> {
    // Of ours: numbers of processes in a container mean others.
    let numbers = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = numbers("self");
    process::all()
        .filter(|pid| numbers(&pid.to_string()) == ours)
        .filter(|pid| {
            environment(*pid, MARK)
                .and_then(|mark| Starter::parse(&mark))
                .is_some_and(|starter| !starter.lives())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Child;

    fn sleeper(mark: Option<&str>) -> Child {
        let mut command = Command::new("sleep");
        if let Some(mark) = mark {
            command.env(MARK, mark);
        }
        command.arg("300").spawn().expect("sleep is there")
    }

    #[test]
    fn work_is_an_orphan_when_its_starter_has_ended_and_not_before() {
        let mut starter = sleeper(None);
        let mark = Starter::of(starter.id()).expect("it runs").text();
        let mut work = sleeper(Some(&mark));
        let found = || orphans().contains(&work.id());
        let before = found();
        // Not waited for: a parent that never looks must not keep the work alive.
        starter.kill().expect("it runs");
        let after = until(Duration::from_secs(10), found);
        for child in [&mut work, &mut starter] {
            let _ = child.kill();
            let _ = child.wait();
        }
        assert!(!before, "its starter was alive");
        assert!(after, "its starter was dead");
    }

    #[test]
    fn our_own_work_bears_our_mark() {
        let mut command = Command::new("true");
        mark(&mut command);
        let value = command.get_envs().next().and_then(|(_, value)| value);
        let text = value.and_then(|value| value.to_str()).expect("marked");
        assert_eq!(
            Starter::parse(text).map(|starter| (starter.pid, starter.lives())),
            Some((std::process::id(), true))
        );
    }

    #[test]
    fn a_number_that_was_given_again_is_another_process() {
        let own = Starter::of(std::process::id()).expect("we run");
        let former = Starter {
            began: own.began - 1,
            ..own
        };
        assert!(own.lives() && !former.lives());
    }
}
