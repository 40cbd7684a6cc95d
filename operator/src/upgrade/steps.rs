//! The steps of an upgrade in their order, and what is told of them.

use std::collections::BTreeSet;

use crds::{Approval, ConditionType, MigrationStatus, Reason};

use super::{
    admin_secret,
    attempts::MOST,
    former::former_pods,
    jobs::{self, Done},
    loss::require_tables,
    plan::Plan,
    release::{Course, Good, Release, Stage, Stored, wish},
};
use crate::platform::{
    Context, StepError,
    apply::{kube, postgres},
    build::{self, MigrationStep},
    rollout::{replaced, roll_out},
    status::Report,
    validate::ValidatedPlatform,
};

/// Brings the databases and the roles to the image of the spec, as far as it goes now; `empty` are the databases without a
/// table, if anybody looked.
pub async fn upgrade(
    cx: &Context,
    p: &ValidatedPlatform,
    empty: Option<&BTreeSet<String>>,
    report: &mut Report,
) {
    let wish = wish(p);
    let turned = async {
        let mut stored = turn(cx, p, &wish).await?;
        let seen = match empty {
            None if stored.release.is_to_be_prepared(&wish) => {
                Some(postgres::look_inside(p).await?)
            }
            _ => None,
        };
        if seen.as_ref().is_some_and(|empty| !empty.is_empty()) {
            // Whatever is wished for next: what was believed of them is over.
            postgres::look_again(cx, p);
        }
        let empty = empty.or(seen.as_ref());
        if let Some(empty) = empty {
            require_tables(cx, p, &mut stored, empty).await?;
        }
        let is_empty = empty.is_some_and(|empty| empty.contains(&p.external.database()));
        Ok((stored, is_empty))
    };
    let (mut stored, is_empty) = match turned.await {
        Ok(turned) => turned,
        Err(error) => return report.failed(ConditionType::Migrated, &error),
    };
    match stored.release.course(&wish) {
        Course::Stay => stay(cx, p, empty.is_some(), report).await,
        Course::Back { good, why } => back(cx, p, &good, &why, report).await,
        Course::Go => go(cx, p, &mut stored, &wish, is_empty, report).await,
    }
}

/// Looks after the roles as they run, while a server is away. `false` when there is nothing to look after.
pub async fn look_after(cx: &Context, p: &ValidatedPlatform, report: &mut Report) -> bool {
    let error = match at_rest(cx, p).await {
        Ok(None) => return false,
        Ok(Some(p)) => roles(cx, &p, report).await,
        Err(error) => Some(error),
    };
    if let Some(error) = error {
        report.failed(ConditionType::RolesReady, &error);
    }
    true
}

/// The Platform with the image of its roles, when these are to be no other than they are: nothing rolls, and no role has
/// other settings. Those may come from what the user's Secrets say of a server, and are proved by that alone.
async fn at_rest(
    cx: &Context,
    p: &ValidatedPlatform,
) -> Result<Option<ValidatedPlatform>, StepError> {
    let stored = Stored::read(cx, p).await?;
    let release = stored.release.towards(&wish(p));
    if release.good.is_none() || release.mixed || release.stage() != Stage::Preparing {
        return Ok(None);
    }
    let p = running(&release, p);
    for spec in p.roles.iter().filter(|spec| !spec.is_off()) {
        let config = build::role(&p, spec).config_map;
        if kube::drift(cx, &config).await?.1.is_some() {
            return Ok(None);
        }
    }
    Ok(Some(p))
}

/// The Platform with the image at which its roles are looked after now. Changes nothing.
///
/// # Errors
/// What the API server says.
pub async fn looked_after(
    cx: &Context,
    p: &ValidatedPlatform,
) -> Result<ValidatedPlatform, StepError> {
    let stored = Stored::read(cx, p).await?;
    Ok(running(&stored.release.towards(&wish(p)), p))
}

/// The Platform with the image of its roles. Pure.
fn running(release: &Release, p: &ValidatedPlatform) -> ValidatedPlatform {
    match (release.course(&wish(p)), release.stage(), &release.good) {
        (Course::Back { good, .. }, ..) => good.of(p),
        (Course::Go, Stage::Preparing, Some(good)) => good.of(p),
        _ => p.clone(),
    }
}

/// Begins the upgrade, or goes on with it; `is_empty` is whether the application's database has no table.
async fn go(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    is_empty: bool,
    report: &mut Report,
) {
    if stored.release.stage() == Stage::Preparing
        && let Err(error) = prepare(cx, p, stored, wish, is_empty, report).await
    {
        report.failed(ConditionType::Migrated, &error);
        // It may wait for a person for days: until the roll begins, the roles are looked after at the image before. Not while
        // a Job runs for an upgrade that took the place of one that rolled: they would roll twice.
        let rolls_twice = stored.release.mixed && error.reason == Reason::MigrationRunning;
        if let Some(good) = &stored.release.good
            && !rolls_twice
            && let Some(error) = roles(cx, &good.of(p), report).await
        {
            report.failed(ConditionType::RolesReady, &error);
        }
        return;
    }
    let Some(plan) = stored.release.plan().cloned() else {
        // Nothing rolls without a plan.
        let error = StepError::waiting(Reason::MigrationRunning, "the plan is made");
        return report.failed(ConditionType::Migrated, &error);
    };
    match replaced(cx, p).await {
        Ok(roles) => report.plan = Some(plan.status(p, roles)),
        Err(error) => return report.failed(ConditionType::RolesReady, &error),
    }
    roll(cx, p, stored, wish, &plan, report).await;
}

