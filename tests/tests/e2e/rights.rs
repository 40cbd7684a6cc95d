//! What the operator may do to Secrets: those of its Platforms by their names, and no other. And what its pods may be: no more
//! than Pod Security `restricted` allows.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::{Namespace, Pod},
};
use kube::{Api, ResourceExt as _, api::PostParams, core::ObjectMeta};
use serde_json::{Value, json};
use tests::{cluster::Cluster, platform::Platform};

/// Who the operator is, to the API server.
const OPERATOR: &str = "system:serviceaccount:crewdeck-system:crewdeck-operator";

/// Where it runs.
const NAMESPACE: &str = "crewdeck-system";

/// Whether the operator may do this to a Secret; without a name, to Secrets in general.
async fn may(cluster: &Cluster, namespace: &str, verb: &str, name: Option<&str>) -> Result<bool> {
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some(verb.to_owned()),
        resource: Some("secrets".to_owned()),
        name: name.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(OPERATOR.to_owned()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(cluster.kube.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.context("an answer")?.allowed)
}

#[tokio::test]
async fn e2e_the_operator_sees_the_secrets_of_its_platforms_and_no_other() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "rights").await?;
    let namespace = platform.namespace.as_str();
    cluster.kubectl(&[
        "-n",
        namespace,
        "create",
        "secret",
        "generic",
        "neighbour",
        "--from-literal=password=canary",
    ])?;
    for verb in ["get", "list", "watch"] {
        for own in ["p-postgres", "p-redis", "p-kafka", "p-signing", "p-db-app"] {
            ensure!(
                may(&cluster, namespace, verb, Some(own)).await?,
                "it may not {verb} {own}"
            );
        }
        for (elsewhere, other) in [
            (namespace, Some("neighbour")),
            (namespace, None),
            ("default", None),
            ("kube-system", Some("p-postgres")),
        ] {
            ensure!(
                !may(&cluster, elsewhere, verb, other).await?,
                "it may {verb} {other:?} in {elsewhere}"
            );
        }
    }
    for verb in ["list", "watch", "patch", "update", "delete"] {
        ensure!(
            !may(&cluster, namespace, verb, Some("p-admin")).await?,
            "it may {verb} the first administrator's login"
        );
    }
    for verb in ["patch", "update", "delete"] {
        ensure!(
            !may(&cluster, namespace, verb, Some("p-postgres")).await?,
            "it may {verb} the user's Secret"
        );
    }

    // The same, asked for in earnest.
    let list = |selector: &[&str]| {
        let mut arguments = vec![
            "-n", namespace, "get", "secrets", "-o", "name", "--as", OPERATOR,
        ];
        arguments.extend(selector);
        cluster.kubectl(&arguments)
    };
    let own = list(&["--field-selector=metadata.name=p-postgres"])?;
    ensure!(own.trim() == "secret/p-postgres", "{own}");
    for selector in [
        &[] as &[&str],
        &["--field-selector=metadata.name=neighbour"],
        &["--field-selector=metadata.name!=neighbour"],
        &["--selector=app.kubernetes.io/part-of=crewdeck"],
    ] {
        let refusal = list(selector).err().map(|error| format!("{error:#}"));
        ensure!(
            refusal
                .as_ref()
                .is_some_and(|words| words.contains("forbidden")),
            "{selector:?} was not forbidden: {refusal:?}"
        );
    }
    cluster.delete_namespace(namespace).await
}

/// What the chart of the operator gives it that looks after these namespaces.
fn rights(cluster: &Cluster, namespaces: &Value) -> Result<Vec<Value>> {
    let text = cluster.helm(&[
        "template",
        "crewdeck-operator",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/crewdeck-operator"),
        "--namespace",
        NAMESPACE,
        "--show-only",
        "templates/rights.yaml",
        "--set-json",
        &format!("watchNamespaces={namespaces}"),
    ])?;
    let file = std::env::temp_dir().join(format!("e2e-rights-{}.yaml", std::process::id()));
    std::fs::write(&file, text)?;
    let path = file.to_string_lossy();
    let read = cluster.kubectl(&["create", "--dry-run=client", "-o", "json", "-f", &path]);
    std::fs::remove_file(&file)?;
    let documents = read?;
    // One for each object.
    let objects = serde_json::Deserializer::from_str(&documents).into_iter();
    Ok(objects.collect::<Result<_, _>>()?)
}

