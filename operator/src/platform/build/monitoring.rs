//! Which pods Prometheus reads, and what it watches for. Each alert has a section in `docs/operator/alerts.md`.

use kube::core::ObjectMeta;
use serde_json::{Value, json};

use crate::platform::{
    foreign::{PodMonitor, PrometheusRule},
    metadata::{metadata, selector},
    validate::ValidatedPlatform,
};

/// The page of the repository that explains each alert.
const RUNBOOK: &str = "docs/operator/alerts.md";

/// Something to be woken for, or to look at in the morning.
struct Alert<'a> {
    name: &'a str,
    /// `$of` stands for the labels of the Platform.
    expression: &'a str,
    /// How long it must hold.
    lasts: &'a str,
    severity: &'a str,
    summary: &'a str,
}

const ALERTS: [Alert<'static>; 9] = [
    Alert {
        name: "CrewdeckRequestsFail",
        expression: "sum by (role) (rate(http_server_request_duration_seconds_count{$of,status=~\"5..\"}[5m])) \
                     > 0.01 * sum by (role) (rate(http_server_request_duration_seconds_count{$of}[5m]))",
        lasts: "5m",
        severity: "critical",
        summary: "More than one of a hundred requests to {{ $labels.role }} fails.",
    },
    Alert {
        name: "CrewdeckRequestsSlow",
        expression: "histogram_quantile(0.99, sum by (role, le) (rate(http_server_request_duration_seconds_bucket{$of}[5m]))) > 1",
        lasts: "10m",
        severity: "warning",
        summary: "One of a hundred requests to {{ $labels.role }} takes longer than a second.",
    },
    Alert {
        name: "CrewdeckJobsWait",
        expression: "max by (queue) (jobs_oldest_runnable_seconds{$of}) > 300",
        lasts: "5m",
        severity: "warning",
        summary: "A job of queue {{ $labels.queue }} has waited for five minutes.",
    },
    Alert {
        name: "CrewdeckEventsNotSent",
        expression: "max(events_relay_lag_seconds{$of}) > 60",
        lasts: "5m",
        severity: "critical",
        summary: "Events are recorded and not sent to Kafka.",
    },
    Alert {
        name: "CrewdeckNoRelay",
        expression: "max(events_relay_active{$of}) < 1",
        lasts: "5m",
        severity: "critical",
        summary: "No worker sends events.",
    },
    Alert {
        name: "CrewdeckEventsRefused",
        expression: "sum by (consumer) (increase(events_consumed_total{$of,outcome=\"dead_letter\"}[15m])) > 0",
        lasts: "0m",
        severity: "warning",
        summary: "Consumer {{ $labels.consumer }} gave up on events; they are in a dead-letter topic.",
    },
    Alert {
        name: "CrewdeckReplicaBehind",
        expression: "max(analytics_replica_lag_seconds{$of}) > 60",
        lasts: "10m",
        severity: "warning",
        summary: "The replica that analytics reads is more than a minute behind.",
    },
    Alert {
        name: "CrewdeckKeyRotationLate",
        expression: "time() - max(operator_signing_keys_next_rotation_timestamp_seconds{$of}) > 3600",
        lasts: "5m",
        severity: "warning",
        summary: "The next signing key should have taken over an hour ago.",
    },
    Alert {
        name: "CrewdeckFormerLoginOpen",
        expression: "max by (client) (operator_credential_draining{$of}) == 1",
        lasts: "1h",
        severity: "warning",
        summary: "The former login of {{ $labels.client }} cannot be ended: pods may still use it.",
    },
];

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
    let of = format!("namespace=\"{}\",platform=\"{}\"", p.namespace, p.name);
    let running = p.roles.iter().filter(|spec| spec.scale.least() > 0);
    let absent: Vec<String> = running
        .map(|spec| format!("absent(up{{{of},role=\"{}\"}} == 1)", spec.role.as_str()))
        .collect();
    let away = Alert {
        name: "CrewdeckRoleAway",
        expression: &absent.join(" or "),
        lasts: "5m",
        severity: "critical",
        summary: "No pod of {{ $labels.role }} answers.",
    };
    let rules: Vec<Value> = [&away]
        .into_iter()
        .chain(&ALERTS)
        .map(|alert| rule(p, alert, &of))
        .collect();
    PrometheusRule {
        metadata: labelled(p),
        spec: json!({"groups": [{"name": format!("crewdeck.{}.{}", p.namespace, p.name), "rules": rules}]}),
        status: Value::Null,
    }
}

fn rule(p: &ValidatedPlatform, alert: &Alert<'_>, of: &str) -> Value {
    json!({
        "alert": alert.name,
        "expr": alert.expression.replace("$of", of),
        "for": alert.lasts,
        "labels": {"severity": alert.severity, "namespace": p.namespace, "platform": p.name},
        "annotations": {
            "summary": alert.summary,
            "runbook": format!("{RUNBOOK}#{}", alert.name.to_lowercase()),
        },
    })
}

fn labelled(p: &ValidatedPlatform) -> ObjectMeta {
    let mut metadata = metadata(p, p.name.clone(), None);
    let mut labels = p.monitoring.labels.clone();
    labels.extend(metadata.labels.unwrap_or_default());
    metadata.labels = Some(labels);
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::validate::{Role, Scale, sample::sample};

    fn yaml(value: &impl serde::Serialize) -> String {
        serde_yaml::to_string(value).expect("objects are YAML")
    }

    #[test]
    fn both_in_whole() {
        let mut p = sample();
        p.monitoring.labels = [
            ("release", "prometheus"),
            ("app.kubernetes.io/part-of", "stolen"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        insta::assert_snapshot!("pod_monitor", yaml(&pod_monitor(&p)));
        insta::assert_snapshot!("prometheus_rule", yaml(&prometheus_rule(&p)));
    }

    #[test]
    fn a_role_that_is_switched_off_is_not_missed() {
        let mut p = sample();
        let realtime = p.roles.iter_mut().find(|spec| spec.role == Role::Realtime);
        realtime.expect("the role").scale = Scale::Fixed(0);
        let text = yaml(&prometheus_rule(&p));
        assert!(text.contains("role=\"web\"") && !text.contains("role=\"realtime\""));
    }

    #[test]
    fn each_alert_is_explained() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator/alerts.md");
        let text = std::fs::read_to_string(file).expect("the page");
        let sections: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        let names = prometheus_rule(&sample()).spec["groups"][0]["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| rule["alert"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>();
        assert_eq!(sections, names);
    }
}
