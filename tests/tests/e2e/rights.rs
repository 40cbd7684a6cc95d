//! What the operator may do to Secrets: those of its Platforms by their names, and no other.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::{Api, api::PostParams};
use tests::{cluster::Cluster, platform::Platform};

/// Who the operator is, to the API server.
const OPERATOR: &str = "system:serviceaccount:crewdeck-system:crewdeck-operator";

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
