//! The operator dies before and after every act of every workload (in a short run: after every third act of three of them).
//! Whatever it had just done, its successor reaches the same end: nothing twice, nothing forgotten. Two that both take
//! themselves for the leader reach it too.

mod census;
mod course;
mod deaths;
mod kill;
mod mask;
mod state;
mod table;
mod workloads;

use self::{
    deaths::{Lives, Side},
    workloads::Workload,
};
use crate::away::Away;
use anyhow::Result;
use tests::{cluster::Cluster, faults::is_long};

#[tokio::test]
async fn e2e_a_crash_at_any_write_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let long = is_long();
    let (workloads, sides, one_of): (&[Workload], &[Side], usize) = if long {
        (&Workload::ALL, &[Side::Before, Side::After], 1)
    } else {
        (
            &[Workload::Create, Workload::RotateKeys, Workload::Delete],
            &[Side::After],
            3,
        )
    };
    let away = Away::send(&cluster).await?;
    let reference = course::run(&cluster, workloads, Lives::One).await?;
    let mut courses = Vec::new();
    for side in sides {
        let lives = Lives::Ending {
            side: *side,
            one_of,
        };
        courses.push((*side, course::run(&cluster, workloads, lives).await?));
    }
    let two = course::run(&cluster, workloads, Lives::Two).await?;
    away.end()?;
    println!("{}", table::table(&reference, &courses));
    println!("{}", table::of_two(&two));
    table::judge(&reference, &courses, one_of == 1)?;
    table::judge_two(&reference, &two)
}
