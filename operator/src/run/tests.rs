//! The definition that the role finds before it does anything else: what it refuses, in which words; and that another schema
//! has another number.

use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{hex::hex, testing};

const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/platforms.crewdeck.io";

/// The schema that the number stands for: its digest, without its words.
const SCHEMA: (u32, &str) = (
    6,
    "bd6b9ad5bfcb5e56e69acefb1772b422330bfdfab4ee890687584d1c5ba6862f",
);

/// A cluster on which our definition is installed, with the annotations that `change` leaves.
fn installed(change: impl FnOnce(&mut Value)) -> testing::Api {
    let mut found = serde_json::to_value(crds::definition()).expect("a definition is JSON");
    change(&mut found["metadata"]["annotations"]);
    let api = testing::Api::default();
    api.insert(PATH, found);
    api
}

fn of_generation(generation: &str) -> testing::Api {
    installed(|annotations| annotations[GENERATION_ANNOTATION] = generation.into())
}

/// What the role says to a cluster on which it will not run.
async fn refusal(api: &testing::Api) -> String {
    let refused = check_definition(&api.client()).await;
    format!("{:#}", refused.expect_err("it runs all the same"))
}

#[tokio::test]
async fn without_the_definition_it_says_how_to_install_it() {
    let words = refusal(&testing::Api::default()).await;
    assert!(
        words.contains("platforms.crewdeck.io is not defined")
            && words.contains("helm install crewdeck-crds charts/crewdeck-crds"),
        "{words}"
    );
}

#[rstest]
#[case::older(of_generation(&(SCHEMA_GENERATION - 1).to_string()), SCHEMA_GENERATION - 1)]
#[case::far_older(of_generation("1"), 1)]
#[case::from_before_there_were_numbers(installed(|annotations| *annotations = json!({})), 0)]
#[case::no_number(of_generation("latest"), 0)]
#[tokio::test]
async fn an_older_definition_is_refused_with_both_numbers_and_the_remedy(
    #[case] api: testing::Api,
    #[case] found: u32,
) {
    let words = refusal(&api).await;
    for part in [
        format!("has schema generation {found},"),
        format!("needs {SCHEMA_GENERATION};"),
        "helm upgrade crewdeck-crds charts/crewdeck-crds".to_owned(),
    ] {
        assert!(words.contains(&part), "{words}");
    }
}

#[rstest]
#[case::as_it_is_generated(installed(|_| {}))]
#[case::newer(of_generation(&(SCHEMA_GENERATION + 1).to_string()))]
#[tokio::test]
async fn the_same_and_a_newer_one_will_do(#[case] api: testing::Api) {
    check_definition(&api.client()).await.expect("it will do");
    assert_eq!(api.asked(), 0, "a look changes nothing");
}

#[tokio::test]
async fn one_that_it_may_not_read_is_not_taken_for_one_that_is_missing() {
    let api = of_generation(&SCHEMA_GENERATION.to_string());
    api.forbid("/apis/apiextensions.k8s.io");
    let words = refusal(&api).await;
    assert!(
        words.contains("cannot ask the API server for the definition of Platform")
            && !words.contains("is not defined"),
        "{words}"
    );
}

/// Takes the words out of a schema, all the way down: they change nothing that an API server does.
fn without_words(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    schema.remove("description");
    for (key, part) in schema {
        match (key.as_str(), part) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(without_words);
            }
            ("items" | "additionalProperties", part) => without_words(part),
            _ => {}
        }
    }
}

#[test]
fn another_schema_has_another_number() {
    let versions = crds::definition().spec.versions;
    let mut digest = Sha256::new();
    for version in versions {
        let schema = version
            .schema
            .and_then(|schema| schema.open_api_v3_schema)
            .expect("a schema");
        let mut schema = serde_json::to_value(schema).expect("a schema is JSON");
        without_words(&mut schema);
        digest.update(schema.to_string());
    }
    let digest = hex(&digest.finalize()[..]);
    assert_eq!(
        (SCHEMA_GENERATION, digest.as_str()),
        SCHEMA,
        "the schema of Platform and its number go together. If the schema has changed, raise SCHEMA_GENERATION in \
         crds/src/manifest.rs by one, run `cargo xtask gen`, and write the new number and digest, which stand on the left, \
         into SCHEMA of this file: an operator that relies on the change then refuses a cluster without it"
    );
}
