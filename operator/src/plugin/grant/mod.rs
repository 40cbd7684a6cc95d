//! `kubectl crewdeck grant`: the rights that the operator needs for one Platform, from the template of the chart
//! crewdeck-platform. A test compares them with what Helm renders.

mod template;

use crds::Platform;
use kube::ResourceExt as _;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{
    Error, find,
    output::{Format, Output},
    session::Session,
};

/// The chart's own template: there is one list of rights.
const TEMPLATE: &str = include_str!("../../../../charts/crewdeck-platform/templates/rights.yaml");

/// Which Platform, and who runs it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The operator may not read Secrets in general. For each Platform it needs a Role with exactly the
names of that Platform's Secrets: those that the spec names and those that the operator keeps.
The chart crewdeck-platform brings that Role; this prints the same for a Platform that was made
without the chart. You need the right to grant these rights.

Examples:
  kubectl crewdeck grant demo
  kubectl crewdeck grant demo | kubectl apply -f -")]
pub(super) struct Args {
    /// Name of the Platform
    name: String,
    #[command(flatten)]
    operator: Operator,
}

/// Who runs Platforms.
#[derive(Debug, clap::Args)]
struct Operator {
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
    let yaml = yaml(&platform, &session.namespace, &args.operator)?;
    match out.format() {
        Format::Table => out.print(&yaml),
        Format::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": documents(&yaml)?});
            out.answer(&list, |_| String::new())
        }
    }
}

/// Names of the Secrets that the rights of a Platform are for: all that it has, and those that its spec names.
pub(super) fn secrets(platform: &Platform, namespace: &str) -> Result<Vec<String>, Error> {
    // The names are the same, whoever is granted the rights.
    let nobody = Operator {
        operator_namespace: "nobody".to_owned(),
        operator_service_account: "nobody".to_owned(),
    };
    let mut names = Vec::new();
    for object in documents(&yaml(platform, namespace, &nobody)?)? {
        for rule in object["rules"].as_array().into_iter().flatten() {
            if rule["resources"] == json!(["secrets"]) {
                let more = rule["resourceNames"].as_array().into_iter().flatten();
                names.extend(more.filter_map(Value::as_str).map(str::to_owned));
            }
        }
    }
    Ok(names)
}

fn yaml(platform: &Platform, namespace: &str, operator: &Operator) -> Result<String, Error> {
    let values = json!({
        "Release": {"Name": platform.name_any(), "Namespace": namespace},
        "Values": {
            "spec": platform.spec,
            "operator": {
                "namespace": operator.operator_namespace,
                "serviceAccount": operator.operator_service_account,
            },
        },
    });
    template::render(TEMPLATE, &values)
        .map_err(|error| Error::refused(format!("the rights cannot be written: {error}")))
}

/// The objects of a YAML text.
fn documents(yaml: &str) -> Result<Vec<Value>, Error> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(Value::deserialize)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::refused(format!("the rights are no YAML: {error}")))
}
