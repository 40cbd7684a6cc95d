//! The role `operator`: client, lease, controller.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, bail};
use common_clock::{SharedClock, SharedIds};
use common_service::Service;
use crds::{GENERATION_ANNOTATION, SCHEMA_GENERATION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    OperatorConfig, controller,
    keys::Maker,
    lease, metrics,
    platform::{Administrators, Context, CustomMetrics, Kinds},
    server_clock::ServerClock,
};

/// The resource's definition.
const DEFINITION: &str = "platforms.crewdeck.io";

/// Runs the role until it is told to stop. It may lose its lease and win it again.
///
/// # Errors
/// When the API server cannot be reached at the start, or the definition of `Platform` is missing or older than this
/// operator.
pub async fn run(config: OperatorConfig, service: Service) -> anyhow::Result<()> {
    let work = operate(config, service.clone());
    service.spawn("controller", work);
    service.run().await
}

async fn operate(config: OperatorConfig, service: Service) -> anyhow::Result<()> {
    let ready = service.ready("leader");
    let cx = Config::infer()
        .await
        .map_err(anyhow::Error::from)
        .and_then(|found| {
            context(
                found,
                config,
                service.clock().clone(),
                service.ids().clone(),
            )
        })
        .context("cannot find the API server: run in a pod or set KUBECONFIG")?;
    check_definition(&cx.client).await?;

    // A pod that waits for the lease is as ready as it can be.
    ready.set(true, "waiting for the lease");
    metrics::leads(false);
    let stop = service.soft();
    let leads = Arc::new(AtomicBool::new(false));
    service.state("operator", {
        let leads = leads.clone();
        move || json!({"leads": leads.load(Ordering::Relaxed)})
    });
    while let Some(mut leadership) = lease::lead(&cx, &stop).await {
        ready.set(true, "leading");
        leads.store(true, Ordering::Relaxed);
        metrics::leads(true);
        let lost = tokio::select! {
            // Whatever is under way is cut off, as by a crash: each step can be cut off between any two writes.
            () = leadership.lost() => true,
            () = controller::run(cx.clone(), stop.clone()) => false,
        };
        leads.store(false, Ordering::Relaxed);
        metrics::leads(false);
        if !lost {
            leadership.give_back().await;
            break;
        }
        tracing::warn!("the lease was lost; this process waits for it again");
        ready.set(true, "waiting for the lease");
        leadership.forget();
    }
    Ok(())
}

/// What a leader runs, by itself: both controllers over the Platforms of `config.watch_namespaces`, without a Lease and
/// without an end. Nothing is left of it in memory when it is dropped, at whatever moment: the next one is a new life.
///
/// # Errors
/// When the cluster's configuration cannot be used.
pub async fn controllers(
    cluster: Config,
    config: OperatorConfig,
    clock: SharedClock,
    ids: SharedIds,
) -> anyhow::Result<()> {
    let cx = context(cluster, config, clock, ids)?;
    controller::run(cx, CancellationToken::new()).await;
    Ok(())
}

/// Everything that one life of the operator knows, with nothing in memory yet.
fn context(
    cluster: Config,
    config: OperatorConfig,
    clock: SharedClock,
    ids: SharedIds,
) -> anyhow::Result<Context> {
    let server_clock = ServerClock::default();
    Ok(Context {
        client: server_clock.client(cluster, clock.clone())?,
        clock,
        server_clock,
        ids,
        kinds: Kinds::default(),
        custom_metrics: CustomMetrics::default(),
        administrators: Administrators::default(),
        proofs: Arc::default(),
        watched: Arc::default(),
        maker: Maker::default(),
        gauges: Arc::default(),
        config: Arc::new(config),
    })
}

/// Refuses a definition that would drop fields this operator relies on.
async fn check_definition(client: &Client) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = api
        .get_opt(DEFINITION)
        .await
        .context("cannot ask the API server for the definition of Platform")?;
    let Some(found) = found else {
        bail!(
            "the resource {DEFINITION} is not defined; install it with: helm install crewdeck-crds charts/crewdeck-crds"
        );
    };
    let generation: u32 = found
        .annotations()
        .get(GENERATION_ANNOTATION)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    if generation < SCHEMA_GENERATION {
        bail!(
            "the definition {DEFINITION} has schema generation {generation}, this operator needs {SCHEMA_GENERATION}; \
             renew it with: helm upgrade crewdeck-crds charts/crewdeck-crds"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
