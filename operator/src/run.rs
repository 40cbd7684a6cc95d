//! The role `operator`: client, lease, controller.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, bail};
use common_service::Service;
use crds::{GENERATION_ANNOTATION, SCHEMA_GENERATION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::json;

use crate::{
    OperatorConfig, controller, lease,
    platform::{Context, Kinds},
    server_clock::ServerClock,
};

/// The resource's definition.
const DEFINITION: &str = "platforms.crewdeck.io";

/// Runs the role until it is told to stop or loses its lease.
///
/// # Errors
/// When the API server cannot be reached at the start, the definition of `Platform` is missing or older than this
/// operator, or the lease is lost: the next process starts from what is in the cluster.
pub async fn run(config: OperatorConfig, service: Service) -> anyhow::Result<()> {
    let work = operate(config, service.clone());
    service.spawn("controller", work);
    service.run().await
}

async fn operate(config: OperatorConfig, service: Service) -> anyhow::Result<()> {
    let ready = service.ready("leader");
    let server_clock = ServerClock::default();
    let client = Config::infer()
        .await
        .map_err(anyhow::Error::from)
        .and_then(|found| Ok(server_clock.client(found, service.clock().clone())?))
        .context("cannot find the API server: run in a pod or set KUBECONFIG")?;
    check_definition(&client).await?;

    // A pod that waits for the lease is as ready as it can be.
    ready.set(true, "waiting for the lease");
    let stop = service.soft();
    let identity = format!("crewdeck-operator-{}", service.ids().uuid());
    let leads = Arc::new(AtomicBool::new(false));
    service.state("operator", {
        let (identity, leads) = (identity.clone(), leads.clone());
        move || json!({"identity": identity, "leads": leads.load(Ordering::Relaxed)})
    });
    let Some(mut leadership) = lease::lead(
        client.clone(),
        &config.lease_namespace,
        &identity,
        service.clock().clone(),
        &stop,
    )
    .await?
    else {
        return Ok(());
    };
    ready.set(true, "leading");
    leads.store(true, Ordering::Relaxed);
    let cx = Context {
        client,
        clock: service.clock().clone(),
        server_clock,
        ids: service.ids().clone(),
        kinds: Kinds::default(),
        config: Arc::new(config),
    };
    tokio::select! {
        () = leadership.lost() => bail!("the lease was lost; another process leads"),
        () = controller::run(cx, stop) => {}
    }
    leadership.give_back().await;
    Ok(())
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
