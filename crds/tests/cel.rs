//! Every CEL rule of the definition has a case that it accepts and one that it refuses.

use std::{collections::BTreeSet, sync::LazyLock};

use kube::core::cel::Validator;
use rstest::rstest;
use serde_json::{Value, json};

const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// It takes a while to make, and the tests share it.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(crds::definition()).expect("a definition is JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

fn sample() -> Value {
    json!({
        "apiVersion": "crewdeck.io/v1beta1",
        "kind": "Platform",
        "metadata": {"name": "demo", "namespace": "crewdeck"},
        "spec": {
            "image": {"repository": "crewdeck.io/crewdeck", "tag": "0.1.0"},
            "publicURL": "https://crew.example.org",
            "database": {"secretRef": {"name": "demo-postgres"}},
            "redis": {"secretRef": {"name": "demo-redis"}},
            "events": {"transport": "Kafka", "kafka": {"secretRef": {"name": "demo-kafka"}}},
        },
    })
}

fn refusals(object: &Value) -> Vec<String> {
    match Validator::new().validate(&SCHEMA, object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().iter().map(ToString::to_string).collect(),
    }
}

fn with(pointer: &str, value: Value) -> Value {
    let mut object = sample();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    object
        .pointer_mut(parent)
        .expect("the sample has the parent")[key] = value;
    object
}

/// `spec.signing` as the API server completes it, with one other value.
fn signing(field: &str, seconds: i64) -> Value {
    let mut signing = serde_json::to_value(crds::SigningSpec::default()).expect("JSON");
    signing[field] = seconds.into();
    signing
}

fn autoscaled(role: &str, least: i32, most: i32) -> Value {
    json!({role: {"autoscaling": {"minReplicas": least, "maxReplicas": most}}})
}

fn template_with(variable: &str) -> Value {
    json!({"extraEnv": [{"name": variable, "value": "x"}]})
}

/// A topic of two copies with this setting.
fn topic_with(setting: &str, value: &str) -> Value {
    json!([{"name": "task-events", "replicas": 2, "config": [{"name": setting, "value": value}]}])
}

/// A rule that stands in several places is one rule: the shape of the pods is told for each role.
#[rstest]
#[case::role("ROLE", true)]
#[case::configuration("CREWDECK_CONFIG", true)]
#[case::login("CREWDECK_DATABASE_URL", true)]
#[case::password("PGPASSWORD", true)]
#[case::pool("CREWDECK_DATABASE_MAX_CONNECTIONS", false)]
#[case::proxies_before_it("CREWDECK_HTTP_TRUSTED_HOPS", false)]
#[case::time("CREWDECK_HTTP_TIMEOUT_SECONDS", false)]
#[case::proxy("HTTPS_PROXY", false)]
fn a_role_gets_no_variable_of_the_operator(#[case] name: &str, #[case] refused: bool) {
    for role in [
        "web",
        "worker",
        "beat",
        "realtime",
        "analytics",
        "analyticsWorker",
    ] {
        let object = with(
            "/spec/roles",
            json!({role: {"template": template_with(name)}}),
        );
        assert_eq!(!refusals(&object).is_empty(), refused, "{role}");
    }
}

