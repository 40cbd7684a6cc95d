//! Which pods Prometheus reads, and what it watches for.

mod alerts;

use kube::core::ObjectMeta;
use serde_json::{Value, json};

use crate::platform::{
    foreign::{PodMonitor, PrometheusRule},
    metadata::{metadata, selector},
    validate::ValidatedPlatform,
};

/// The metrics of every pod of the Platform, with its role.
#[must_use]
pub fn pod_monitor(p: &ValidatedPlatform) -> PodMonitor {
    let label = |from: &str, to: &str| {
        let source = format!("__meta_kubernetes_pod_label_app_kubernetes_io_{from}");
        json!({"sourceLabels": [source], "targetLabel": to})
    };
    PodMonitor {
        metadata: labelled(p),
        spec: json!({
            "selector": {"matchLabels": selector(&p.name, None)},
            "podMetricsEndpoints": [{
                "port": "probes",
                "path": "/metrics",
                "relabelings": [label("instance", "platform"), label("component", "role")],
            }],
        }),
        status: Value::Null,
    }
}

/// The alerts of the Platform, and one for each role that should run.
#[must_use]
pub fn prometheus_rule(p: &ValidatedPlatform) -> PrometheusRule {
    let name = format!("crewdeck.{}.{}", p.namespace, p.name);
    PrometheusRule {
        metadata: labelled(p),
        spec: json!({"groups": [{"name": name, "rules": alerts::rules(p)}]}),
        status: Value::Null,
    }
}

fn labelled(p: &ValidatedPlatform) -> ObjectMeta {
    let mut metadata = metadata(p, p.name.clone(), None);
    let mut labels = p.monitoring.labels.clone();
    labels.extend(metadata.labels.unwrap_or_default());
    metadata.labels = Some(labels);
    metadata
}

#[cfg(test)]
mod tests;
