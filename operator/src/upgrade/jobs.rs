//! The Jobs of an upgrade: each step is one, made once per try, waited for, and what follows from its end.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, Utc};
use crds::Reason;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, LogParams, PostParams},
};

use super::{
    attempts::{Next, next},
    failure::{Failure, too_late},
};
use crate::platform::{
    Context, StepError,
    apply::kube::{delete, ensure, require_ours},
    build::{self, CONTAINER, MigrationStep, STEP_LABEL, UPGRADE_LABEL},
    pods::{has_ended, trouble},
    validate::ValidatedPlatform,
};

/// Ended Jobs of former upgrades that stay, for their logs.
const FORMER_JOBS: usize = 1;

/// How a Job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    /// It was cut off after its deadline.
    TooLate,
}

/// A step that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    /// The Job that did it.
    pub(super) job: String,
    /// Which try that was, from 1.
    pub(super) number: u32,
}

/// A Job without a pod after so many seconds gets none by waiting.
const NO_POD: i64 = 15;

/// Gets a step done: starts its Job, waits for it, starts the next try.
///
/// # Errors
/// `MigrationRunning` until a Job has ended, `ImagePullFailed` when no node can get the image, `MigrationFailed` with the
/// statement when it failed.
pub(super) async fn run(
    cx: &Context,
    p: &ValidatedPlatform,
    id: &str,
    step: &MigrationStep,
) -> Result<Done, StepError> {
    let tries = list(cx, p, Some((id, step))).await?;
    let Some(job) = tries.into_iter().max_by_key(number) else {
        return Err(Box::pin(start(cx, p, id, step, 1)).await?);
    };
    let (name, number) = (job.name_any(), number(&job));
    let Some((end, at)) = ended(&job) else {
        return Err(under_way(cx, p, step, &job).await?);
    };
    let failure = match end {
        End::Succeeded => return Ok(Done { job: name, number }),
        // What did not end in its time would not do so the next time either.
        End::TooLate => return Err(too_late(p)),
        // That the log cannot be read is no reason to hide that the Job failed.
        End::Failed => Failure::read(log(cx, p, &name).await.ok().as_deref()),
    };
    match next(number, failure.is_transient(), at, cx.clock.now()) {
        Next::Now => Err(Box::pin(start(cx, p, id, step, number + 1)).await?),
        Next::At(at) => Err(StepError::waiting(
            Reason::MigrationRunning,
            format!(
                "{} failed and is tried again at {} UTC: {}",
                step.what(&p.image.version),
                at.format("%H:%M:%S"),
                failure.what(&name, p)
            ),
        )),
        Next::Never => Err(failure.error(&name, p)),
    }
}

/// Starts a try; gives what is waited for then.
pub(super) async fn start(
    cx: &Context,
    p: &ValidatedPlatform,
    id: &str,
    step: &MigrationStep,
    number: u32,
) -> Result<StepError, StepError> {
    let (service_account, config) = build::migration(p);
    ensure(cx, &service_account).await?;
    ensure(cx, &config).await?;
    let name = format!("{}-{}-{id}-{number}", p.name, step.name());
    let what = format!("Job {}/{name}", p.namespace);
    let refused = |error| StepError::of_kube(&what, &error);
    let jobs: Api<Job> = Api::namespaced(cx.client.clone(), &p.namespace);
    let job = build::migration_job(p, &name, id, step);
    match jobs.create(&PostParams::default(), &job).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let found = jobs.get_opt(&name).await.map_err(refused)?;
            if let Some(found) = found {
                require_ours(&what, &found.metadata, &job.metadata)?;
                // Made by another operator that was faster; else somebody took its labels, without which it is not found.
                if found.labels().get(UPGRADE_LABEL).is_none_or(|of| of != id) {
                    delete(cx, &found).await?;
                }
            }
        }
        Err(error) => return Err(refused(error)),
    }
    under_way(cx, p, step, &job).await
}

/// What is told of a Job that has not ended.
async fn under_way(
    cx: &Context,
    p: &ValidatedPlatform,
    step: &MigrationStep,
    job: &Job,
) -> Result<StepError, StepError> {
    let pods = pods(cx, p, &job.name_any()).await?;
    let made = job.metadata.creation_timestamp.as_ref();
    let age = made.map_or(0, |made| cx.clock.now().timestamp() - made.0.as_second());
    if pods.is_empty() && age > NO_POD {
        return Ok(StepError::waiting(
            Reason::RolloutPending,
            format!(
                "no pod could be made for Job {job}; see: kubectl -n {} describe job {job}",
                p.namespace,
                job = job.name_any()
            ),
        ));
    }
    Ok(trouble(&pods).unwrap_or_else(|| {
        StepError::waiting(
            Reason::MigrationRunning,
            format!(
                "{} runs as Job {}",
                step.what(&p.image.version),
                job.name_any()
            ),
        )
    }))
}

/// Which try a Job is; 0 of one that does not say.
fn number(job: &Job) -> u32 {
    let name = job.name_any();
    name.rsplit_once('-')
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or_default()
}

