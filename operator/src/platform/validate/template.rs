//! The shape of a role's pods: its own template over that of all roles. Pure.

use crds::{EnvVariable, RoleTemplate, RolesTemplate};

/// Each field as the role has it, else as all roles have it. Nothing is joined: a role's list replaces the whole list.
pub(super) fn merge(own: &RoleTemplate, all: &RolesTemplate) -> RolesTemplate {
    RolesTemplate {
        resources: or(own.resources.as_ref(), &all.resources),
        node_selector: or(own.node_selector.as_ref(), &all.node_selector),
        tolerations: or(own.tolerations.as_ref(), &all.tolerations),
        affinity: or(own.affinity.as_ref(), &all.affinity),
        topology_spread_constraints: or(
            own.topology_spread_constraints.as_ref(),
            &all.topology_spread_constraints,
        ),
        priority_class_name: or(own.priority_class_name.as_ref(), &all.priority_class_name),
        termination_grace_period_seconds: or(
            own.termination_grace_period_seconds.as_ref(),
            &all.termination_grace_period_seconds,
        ),
        pod_labels: or(own.pod_labels.as_ref(), &all.pod_labels),
        pod_annotations: or(own.pod_annotations.as_ref(), &all.pod_annotations),
        extra_env: or(own.extra_env.as_ref(), &all.extra_env),
    }
}

fn or<T: Clone>(own: Option<&T>, all: &T) -> T {
    own.unwrap_or(all).clone()
}

/// Refuses variables that are the operator's; an error is what the definition's rules refuse too.
pub(super) fn require_free(role: &str, template: &RolesTemplate) -> Result<(), String> {
    let reserved = |variable: &&EnvVariable| EnvVariable::is_reserved(&variable.name);
    template
        .extra_env
        .iter()
        .find(reserved)
        .map_or(Ok(()), |variable| {
            Err(format!(
                "extraEnv of role {role} names {}, which the operator sets or which would lead to another address, login, \
                 key or port; take it out of the role's template or of spec.rolesTemplate",
                variable.name
            ))
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// Every field, as all roles have it and as one role does.
    fn values() -> Vec<(&'static str, Value, Value)> {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let affinity = |key: &str| {
            json!({"nodeAffinity": {required: {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": key, "operator": "Exists"}]},
            ]}}})
        };
        let spread = |key: &str| json!([{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule"}]);
        vec![
            (
                "resources",
                json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}),
                json!({"requests": {"cpu": "2"}, "limits": {}}),
            ),
            ("nodeSelector", json!({"a": "all"}), json!({"b": "own"})),
            (
                "tolerations",
                json!([{"key": "all", "operator": "Exists"}]),
                json!([{"key": "own", "operator": "Exists"}]),
            ),
            ("affinity", affinity("all"), affinity("own")),
            ("topologySpreadConstraints", spread("all"), spread("own")),
            ("priorityClassName", json!("all"), json!("own")),
            ("terminationGracePeriodSeconds", json!(60), json!(15)),
            ("podLabels", json!({"a": "all"}), json!({"b": "own"})),
            ("podAnnotations", json!({"a": "all"}), json!({"b": "own"})),
            (
                "extraEnv",
                json!([{"name": "A", "value": "all"}]),
                json!([{"name": "B", "value": "own"}]),
            ),
        ]
    }

    fn shared() -> RolesTemplate {
        let all: serde_json::Map<String, Value> = values()
            .into_iter()
            .map(|(field, all, _)| (field.to_owned(), all))
            .collect();
        serde_json::from_value(Value::Object(all)).expect("a template")
    }

    fn merged(own: &Value) -> Value {
        let own = serde_json::from_value(own.clone()).expect("a role's template");
        serde_json::to_value(merge(&own, &shared())).expect("JSON")
    }

    #[test]
    fn a_field_of_the_role_replaces_that_field_and_no_other() {
        let all = serde_json::to_value(shared()).expect("JSON");
        assert_eq!(
            values().len(),
            all.as_object().expect("fields").len(),
            "each field has its case"
        );
        for (field, _, own) in values() {
            let mut expected = all.clone();
            expected[field] = own.clone();
            assert_eq!(merged(&json!({field: own})), expected, "{field}");
        }
    }

    #[test]
    fn what_the_role_leaves_out_is_shared() {
        assert_eq!(
            merged(&json!({})),
            serde_json::to_value(shared()).expect("JSON")
        );
    }

    #[rstest]
    #[case::list("tolerations", json!([]))]
    #[case::map("nodeSelector", json!({}))]
    #[case::text("priorityClassName", json!(""))]
    #[case::constraints("topologySpreadConstraints", json!([]))]
    fn an_empty_value_of_the_role_means_none(#[case] field: &str, #[case] empty: Value) {
        assert_eq!(merged(&json!({field: empty}))[field], empty);
    }
}
