//! `kubectl crewdeck grant`: the rights that the operator needs for one Platform, as the chart crewdeck-platform renders
//! them. A test compares the two.

use crds::Platform;
use k8s_openapi::{
    api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{
    Error, find,
    output::{Format, Output},
    session::Session,
};

/// Which Platform, and who runs it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The operator may not read Secrets in general. For each Platform it needs a Role with exactly the
names of that Platform's Secrets: those that the spec names (read only) and those that the
operator keeps. The chart crewdeck-platform brings that Role; this prints the same for a
Platform that was made without the chart. You need the right to grant these rights.

Examples:
  kubectl crewdeck grant demo
  kubectl crewdeck grant demo | kubectl apply -f -")]
pub(super) struct Args {
    /// Name of the Platform
    name: String,
    /// Namespace of the operator
    #[arg(long, value_name = "NAMESPACE", default_value = "crewdeck-system")]
    operator_namespace: String,
    /// Service account of the operator
    #[arg(long, value_name = "NAME", default_value = "crewdeck-operator")]
    operator_service_account: String,
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, Some(&args.name)).await?;
    let role = json(role(&platform, &session.namespace), "Role");
    let binding = json(binding(args, &session.namespace), "RoleBinding");
    if out.format() == Format::Json {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
        return out.answer(&list, |_| String::new());
    }
    let yaml = |object: &Value| {
        serde_yaml::to_string(object)
            .map_err(|error| Error::refused(format!("cannot write YAML: {error}")))
    };
    out.print(&format!("{}---\n{}", yaml(&role)?, yaml(&binding)?))
}

/// Names of the Secrets that the spec names.
pub(super) fn given_secrets(platform: &Platform) -> Vec<String> {
    let spec = &platform.spec;
    let kafka = spec.events.kafka.as_ref();
    let servers = [
        Some(&spec.database.secret_ref.name),
        Some(&spec.redis.secret_ref.name),
        kafka.map(|kafka| &kafka.secret_ref.name),
    ];
    servers.into_iter().flatten().cloned().collect()
}

/// Names of the Secrets that the operator keeps for a Platform of this name.
pub(super) fn own_secrets(name: &str) -> Vec<String> {
    const OWN: [&str; 12] = [
        "keyring",
        "signing",
        "web",
        "admin",
        "db-app",
        "db-migrator",
        "db-analytics-reader",
        "db-analytics-owner",
        "redis-app",
        "redis-analytics",
        "kafka-app",
        "kafka-analytics",
    ];
    OWN.iter().map(|own| format!("{name}-{own}")).collect()
}

fn role(platform: &Platform, namespace: &str) -> Role {
    let name = platform.name_any();
    let rule = |resource: &str, verbs: &[&str], names: Option<Vec<String>>| PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        resource_names: names,
        non_resource_urls: None,
    };
    Role {
        metadata: metadata(&name, namespace),
        rules: Some(vec![
            rule("secrets", &["get"], Some(given_secrets(platform))),
            rule(
                "secrets",
                &["get", "patch", "update", "delete"],
                Some(own_secrets(&name)),
            ),
            rule("pods", &["patch"], None),
        ]),
    }
}

fn binding(args: &Args, namespace: &str) -> RoleBinding {
    RoleBinding {
        metadata: metadata(&args.name, namespace),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: object_name(&args.name),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: args.operator_service_account.clone(),
            namespace: Some(args.operator_namespace.clone()),
            api_group: None,
        }]),
    }
}

fn object_name(platform: &str) -> String {
    format!("{platform}-crewdeck-operator")
}

fn metadata(platform: &str, namespace: &str) -> ObjectMeta {
    let keep = ("helm.sh/resource-policy".to_owned(), "keep".to_owned());
    ObjectMeta {
        name: Some(object_name(platform)),
        namespace: Some(namespace.to_owned()),
        annotations: Some([keep].into()),
        ..ObjectMeta::default()
    }
}

/// The object as it is written, with its kind.
fn json(object: impl serde::Serialize, kind: &str) -> Value {
    let mut object = json!(object);
    object["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
    object["kind"] = json!(kind);
    object
}
