//! Lists in a body: what the document says of them is tried out, and one that says another thing than the server does is found.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use common_clock::SeededIds;
use common_http::document::finish;
use common_http::document::testing::{Probe, Told, check, operations};
use common_http::{Envelope, HttpConfig, Json, Reply, standard, whole};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::LocalSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// A plan of some people.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Plan {
    #[garde(length(max = 3), custom(different))]
    #[schema(value_type = BTreeSet<Uuid>, max_items = 3)]
    people: Vec<Uuid>,
    #[garde(length(min = 1, max = 2), dive)]
    #[schema(min_items = 1, max_items = 2)]
    steps: Vec<Step>,
    #[garde(length(max = 2), custom(different))]
    #[schema(value_type = BTreeSet<Day>, max_items = 2)]
    days: Vec<Day>,
}

/// A step of a plan.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    #[garde(length(chars, min = 1, max = 5))]
    #[schema(min_length = 1, max_length = 5)]
    what: String,
    #[garde(range(min = 0, max = 9))]
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 9)]
    hours: i32,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Day {
    /// Neither a Saturday nor a Sunday.
    Work,
    /// One of both.
    Rest,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::ptr_arg,
    reason = "the shape that garde calls"
)]
fn different<T: Ord>(items: &Vec<T>, (): &()) -> garde::Result {
    let all: BTreeSet<_> = items.iter().collect();
    if all.len() == items.len() {
        return Ok(());
    }
    Err(garde::Error::new("must have nothing twice"))
}

#[utoipa::path(post, path = "/plans", tag = "plans", request_body = Plan, security(()),
    responses((status = 200, description = "How much it has", body = Envelope<usize>)))]
async fn plan(Json(plan): Json<Plan>) -> Reply<usize> {
    Reply::ok(plan.people.len() + plan.steps.len() + plan.days.len())
}

fn served() -> (Router, Value) {
    let (router, mut document) = OpenApiRouter::new().routes(routes!(plan)).split_for_parts();
    document.tags = Some(vec![utoipa::openapi::tag::Tag::new("plans")]);
    let config = HttpConfig {
        cursor_key: None,
        body_limit_bytes: 100_000,
        timeout_seconds: 5,
        trusted_hops: 0,
    };
    let app = standard(router, &config, Arc::new(SeededIds::new(1)));
    (
        app,
        serde_json::to_value(finish(document)).expect("a document"),
    )
}

/// Asks the server everything that the document says.
async fn probe(app: Router, document: Value) -> BTreeSet<u16> {
    let told: Vec<Told> = operations(&document);
    let probe = Probe {
        document: &document,
        app: &app,
        token: "none",
    };
    probe.ask(&told[0]).await
}

#[tokio::test]
async fn what_the_document_says_of_lists_is_what_the_server_does() {
    let (app, document) = served();
    check(&document, &[]);
    assert!(probe(app, document).await.contains(&200));
}

#[tokio::test]
async fn a_document_that_says_another_thing_is_found() {
    let plan = "/components/schemas/Plan/properties";
    let step = "/components/schemas/Step/properties";
    for (place, lie) in [
        (format!("{plan}/people/maxItems"), json!(4)),
        (format!("{plan}/people/maxItems"), json!(2)),
        (format!("{plan}/steps/minItems"), json!(2)),
        (format!("{plan}/steps/minItems"), json!(0)),
        (format!("{plan}/days/uniqueItems"), json!(false)),
        (format!("{step}/what/maxLength"), json!(6)),
        (format!("{step}/hours/maximum"), json!(8)),
        ("/components/schemas/Day/enum/1".to_owned(), json!("never")),
    ] {
        let (app, mut document) = served();
        let told = document.pointer_mut(&place).expect(&place);
        assert_ne!(*told, lie, "{place}");
        *told = lie.clone();
        let asked = async { tokio::task::spawn_local(probe(app, document)).await };
        let found = LocalSet::new().run_until(asked).await;
        let found = found.expect_err(&format!("{place} may say {lie}"));
        assert!(found.is_panic(), "{place}");
    }
}

#[test]
fn a_list_has_a_bound() {
    let (_, mut document) = served();
    let people = document.pointer_mut("/components/schemas/Plan/properties/people");
    let people = people.expect("it is there").as_object_mut();
    people.expect("a schema").remove("maxItems");
    let found = std::panic::catch_unwind(|| check(&document, &[]));
    assert!(found.is_err());
}
