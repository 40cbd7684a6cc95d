//! Upgrades under people who go on working: good ones, broken ones, and what a killed migration leaves.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};
use sqlx::{Executor as _, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{
    backends,
    cluster::Cluster,
    faults::is_long,
    jobs::{enqueue, every_job_ran_once},
    platform::{Platform, ROLES},
    schema::FORMER_SCHEMA,
    wait::wait_for,
    work::{Person, every_task_is_counted, without_limits, work},
};
use tokio::{sync::watch, time::Instant};

const READY: Duration = Duration::from_mins(3);
/// Seconds after which a roll has failed.
const DEADLINE: i64 = 15;
/// Of the tokens that the default spec gives.
const TOKEN: Duration = Duration::from_mins(15);

/// What an upgrade of the test goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// The same program under the other tag.
    Other,
    /// An image whose roles end at once.
    Broken,
    /// An image that no node can get.
    Missing,
}

/// Every kind once; twenty with five broken ones when there is time.
fn course() -> Vec<To> {
    use To::{Broken, Missing, Other};
    if !is_long() {
        return vec![Other, Broken, Other, Missing];
    }
    let mut course: Vec<To> = std::iter::repeat_n(Other, 20).collect();
    for (place, broken) in [
        (2, Broken),
        (6, Missing),
        (10, Broken),
        (14, Broken),
        (18, Missing),
    ] {
        course[place] = broken;
    }
    course
}

/// `repository` and `tag` as the spec has them.
pub(super) fn image(name: &str) -> Result<Value> {
    let (repository, tag) = name.rsplit_once(':').context("an image with a tag")?;
    Ok(json!({"repository": repository, "tag": tag}))
}

/// What a row of upgrades came to.
#[derive(Debug, Default)]
struct Upgraded {
    /// Each with the seconds that it took.
    took: Vec<(To, u64)>,
    /// What a person saw of the broken ones.
    shown: Vec<String>,
}

/// Upgrades as `course` says.
async fn upgrade(
    cluster: &Cluster,
    platform: &Platform,
    spec: &mut Value,
    course: &[To],
) -> Result<Upgraded> {
    let mut upgraded = Upgraded::default();
    let (mut now, mut other) = (
        cluster.status.image.clone(),
        cluster.status.images.next.clone(),
    );
    for to in course {
        let begun = Instant::now();
        match to {
            To::Other => {
                spec["image"] = image(&other)?;
                platform.apply(spec).await?;
                roll_in_order(cluster, platform, &other).await?;
                platform.ready(READY).await?;
                std::mem::swap(&mut now, &mut other);
            }
            To::Broken => {
                spec["image"] = image(&cluster.status.images.broken)?;
                platform.apply(spec).await?;
                platform.told("RolesReady", "role web", READY).await?;
                upgraded.shown.push(shown(cluster, platform)?);
                let told = platform.told("RolesReady", "again.", READY).await?;
                ensure!(told.reason == "RolledBack", "{told:?}");
                upgraded.shown.push(shown(cluster, platform)?);
            }
            To::Missing => {
                spec["image"] = json!({"repository": "crewdeck.io/crewdeck", "tag": "no-such-tag"});
                platform.apply(spec).await?;
                platform.told("Migrated", "no-such-tag", READY).await?;
            }
        }
        runs_only(cluster, platform, &now).await?;
        upgraded.took.push((*to, begun.elapsed().as_secs()));
    }
    Ok(upgraded)
}

/// What a person sees of it.
fn shown(cluster: &Cluster, platform: &Platform) -> Result<String> {
    let Platform {
        namespace, name, ..
    } = platform;
    cluster.kubectl(&["-n", namespace, "get", "platform", name, "-o", "wide"])
}