/// With namespaces named it has the same rights in these, and none elsewhere but to read its definition.
#[tokio::test]
async fn e2e_an_operator_of_some_namespaces_has_no_right_in_others() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let rules = |objects: &[Value], kind: &str, namespace: Option<&str>| {
        let found = objects.iter().find(|object| {
            object["kind"] == kind
                && object["metadata"]["name"] == "crewdeck-operator"
                && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
        });
        let rules = found.and_then(|object| object["rules"].as_array().cloned());
        rules.with_context(|| format!("a {kind} for {namespace:?}"))
    };
    let everywhere = rights(&cluster, &json!([]))?;
    let mut expected = rules(&everywhere, "ClusterRole", None)?;
    let definition = expected.remove(0);
    ensure!(
        definition["resources"] == json!(["customresourcedefinitions"])
            && definition["verbs"] == json!(["get"]),
        "{definition}"
    );
    let some = rights(&cluster, &json!(["first", "second"]))?;
    let left = rules(&some, "ClusterRole", None)?;
    ensure!(left == [definition], "cluster-wide: {left:?}");
    for namespace in ["first", "second"] {
        let has = rules(&some, "Role", Some(namespace))?;
        ensure!(has == expected, "in {namespace}: {has:?}");
        let bound = some.iter().any(|object| {
            object["kind"] == "RoleBinding"
                && object["metadata"]["namespace"] == namespace
                && object["roleRef"]["name"] == "crewdeck-operator"
                && object["subjects"][0]["namespace"] == NAMESPACE
        });
        ensure!(bound, "nobody has the Role of {namespace}");
    }
    Ok(())
}

/// A pod of the same kind, asked for without making it; gives the words of a refusal.
async fn refusal(pods: &Api<Pod>, mut pod: Pod) -> Option<String> {
    pod.metadata = ObjectMeta {
        generate_name: Some("e2e-".to_owned()),
        ..ObjectMeta::default()
    };
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let answer = pods.create(&dry, &pod).await;
    answer.err().map(|error| error.to_string())
}

#[tokio::test]
async fn e2e_the_operator_runs_under_pod_security_restricted() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Api::<Namespace>::all(cluster.kube.clone())
        .get(NAMESPACE)
        .await?;
    let level = namespace.labels().get("pod-security.kubernetes.io/enforce");
    ensure!(
        level.is_some_and(|level| level == "restricted"),
        "{NAMESPACE} enforces {level:?}: run `cargo xtask up`"
    );
    let operators = cluster
        .pods(NAMESPACE, "app.kubernetes.io/component=operator")
        .await?;
    let pods: Api<Pod> = Api::namespaced(cluster.kube.clone(), NAMESPACE);
    let mut ready = 0;
    for pod in operators {
        let conditions = pod.status.iter().flat_map(|status| &status.conditions);
        ready += usize::from(
            conditions
                .flatten()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        );
        // One like it is let in, and one that may do a little more is not.
        let mut like_it = pod;
        like_it.status = None;
        let spec = like_it.spec.as_mut().context("a pod has a spec")?;
        spec.node_name = None;
        let words = refusal(&pods, like_it.clone()).await;
        ensure!(words.is_none(), "one like it: {words:?}");
        let spec = like_it.spec.as_mut().context("a pod has a spec")?;
        spec.host_network = Some(true);
        let words = refusal(&pods, like_it).await;
        ensure!(
            words
                .as_ref()
                .is_some_and(|words| words.contains("PodSecurity")),
            "one on the node's network: {words:?}"
        );
    }
    ensure!(ready > 0, "no pod of the operator is Ready");
    Ok(())
}
