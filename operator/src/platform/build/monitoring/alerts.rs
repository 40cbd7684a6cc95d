//! What is worth to be woken for, or to be looked at in the morning. Each alert has a section in `docs/operator/alerts.md`,
//! and `alerts.test.yaml` has it fire and not fire. What is wrong with the operator itself is watched for once, not for each
//! Platform: `charts/crewdeck-operator/alerts.yaml`.

use serde_json::{Value, json};

use crate::platform::validate::ValidatedPlatform;

/// The page that explains each alert.
const RUNBOOK: &str = "operator/alerts.md";

struct Alert<'a> {
    name: &'a str,
    /// `$of` stands for the labels of the Platform, `$overdue` for the seconds after which its key set should have changed,
    /// `$lag` for those that its replica may be behind.
    expression: &'a str,
    /// How long it must hold.
    lasts: &'a str,
    severity: &'a str,
    summary: &'a str,
}

const ALERTS: [Alert<'static>; 10] = [
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
        // The series begins with the first event that is refused, at one: that is no increase.
        expression: "sum by (consumer) (increase(events_consumed_total{$of,outcome=\"dead_letter\"}[15m])) > 0 \
                     or sum by (consumer) (events_consumed_total{$of,outcome=\"dead_letter\"} \
                     unless events_consumed_total{$of,outcome=\"dead_letter\"} offset 15m) > 0",
        lasts: "0m",
        severity: "warning",
        summary: "Consumer {{ $labels.consumer }} gave up on events; they are in a dead-letter topic.",
    },
    Alert {
        name: "CrewdeckReplicaBehind",
        expression: "max(analytics_replica_lag_seconds{$of}) > $lag",
        lasts: "10m",
        severity: "warning",
        summary: "The replica that analytics reads is further behind than it may be.",
    },
    Alert {
        name: "CrewdeckKeyRotationLate",
        // The operator knows the date. When it is the operator that is missing, the pods still know how old their key set
        // is, and each rotation makes it new.
        expression: "time() - max(operator_signing_keys_next_rotation_timestamp_seconds{$of}) > 3600 \
                     or time() - max(jwks_data_timestamp_seconds{$of}) > $overdue",
        lasts: "5m",
        severity: "warning",
        summary: "The next signing key should have taken over long ago.",
    },
    Alert {
        name: "CrewdeckKeySetBehind",
        expression: "max(operator_signing_keys_pods_behind{$of}) > 0",
        lasts: "10m",
        severity: "warning",
        summary: "Pods that do not use the newest key set hold a rotation back, or still accept a revoked key.",
    },
    Alert {
        name: "CrewdeckFormerLoginOpen",
        expression: "max by (client) (operator_credential_draining{$of}) == 1",
        lasts: "1h",
        severity: "warning",
        summary: "The former login of {{ $labels.client }} cannot be ended: pods may still use it.",
    },
];

/// The alerts of the Platform: the first one is about the roles that should run, the others are the same for all.
pub(super) fn rules(p: &ValidatedPlatform) -> Vec<Value> {
    let of = format!("namespace=\"{}\",platform=\"{}\"", p.namespace, p.name);
    let running = p.roles.iter().filter(|spec| spec.scale.least() > 0);
    let absent: Vec<String> = running
        .map(|spec| {
            let role = spec.role.as_str();
            // What is absent has no labels of its own.
            format!(
                "label_replace(absent(up{{{of},role=\"{role}\"}} == 1), \"role\", \"{role}\", \"\", \"\")"
            )
        })
        .collect();
    let away = Alert {
        name: "CrewdeckRoleAway",
        expression: &absent.join(" or "),
        lasts: "5m",
        severity: "critical",
        summary: "No pod of {{ $labels.role }} answers.",
    };
    let all = [&away].into_iter().chain(&ALERTS);
    all.map(|alert| rule(p, alert, &of)).collect()
}

fn rule(p: &ValidatedPlatform, alert: &Alert<'_>, of: &str) -> Value {
    let overdue = p.signing.timings.overdue_after().num_seconds().to_string();
    let lag = p.maximum_replica_lag.num_seconds().to_string();
    let expression = alert.expression.replace("$of", of);
    let section = alert.name.to_lowercase();
    json!({
        "alert": alert.name,
        "expr": expression.replace("$overdue", &overdue).replace("$lag", &lag),
        "for": alert.lasts,
        "labels": {"severity": alert.severity, "namespace": p.namespace, "platform": p.name},
        "annotations": {
            "summary": alert.summary,
            "runbook_url": format!("{}/{RUNBOOK}#{section}", p.documentation),
        },
    })
}
