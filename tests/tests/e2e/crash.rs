//! The operator dies before and after every act of every workload (in a short run: after every third act of two of them).
//! Whatever it had just done, its successor reaches the same end: nothing twice, nothing forgotten.

mod away;
mod census;
mod course;
mod deaths;
mod kill;
mod mask;
mod state;
mod table;
mod workloads;

use self::{away::Away, deaths::Side, workloads::Workload};
use anyhow::Result;
use tests::cluster::Cluster;

#[tokio::test]
async fn e2e_a_crash_at_any_write_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let long = is_long();
    let (workloads, sides, one_of): (&[Workload], &[Side], usize) = if long {
        (&Workload::ALL, &[Side::Before, Side::After], 1)
    } else {
        (&[Workload::Create, Workload::Delete], &[Side::After], 3)
    };
    let away = Away::send(&cluster).await?;
    let reference = course::run(&cluster, workloads, None, 1).await?;
    let mut courses = Vec::new();
    for side in sides {
        let outcomes = course::run(&cluster, workloads, Some(*side), one_of).await?;
        courses.push((*side, outcomes));
    }
    away.end()?;
    println!("{}", table::table(&reference, &courses));
    table::judge(&reference, &courses, one_of == 1)
}

/// Whether there is time for every fault.
fn is_long() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by `cargo xtask test --faults`"
    )]
    let set = std::env::var("CREWDECK_FAULTS");
    set.is_ok()
}
