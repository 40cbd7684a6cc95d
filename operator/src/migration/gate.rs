//! The Job of the wanted image: made once, waited for, and what follows from its end.

use crds::Reason;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, LogParams, PostParams},
};
use sha2::{Digest as _, Sha256};

use super::{
    admin_secret,
    failure::{failure, too_late},
};
use crate::hex::hex;
use crate::platform::{
    Context, StepError,
    apply::{
        kube::{delete, ensure},
        postgres,
    },
    build,
    pods::trouble,
    validate::ValidatedPlatform,
};

/// Ended Jobs that stay beside the current one, for their logs.
const FORMER_JOBS: usize = 1;

/// A database with the schema of the wanted image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The Job that did it.
    pub job: String,
    /// The image's version.
    pub version: String,
}

/// Lets a Platform pass once its databases have the schema of the wanted image.
///
/// # Errors
/// `MigrationRunning` until the Job has ended, `ImagePullFailed` when no node can get the image, `MigrationFailed`
/// with the statement when it failed.
pub async fn gate(cx: &Context, p: &ValidatedPlatform) -> Result<Migrated, StepError> {
    let (service_account, config) = build::migration(p);
    ensure(cx, &service_account).await?;
    ensure(cx, &config).await?;

    let name = job_name(p);
    let what = format!("Job {}/{name}", p.namespace);
    let jobs: Api<Job> = Api::namespaced(cx.client.clone(), &p.namespace);
    let found = jobs.get_opt(&name).await;
    let found = found.map_err(|error| StepError::of_kube(&what, &error))?;
    let job = if let Some(job) = found {
        job
    } else {
        // With tables come people: their passwords are theirs, and a Secret drawn now would be a login that nobody has.
        // That is so after `Retain`, and after a Secret that a person deleted once they had signed in.
        if postgres::is_empty(p).await? {
            admin_secret::ensure(cx, p).await?;
        }
        jobs.create(&PostParams::default(), &build::migration_job(p, &name))
            .await
            .map_err(|error| StepError::of_kube(&what, &error))?
    };
    match ended(&job) {
        Some(End::Succeeded) => {
            forget_former(cx, p, &name).await?;
            Ok(Migrated {
                job: name,
                version: p.image.version.clone(),
            })
        }
        Some(End::TooLate) => Err(too_late(p)),
        Some(End::Failed) => {
            let log = last_log(cx, p, &name).await;
            Err(failure(
                log.as_deref(),
                &name,
                &p.namespace,
                p.migration_retry,
            ))
        }
        None => {
            let pods = pods(cx, p, &name).await?;
            Err(trouble(&pods).unwrap_or_else(|| {
                StepError::waiting(
                    Reason::MigrationRunning,
                    format!("the migration to {} runs as Job {name}", p.image.version),
                )
            }))
        }
    }
}

/// `P-migrate-<hash>`: another image, another server or database, or another try, is another Job.
fn job_name(p: &ValidatedPlatform) -> String {
    let mut hash = Sha256::new();
    hash.update(p.image.reference.as_bytes());
    hash.update(p.migration_retry.to_be_bytes());
    for part in [
        &p.postgres.host,
        &p.postgres.port.to_string(),
        &p.external.database(),
    ] {
        // Its length keeps two neighbours apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{}-migrate-{}", p.name, hex(&hash.finalize()[..4]))
}

/// How a Job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    /// It was cut off after its deadline.
    TooLate,
}

/// How the Job ended; `None` while it has not.
fn ended(job: &Job) -> Option<End> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .find_map(
            |condition| match (condition.type_.as_str(), condition.reason.as_deref()) {
                ("Complete", _) => Some(End::Succeeded),
                ("Failed", Some("DeadlineExceeded")) => Some(End::TooLate),
                ("Failed", _) => Some(End::Failed),
                _ => None,
            },
        )
}

async fn pods(cx: &Context, p: &ValidatedPlatform, job: &str) -> Result<Vec<Pod>, StepError> {
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let list = api.list(&of_job).await.map_err(|error| {
        StepError::of_kube(&format!("pods of Job {}/{job}", p.namespace), &error)
    })?;
    Ok(list.items)
}

/// The end of the log; `None` when it cannot be read, which is no reason to hide that the Job failed.
async fn last_log(cx: &Context, p: &ValidatedPlatform, job: &str) -> Option<String> {
    let pods = pods(cx, p, job).await.ok()?;
    let newest = pods
        .iter()
        .max_by_key(|pod| pod.metadata.creation_timestamp.clone())?;
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let tail = LogParams {
        tail_lines: Some(20),
        limit_bytes: Some(64 * 1024),
        ..LogParams::default()
    };
    api.logs(&newest.name_any(), &tail).await.ok()
}

/// Deletes the Jobs of other images: those that still try, and of the ended ones all but the newest.
async fn forget_former(
    cx: &Context,
    p: &ValidatedPlatform,
    current: &str,
) -> Result<(), StepError> {
    let jobs: Api<Job> = Api::namespaced(cx.client.clone(), &p.namespace);
    let what = format!("Jobs of namespace {}", p.namespace);
    let labels = format!(
        "app.kubernetes.io/instance={},app.kubernetes.io/component=migrate",
        p.name
    );
    let list = jobs
        .list(&ListParams::default().labels(&labels))
        .await
        .map_err(|error| StepError::of_kube(&what, &error))?;
    let mut former: Vec<_> = list
        .items
        .into_iter()
        .filter(|job| job.name_any() != current)
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
    use crate::platform::validate::sample::sample;

    #[test]
    fn another_image_server_or_try_is_another_job() {
        let p = sample();
        let (mut image, mut retry, mut server) = (p.clone(), p.clone(), p.clone());
        server.postgres.host = "other.example.org".to_owned();
        image.image.reference = "crewdeck.io/crewdeck:0.2.0".to_owned();
        retry.migration_retry = 1;
        let names = [&p, &image, &retry, &server].map(job_name);
        assert!(names.iter().all(|name| name.len() <= 63));
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }

    #[test]
    fn only_a_true_condition_ends_a_job() {
        let job = |kind: &str, status: &str| -> Job {
            serde_json::from_value(
                json!({"status": {"conditions": [{"type": kind, "status": status}]}}),
            )
            .expect("a job")
        };
        assert_eq!(ended(&Job::default()), None);
        assert_eq!(ended(&job("Complete", "False")), None);
        assert_eq!(ended(&job("SuccessCriteriaMet", "True")), None);
        assert_eq!(ended(&job("Complete", "True")), Some(End::Succeeded));
        assert_eq!(ended(&job("Failed", "True")), Some(End::Failed));
    }
}