/// How the Job ended and when; `None` while it has not.
fn ended(job: &Job) -> Option<(End, DateTime<Utc>)> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .find_map(|condition| {
            let end = match (condition.type_.as_str(), condition.reason.as_deref()) {
                ("Complete", _) => End::Succeeded,
                ("Failed", Some("DeadlineExceeded")) => End::TooLate,
                ("Failed", _) => End::Failed,
                _ => return None,
            };
            let at = condition.last_transition_time.as_ref();
            let seconds = at.map_or(0, |at| at.0.as_second());
            Some((
                end,
                DateTime::from_timestamp(seconds, 0).unwrap_or_default(),
            ))
        })
}

/// What chooses Jobs of migrations and their pods.
fn labels(p: &ValidatedPlatform) -> String {
    format!(
        "app.kubernetes.io/instance={},app.kubernetes.io/component=migrate",
        p.name
    )
}

/// The Jobs of one step of an upgrade, or of every upgrade.
async fn list(
    cx: &Context,
    p: &ValidatedPlatform,
    step: Option<(&str, &MigrationStep)>,
) -> Result<Vec<Job>, StepError> {
    let jobs: Api<Job> = Api::namespaced(cx.client.clone(), &p.namespace);
    let mut labels = labels(p);
    if let Some((id, step)) = step {
        // Writing to a String does not fail.
        let _ = write!(labels, ",{UPGRADE_LABEL}={id},{STEP_LABEL}={}", step.name());
    }
    let list = jobs
        .list(&ListParams::default().labels(&labels))
        .await
        .map_err(|error| {
            StepError::of_kube(&format!("Jobs of namespace {}", p.namespace), &error)
        })?;
    let ours = |job: &Job| {
        job.owner_references()
            .iter()
            .any(|owner| owner.uid == p.uid)
    };
    Ok(list.items.into_iter().filter(ours).collect())
}

async fn pods(cx: &Context, p: &ValidatedPlatform, job: &str) -> Result<Vec<Pod>, StepError> {
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let list = api.list(&of_job).await.map_err(|error| {
        StepError::of_kube(&format!("pods of Job {}/{job}", p.namespace), &error)
    })?;
    Ok(list.items)
}

/// The end of a Job's log; empty when its pod is gone.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn log(
    cx: &Context,
    p: &ValidatedPlatform,
    job: &str,
) -> Result<String, StepError> {
    let pods = pods(cx, p, job).await?;
    let newest = pods
        .iter()
        .max_by_key(|pod| pod.metadata.creation_timestamp.clone());
    let Some(newest) = newest else {
        return Ok(String::new());
    };
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let tail = LogParams {
        // Somebody may have put another beside it.
        container: Some(CONTAINER.to_owned()),
        tail_lines: Some(20),
        limit_bytes: Some(64 * 1024),
        ..LogParams::default()
    };
    let what = format!("the log of Job {}/{job}", p.namespace);
    api.logs(&newest.name_any(), &tail)
        .await
        .map_err(|error| StepError::of_kube(&what, &error))
}

/// Stops what other upgrades have begun and waits for its end: a part of a migration that came late would be applied under
/// roles that do not work with it.
///
/// # Errors
/// `MigrationRunning` while a pod of theirs is left.
pub(super) async fn end_others(
    cx: &Context,
    p: &ValidatedPlatform,
    current: &str,
) -> Result<(), StepError> {
    let other = |labels: &BTreeMap<String, String>| {
        labels.get(UPGRADE_LABEL).is_none_or(|id| id != current)
    };
    for job in list(cx, p, None).await? {
        if other(job.labels()) && ended(&job).is_none() {
            delete(cx, &job).await?;
        }
    }
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let list = api
        .list(&ListParams::default().labels(&labels(p)))
        .await
        .map_err(|error| {
            StepError::of_kube(&format!("pods of namespace {}", p.namespace), &error)
        })?;
    let left = list
        .iter()
        .find(|pod| other(pod.labels()) && !has_ended(pod));
    match left {
        Some(pod) => Err(StepError::waiting(
            Reason::MigrationRunning,
            format!("pod {} of a former migration is ending", pod.name_any()),
        )),
        None => Ok(()),
    }
}

/// Deletes the Jobs of other upgrades: those that still try, and of the ended ones all but the newest.
pub(super) async fn forget_former(
    cx: &Context,
    p: &ValidatedPlatform,
    current: &str,
) -> Result<(), StepError> {
    let mut former: Vec<_> = list(cx, p, None)
        .await?
        .into_iter()
        .filter(|job| {
            job.labels()
                .get(UPGRADE_LABEL)
                .is_none_or(|id| id != current)
        })
        .collect();
    former.sort_by_key(|job| std::cmp::Reverse(job.metadata.creation_timestamp.clone()));
    let (ended, trying): (Vec<_>, Vec<_>) = former.iter().partition(|job| ended(job).is_some());
    for job in ended.into_iter().skip(FORMER_JOBS).chain(trying) {
        delete(cx, job).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_true_condition_ends_a_job() {
        let job = |kind: &str, status: &str| -> Job {
            serde_json::from_value(json!({"status": {"conditions": [
                {"type": kind, "status": status, "lastTransitionTime": "2027-01-15T08:00:00Z"}
            ]}}))
            .expect("a job")
        };
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        assert_eq!(ended(&Job::default()), None);
        assert_eq!(ended(&job("Complete", "False")), None);
        assert_eq!(ended(&job("SuccessCriteriaMet", "True")), None);
        assert_eq!(ended(&job("Complete", "True")), Some((End::Succeeded, at)));
        assert_eq!(ended(&job("Failed", "True")), Some((End::Failed, at)));
    }
}