/// What names no bound would let one resource fill the API server.
#[test]
fn everything_in_the_spec_is_bounded() {
    fn unbounded(path: &str, schema: &Value, found: &mut Vec<String>) {
        let missing = match schema["type"].as_str() {
            Some("array") => {
                schema["maxItems"].is_null() || schema["x-kubernetes-list-type"].is_null()
            }
            Some("string") => schema["maxLength"].is_null() && schema["enum"].is_null(),
            Some("integer") => {
                let of_kubernetes = ["affinity", "tolerations", "topologySpread"];
                (schema["minimum"].is_null() || schema["maximum"].is_null())
                    && !of_kubernetes.iter().any(|name| path.contains(name))
            }
            _ => schema["additionalProperties"].is_object() && schema["maxProperties"].is_null(),
        };
        if missing {
            found.push(path.to_owned());
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            unbounded(&format!("{path}.{name}"), property, found);
        }
        for below in ["items", "additionalProperties"] {
            if schema[below].is_object() {
                unbounded(&format!("{path}.{below}"), &schema[below], found);
            }
        }
    }
    let mut found = Vec::new();
    unbounded("spec", &SCHEMA["properties"]["spec"], &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_sample_is_accepted() {
    assert_eq!(refusals(&sample()), Vec::<String>::new());
}

#[rstest]
#[case::name("/metadata/name", json!("demo-2"), json!("2demo"), "metadata.name must be a DNS label")]
#[case::name_length("/metadata/name", json!("a".repeat(40)), json!("a".repeat(41)), "at most 40 characters")]
#[case::image("/spec/image", json!({"repository": "r", "digest": SHA}), json!({"repository": "r", "tag": "1", "digest": SHA}), "exactly one of tag and digest")]
#[case::image_none("/spec/image", json!({"repository": "r", "tag": "1"}), json!({"repository": "r"}), "exactly one of tag and digest")]
#[case::url("/spec/publicURL", json!("http://127.0.0.1:18080"), json!("ftp://crew.example.org"), "absolute http or https URL")]
#[case::url_query("/spec/publicURL", json!("https://crew.example.org/team"), json!("https://crew.example.org?x=1"), "absolute http or https URL")]
#[case::url_slash("/spec/publicURL", json!("https://crew.example.org"), json!("https://crew.example.org/"), "must not end with '/'")]
#[case::lead(
    "/spec/signing",
    signing("publishLeadSeconds", 480),
    signing("publishLeadSeconds", 479),
    "signing.publishLeadSeconds must be at least"
)]
#[case::cel_refuses_retention_below_token_life(
    "/spec/signing",
    signing("retentionSeconds", 1_080),
    signing("retentionSeconds", 1_079),
    "signing.retentionSeconds must be at least"
)]
#[case::period(
    "/spec/signing",
    signing("rotationPeriodSeconds", 90_000),
    signing("rotationPeriodSeconds", 89_999),
    "signing.rotationPeriodSeconds must be at least"
)]
#[case::approved_plan("/spec/migration", json!({"approval": "Manual", "approvedPlan": "0123456789abcdef"}), json!({"approval": "Automatic", "approvedPlan": "0123456789abcdef"}), "migration.approvedPlan has a meaning only with")]
#[case::events("/spec/events", json!({"transport": "Kafka", "kafka": {"secretRef": {"name": "k"}}}), json!({"transport": "Kafka"}), "events.kafka is required")]
#[case::setting_of_a_topic(
    "/spec/events/kafka/topics",
    topic_with("min.insync.replicas", "2"),
    topic_with("retention.ms", "2"),
    "config may not set retention.ms"
)]
#[case::copies(
    "/spec/events/kafka/topics",
    topic_with("min.insync.replicas", "2"),
    topic_with("min.insync.replicas", "3"),
    "config sets min.insync.replicas to more than replicas"
)]
#[case::no_number_of_copies(
    "/spec/events/kafka/topics",
    topic_with("min.insync.replicas", "2"),
    topic_with("min.insync.replicas", "all"),
    "config sets min.insync.replicas to more than replicas"
)]
#[case::env(
    "/spec/rolesTemplate",
    template_with("CREWDECK_TELEMETRY_FILTER"),
    template_with("CREWDECK_REDIS_URL_FILE"),
    "extraEnv may not set this variable"
)]
#[case::exposure(
    "/spec/exposure",
    json!({"ingress": {}}),
    json!({"ingress": {}, "httpRoute": {"parentRefs": [{"name": "edge"}]}}),
    "httpRoute or ingress, not both"
)]
#[case::bounds(
    "/spec/roles",
    autoscaled("web", 2, 2),
    autoscaled("web", 3, 2),
    "maxReplicas must be at least"
)]
#[case::bounds_of_the_worker(
    "/spec/roles",
    autoscaled("worker", 2, 2),
    autoscaled("worker", 3, 2),
    "maxReplicas must be at least"
)]
fn each_rule_accepts_and_refuses(
    #[case] pointer: &str,
    #[case] good: Value,
    #[case] bad: Value,
    #[case] words: &str,
) {
    assert_eq!(refusals(&with(pointer, good)), Vec::<String>::new());
    let told = refusals(&with(pointer, bad));
    assert!(told.iter().any(|line| line.contains(words)), "{told:?}");
}

/// A rule over two fields has its own cases: the roles serve from the root.
#[rstest]
#[case::exposed("https://crew.example.org", json!({"ingress": {}}), true)]
#[case::exposed_below_a_path("https://example.org/crew", json!({"ingress": {}}), false)]
#[case::below_a_path("https://example.org/crew", json!({}), true)]
fn what_is_exposed_has_no_path(#[case] url: &str, #[case] exposure: Value, #[case] good: bool) {
    let mut object = with("/spec/exposure", exposure);
    object["spec"]["publicURL"] = url.into();
    let told = refusals(&object);
    assert_eq!(told.is_empty(), good, "{told:?}");
    assert!(told.iter().all(|line| line.contains("without a path")));
}

/// No other role has jobs that wait: the API server prunes the field there, and `kubectl apply` refuses it.
#[test]
fn the_age_of_jobs_is_a_target_of_the_worker_alone() {
    let roles = &SCHEMA["properties"]["spec"]["properties"]["roles"]["properties"];
    let with_target: BTreeSet<&str> = roles
        .as_object()
        .expect("roles")
        .iter()
        .filter(|(_, role)| {
            let autoscaling = &role["properties"]["autoscaling"]["properties"];
            !autoscaling["targetOldestJobSeconds"].is_null()
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(with_target, BTreeSet::from(["worker"]));
}

/// The cases above are complete: a new rule without a case makes this fail.
#[test]
fn the_rules_are_counted() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("x-kubernetes-validations", Value::Array(rules)) => {
                            found.extend(rules.iter().map(ToString::to_string));
                        }
                        _ => collect(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&SCHEMA, &mut found);
    assert_eq!(found.len(), 15, "{found:?}");
}

#[test]
fn the_definition_takes_no_null() {
    assert!(!SCHEMA.to_string().contains("\"nullable\""));
}
