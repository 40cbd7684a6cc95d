//! Whether an object stands as wanted already. Pure.

use kube::core::ObjectMeta;
use serde_json::{Map, Value};

/// Whether `found` has every value of `wanted`. What the API server adds by default does not count; an empty list
/// or map is as good as none, since the server drops it.
pub(crate) fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| match found.get(key) {
                Some(found) if key == "requests" || key == "limits" => {
                    same_quantities(found, wanted)
                }
                Some(found) if key == "averageValue" => same_amount(found, wanted),
                Some(found) => match shared_list(key) {
                    Some(id) => holds_items(found, wanted, id),
                    None => holds(found, wanted),
                },
                None => is_empty(wanted) || is_dropped(key, wanted),
            })
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found
                    .iter()
                    .zip(wanted)
                    .all(|(found, wanted)| holds(found, wanted))
        }
        _ => found == wanted,
    }
}

/// The key of the items in a list that several managers share by server-side apply (`x-kubernetes-list-type: map`).
/// What others put beside ours, such as a sidecar or a variable, is theirs and would not go by being sent again.
fn shared_list(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "env" | "initContainers" | "volumes" => Some("name"),
        "ownerReferences" => Some("uid"),
        "volumeMounts" => Some("mountPath"),
        _ => None,
    }
}

/// Whether each wanted item is there, found by its key `id`.
fn holds_items(found: &Value, wanted: &Value, id: &str) -> bool {
    let (Value::Array(found), Value::Array(wanted)) = (found, wanted) else {
        return holds(found, wanted);
    };
    wanted.iter().all(|wanted| {
        let same = |found: &&Value| found.get(id) == wanted.get(id);
        found
            .iter()
            .find(same)
            .is_some_and(|found| holds(found, wanted))
    })
}

/// `found` with every wanted value, as [`holds`] asks for it: what others put beside ours into a list that is shared stays,
/// and what they put into one that is ours alone goes.
pub(super) fn mended(found: &Value, wanted: &Value) -> Value {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let mut mended = found.clone();
            for (key, wanted) in wanted {
                let found = found.get(key).unwrap_or(&Value::Null);
                let value = match shared_list(key) {
                    Some(id) => mended_items(found, wanted, id),
                    None => self::mended(found, wanted),
                };
                mended.insert(key.clone(), value);
            }
            Value::Object(mended)
        }
        (Value::Array(_), Value::Array(_)) if holds(found, wanted) => found.clone(),
        _ => wanted.clone(),
    }
}

/// A shared list with every wanted item, and those of others in their places.
fn mended_items(found: &Value, wanted: &Value, id: &str) -> Value {
    let (Value::Array(found), Value::Array(wanted)) = (found, wanted) else {
        return mended(found, wanted);
    };
    let same = |one: &Value, other: &Value| one.get(id) == other.get(id);
    let kept = found.iter().map(|found| {
        let ours = wanted.iter().find(|wanted| same(found, wanted));
        ours.map_or_else(|| found.clone(), |wanted| mended(found, wanted))
    });
    let missing = wanted
        .iter()
        .filter(|wanted| !found.iter().any(|found| same(found, wanted)));
    kept.chain(missing.cloned()).collect()
}

/// Whether `manager` holds no field of the object that `wanted` has no longer: such a field would stay for ever
/// if nothing were sent.
pub(super) fn owns_no_more(metadata: &ObjectMeta, wanted: &Value, manager: &str) -> bool {
    metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(|entry| {
            entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some("Apply")
        })
        .filter_map(|entry| entry.fields_v1.as_ref())
        .all(|fields| covered(&fields.0, wanted))
}

/// Whose an object is that stands under a name we want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Ours, to be brought to what is wanted.
    Ours,
    /// What an earlier Platform of this name left; Kubernetes collects it.
    Remains,
    /// Somebody else's.
    Foreign,
}

/// Whose `found` is. Ours has the wanted owner, or bears our labels and is controlled by nobody.
pub(super) fn whose(found: &ObjectMeta, wanted: &ObjectMeta, manager: &str) -> Whose {
    let owners = found.owner_references.as_deref().unwrap_or_default();
    let ours = wanted.owner_references.as_deref().unwrap_or_default();
    if owners
        .iter()
        .any(|owner| ours.iter().any(|our| our.uid == owner.uid))
    {
        return Whose::Ours;
    }
    let label = |metadata: &ObjectMeta, key: &str| {
        let labels = metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(key).cloned())
    };
    let instance = "app.kubernetes.io/instance";
    if label(found, "app.kubernetes.io/managed-by").as_deref() != Some(manager)
        || label(found, instance) != label(wanted, instance)
    {
        return Whose::Foreign;
    }
    match owners.iter().find(|owner| owner.controller == Some(true)) {
        None => Whose::Ours,
        Some(owner)
            if ours
                .iter()
                .any(|our| our.kind == owner.kind && our.name == owner.name) =>
        {
            Whose::Remains
        }
        Some(_) => Whose::Foreign,
    }
}

