//! The courses side by side: what was covered, and whether they came to the same end.

use super::{
    course::Outcome,
    deaths::{Side, Sides},
    workloads::Workload,
};
use anyhow::{Context as _, Result, ensure};
use operator::acts::System;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

/// A course, and on which sides of acts its lives ended.
type Course = (Sides, Vec<Outcome>);

/// Every point, then a line for each workload.
pub(super) fn table(reference: &[Outcome], courses: &[Course]) -> String {
    let points = |side: Side, place: usize| -> BTreeSet<_> {
        let outcomes = courses.iter().map(|(_, outcomes)| &outcomes[place]);
        let points = outcomes.flat_map(|outcome| &outcome.done.points);
        let of_side = points.filter(|(_, on)| **on == side);
        of_side.map(|(point, _)| point.clone()).collect()
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

/// Compares each course with the one in which nobody died. Where it was to end a life at `every` act, it has. A course
/// without deaths would compare well, and so would two whose acts nobody saw: neither proves anything.
pub(super) fn judge(reference: &[Outcome], courses: &[Course], every: bool) -> Result<()> {
    let mut found: Vec<String> = reference.iter().flat_map(unseen).collect();
    for (sides, outcomes) in courses {
        for side in sides.all() {
            let mut found_on = outcomes
                .iter()
                .flat_map(|outcome| outcome.done.points.values());
            if !found_on.any(|found_on| found_on == side) {
                found.push(format!("{sides:?}: no life ended {side:?} an act"));
            }
        }
        for (expected, outcome) in reference.iter().zip(outcomes) {
            let mut differs = Vec::new();
            if outcome.done.points.is_empty() {
                differs.push("no life ended".to_owned());
            }
            differs.extend(ends(expected, outcome));
            if every {
                differs.extend(missed(expected, outcome));
            }
            let workload = outcome.workload.name();
            found.extend(
                differs
                    .iter()
                    .map(|what| format!("{workload} {sides:?}: {what}")),
            );
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// What two leaders at once did, a line for each workload.
pub(super) fn of_two(outcomes: &[Outcome]) -> String {
    let line = |outcome: &Outcome| {
        let acts: Vec<String> = outcome
            .done
            .by_life
            .values()
            .map(usize::to_string)
            .collect();
        format!(
            "two leaders: {:<20} {} acts in {} s",
            outcome.workload.name(),
            acts.join(" + "),
            outcome.took
        )
    };
    outcomes.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What one of the workloads came to.
fn of_workload(outcomes: &[Outcome], workload: Workload) -> Option<&Outcome> {
    outcomes.iter().find(|outcome| outcome.workload == workload)
}

/// Compares what two leaders came to with the end of one. Of a leader that did nothing in all that time it would prove nothing.
pub(super) fn judge_two(reference: &[Outcome], outcomes: &[Outcome]) -> Result<()> {
    let mut found = Vec::new();
    for outcome in outcomes {
        let name = outcome.workload.name();
        let expected = of_workload(reference, outcome.workload);
        let expected = expected.with_context(|| format!("nobody alone did {name}"))?;
        let differs = ends(expected, outcome).into_iter();
        found.extend(differs.map(|what| format!("{name} of two leaders: {what}")));
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    // On Kubernetes alone one may win each compare-and-swap; what is done on a server is done by both.
    let on_kafka = |outcome: &&Outcome| outcome.workload.systems().contains(&System::Kafka);
    for outcome in outcomes.iter().filter(on_kafka) {
        let (acted, workload) = (outcome.done.by_life.len(), outcome.workload.name());
        ensure!(acted == 2, "{workload}: {acted} of the two leaders acted");
    }
    Ok(())
}

/// What is otherwise at the end than in the course in which nothing happened: what there is, and how often it was made.
fn ends(expected: &Outcome, outcome: &Outcome) -> Vec<String> {
    let mut differs = difference("state", &expected.state, &outcome.state);
    differs.extend(difference("count", &expected.count, &outcome.count));
    differs.extend(difference("made", &made(expected), &made(outcome)));
    differs
}

/// Where something must have been done of which nothing was seen.
fn unseen(expected: &Outcome) -> Vec<String> {
    let workload = expected.workload;
    let is_seen = |system: &System| {
        let mut acts = expected.done.acts.keys();
        acts.any(|act| act.split(' ').next() == Some(system.as_str()))
    };
    let systems = workload.systems().iter();
    systems
        .filter(|system| !is_seen(system))
        .map(|system| {
            format!(
                "{}: no act on {} was seen",
                workload.name(),
                system.as_str()
            )
        })
        .collect()
}

/// How often each thing on a server was made.
fn made(outcome: &Outcome) -> BTreeMap<String, usize> {
    let acts = outcome.done.acts.iter();
    acts.filter(|(act, _)| act.contains(" creating ") && !act.starts_with("kubernetes"))
        .map(|(act, times)| (act.clone(), *times))
        .collect()
}

/// What is done in some courses only: to tell of what a pass happened to see, and to end sessions that are open by chance.
const BY_CHANCE: [&str; 2] = ["kubernetes creating events", "postgres ending sessions of "];

/// Acts of the reference at which no life ended.
fn missed(expected: &Outcome, outcome: &Outcome) -> Vec<String> {
    let points: BTreeSet<&String> = outcome.done.points.keys().map(|(name, _)| name).collect();
    let acts = expected.done.acts.keys();
    let by_chance = |act: &str| BY_CHANCE.iter().any(|known| act.starts_with(known));
    acts.filter(|act| !points.contains(act) && !by_chance(act))
        .map(|act| format!("no life ended at {act}"))
        .collect()
}

/// What differs, name by name.
pub(super) fn difference<T: Debug + PartialEq>(
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

#[cfg(test)]
mod tests {
    use super::{super::deaths::Done, *};

    const ACTS: [&str; 4] = [
        "kubernetes creating secrets/p-web",
        "postgres creating database p",
        "redis creating user p",
        "kafka creating topic p",
    ];

    fn outcome(acts: &[&str], points: &[&str]) -> Outcome {
        Outcome {
            workload: Workload::Create,
            done: Done {
                by_life: BTreeMap::new(),
                acts: acts.iter().map(|act| ((*act).to_owned(), 1)).collect(),
                points: points
                    .iter()
                    .map(|act| (((*act).to_owned(), 1), Side::After))
                    .collect(),
            },
            state: BTreeMap::new(),
            count: BTreeMap::new(),
            took: 1,
        }
    }

    #[test]
    fn what_nobody_saw_and_nobody_died_of_is_no_proof() {
        let judged = |expected: &[&str], points: &[&str], every: bool| {
            let courses = [(Sides::After, vec![outcome(expected, points)])];
            let judged = judge(&[outcome(expected, &[])], &courses, every);
            judged.err().map(|error| error.to_string())
        };
        assert_eq!(judged(&ACTS, &ACTS, true), None);
        assert_eq!(judged(&ACTS, &ACTS[..1], false), None);
        for (expected, points, every, words) in [
            (&ACTS[..], &[][..], false, "create After: no life ended"),
            (
                &ACTS[..3],
                &ACTS[..3],
                true,
                "create: no act on kafka was seen",
            ),
            (&[], &[], true, "create: no act on kubernetes was seen"),
            (
                &ACTS,
                &ACTS[..3],
                true,
                "create After: no life ended at kafka creating topic p",
            ),
        ] {
            let said = judged(expected, points, every).unwrap_or_default();
            assert!(said.lines().any(|line| line == words), "{words}: {said}");
        }
    }
}
