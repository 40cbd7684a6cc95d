//! Whole passes of an upgrade on an API server in memory, and what their conditions tell.

use std::collections::BTreeSet;

use crds::{ConditionType, Platform, Reason};
use serde_json::{Value, json};

use super::{
    plan::Plan,
    release::{Release, Stage, Stored, wish},
    *,
};
use crate::{
    platform::{
        Context,
        status::{Report, write},
        validate::{
            ValidatedPlatform,
            sample::{platform, sample},
        },
    },
    testing::Api,
    told::is_told,
};

const PLATFORM: &str = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";
const JOBS: &str = "/apis/batch/v1/namespaces/crewdeck/jobs/";

/// A Platform of which this is remembered.
struct World {
    api: Api,
    cx: Context,
    p: ValidatedPlatform,
}

impl World {
    async fn with(release: impl FnOnce(&ValidatedPlatform) -> Release) -> Self {
        let api = Api::default();
        let (cx, p) = (api.context(), sample());
        api.insert(PLATFORM, serde_json::to_value(platform()).expect("JSON"));
        let mut stored = Stored::read(&cx, &p).await.expect("nothing yet");
        let written = stored.write(&cx, &p, release(&p)).await;
        written.expect("written");
        Self { api, cx, p }
    }

    /// A pass; gives reason and message of a condition after it.
    async fn pass(&self, empty: &[String], kind: ConditionType) -> (String, String) {
        let empty: BTreeSet<String> = empty.iter().cloned().collect();
        let mut report = Report::default();
        let work = upgrade(&self.cx, &self.p, Some(&empty), &mut report);
        Box::pin(work).await;
        let object = self.api.object(PLATFORM).expect("there");
        let platform: Platform = serde_json::from_value(object).expect("a Platform");
        let written = write(&self.cx, &platform, &report, None).await;
        let after = written.expect("written").expect("something is new").after;
        let conditions = after.conditions.into_iter();
        let mut told = conditions.filter(|condition| condition.type_ == kind.as_str());
        let told = told.next().expect("all are there");
        (told.reason, told.message)
    }
}

/// The image that ran before.
fn former(p: &ValidatedPlatform) -> Release {
    let mut image = p.image.clone();
    image.reference = "crewdeck.io/crewdeck:0.0.9".to_owned();
    image.version = "0.0.9".to_owned();
    Release::default().settled("the wish before", &image)
}

#[tokio::test]
async fn a_migration_is_waited_for_and_its_failure_told() {
    let world = World::with(|_| Release::default()).await;
    let databases = [
        world.p.external.database(),
        world.p.external.analytics_database(),
    ];
    let (reason, message) = world.pass(&databases, ConditionType::Migrated).await;
    is_told(Reason::MigrationRunning, &reason);
    let paths = world.api.paths();
    let job = paths.iter().find(|path| path.starts_with(JOBS));
    let job = job.expect("a Job was made");
    assert!(message.ends_with(job.trim_start_matches(JOBS)), "{message}");

    world.api.put(job, |job| {
        job["status"] = json!({"conditions": [{
            "type": "Failed", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": "2027-01-15T08:00:00Z",
        }]});
    });
    let (reason, message) = world.pass(&databases, ConditionType::Migrated).await;
    is_told(Reason::MigrationFailed, &reason);
    assert!(message.contains("spec.migration.retry to 1"), "{message}");
}

#[tokio::test]
async fn databases_that_lost_their_tables_are_not_migrated() {
    let world = World::with(|p| Release::default().settled(&wish(p), &p.image)).await;
    let lost = [world.p.external.database()];
    let (reason, message) = world.pass(&lost, ConditionType::Migrated).await;
    is_told(Reason::DatabaseLost, &reason);
    assert!(message.contains(&lost[0]), "{message}");
    let made = |path: &String| path.starts_with(JOBS);
    assert!(!world.api.paths().iter().any(made), "a Job was made");
}

#[tokio::test]
async fn the_rest_of_a_migration_waits_for_the_roles() {
    let plan: Value = json!({"pending": [
        {"database": "application", "name": "0009_drop_names", "phase": "contract", "checksum": "0a"},
    ]});
    let plan: Plan = serde_json::from_value(plan).expect("a plan");
    let world = World::with(|p| {
        former(p).going(&wish(p), |upgrade| {
            upgrade.plan = Some(plan);
            upgrade.stage = Stage::Rolling;
        })
    })
    .await;
    let (reason, message) = world.pass(&[], ConditionType::Migrated).await;
    is_told(Reason::ContractPending, &reason);
    assert!(message.contains("when every role runs it"), "{message}");
    // Its web role has begun to roll and is not ready.
    let (reason, _) = world.pass(&[], ConditionType::RolesReady).await;
    is_told(Reason::RolloutPending, &reason);
}

#[tokio::test]
async fn an_image_that_was_given_up_is_told_with_its_cause() {
    let world = World::with(|p| {
        former(p).going(&wish(p), |upgrade| {
            upgrade.plan = Some(Plan::default());
            upgrade.stage = Stage::Rolling;
            upgrade.refused = Some("role web: no node takes it".to_owned());
        })
    })
    .await;
    let (reason, message) = world.pass(&[], ConditionType::RolesReady).await;
    is_told(Reason::RolledBack, &reason);
    for part in ["0.1.0 was given up", "no node takes it", "0.0.9"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
