//! The pods of a role.

use std::collections::BTreeMap;

use crds::EnvVariable;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            Affinity, ConfigMap, ContainerPort, EnvVar, HTTPGetAction, Lifecycle, LifecycleHandler,
            PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SleepAction, Toleration,
        },
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};
use sha2::{Digest as _, Sha256};

use super::{
    Client, config_map, container,
    container::{Files, From},
    object_name, service,
};
use crate::hex::hex;
use crate::platform::{
    metadata::{labels, metadata, selector},
    validate::{Role, RoleSpec, Scale, ValidatedPlatform},
};

/// Seconds for which a stopping pod goes on answering while everybody learns that it stops.
const PAUSE_BEFORE_STOP_SECONDS: i64 = 3;
/// Port of probes, metrics and state.
const PROBES: &str = "probes";

/// The Deployment of a role. Its pods roll when the configuration changes; keys and credentials are re-read.
pub(super) fn deployment(p: &ValidatedPlatform, spec: &RoleSpec, config: &ConfigMap) -> Deployment {
    let name = object_name(p, spec.role);
    let files = files(p, spec.role, format!("{name}-config"));
    let mut main = container::container(p, spec.role.as_str(), &files);
    main.ports = Some(ports(spec.role));
    main.resources = Some(resources(spec));
    main.env
        .get_or_insert_default()
        .extend(spec.template.extra_env.iter().map(variable));
    main.startup_probe = Some(Probe {
        failure_threshold: Some(60),
        ..probe("/startupz", 1)
    });
    main.liveness_probe = Some(Probe {
        failure_threshold: Some(3),
        ..probe("/livez", 10)
    });
    main.readiness_probe = Some(Probe {
        failure_threshold: Some(2),
        ..probe("/readyz", 3)
    });
    if service::port(spec.role).is_some() {
        let sleep = SleepAction {
            seconds: PAUSE_BEFORE_STOP_SECONDS,
        };
        let handler = LifecycleHandler {
            sleep: Some(sleep),
            ..LifecycleHandler::default()
        };
        main.lifecycle = Some(Lifecycle {
            pre_stop: Some(handler),
            ..Lifecycle::default()
        });
    }

    let mut pod = container::pod(p, name.clone(), main, &files);
    place(&mut pod, p, spec);
    let mut pod_labels = spec.template.pod_labels.clone();
    pod_labels.extend(labels(p, Some(spec.role)));
    let mut annotations = spec.template.pod_annotations.clone();
    annotations.insert("crewdeck.io/config-hash".to_owned(), hash(config));
    Deployment {
        metadata: metadata(p, name, Some(spec.role)),
        spec: Some(DeploymentSpec {
            // An autoscaled number is not ours to send.
            replicas: match spec.scale {
                Scale::Fixed(replicas) => Some(replicas),
                Scale::Automatic(_) => None,
            },
            // Somebody's `kubectl rollout pause` would keep it from ever rolling again.
            paused: Some(false),
            revision_history_limit: Some(3),
            progress_deadline_seconds: i32::try_from(p.rollout.progress_deadline_seconds).ok(),
            selector: LabelSelector {
                match_labels: Some(selector(&p.name, Some(spec.role))),
                ..LabelSelector::default()
            },
            strategy: Some(strategy(spec.role)),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(pod_labels),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn files(p: &ValidatedPlatform, role: Role, config: String) -> Vec<Files> {
    let mut files = vec![Files::config(config)];
    if role.verifies() {
        files.push(Files::of(p, "jwks", From::ConfigMap));
    }
    if role == Role::Web {
        files.extend([
            Files::of(p, "signing", From::Secret),
            Files::of(p, "web", From::Secret),
        ]);
    }
    files.extend(
        Client::of(role)
            .iter()
            .map(|client| Files::credentials(p, *client)),
    );
    files
}

fn ports(role: Role) -> Vec<ContainerPort> {
    let port = |name: &str, number: i32| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    let http = service::port(role).map(|number| port("http", number));
    http.into_iter()
        .chain([port(PROBES, container::PROBE_PORT)])
        .collect()
}

fn probe(path: &str, period: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(PROBES.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

/// Two beats at once are harmless but useless; the others never have fewer pods than wanted.
fn strategy(role: Role) -> DeploymentStrategy {
    if role == Role::Beat {
        return DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        };
    }
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

/// The role's defaults, with what the spec names in their place.
fn resources(spec: &RoleSpec) -> ResourceRequirements {
    let defaults = |pairs: &[(&str, &str)]| -> BTreeMap<String, Quantity> {
        pairs
            .iter()
            .map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned())))
            .collect()
    };
    let memory = if spec.role == Role::Web {
        "512Mi"
    } else {
        "256Mi"
    };
    let mut requests = defaults(&[("cpu", "25m"), ("memory", "64Mi")]);
    let mut limits = defaults(&[("cpu", "1"), ("memory", memory)]);
    requests.extend(spec.template.resources.requests.clone());
    limits.extend(spec.template.resources.limits.clone());
    ResourceRequirements {
        requests: Some(requests),
        limits: Some(limits),
        claims: None,
    }
}

/// Where the pods run, before whom, and how long they take to end.
fn place(pod: &mut PodSpec, p: &ValidatedPlatform, spec: &RoleSpec) {
    let template = &spec.template;
    let class = &template.priority_class_name;
    pod.termination_grace_period_seconds = Some(template.termination_grace_period_seconds);
    pod.node_selector = Some(template.node_selector.clone());
    pod.tolerations = Some(template.tolerations.iter().map(toleration).collect());
    pod.affinity = Some(template.affinity.clone()).filter(|given| *given != Affinity::default());
    pod.priority_class_name = Some(class.clone()).filter(|class| !class.is_empty());
    let mut constraints = template.topology_spread_constraints.clone();
    for constraint in &mut constraints {
        constraint
            .label_selector
            .get_or_insert_with(|| LabelSelector {
                match_labels: Some(selector(&p.name, Some(spec.role))),
                ..LabelSelector::default()
            });
    }
    pod.topology_spread_constraints = Some(constraints);
}

/// Empty texts are left out, as the API server does: what is sent is what is found again.
fn toleration(given: &Toleration) -> Toleration {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Toleration {
        effect: text(&given.effect),
        key: text(&given.key),
        operator: text(&given.operator),
        value: text(&given.value),
        toleration_seconds: given.toleration_seconds,
    }
}

fn variable(given: &EnvVariable) -> EnvVar {
    EnvVar {
        name: given.name.clone(),
        value: Some(given.value.clone()).filter(|value| !value.is_empty()),
        value_from: None,
    }
}

fn hash(config: &ConfigMap) -> String {
    let mut hash = Sha256::new();
    for (name, text) in config.data.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update(config_map::settings(text).as_bytes());
    }
    hex(&hash.finalize()[..8])
}
