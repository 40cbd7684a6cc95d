//! The parts of the controllers: each Job gets a pod that succeeds, each Deployment has all its pods available at once. No
//! pod is run, and none is made for a Deployment.

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{Node, Pod},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;
use std::path::PathBuf;

use crate::{kubelet, names::MANAGER};

/// The one node.
const NODE: &str = "node";
/// Objects that are answered at a time.
const CONCURRENCY: usize = 16;
/// Those that an operator made say so.
const OPERATORS: &str = "app.kubernetes.io/managed-by";

/// Where the kubelet's part is played.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port of the logs
    #[arg(long)]
    port: u16,
    /// The node's certificate
    #[arg(long)]
    certificate: PathBuf,
    /// Its key
    #[arg(long)]
    key: PathBuf,
}

/// Plays until it is ended.
pub(crate) async fn run(client: Client, args: &Args) -> Result<()> {
    kubelet::serve(args.port, &args.certificate, &args.key)?;
    node(&client, args.port).await?;
    let operators = watcher::Config::default().labels(OPERATORS);
    let jobs = watcher(Api::<Job>::all(client.clone()), operators.clone())
        .default_backoff()
        .applied_objects()
        .for_each_concurrent(CONCURRENCY, |job| {
            let client = client.clone();
            async move {
                if let Ok(job) = job {
                    warn("Job", complete(&client, job).await);
                }
            }
        });
    let deployments = watcher(Api::<Deployment>::all(client.clone()), operators)
        .default_backoff()
        .applied_objects()
        .for_each_concurrent(CONCURRENCY, |deployment| {
            let client = client.clone();
            async move {
                if let Ok(deployment) = deployment {
                    warn("Deployment", available(&client, &deployment).await);
                }
            }
        });
    tokio::join!(jobs, deployments);
    Ok(())
}

/// One that was changed or deleted meanwhile comes again.
fn warn(kind: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        eprintln!("{kind}: {error:#}");
    }
}

/// Makes the node, whose address leads to our logs.
async fn node(client: &Client, port: u16) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let body = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
    let parameters = PatchParams::apply(MANAGER).force();
    api.patch(NODE, &parameters, &Patch::Apply(&body)).await?;
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }});
    api.patch_status(NODE, &PatchParams::default(), &Patch::Merge(&status))
        .await?;
    Ok(())
}

/// Gives a Job its pod, and lets both have succeeded.
async fn complete(client: &Client, job: Job) -> Result<()> {
    let ended = job
        .status
        .as_ref()
        .and_then(|status| status.completion_time.as_ref());
    if ended.is_some() {
        return Ok(());
    }
    let (name, namespace) = (job.name_any(), job.namespace().unwrap_or_default());
    // It took no time at all: no clock of ours says more.
    let at = job
        .metadata
        .creation_timestamp
        .clone()
        .context("a Job has a date")?;
    let template = job.spec.context("a Job has a spec")?.template;
    let mut spec = template.spec.context("a Job's pod has a spec")?;
    spec.node_name = Some(NODE.to_owned());
    let mut pod = Pod {
        metadata: template.metadata.unwrap_or_default(),
        spec: Some(spec),
        status: None,
    };
    pod.metadata.name = Some(format!("{name}-0"));
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    match pods.create(&PostParams::default(), &pod).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Err(error.into()),
    }
    let succeeded = json!({"status": {"phase": "Succeeded"}});
    pods.patch_status(
        &pod.name_any(),
        &PatchParams::default(),
        &Patch::Merge(&succeeded),
    )
    .await?;
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": at});
    let complete = json!({"status": {
        "startTime": at, "completionTime": at, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    }});
    let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
    jobs.patch_status(&name, &PatchParams::default(), &Patch::Merge(&complete))
        .await?;
    Ok(())
}

/// Lets a Deployment run as it asks for.
async fn available(client: &Client, deployment: &Deployment) -> Result<()> {
    let generation = deployment.metadata.generation;
    let seen = deployment
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    if seen >= generation {
        return Ok(());
    }
    let replicas = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let status = json!({"status": {
        "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
        "readyReplicas": replicas, "availableReplicas": replicas,
    }});
    let namespace = deployment.namespace().unwrap_or_default();
    let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    let name = deployment.name_any();
    api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status))
        .await?;
    Ok(())
}
