//! The table: each figure of both sides, its aim, and whether it holds. Nothing fails by it.

use std::fs;

use super::{
    Args,
    measure::Side,
    ours::{Ours, Takeover},
};

/// A figure: name, unit, ours, the other side's, the aim.
struct Figure {
    name: &'static str,
    ours: f64,
    rival: Option<f64>,
    aim: Option<Aim>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
enum Aim {
    Least(f64),
    Most(f64),
}

impl Figure {
    fn new(name: &'static str, ours: f64, rival: Option<f64>, aim: Option<Aim>) -> Self {
        Self {
            name,
            ours,
            rival,
            aim,
        }
    }

    fn line(&self) -> String {
        let rival = self.rival.map_or_else(|| "–".to_owned(), short);
        let (aim, holds) = match self.aim {
            None => (String::new(), ""),
            Some(Aim::Least(least)) => (format!("≥ {}", short(least)), holds(self.ours >= least)),
            Some(Aim::Most(most)) => (format!("≤ {}", short(most)), holds(self.ours <= most)),
        };
        let line = format!(
            "{:<58} {:>10} {rival:>10} {aim:>8} {holds}",
            self.name,
            short(self.ours)
        );
        line.trim_end().to_owned()
    }
}

fn holds(does: bool) -> &'static str {
    if does { "holds" } else { "missed" }
}

/// As many digits as say something.
fn short(figure: f64) -> String {
    if figure.abs() >= 99.95 || figure.fract() == 0.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.1}")
    }
}

/// Prints all of them.
pub(super) fn print(args: &Args, ours: &Ours, rival: Option<&Side>) {
    println!(
        "\n{:<58} {:>10} {:>10} {:>8}",
        "figure", "crewdeck", "kopf", "aim"
    );
    for figure in figures(ours, rival) {
        println!("{}", figure.line());
    }
    for (name, side) in [("crewdeck", Some(&ours.side)), ("kopf", rival)] {
        let Some(side) = side else { continue };
        let cpu = side.making.cpu.iter();
        let cpu: Vec<String> = cpu
            .map(|(name, used)| format!("{name} {used:.0}"))
            .collect();
        println!("\nCPU seconds while {name} made them: {}", cpu.join(", "));
        let mut kinds = side.making.kinds.clone();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let kinds: Vec<String> = kinds
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        println!("its writes: {}", kinds.join(", "));
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "\n{} Platforms, {} objects of others; {} cores, load {} at the end",
        args.platforms,
        args.foreign,
        std::thread::available_parallelism().map_or(0, usize::from),
        load.split_whitespace().next().unwrap_or("?")
    );
}

fn figures(ours: &Ours, rival: Option<&Side>) -> Vec<Figure> {
    let both =
        |name, of: fn(&Side) -> f64, aim| Figure::new(name, of(&ours.side), rival.map(of), aim);
    let (least, most) = (
        |figure| Some(Aim::Least(figure)),
        |figure| Some(Aim::Most(figure)),
    );
    let mut figures = vec![
        both("raw server-side applies a second", |s| s.raw, None),
        both(
            "seconds until every new Platform was Ready",
            |s| s.making.seconds,
            None,
        ),
        both(
            "  writes of the operator for each",
            |s| s.making.writes / s.platforms,
            None,
        ),
        both(
            "  writes a second of the operator meanwhile",
            |s| s.making.rate(),
            None,
        ),
        both(
            "  % of the raw rate",
            |s| s.making.rate() / s.raw * 100.0,
            least(80.0),
        ),
        both(
            "  CPU seconds of all processes for each",
            |s| s.making.cpu() / s.platforms,
            None,
        ),
        both("  memory at its peak, MiB", |s| s.making.memory.peak, None),
        both(
            "  memory when settled, MiB",
            |s| s.making.memory.resident,
            None,
        ),
        both(
            "cold start: seconds until each was looked at",
            |s| s.alone.seconds,
            most(10.0),
        ),
        both(
            "  CPU milliseconds of the operator for each",
            |s| s.alone.cpu / s.platforms * 1e3,
            None,
        ),
        both("  writes", |s| s.alone.writes, most(0.0)),
        both(
            "  memory when settled, MiB",
            |s| s.alone.memory.resident,
            None,
        ),
        both("  of it anonymous", |s| s.alone.memory.anonymous, None),
        both(
            "the same among objects of others: seconds",
            |s| s.among.seconds,
            most(10.0),
        ),
        both("  writes", |s| s.among.writes, most(0.0)),
        both(
            "  memory at its peak, MiB",
            |s| s.among.memory.peak,
            most(20.0),
        ),
        both(
            "  memory when settled, MiB",
            |s| s.among.memory.resident,
            most(20.0),
        ),
        both("  of it anonymous", |s| s.among.memory.anonymous, None),
        both(
            "  of that by the objects of others",
            Side::by_others,
            most(1.0),
        ),
    ];
    figures.extend(of_ours(ours));
    figures
}

/// What only ours is asked.
fn of_ours(ours: &Ours) -> [Figure; 4] {
    let slowest = |of: fn(&Takeover) -> f64| ours.takeovers.iter().map(of).fold(0.0, f64::max);
    let figure = |name, figure, aim| Figure::new(name, figure, None, aim);
    [
        figure("drift put right: median, ms", at(&ours.drift, 50), None),
        figure("  99th percentile, ms", at(&ours.drift, 99), None),
        figure(
            "leader killed: seconds until another leads, at most",
            slowest(|one| one.leads),
            None,
        ),
        figure(
            "  until its first write, at most",
            slowest(|one| one.writes),
            Some(Aim::Most(20.0)),
        ),
    ]
}

/// The percentile of figures that are in order: the least one that so many per cent of them do not exceed.
fn at(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let figures: Vec<f64> = (1..=50).map(f64::from).collect();
        assert!((at(&figures, 50) - 25.0).abs() < f64::EPSILON);
        assert!((at(&figures, 99) - 50.0).abs() < f64::EPSILON);
        assert!(at(&[], 50).abs() < f64::EPSILON);
    }

    #[test]
    fn a_line_tells_whether_the_aim_holds() {
        let line = |ours, aim| Figure::new("figure", ours, None, Some(aim)).line();
        assert!(line(19.94, Aim::Most(20.0)).ends_with("19.9          –     ≤ 20 holds"));
        assert!(line(79.0, Aim::Least(80.0)).ends_with("missed"));
    }
}