/// Whether each path of `fields` (the format of `managedFields`: `f:<name>`, `k:<keys>`, `v:<value>`) leads to
/// something in `wanted`.
fn covered(fields: &Value, wanted: &Value) -> bool {
    let Value::Object(fields) = fields else {
        return true;
    };
    fields
        .iter()
        .all(|(path, below)| match path.split_once(':') {
            Some(("f", name)) => wanted
                .get(name)
                .is_some_and(|wanted| covered(below, wanted)),
            Some(("k", keys)) => {
                let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else {
                    return false;
                };
                wanted.as_array().is_some_and(|items| {
                    items.iter().any(|item| {
                        keys.iter()
                            .all(|(key, value)| key_matches(item, key, value))
                            && covered(below, item)
                    })
                })
            }
            Some(("v", value)) => {
                let value: Value = serde_json::from_str(value).unwrap_or_default();
                wanted
                    .as_array()
                    .is_some_and(|items| items.contains(&value))
            }
            _ => true,
        })
}

/// Whether a list item has this key value; a key that defaults (the protocol of a port) may be absent.
fn key_matches(item: &Value, key: &str, value: &Value) -> bool {
    item.get(key)
        .map_or(key == "protocol", |found| found == value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Whether the server drops this value as the same as none. Not so of every `false`: where none means `true`, it is kept.
fn is_dropped(key: &str, value: &Value) -> bool {
    key == "paused" && value == &Value::Bool(false)
}

/// A map of quantities.
fn same_quantities(found: &Value, wanted: &Value) -> bool {
    let (Value::Object(found), Value::Object(wanted)) = (found, wanted) else {
        return found == wanted;
    };
    wanted.iter().all(|(name, wanted)| {
        let found = found.get(name);
        found.is_some_and(|found| same_amount(found, wanted))
    })
}

/// Quantities are compared by amount: the server writes `0.5` as `500m`, and `1000` as `1k`.
fn same_amount(found: &Value, wanted: &Value) -> bool {
    let amounts = (
        found.as_str().and_then(amount),
        wanted.as_str().and_then(amount),
    );
    found == wanted
        || match amounts {
            // Both come from short decimal texts; equal amounts give equal floats.
            (Some(found), Some(wanted)) => (found - wanted).abs() <= f64::EPSILON * found.abs(),
            _ => false,
        }
}

/// The amount of a quantity such as `500m`, `1.5` or `64Mi`.
fn amount(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), true)]
    #[case::server_adds_defaults(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1}}), true)]
    #[case::differs(json!({"a": 1}), json!({"a": 2}), false)]
    #[case::missing(json!({}), json!({"a": 2}), false)]
    #[case::empty_is_dropped(json!({}), json!({"a": {}, "b": []}), true)]
    #[case::not_paused(json!({}), json!({"paused": false}), true)]
    #[case::paused(json!({"paused": true}), json!({"paused": false}), false)]
    #[case::false_is_no_default(json!({}), json!({"automountServiceAccountToken": false}), false)]
    #[case::lists_by_place(json!({"a": [{"n": "x", "d": 1}]}), json!({"a": [{"n": "x"}]}), true)]
    #[case::longer_list(json!({"a": [1, 2]}), json!({"a": [1]}), false)]
    #[case::sidecar(json!({"containers": [{"name": "x"}, {"name": "app", "image": "i"}]}), json!({"containers": [{"name": "app", "image": "i"}]}), true)]
    #[case::own_container_differs(json!({"containers": [{"name": "app", "image": "j"}]}), json!({"containers": [{"name": "app", "image": "i"}]}), false)]
    #[case::mount_gone(json!({"volumeMounts": [{"mountPath": "/a", "name": "v"}]}), json!({"volumeMounts": [{"mountPath": "/b", "name": "v"}]}), false)]
    #[case::second_subject(json!({"subjects": [{"name": "a"}, {"name": "b"}]}), json!({"subjects": [{"name": "a"}]}), false)]
    #[case::quantities(json!({"limits": {"cpu": "500m", "memory": "64Mi"}}), json!({"limits": {"cpu": "0.5", "memory": "65536Ki"}}), true)]
    #[case::target(json!({"averageValue": "3k"}), json!({"averageValue": "3000"}), true)]
    #[case::other_target(json!({"averageValue": "3k"}), json!({"averageValue": "30"}), false)]
    #[case::other_quantity(json!({"limits": {"cpu": "500m"}}), json!({"limits": {"cpu": "1"}}), false)]
    fn compares(#[case] found: Value, #[case] wanted: Value, #[case] same: bool) {
        assert_eq!(holds(&found, &wanted), same);
    }

    #[test]
    fn what_is_mended_has_all_that_is_wanted_and_what_others_may_add() {
        let found = json!({
            "replicas": 3,
            "template": {
                "imagePullSecrets": [{"name": "theirs"}],
                "containers": [
                    {"name": "mesh", "image": "m"},
                    {"name": "web", "image": "old", "imagePullPolicy": "Always",
                     "env": [{"name": "A", "value": "2"}, {"name": "THEIRS", "value": "t"}],
                     "ports": [{"containerPort": 1}, {"containerPort": 2}]},
                ],
                "volumes": [{"name": "mesh"}],
            },
        });
        let wanted = json!({
            "template": {
                "imagePullSecrets": [],
                "containers": [
                    {"name": "web", "image": "new", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "b"}],
                     "ports": [{"containerPort": 1}]},
                ],
                "volumes": [{"name": "keys"}],
            },
        });
        let expected = json!({
            "replicas": 3,
            "template": {
                "imagePullSecrets": [],
                "containers": [
                    {"name": "mesh", "image": "m"},
                    {"name": "web", "image": "new", "imagePullPolicy": "Always",
                     "env": [{"name": "A", "value": "1"}, {"name": "THEIRS", "value": "t"}, {"name": "B", "value": "b"}],
                     "ports": [{"containerPort": 1}]},
                ],
                "volumes": [{"name": "mesh"}, {"name": "keys"}],
            },
        });
        let mended = mended(&found, &wanted);
        assert_eq!(mended, expected);
        assert!(!holds(&found, &wanted) && holds(&mended, &wanted));
    }

    fn owned(manager: &str, owners: &[(&str, &str)]) -> ObjectMeta {
        let owners: Vec<Value> = owners
            .iter()
            .map(|(name, uid)| {
                json!({"apiVersion": "crewdeck.io/v1beta1", "kind": "Platform", "name": name, "uid": uid, "controller": true})
            })
            .collect();
        let labels =
            json!({"app.kubernetes.io/managed-by": manager, "app.kubernetes.io/instance": "demo"});
        serde_json::from_value(json!({"labels": labels, "ownerReferences": owners}))
            .expect("metadata")
    }

    #[rstest]
    #[case::owner_without_label("somebody", &[("demo", "1")], Whose::Ours)]
    #[case::label_without_owner("us", &[], Whose::Ours)]
    #[case::former_platform("us", &[("demo", "0")], Whose::Remains)]
    #[case::other_platform("us", &[("other", "2")], Whose::Foreign)]
    #[case::neither("somebody", &[], Whose::Foreign)]
    fn only_what_is_ours_is_taken(
        #[case] manager: &str,
        #[case] owners: &[(&str, &str)],
        #[case] expected: Whose,
    ) {
        let wanted = owned("us", &[("demo", "1")]);
        assert_eq!(whose(&owned(manager, owners), &wanted, "us"), expected);
    }

    #[rstest]
    #[case::all_there(json!({"f:data": {"f:a": {}}}), json!({"data": {"a": "1"}}), true)]
    #[case::field_gone(json!({"f:data": {"f:a": {}, "f:b": {}}}), json!({"data": {"a": "1"}}), false)]
    #[case::item_gone(json!({"f:c": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}}}), json!({"c": [{"name": "y"}]}), false)]
    #[case::item_there(json!({"f:c": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}}}), json!({"c": [{"name": "x"}]}), true)]
    #[case::port(json!({"f:p": {"k:{\"containerPort\":1,\"protocol\":\"TCP\"}": {}}}), json!({"p": [{"containerPort": 1}]}), true)]
    fn finds_what_is_wanted_no_longer(
        #[case] fields: Value,
        #[case] wanted: Value,
        #[case] same: bool,
    ) {
        let entry = |manager: &str| ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            operation: Some("Apply".to_owned()),
            fields_v1: Some(FieldsV1(fields.clone())),
            ..ManagedFieldsEntry::default()
        };
        let metadata = |manager| ObjectMeta {
            managed_fields: Some(vec![entry(manager)]),
            ..ObjectMeta::default()
        };
        assert_eq!(owns_no_more(&metadata("us"), &wanted, "us"), same);
        assert!(owns_no_more(&metadata("others"), &wanted, "us"));
    }
}
