//! What the figures should be: the goals of the design, with their numbers there. None fails the bench.

use std::fmt::Write as _;

use super::{limit::Limit, measures as m, requests::Kind, sides::Who, table::Table};
use crate::bench::aim::{Aim, short};

/// The table, and what PostgreSQL itself does with a create.
pub(super) struct Found {
    pub(super) table: Table,
    pub(super) limit: Limit,
}

struct Goal {
    number: u8,
    text: &'static str,
    of: fn(&Found) -> Option<f64>,
    aim: Aim,
}

const fn goal(number: u8, text: &'static str, of: fn(&Found) -> Option<f64>, aim: Aim) -> Goal {
    Goal {
        number,
        text,
        of,
        aim,
    }
}

use Aim::{Least, Most};
use Who::{Axum, Crewdeck, Drf, Go};

const GOALS: &[Goal] = &[
    goal(
        1,
        "list: server CPU, µs",
        |f| f.cpu(Kind::List, Crewdeck),
        Most(60.0),
    ),
    goal(
        1,
        "  DRF's is so many times ours",
        |f| f.times(Kind::List, Drf),
        Least(65.0),
    ),
    goal(
        1,
        "  Go's is so many times ours",
        |f| f.times(Kind::List, Go),
        Least(3.0),
    ),
    goal(
        1,
        "  ours is so many times bare axum's",
        |f| Some(1.0 / f.times(Kind::List, Axum)?),
        Most(1.4),
    ),
    goal(
        2,
        "one task: server CPU, µs",
        |f| f.cpu(Kind::Detail, Crewdeck),
        Most(32.0),
    ),
    goal(
        2,
        "  DRF's is so many times ours",
        |f| f.times(Kind::Detail, Drf),
        Least(75.0),
    ),
    goal(
        2,
        "  Go's is so many times ours",
        |f| f.times(Kind::Detail, Go),
        Least(3.5),
    ),
    goal(
        3,
        "304: server CPU, µs",
        |f| f.cpu(Kind::Held, Crewdeck),
        Most(15.0),
    ),
    goal(
        3,
        "  its rate is so many times that of the 200",
        Found::held,
        Least(1.8),
    ),
    goal(
        4,
        "create: rate, of that of pgbench",
        |f| Some(f.rate(Kind::Create, Crewdeck)? / f.limit.rate),
        Least(0.8),
    ),
    goal(
        4,
        "  latency, of that of pgbench",
        Found::slower,
        Most(1.15),
    ),
    goal(
        4,
        "  rate, of that of DRF",
        |f| Some(f.rate(Kind::Create, Crewdeck)? / f.rate(Kind::Create, Drf)?),
        Least(6.0),
    ),
    goal(
        5,
        "check of a new token: a second",
        |f| f.checks(m::FIRST, Crewdeck),
        Least(30_000.0),
    ),
    goal(
        5,
        "check of a remembered one: a second",
        |f| f.checks(m::AGAIN, Crewdeck),
        Least(1_500_000.0),
    ),
    goal(
        5,
        "  of that of simplejwt",
        |f| Some(f.checks(m::AGAIN, Crewdeck)? / f.checks(m::FIRST, Drf)?),
        Least(95.0),
    ),
    goal(
        6,
        "refresh: a second of CPU",
        |f| Some(1e6 / f.cpu(Kind::Refresh, Crewdeck)?),
        Least(1_300.0),
    ),
    goal(
        7,
        "sign-in: a second of CPU",
        |f| Some(1e6 / f.cpu(Kind::Login, Crewdeck)?),
        Least(60.0),
    ),
    goal(
        13,
        "cold start, ms",
        |f| f.table.get(m::COLD, m::MEDIAN, Crewdeck),
        Most(50.0),
    ),
    goal(
        13,
        "  DRF's is so many times ours",
        Found::colder,
        Least(12.0),
    ),
    goal(
        14,
        "memory at its peak before sign-ins, MiB",
        |f| f.table.get(m::MEMORY, m::BEFORE, Crewdeck),
        Most(25.0),
    ),
    goal(18, "p99 of p50 at half of the rate", Found::tail, Most(3.0)),
];

impl Found {
    fn cpu(&self, kind: Kind, who: Who) -> Option<f64> {
        self.table.get(kind.name(), m::CPU, who)
    }

    fn rate(&self, kind: Kind, who: Who) -> Option<f64> {
        self.table.get(kind.name(), m::RATE, who)
    }

    /// Another side's CPU, in ours.
    fn times(&self, kind: Kind, who: Who) -> Option<f64> {
        Some(self.cpu(kind, who)? / self.cpu(kind, Crewdeck)?)
    }

    fn held(&self) -> Option<f64> {
        Some(self.rate(Kind::Held, Crewdeck)? / self.rate(Kind::Detail, Crewdeck)?)
    }

    fn slower(&self) -> Option<f64> {
        let ours = self.table.get(Kind::Create.name(), m::P50, Crewdeck)?;
        Some(ours / self.limit.latency)
    }

    fn checks(&self, measure: &str, who: Who) -> Option<f64> {
        Some(1e6 / self.table.get(m::TOKEN, measure, who)?)
    }

    fn colder(&self) -> Option<f64> {
        let of = |who| self.table.get(m::COLD, m::MEDIAN, who);
        Some(of(Drf)? / of(Crewdeck)?)
    }

    fn tail(&self) -> Option<f64> {
        let of = |measure| self.table.get(m::TAIL, measure, Crewdeck);
        Some(of(m::P99)? / of(m::P50)?)
    }

    /// A line for each goal.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{:<4} {:<45} {:>10} {:>9}", "goal", "", "crewdeck", "aim");
        for goal in GOALS {
            let figure = (goal.of)(self);
            let _ = write!(
                text,
                "\n{:<4} {:<45} {:>10} {:>9} {}",
                goal.number,
                goal.text,
                figure.map_or_else(|| "–".to_owned(), short),
                goal.aim.bound(),
                goal.aim.verdict(figure)
            );
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_tells_whether_it_holds() {
        let mut table = Table::default();
        for (who, cpu) in [(Crewdeck, 50.0), (Axum, 40.0), (Go, 100.0)] {
            table.put(Kind::List.name(), m::CPU, who, cpu);
        }
        table.put(Kind::Create.name(), m::RATE, Crewdeck, 900.0);
        table.put(Kind::Create.name(), m::P50, Crewdeck, 2.4);
        let limit = Limit {
            rate: 1_000.0,
            latency: 2.0,
        };
        let found = Found { table, limit };
        let text = found.text();
        let line = |words: &str| {
            let mut lines = text.lines();
            let line = lines.find(|line| line.contains(words)).expect("a line");
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(line("list: server CPU").ends_with("50 ≤ 60 holds"));
        assert!(line("Go's is so many").ends_with("2 ≥ 3 missed"));
        assert!(line("bare axum's").ends_with("1.2 ≤ 1.4 holds"));
        assert!(line("of that of pgbench").ends_with("0.90 ≥ 0.80 holds"));
        assert!(line("latency, of").ends_with("1.2 ≤ 1.1 missed"));
        assert!(line("cold start").ends_with("not measured"));
    }
}
