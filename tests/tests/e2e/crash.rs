//! The operator dies before and after every act of every workload (in a short run: before or after every fifth act of four of
//! them, in turn). Whatever it had just done, its successor reaches the same end: nothing twice, nothing forgotten. Two that both
//! take themselves for the leader reach it too.

mod census;
mod course;
mod deaths;
mod kill;
mod mask;
mod state;
mod table;
mod workloads;

use self::{
    deaths::{Lives, Sides},
    workloads::Workload,
};
use crate::away::Away;
use anyhow::Result;
use tests::{cluster::Cluster, faults::is_long};

/// What there is time for.
struct Plan {
    workloads: &'static [Workload],
    /// A course for each.
    sides: &'static [Sides],
    /// A life ends at one of so many acts.
    one_of: usize,
    /// What two leaders at once do.
    of_two: &'static [Workload],
}

/// All of it.
const EVERY: Plan = Plan {
    workloads: &Workload::ALL,
    sides: &[Sides::Before, Sides::After],
    one_of: 1,
    of_two: &Workload::ALL,
};

/// A sample: most of the time goes into the workloads themselves, so there is one course for both sides.
const SOME: Plan = Plan {
    workloads: &[
        Workload::Create,
        Workload::RotateKeys,
        Workload::RotateLogins,
        Workload::Delete,
    ],
    sides: &[Sides::InTurn],
    one_of: 5,
    of_two: &[Workload::Create, Workload::RotateKeys, Workload::Delete],
};

#[tokio::test]
async fn e2e_a_crash_at_any_write_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let plan = if is_long() { EVERY } else { SOME };
    let away = Away::send(&cluster).await?;
    let reference = course::run(&cluster, plan.workloads, Lives::One).await?;
    let mut courses = Vec::new();
    for sides in plan.sides {
        let lives = Lives::Ending {
            sides: *sides,
            one_of: plan.one_of,
        };
        let course = course::run(&cluster, plan.workloads, lives).await?;
        courses.push((*sides, course));
    }
    let two = course::run(&cluster, plan.of_two, Lives::Two).await?;
    away.end()?;
    println!("{}", table::table(&reference, &courses));
    println!("{}", table::of_two(&two));
    table::judge(&reference, &courses, plan.one_of == 1)?;
    table::judge_two(&reference, &two)
}