/// What is remembered, after an upgrade that leads elsewhere than to this wish was let go.
async fn turn(cx: &Context, p: &ValidatedPlatform, wish: &str) -> Result<Stored, StepError> {
    let mut stored = Stored::read(cx, p).await?;
    let towards = stored.release.towards(wish);
    stored.write(cx, p, towards).await?;
    Ok(stored)
}

/// Puts drift right under an image that every role came to: what is in the databases when that was `looked` at, and the roles.
async fn stay(cx: &Context, p: &ValidatedPlatform, looked: bool, report: &mut Report) {
    let version = &p.image.version;
    let granted = if looked {
        postgres::grant(cx, p).await
    } else {
        Ok(())
    };
    let granted = report.note(ConditionType::Migrated, granted, |()| {
        format!("the databases have the schema of {version}")
    });
    if granted.is_none() {
        return;
    }
    if let Some(error) = roles(cx, p, report).await {
        report.failed(ConditionType::RolesReady, &error);
    }
}

/// Keeps the roles at the image before, and says why.
async fn back(cx: &Context, p: &ValidatedPlatform, good: &Good, why: &str, report: &mut Report) {
    report.done(
        ConditionType::Migrated,
        format!("the databases suit {}", good.version),
    );
    let (version, former) = (&p.image.version, &good.version);
    let told = match roles(cx, &good.of(p), report).await {
        Some(error) => StepError::waiting(
            Reason::RolledBack,
            format!(
                "{version} was given up: {why}. Going back to {former}: {}",
                error.message
            ),
        ),
        None => StepError::terminal(
            Reason::RolledBack,
            format!(
                "{version} was given up: {why}. Every role runs {former} again. Change spec.image, or mend the cause and set \
                 spec.migration.retry to {}",
                p.migration.retry + 1
            ),
        ),
    };
    report.failed(ConditionType::RolesReady, &told);
}

/// What comes before the first new pod: the plan, its approval, and the migrations that the former version works with
/// too.
async fn prepare(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    is_empty: bool,
    report: &mut Report,
) -> Result<(), StepError> {
    let step = if is_first(cx, p, stored, wish, is_empty).await? {
        MigrationStep::Whole
    } else {
        let plan = plan(cx, p, stored, wish).await?;
        report.plan = Some(plan.status(p, replaced(cx, p).await?));
        plan.approve(&p.image.reference, &p.migration)?;
        MigrationStep::Expand(plan.names())
    };
    // With tables come people: their passwords are theirs, and a Secret drawn now would be a login that nobody has.
    // That is so after `Retain`, and after a Secret that a person deleted once they had signed in.
    if is_empty {
        admin_secret::ensure(cx, p).await?;
    }
    let id = stored.release.id(wish);
    let done = jobs::run(cx, p, &id, &step).await?;
    report.migration = Some(migration(p, done));
    postgres::grant(cx, p).await?;
    let rolling = stored.release.going(wish, |upgrade| {
        // Of what was migrated at once nothing is left for after the roll.
        upgrade.plan.get_or_insert_default();
        upgrade.stage = Stage::Rolling;
    });
    stored.write(cx, p, rolling).await
}

/// Whether no version ever ran over these databases: then none has to be kept working, and one Job does all of it. It is
/// decided once, for a Job that was killed half way has made tables; but who wants to approve wants to see a plan first.
async fn is_first(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    is_empty: bool,
) -> Result<bool, StepError> {
    let release = &stored.release;
    let automatic = p.migration.approval == Approval::Automatic;
    if release.is_whole() && !automatic {
        // What the Job did until now stands, and is no part of the plan.
        let anew = release.anew();
        stored.write(cx, p, anew).await?;
        return Ok(false);
    }
    if !release.is_whole() {
        if !automatic || !is_empty || release.good.is_some() || release.plan().is_some() {
            return Ok(false);
        }
        let whole = release.going(wish, |upgrade| upgrade.whole = true);
        stored.write(cx, p, whole).await?;
    }
    let id = stored.release.id(wish);
    jobs::end_others(cx, p, &id).await?;
    Ok(true)
}

