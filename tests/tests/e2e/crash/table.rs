//! The courses side by side: what was covered, and whether they came to the same end.

use super::{course::Outcome, deaths::Side};
use anyhow::{Result, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

/// A course, and on which side of each act its lives ended.
type Course = (Side, Vec<Outcome>);

/// Every point, then a line for each workload.
pub(super) fn table(reference: &[Outcome], courses: &[Course]) -> String {
    let points = |side: Side, place: usize| -> BTreeSet<_> {
        let outcomes = courses.iter().filter(|course| course.0 == side);
        outcomes
            .flat_map(|(_, outcomes)| &outcomes[place].done.points)
            .cloned()
            .collect()
    };
    let seconds = |place: usize| -> u64 {
        let courses = courses.iter().map(|(_, outcomes)| outcomes[place].took);
        reference[place].took + courses.sum::<u64>()
    };
    let (mut points_of_all, mut lines) = (Vec::new(), Vec::new());
    for (place, outcome) in reference.iter().enumerate() {
        let workload = outcome.workload.name();
        let (before, after) = (points(Side::Before, place), points(Side::After, place));
        let all: BTreeSet<_> = before.union(&after).collect();
        for point in &all {
            let mark = |points: &BTreeSet<_>, word| {
                if points.contains(*point) { word } else { "-" }
            };
            let (name, number) = point;
            points_of_all.push(format!(
                "{workload:<20} {:<6} {:<6} {name} {number}",
                mark(&before, "before"),
                mark(&after, "after"),
            ));
        }
        lines.push(format!(
            "{workload:<20} {:>6} {:>14} {:>13} {:>8}",
            all.len(),
            before.len(),
            after.len(),
            seconds(place)
        ));
    }
    let heading = format!(
        "\n{:<20} {:>6} {:>14} {:>13} {:>8}",
        "workload", "points", "crashes before", "crashes after", "seconds"
    );
    let lines = points_of_all.into_iter().chain([heading]).chain(lines);
    lines.collect::<Vec<_>>().join("\n")
}

/// Compares each course with the one in which nobody died. Where it was to end a life at `every` act, it has.
pub(super) fn judge(reference: &[Outcome], courses: &[Course], every: bool) -> Result<()> {
    let mut found = Vec::new();
    for (side, outcomes) in courses {
        for (expected, outcome) in reference.iter().zip(outcomes) {
            let mut differs = Vec::new();
            differs.extend(difference("state", &expected.state, &outcome.state));
            differs.extend(difference("count", &expected.count, &outcome.count));
            differs.extend(difference("made", &made(expected), &made(outcome)));
            if every {
                differs.extend(missed(expected, outcome));
            }
            let workload = outcome.workload.name();
            found.extend(
                differs
                    .iter()
                    .map(|what| format!("{workload} {side:?}: {what}")),
            );
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// How often each thing on a server was made.
fn made(outcome: &Outcome) -> BTreeMap<String, usize> {
    let acts = outcome.done.acts.iter();
    acts.filter(|(act, _)| act.contains(" creating ") && !act.starts_with("kubernetes"))
        .map(|(act, times)| (act.clone(), *times))
        .collect()
}

/// Acts of the reference at which no life ended.
fn missed(expected: &Outcome, outcome: &Outcome) -> Vec<String> {
    let points: BTreeSet<&String> = outcome.done.points.iter().map(|(name, _)| name).collect();
    let acts = expected.done.acts.keys();
    acts.filter(|act| !points.contains(act))
        .map(|act| format!("no life ended at {act}"))
        .collect()
}

fn difference<T: Debug + PartialEq>(
    what: &str,
    expected: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) -> Vec<String> {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| {
            let (expected, found) = (expected.get(name), found.get(name));
            format!("{what} of {name}:\n  {expected:?}\n  {found:?}")
        })
        .collect()
}
