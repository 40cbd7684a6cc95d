//! The figures: each of both sides, its aim, and whether it holds. Nothing fails by them.

use super::{
    Args,
    measure::{Side, Takeover},
    subject::{Making, Settled, Start},
};
use crate::bench::{
    aim::{Aim, short},
    usage::load,
};

/// A figure: name with unit, where it is found, and the aim of ours.
pub(super) struct Row {
    name: &'static str,
    of: fn(&Side) -> Option<f64>,
    aim: Option<Aim>,
}

const fn row(name: &'static str, of: fn(&Side) -> Option<f64>, aim: Option<Aim>) -> Row {
    Row { name, of, aim }
}

/// The API server's own limit.
pub(super) const RAW: &[Row] = &[row("raw server-side applies a second", |s| s.raw, None)];

/// The making of Platforms.
pub(super) const MAKING: &[Row] = &[
    row(
        "seconds until every new Platform was Ready",
        |s| making(s, Making::until_ready),
        None,
    ),
    row(
        "  writes of the operator for each",
        |s| making(s, |m| m.writes / s.platforms),
        None,
    ),
    row(
        "  writes a second of the operator meanwhile",
        |s| making(s, Making::rate),
        None,
    ),
    row(
        "  % of the raw rate",
        |s| Some(making(s, Making::rate)? / s.raw? * 100.0),
        Some(Aim::Least(80.0)),
    ),
    row(
        "  CPU seconds of all processes for each",
        |s| making(s, |m| m.cpu() / s.platforms),
        None,
    ),
    row(
        "  memory at its peak, MiB",
        |s| Some(making_rest(s)?.memory.peak),
        None,
    ),
    row(
        "  memory when settled, MiB",
        |s| Some(making_rest(s)?.memory.resident),
        None,
    ),
    row(
        "  not at rest: writes in the last minute",
        |s| making_rest(s)?.restless,
        None,
    ),
];

/// The start over settled Platforms.
pub(super) const ALONE: &[Row] = &[
    row(
        "cold start: seconds until each was looked at",
        |s| alone(s, |a| a.looked),
        None,
    ),
    row(
        "  until the last write of it too",
        |s| s.alone.as_ref()?.idle(),
        Some(Aim::Most(10.0)),
    ),
    row(
        "  CPU milliseconds of the operator for each",
        |s| alone(s, |a| a.cpu / s.platforms * 1e3),
        None,
    ),
    row(
        "  writes",
        |s| Some(alone_rest(s)?.writes),
        Some(Aim::Most(0.0)),
    ),
    row(
        "  memory when settled, MiB",
        |s| Some(alone_rest(s)?.memory.resident),
        None,
    ),
    row(
        "  of it anonymous",
        |s| Some(alone_rest(s)?.memory.anonymous),
        None,
    ),
    row(
        "  not at rest: writes in the last minute",
        |s| alone_rest(s)?.restless,
        None,
    ),
];

/// The same among objects of others.
pub(super) const AMONG: &[Row] = &[
    row(
        "the same among objects of others: each was looked at",
        |s| among(s, |a| a.looked),
        None,
    ),
    row(
        "  until the last write of it too",
        |s| s.among.as_ref()?.idle(),
        Some(Aim::Most(10.0)),
    ),
    row(
        "  writes",
        |s| Some(among_rest(s)?.writes),
        Some(Aim::Most(0.0)),
    ),
    row(
        "  memory at its peak, MiB",
        |s| Some(among_rest(s)?.memory.peak),
        Some(Aim::Most(20.0)),
    ),
    row(
        "  memory when settled, MiB",
        |s| Some(among_rest(s)?.memory.resident),
        Some(Aim::Most(20.0)),
    ),
    row(
        "  of it anonymous",
        |s| Some(among_rest(s)?.memory.anonymous),
        None,
    ),
    row(
        "  of that by the objects of others",
        Side::by_others,
        Some(Aim::Most(1.0)),
    ),
    row(
        "  not at rest: writes in the last minute",
        |s| among_rest(s)?.restless,
        None,
    ),
];

/// Changes that others made.
pub(super) const DRIFT: &[Row] = &[
    row("drift put right: median, ms", |s| at(&s.drift, 50), None),
    row("  99th percentile, ms", |s| at(&s.drift, 99), None),
];

/// The death of the leader.
pub(super) const TAKEOVER: &[Row] = &[
    row(
        "leader killed: seconds until another leads, at most",
        |s| slowest(s, |one| one.leads),
        None,
    ),
    row(
        "  until its first write, at most",
        |s| slowest(s, |one| one.writes),
        Some(Aim::Most(20.0)),
    ),
];

fn making(side: &Side, of: impl Fn(&Making) -> f64) -> Option<f64> {
    side.making.as_ref().map(of)
}