/// The image that each role's Deployment asks for.
async fn asked(cluster: &Cluster, platform: &Platform) -> Result<BTreeMap<String, String>> {
    let api: Api<Deployment> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let found = api
        .list(&ListParams::default().labels(&platform.labels()))
        .await?;
    let image = |deployment: Deployment| {
        let role = deployment
            .metadata
            .labels?
            .remove("app.kubernetes.io/component")?;
        let pod = deployment.spec?.template.spec?;
        Some((role, pod.containers.first()?.image.clone()?))
    };
    Ok(found.into_iter().filter_map(image).collect())
}

/// Looks on while the roles come to this image: those that were asked to are always the first ones of their order.
async fn roll_in_order(cluster: &Cluster, platform: &Platform, image: &str) -> Result<()> {
    let mut stages = BTreeSet::new();
    loop {
        let done = wait_for("the next role is asked to roll", READY, async || {
            let asked = asked(cluster, platform).await?;
            let is_new = |role: &&str| asked.get(*role).is_some_and(|asked| asked == image);
            let new: Vec<&str> = ROLES.into_iter().filter(is_new).collect();
            ensure!(!new.is_empty() && !stages.contains(&new.len()), "{asked:?}");
            Ok(new)
        })
        .await?;
        ensure!(
            ROLES.starts_with(&done),
            "the roles roll out of order: {done:?} before the others"
        );
        stages.insert(done.len());
        if done.len() == ROLES.len() {
            break;
        }
    }
    // Of roles that were all asked at once it would prove nothing.
    ensure!(stages.len() >= 3, "only {stages:?} were seen");
    Ok(())
}