/// What the image would do to the databases: it tells once, and that is remembered.
async fn plan(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
) -> Result<Plan, StepError> {
    if let Some(plan) = stored.release.plan() {
        return Ok(plan.clone());
    }
    let begun = stored.release.going(wish, |_| {});
    stored.write(cx, p, begun).await?;
    let id = stored.release.id(wish);
    jobs::end_others(cx, p, &id).await?;
    let done = jobs::run(cx, p, &id, &MigrationStep::Plan).await?;
    let log = jobs::log(cx, p, &done.job).await?;
    let Some(plan) = Plan::parse(&log) else {
        // Its pod is gone with its log; or the image is none of ours.
        return Err(if done.number < MOST {
            Box::pin(jobs::start(
                cx,
                p,
                &id,
                &MigrationStep::Plan,
                done.number + 1,
            ))
            .await?
        } else {
            StepError::terminal(
                Reason::MigrationFailed,
                format!(
                    "Job {} told no plan; see that spec.image is an image of Crewdeck, and set spec.migration.retry to {}",
                    done.job,
                    p.migration.retry + 1
                ),
            )
        });
    };
    let planned = stored
        .release
        .going(wish, |upgrade| upgrade.plan = Some(plan.clone()));
    stored.write(cx, p, planned).await?;
    Ok(plan)
}

/// The roles, then what is left of the migration when no old pod is.
async fn roll(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    plan: &Plan,
    report: &mut Report,
) {
    let version = &p.image.version;
    let schema = format!("the databases have the schema of {version}");
    if plan.contracts() {
        report.pending(
            ConditionType::Migrated,
            Reason::ContractPending,
            format!("the rest of the migration to {version} comes when every role runs it"),
        );
    } else {
        report.done(ConditionType::Migrated, schema.clone());
    }
    if let Some(error) = roles(cx, p, report).await {
        let told = match give_up(cx, p, stored, wish, &error, report.given_up).await {
            Ok(back) => back.unwrap_or(error),
            Err(error) => error,
        };
        return report.failed(ConditionType::RolesReady, &told);
    }
    match finish(cx, p, stored, wish, plan).await {
        Ok(contracted) => {
            if let Some(done) = contracted {
                report.migration = Some(migration(p, done));
            }
            report.done(ConditionType::Migrated, schema);
            report.plan = None;
        }
        Err(error) => report.failed(ConditionType::Migrated, &error),
    }
}

/// Applies the roles and notes how they stand; gives what keeps them, if anything does.
async fn roles(cx: &Context, p: &ValidatedPlatform, report: &mut Report) -> Option<StepError> {
    let progress = roll_out(cx, p).await;
    report.roles = progress.roles;
    report.removed_roles = progress.removed;
    report.given_up = progress.given_up;
    if progress.blocked.is_none() {
        let version = &p.image.version;
        report.version = Some(version.clone());
        report.done(
            ConditionType::RolesReady,
            format!("every role runs {version}"),
        );
    }
    progress.blocked
}

/// Decides, for good, to go back when a roll got nowhere in its time and there is a way back. Gives what is told then.
async fn give_up(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    error: &StepError,
    given_up: bool,
) -> Result<Option<StepError>, StepError> {
    let policy = p.rollout.on_failure;
    let way_back = stored.release.way_back(&p.image.reference, policy);
    let Some(good) = way_back.filter(|_| given_up) else {
        return Ok(None);
    };
    let message = format!(
        "{} got nowhere within {} s ({}); going back to {}",
        p.image.version, p.rollout.progress_deadline_seconds, error.message, good.version
    );
    let release = stored.release.going(wish, |upgrade| {
        upgrade.refused = Some(error.message.clone());
    });
    stored.write(cx, p, release).await?;
    Ok(Some(StepError::waiting(Reason::RolledBack, message)))
}

/// What comes after the last old pod: the rest of the migration, if there is any. From then on the image is the one to go
/// back to.
async fn finish(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    wish: &str,
    plan: &Plan,
) -> Result<Option<Done>, StepError> {
    let id = stored.release.id(wish);
    let mut contracted = None;
    if plan.contracts() {
        let former = former_pods(cx, p).await?;
        if !former.is_empty() {
            return Err(StepError::waiting(
                Reason::ContractPending,
                format!(
                    "the rest of the migration to {} waits for pods of the former version to end: {}",
                    p.image.version,
                    former.join(", ")
                ),
            ));
        }
        // There is no way back from here, which is written down first.
        let contracting = stored.release.contracting(wish, &p.image);
        stored.write(cx, p, contracting).await?;
        contracted = Some(jobs::run(cx, p, &id, &MigrationStep::Contract(plan.names())).await?);
        postgres::grant(cx, p).await?;
    }
    jobs::forget_former(cx, p, &id).await?;
    let settled = stored.release.settled(wish, &p.image);
    stored.write(cx, p, settled).await?;
    Ok(contracted)
}

fn migration(p: &ValidatedPlatform, done: Done) -> MigrationStatus {
    MigrationStatus {
        version: Some(p.image.version.clone()),
        job: done.job,
    }
}
