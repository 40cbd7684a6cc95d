//! `kubectl crewdeck plan`: what the upgrade that is wanted does, and a person's consent.

use std::fmt::Write as _;

use crds::{Approval, PlanStatus, Platform};
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::{
    Error,
    change::{OWNERS, change},
    find,
    output::{Output, table},
    session::Session,
};

/// Which Platform, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
The new image tells itself what it would do to the databases: what the former version works with
too (expand) is applied before the roles roll, the rest (contract) after the last pod of the former
version has ended; from then on there is no way back. With spec.migration.approval: Manual all of
it waits for --approve, which holds for this plan of this image alone.

{OWNERS}

Examples:
  kubectl crewdeck plan
  kubectl crewdeck plan demo --approve 8c1f2a90d4e6b375
  kubectl crewdeck plan demo -o json | jq -r '.plan.migrations[].name'"))]
pub(super) struct Args {
    /// Name of the Platform [default: the only one of the namespace]
    name: Option<String>,
    /// Approve the plan of this hash, as it was read: sets spec.migration.approvedPlan
    #[arg(long, value_name = "HASH")]
    approve: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    namespace: &'a str,
    name: String,
    approval: Approval,
    /// Whether the plan may be carried out.
    approved: bool,
    plan: Option<&'a PlanStatus>,
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, args.name.as_deref()).await?;
    match &args.approve {
        Some(hash) => approve(session, &platform, hash, out).await,
        None => tell(session, &platform, out),
    }
}

fn planned(platform: &Platform) -> Option<&PlanStatus> {
    platform.status.as_ref()?.plan.as_ref()
}

fn tell(session: &Session, platform: &Platform, out: &mut Output<'_>) -> Result<(), Error> {
    let plan = planned(platform);
    let migration = &platform.spec.migration;
    let waits = plan.is_some_and(|plan| {
        migration.approval == Approval::Manual
            && !plan.migrations.is_empty()
            && migration.approved_plan.as_ref() != Some(&plan.hash)
    });
    let answer = Answer {
        namespace: &session.namespace,
        name: platform.name_any(),
        approval: migration.approval,
        approved: plan.is_some() && !waits,
        plan,
    };
    out.answer(&answer, |_| match plan {
        Some(plan) => text(&answer, plan),
        None => format!(
            "No upgrade is under way for Platform {}/{}.\n",
            answer.namespace, answer.name
        ),
    })
}

fn text(answer: &Answer<'_>, plan: &PlanStatus) -> String {
    let roles = if plan.roles.is_empty() {
        "none".to_owned()
    } else {
        plan.roles.join(", ")
    };
    let mut text = format!(
        "Plan {} of the upgrade to {}\nRoles whose pods are replaced: {roles}\n\n",
        plan.hash, plan.version
    );
    if plan.migrations.is_empty() {
        text.push_str("The databases need no migration.\n");
    } else {
        let rows: Vec<[String; 3]> = plan
            .migrations
            .iter()
            .map(|migration| {
                [&migration.phase, &migration.database, &migration.name].map(String::clone)
            })
            .collect();
        text.push_str(&table(["PHASE", "DATABASE", "MIGRATION"], &rows));
    }
    if !answer.approved {
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "\nIt waits for approval: kubectl crewdeck plan {} --namespace {} --approve {}",
            answer.name, answer.namespace, plan.hash
        );
    }
    text
}

async fn approve(
    session: &Session,
    platform: &Platform,
    hash: &str,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let name = platform.name_any();
    let namespace = &session.namespace;
    let Some(plan) = planned(platform) else {
        return Err(Error::refused(format!(
            "Platform {namespace}/{name} has no plan to approve: no upgrade is under way"
        )));
    };
    if platform.spec.migration.approval != Approval::Manual {
        return Err(Error::refused(format!(
            "Platform {namespace}/{name} asks for no approval (spec.migration.approval is Automatic)"
        )));
    }
    if plan.hash != hash {
        return Err(Error::refused(format!(
            "the plan of Platform {namespace}/{name} is {} now, not {hash}: look at it again with kubectl crewdeck plan {name}",
            plan.hash
        )));
    }
    let patch = json!({"migration": {"approvedPlan": plan.hash}});
    change(session, platform, patch).await?;
    let answer = json!({"namespace": namespace, "name": name, "approvedPlan": plan.hash});
    out.answer(&answer, |_| {
        format!(
            "Plan {} of Platform {namespace}/{name} is approved. Watch it with: kubectl crewdeck status {name} \
             --namespace {namespace}\n",
            plan.hash
        )
    })
}
