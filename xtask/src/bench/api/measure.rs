//! The measurements: each of all sides in turn, so that what the machine does beside meets all of them alike.

use anyhow::{Context as _, Result};
use std::path::Path;

use super::{
    http::Request,
    limit::{Limit, limit},
    load::{Turn, turn},
    measures as m,
    requests::{Kind, LIST},
    scene::Scene,
    sides::{Side, Who},
    table::{Table, median},
    tail::tail,
};
use crate::bench::{
    process::Process,
    usage::{load, peak_mib},
};

/// Seconds that warm up. In less, sixteen passwords at once are not checked on a loaded machine.
const WARM: u32 = 2;
/// Starts of each side.
const STARTS: usize = 5;

/// The sides, and what is known of them so far.
pub(super) struct Bench {
    pub(super) scene: Scene,
    pub(super) sides: Vec<Side>,
    pub(super) processes: Vec<Process>,
    pub(super) rounds: u32,
    pub(super) seconds: u32,
    pub(super) table: Table,
}

impl Bench {
    /// Starts every side, and signs the caller in.
    pub(super) fn start(&mut self) -> Result<()> {
        for side in &self.sides {
            let (process, _) = side.start(&self.scene)?;
            eprintln!("      {} is up", side.who.name());
            self.processes.push(process);
        }
        self.sign_in()
    }

    /// An access token of ours lives for ten minutes: each measurement begins with a new one.
    fn sign_in(&mut self) -> Result<()> {
        let mut sides = self.sides.iter();
        let ours = sides.find(|side| side.who == Who::Crewdeck);
        self.scene
            .sign_in(ours.context("one of the sides is ours")?.port)
    }

    /// All kinds of requests, and memory before and after those that take passwords; what pgbench does beside creates.
    pub(super) fn requests(&mut self) -> Result<Limit> {
        let mut limits = Vec::new();
        for kind in Kind::ALL {
            if kind == Kind::Login {
                self.memory(m::BEFORE);
            }
            self.sign_in()?;
            let turns = self.turns(kind, &mut limits)?;
            for (who, turns) in turns {
                let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
                let mut put = |measure, figure| {
                    self.table.put(kind.name(), measure, who, of(figure));
                };
                put(m::RATE, |turn| turn.rate);
                put(m::CPU, |turn| turn.cpu);
                put(m::DATABASE, |turn| turn.database);
                put(m::P50, |turn| turn.p50);
                put(m::P99, |turn| turn.p99);
            }
        }
        self.memory(m::AFTER);
        Ok(Limit {
            rate: median(limits.iter().map(|limit| limit.rate)),
            latency: median(limits.iter().map(|limit| limit.latency)),
        })
    }

    /// The turns of each side that serves the kind. Round 0 warms up.
    fn turns(&self, kind: Kind, limits: &mut Vec<Limit>) -> Result<Vec<(Who, Vec<Turn>)>> {
        let of = || {
            let sides = self.sides.iter().zip(&self.processes);
            sides.filter(|(side, _)| kind.is_of(side.who))
        };
        let mut turns: Vec<(Who, Vec<Turn>)> = of().map(|(side, _)| (side.who, vec![])).collect();
        for round in 0..=self.rounds {
            eprintln!(
                "{}: round {round} of {}, load {}",
                kind.name(),
                self.rounds,
                load()
            );
            let seconds = if round == 0 { WARM } else { self.seconds };
            for ((side, process), (_, turns)) in of().zip(&mut turns) {
                let wrk = kind.wrk(side, &self.scene)?;
                let database = self.scene.postgres.process();
                let turn = turn(&wrk, process.id(), database, seconds)?;
                if round > 0 {
                    turns.push(turn);
                }
                if kind.writes() {
                    self.scene.clear()?;
                }
            }
            if kind == Kind::Create && round > 0 {
                limits.push(limit(&self.scene, seconds)?);
                self.scene.clear()?;
            }
        }
        Ok(turns)
    }

    fn memory(&mut self, measure: &'static str) {
        for (side, process) in self.sides.iter().zip(&self.processes) {
            let peak = peak_mib(process.id());
            self.table.put(m::MEMORY, measure, side.who, peak);
        }
    }

    /// Each side at half of the rate of its own list.
    pub(super) fn tails(&mut self, vegeta: &Path) -> Result<()> {
        self.sign_in()?;
        let request = Request::get(LIST, &self.scene.token);
        for side in &self.sides {
            let (who, table) = (side.who, &mut self.table);
            let greatest = table.get(Kind::List.name(), m::RATE, who);
            let rate = greatest.unwrap_or_default() / 2.0;
            eprintln!("{} at {rate:.0} requests/s, load {}", who.name(), load());
            let tail = tail(vegeta, &request, side, &self.scene, rate)?;
            table.put(m::TAIL, m::P50, who, tail.p50);
            table.put(m::TAIL, m::P99, who, tail.p99);
            table.put(m::TAIL, m::SLOWEST, who, tail.slowest);
        }
        Ok(())
    }

    /// The check of a token, in a process of its own that does nothing else.
    pub(super) fn tokens(&mut self) -> Result<()> {
        let mut found = vec![Vec::new(); self.sides.len()];
        for round in 1..=self.rounds {
            eprintln!(
                "check of a token: round {round} of {}, load {}",
                self.rounds,
                load()
            );
            for (side, found) in self.sides.iter_mut().zip(&mut found) {
                found.push(side.verify()?);
            }
        }
        for (side, found) in self.sides.iter().zip(found) {
            let (first, again): (Vec<f64>, Vec<Option<f64>>) = found.into_iter().unzip();
            let first = median(first) * 1e6;
            self.table.put(m::TOKEN, m::FIRST, side.who, first);
            if let Some(again) = again.into_iter().collect::<Option<Vec<f64>>>() {
                let again = median(again) * 1e6;
                self.table.put(m::TOKEN, m::AGAIN, side.who, again);
            }
        }
        Ok(())
    }

    /// From nothing to the first answer, with tables and rows there. Ends what runs.
    pub(super) fn starts(&mut self) -> Result<()> {
        self.sign_in()?;
        self.processes.drain(..).try_for_each(stop)?;
        let mut found = vec![Vec::new(); self.sides.len()];
        for round in 1..=STARTS {
            eprintln!("cold start: round {round} of {STARTS}, load {}", load());
            for (side, found) in self.sides.iter().zip(&mut found) {
                let (process, seconds) = side.start(&self.scene)?;
                found.push(seconds * 1e3);
                stop(process)?;
            }
        }
        for (side, found) in self.sides.iter().zip(found) {
            let least = found.iter().copied().fold(f64::INFINITY, f64::min);
            let middle = median(found);
            self.table.put(m::COLD, m::MEDIAN, side.who, middle);
            self.table.put(m::COLD, m::LEAST, side.who, least);
        }
        Ok(())
    }
}

/// Ends a side, and says so where it had to be killed.
fn stop(process: Process) -> Result<()> {
    if let Some(told) = process.stop()? {
        eprintln!("{told}");
    }
    Ok(())
}
