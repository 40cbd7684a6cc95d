//! The migrations of an upgrade: what they wait for, what they leave when they are refused or killed, and how they heal.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use sqlx::{Executor as _, PgConnection};
use std::{collections::BTreeSet, time::Duration};
use tests::{
    backends, cluster::Cluster, platform::Platform, schema::FORMER_SCHEMA, wait::wait_for,
};

use super::{READY, image};

/// What the `expand` over [`FORMER_SCHEMA`] makes.
const EXPANDED: &str = "tasks_team_id_owner_id_idx";
/// What its `contract` takes away.
const CONTRACTED: &str = "tasks_owner_id_idx";

/// The administrator's connection to the application's database, in the role of the tables' owner.
pub(crate) async fn owner(cluster: &Cluster, platform: &Platform) -> Result<PgConnection> {
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
pub(crate) async fn as_before(connection: &mut PgConnection) -> Result<()> {
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

/// Sees that the `expand` is applied, and the `contract` exactly if it should be.
pub(super) async fn require_migrated(
    cluster: &Cluster,
    platform: &Platform,
    is_contracted: bool,
) -> Result<()> {
    let mut connection = owner(cluster, platform).await?;
    let expanded = index(&mut connection, EXPANDED).await?;
    ensure!(
        expanded == Some(true),
        "the index of the expand: {expanded:?}"
    );
    let left = index(&mut connection, CONTRACTED).await?;
    ensure!(
        left.is_none() == is_contracted,
        "the index that the contract drops: {left:?}"
    );
    Ok(())
}

/// Begins a transaction for which an index of the tasks has to wait, and which nobody else waits for.
pub(super) async fn hold(cluster: &Cluster, platform: &Platform) -> Result<PgConnection> {
    let mut older = owner(cluster, platform).await?;
    older.execute("begin").await?;
    older
        // The lock of a writer, and no row.
        .execute("update tasks set version = version where false")
        .await?;
    Ok(older)
}

/// Kills the Job of a migration while its index waits for the `older` transaction, which is let go when the Job is about to be
/// tried again.
pub(super) async fn kill_half_way(
    cluster: &Cluster,
    platform: &Platform,
    mut older: PgConnection,
) -> Result<()> {
    wait_for("the index is half built", READY, async || {
        let mut connection = owner(cluster, platform).await?;
        let valid = index(&mut connection, EXPANDED).await?;
        ensure!(valid == Some(false), "{valid:?}");
        Ok(())
    })
    .await?;
    kill_migration(cluster, platform).await?;
    platform
        .told("Migrated", "is tried again", READY)
        .await
        .context("a killed Job is tried again")?;
    older.execute("rollback").await?;
    Ok(())
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
        index(&mut connection, EXPANDED).await?.is_none(),
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
    let older = hold(&cluster, &platform).await?;
    spec["migration"]["retry"] = json!(1);
    platform.apply(&spec).await?;
    kill_half_way(&cluster, &platform, older).await?;
    platform.ready(READY).await?;
    require_migrated(&cluster, &platform, true)
        .await
        .context("after a killed Job")?;
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