/// Waits until every pod of a role runs this image.
pub(super) async fn runs_only(cluster: &Cluster, platform: &Platform, image: &str) -> Result<()> {
    wait_for("every role runs one image", READY, async || {
        let pods = cluster
            .pods(
                &platform.namespace,
                &format!("{},app.kubernetes.io/component!=migrate", platform.labels()),
            )
            .await?;
        let images: BTreeSet<String> = pods
            .iter()
            .filter_map(|pod| pod.spec.as_ref()?.containers.first()?.image.clone())
            .collect();
        ensure!(images == BTreeSet::from([image.to_owned()]), "{images:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn e2e_upgrades_fail_no_request_and_lose_no_job() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "upgrade").await?;
    let mut spec = platform.spec().await?;
    spec["rollout"] = json!({"progressDeadlineSeconds": DEADLINE});
    for role in ["web", "analytics"] {
        spec["roles"][role] = json!({"replicas": 2});
    }
    without_limits(&mut spec);
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let person = Person::first(&cluster, &platform).await?;
    let team = person.team().await?;
    let (stop, stopped) = watch::channel(false);
    let course = course();
    let going = async {
        let upgraded = upgrade(&cluster, &platform, &mut spec, &course).await;
        stop.send(true)?;
        upgraded
    };
    let (worked, jobs, upgraded) = tokio::join!(
        work(person, &team, &analytics, TOKEN, stopped.clone()),
        enqueue(&cluster, &platform, stopped),
        going
    );
    let (worked, jobs, Upgraded { took, shown }) = (worked?, jobs?, upgraded?);
    println!(
        "broken ones, while they roll and when they were given up:\n{}",
        shown.join("")
    );
    let fate = every_job_ran_once(&cluster, &platform, &jobs).await?;
    let broken = took.iter().filter(|(to, _)| *to != To::Other).count();
    println!(
        "upgrades {:>4}, {broken} of them broken on purpose; seconds: {took:?}\n\
         requests {:>4}, {} failed\n\
         jobs     {:>4}, {} lost, {} run twice, {} attempts\n\
         events   {:>4}, each counted once",
        took.len(),
        worked.requests,
        worked.refused.len(),
        jobs.len(),
        fate.lost,
        fate.twice,
        fate.attempts,
        worked.tasks,
    );
    ensure!(worked.refused.is_empty(), "refused: {:?}", worked.refused);
    every_task_is_counted(&cluster, &platform, &team, &worked).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Whether Kubernetes has given the new pods of web up.
async fn is_given_up(cluster: &Cluster, platform: &Platform) -> Result<bool> {
    let api: Api<Deployment> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let web = api.get(&format!("{}-web", platform.name)).await?;
    let conditions = web.status.and_then(|status| status.conditions);
    Ok(conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded")))
}

#[tokio::test]
async fn e2e_a_roll_that_failed_is_held_where_it_is() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "held").await?;
    let mut spec = platform.spec().await?;
    spec["rollout"] = json!({"progressDeadlineSeconds": DEADLINE, "onFailure": "Hold"});
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let former = spec["image"].clone();
    spec["image"] = image(&cluster.status.images.broken)?;
    platform.apply(&spec).await?;
    wait_for("Kubernetes gives the new pods up", READY, async || {
        ensure!(is_given_up(&cluster, &platform).await?, "not yet");
        Ok(())
    })
    .await?;
    // Two passes over web come after that: one in which a return would be decided, and one that would begin it.
    for _ in 0..2 {
        let service = |verb| ["-n", &platform.namespace, verb, "service", "p-web"];
        cluster.kubectl(&service("delete"))?;
        wait_for("the Service of web is back", READY, async || {
            cluster.kubectl(&service("get"))
        })
        .await?;
    }
    let asked = asked(&cluster, &platform).await?;
    for role in ROLES {
        let expected = if role == "web" {
            &cluster.status.images.broken
        } else {
            &cluster.status.image
        };
        ensure!(asked.get(role) == Some(expected), "{role}: {asked:?}");
    }
    let told = platform.told("RolesReady", "role web", READY).await?;
    ensure!(told.reason != "RolledBack", "{told:?}");
    // The pods of the former version serve: it takes a login.
    let person = Person::first(&cluster, &platform).await?;
    person.api.get("/api/v1/users/me").await?.data(200)?;
    println!("held:\n{}", shown(&cluster, &platform)?);

    spec["image"] = former;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// The administrator's connection to the application's database, in the role of the tables' owner.
pub(super) async fn owner(cluster: &Cluster, platform: &Platform) -> Result<PgConnection> {
    let server = &cluster.status.backends.postgres;
    let name = format!("{}-db-app", platform.name);
    let secret = cluster.secret(&platform.namespace, &name).await?;
    let url = secret.get("url").context("the Secret has url")?;
    let options = backends::postgres_options(server, url, backends::Server::Primary)?;
    let database = options.get_database().context("a database")?;
    let mut connection = backends::postgres_admin(server, database).await?;
    let owner: String =
        sqlx::query_scalar("select tableowner::text from pg_tables where tablename = 'tasks'")
            .fetch_one(&mut connection)
            .await?;
    connection
        .execute(sqlx::AssertSqlSafe(format!("set role {owner}")))
        .await?;
    Ok(connection)
}

/// Takes the database back to the schema of the version before the last.
pub(super) async fn as_before(connection: &mut PgConnection) -> Result<()> {
    for statement in FORMER_SCHEMA {
        connection.execute(statement).await?;
    }
    Ok(())
}

/// Whether an index is valid; `None` when there is none of this name.
async fn index(connection: &mut PgConnection, name: &str) -> Result<Option<bool>> {
    Ok(
        sqlx::query_scalar("select indisvalid from pg_index where indexrelid = to_regclass($1)")
            .bind(name)
            .fetch_optional(connection)
            .await?,
    )
}

/// Names of the pods of the roles.
async fn pods(cluster: &Cluster, platform: &Platform) -> Result<BTreeSet<String>> {
    let labels = format!("{},app.kubernetes.io/component!=migrate", platform.labels());
    let pods = cluster.pods(&platform.namespace, &labels).await?;
    Ok(pods
        .into_iter()
        .filter_map(|pod| pod.metadata.name)
        .collect())
}

#[tokio::test]
async fn e2e_a_migration_is_planned_approved_and_healed() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "migrate").await?;
    let mut spec = platform.spec().await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let before = pods(&cluster, &platform).await?;
    let mut connection = owner(&cluster, &platform).await?;
    as_before(&mut connection).await?;

    // The plan is told, and nothing happens before it is approved.
    spec["image"] = image(&cluster.status.images.next)?;
    spec["migration"] = json!({"approval": "Manual"});
    platform.apply(&spec).await?;
    let told = platform
        .told("Migrated", "waits for approval", READY)
        .await?;
    ensure!(told.reason == "ApprovalPending", "{told:?}");
    let plan = platform.get().await?.data["status"]["plan"].clone();
    ensure!(
        plan["migrations"]
            == json!([
                {"database": "application", "name": "0008_expand_tasks_by_team_and_owner", "phase": "expand"},
                {"database": "application", "name": "0009_contract_tasks_by_owner", "phase": "contract"},
            ])
            && plan["roles"]
                == json!([
                    "web",
                    "worker",
                    "beat",
                    "realtime",
                    "analytics",
                    "analytics-worker"
                ]),
        "{plan}"
    );
    spec["migration"]["approvedPlan"] = json!("0123456789abcdef");
    platform.apply(&spec).await?;
    platform.told("Migrated", "another plan", READY).await?;
    ensure!(pods(&cluster, &platform).await? == before, "pods changed");
    ensure!(
        index(&mut connection, "tasks_team_id_owner_id_idx")
            .await?
            .is_none(),
        "migrated without approval"
    );

    // A statement that the server refuses: the former version serves, and a person is asked.
    connection
        .execute("alter table tasks rename column owner_id to elsewhere")
        .await?;
    spec["migration"]["approvedPlan"] = plan["hash"].clone();
    platform.apply(&spec).await?;
    let told = platform
        .told("Migrated", "\"owner_id\" does not exist", READY)
        .await?;
    ensure!(
        told.reason == "MigrationFailed"
            && told.message.contains("0008_expand_tasks_by_team_and_owner"),
        "{told:?}"
    );
    ensure!(pods(&cluster, &platform).await? == before, "pods changed");
    connection
        .execute("alter table tasks rename column elsewhere to owner_id")
        .await?;

    // The Job is killed in the middle of an index that waits for an older transaction.
    let mut older = owner(&cluster, &platform).await?;
    older.execute("begin").await?;
    older
        // The lock of a writer, and no row.
        .execute("update tasks set version = version where false")
        .await?;
    spec["migration"]["retry"] = json!(1);
    platform.apply(&spec).await?;
    wait_for("the index is half built", READY, async || {
        let mut connection = owner(&cluster, &platform).await?;
        let valid = index(&mut connection, "tasks_team_id_owner_id_idx").await?;
        ensure!(valid == Some(false), "{valid:?}");
        Ok(())
    })
    .await?;
    kill_migration(&cluster, &platform).await?;
    platform
        .told("Migrated", "is tried again", READY)
        .await
        .context("a killed Job is tried again")?;
    older.execute("rollback").await?;
    platform.ready(READY).await?;
    ensure!(
        index(&mut connection, "tasks_team_id_owner_id_idx").await? == Some(true),
        "the index is not built anew"
    );
    ensure!(
        index(&mut connection, "tasks_owner_id_idx")
            .await?
            .is_none(),
        "the contract was not applied"
    );
    let status = platform.get().await?.data["status"].clone();
    ensure!(status["plan"].is_null(), "{}", status["plan"]);
    ensure!(
        pods(&cluster, &platform).await?.is_disjoint(&before),
        "a pod of the former version is left"
    );
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Ends the pod of the migration that is under way, as a lost node would.
async fn kill_migration(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let api: Api<Pod> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let labels = format!("{},app.kubernetes.io/component=migrate", platform.labels());
    let running = ListParams::default()
        .labels(&labels)
        .fields("status.phase=Running");
    let pods = api.list(&running).await?;
    let pod = pods.items.first().context("a migration runs")?;
    let name = pod.metadata.name.as_deref().context("a pod has a name")?;
    let at_once = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    api.delete(name, &at_once).await?;
    Ok(())
}