fn alone(side: &Side, of: impl Fn(&Start) -> f64) -> Option<f64> {
    side.alone.as_ref().map(of)
}

fn among(side: &Side, of: impl Fn(&Start) -> f64) -> Option<f64> {
    side.among.as_ref().map(of)
}

fn making_rest(side: &Side) -> Option<&Settled> {
    side.making.as_ref()?.settled.as_ref()
}

fn alone_rest(side: &Side) -> Option<&Settled> {
    side.alone.as_ref()?.settled.as_ref()
}

fn among_rest(side: &Side) -> Option<&Settled> {
    side.among.as_ref()?.settled.as_ref()
}

fn slowest(side: &Side, of: impl Fn(&Takeover) -> f64) -> Option<f64> {
    side.takeovers.iter().map(of).reduce(f64::max)
}

/// The percentile of figures that are in order: the least one that so many per cent of them do not exceed.
fn at(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

impl Row {
    /// The figures of both sides, with the aim of ours.
    fn line(&self, ours: &Side, rival: Option<&Side>) -> String {
        let (own, other) = ((self.of)(ours), rival.and_then(self.of));
        let aim = self.aim.map(Aim::bound).unwrap_or_default();
        let verdict = self.aim.map_or("", |aim| aim.verdict(own));
        let text = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), short);
        let line = format!(
            "{:<58} {:>10} {:>10} {aim:>8} {verdict}",
            self.name,
            text(own),
            text(other)
        );
        line.trim_end().to_owned()
    }

    /// Whether there is nothing to say: it rests, as it should.
    fn is_idle(&self, ours: &Side, rival: Option<&Side>) -> bool {
        self.name.contains("not at rest")
            && (self.of)(ours).is_none()
            && rival.and_then(self.of).is_none()
    }
}

/// Prints what is known of one side, as soon as it is.
pub(super) fn tell(side: &Side, rows: &[Row]) {
    for row in rows {
        if let Some(figure) = (row.of)(side) {
            println!("{:<10} {:<58} {:>10}", side.name, row.name, short(figure));
        }
    }
}

/// Prints all of them, side by side.
pub(super) fn print(args: &Args, ours: &Side, rival: Option<&Side>) {
    println!(
        "\n{:<58} {:>10} {:>10} {:>8}",
        "figure", "crewdeck", "kopf", "aim"
    );
    for row in [RAW, MAKING, ALONE, AMONG, DRIFT, TAKEOVER]
        .into_iter()
        .flatten()
    {
        if !row.is_idle(ours, rival) {
            println!("{}", row.line(ours, rival));
        }
    }
    for side in std::iter::once(ours).chain(rival) {
        if let Some(making) = &side.making {
            details(side.name, making);
        }
        for note in &side.notes {
            println!("\n{}: {note}", side.name);
        }
    }
    println!(
        "\n{} Platforms, {} objects of others; {} cores, load {} at the end",
        args.platforms,
        args.foreign,
        std::thread::available_parallelism().map_or(0, usize::from),
        load()
    );
}

fn details(name: &str, making: &Making) {
    let cpu: Vec<String> = making
        .cpu
        .iter()
        .map(|(name, used)| format!("{name} {used:.0}"))
        .collect();
    println!("\nCPU seconds while {name} made them: {}", cpu.join(", "));
    let mut kinds = making.kinds.clone();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    println!("its writes: {}", kinds.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let figures: Vec<f64> = (1..=50).map(f64::from).collect();
        assert_eq!(at(&figures, 50), Some(25.0));
        assert_eq!(at(&figures, 99), Some(50.0));
        assert_eq!(at(&[], 50), None);
    }

    #[test]
    fn a_line_tells_whether_the_aim_holds() {
        let line = |ours, aim| {
            let side = Side {
                raw: ours,
                ..Side::default()
            };
            row("figure", |side| side.raw, Some(aim)).line(&side, None)
        };
        assert!(line(Some(19.94), Aim::Most(20.0)).ends_with("19.9          –     ≤ 20 holds"));
        assert!(line(Some(79.0), Aim::Least(80.0)).ends_with("missed"));
        assert!(line(Some(f64::INFINITY), Aim::Most(10.0)).ends_with("≤ 10 missed"));
        assert!(line(None, Aim::Most(10.0)).ends_with("not measured"));
    }

    #[test]
    fn what_was_found_before_something_went_wrong_is_told() {
        let side = Side {
            name: "crewdeck",
            raw: Some(500.0),
            notes: vec!["it ended".to_owned()],
            ..Side::default()
        };
        assert!(RAW[0].line(&side, None).contains(" 500 "));
        assert!(ALONE[1].line(&side, None).ends_with("not measured"));
    }
}
