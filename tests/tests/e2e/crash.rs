//! The operator dies before and after every act of every workload. Whatever it had just done, its successor reaches the
//! same end: nothing twice, nothing forgotten.

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
    #[expect(
        clippy::disallowed_methods,
        reason = "set by `cargo xtask test --faults`"
    )]
    let long = std::env::var("CREWDECK_FAULTS").is_ok();
    let (workloads, sides): (&[Workload], &[Side]) = if long {
        (&Workload::ALL, &[Side::Before, Side::After])
    } else {
        (&[Workload::Create, Workload::Delete], &[Side::After])
    };
    let away = Away::send(&cluster).await?;
    let reference = course::run(&cluster, workloads, None).await?;
    let mut courses = Vec::new();
    for side in sides {
        courses.push((*side, course::run(&cluster, workloads, Some(*side)).await?));
    }
    away.end()?;
    println!("{}", table::table(&reference, &courses));
    table::judge(&reference, &courses)
}
