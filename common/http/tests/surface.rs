//! The surface as a caller sees it.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use axum_test::TestServer;
use chrono::NaiveDate;
use common_clock::SeededIds;
use common_config::SecretRef;
use common_http::{
    ApiResult, Callers, Deprecation, HttpConfig, Json, Path, Problem, Query, Reply, deprecated,
    rewrite_verbs, standard,
};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    #[garde(length(chars, min = 1, max = 5))]
    title: String,
    #[garde(range(min = 0, max = 4))]
    priority: i32,
}

#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "twenty")]
    limit: u32,
    #[garde(skip)]
    cursor: Option<u32>,
}

fn twenty() -> u32 {
    20
}

async fn create(Json(input): Json<Input>) -> Reply<Value> {
    Reply::created(
        "/things/1",
        json!({"title": input.title, "priority": input.priority}),
    )
    .versioned(1)
}

async fn list(Query(filter): Query<Filter>) -> Reply<Value> {
    let next = filter.cursor.unwrap_or(0) + filter.limit;
    Reply::ok(json!([])).page((next < 20).then(|| next.to_string()))
}

async fn archive(Path(id): Path<u64>) -> Reply<u64> {
    Reply::ok(id)
}

async fn relatives(Path(id): Path<u64>) -> Reply<Value> {
    Reply::ok(json!([])).page(Some((id + 1).to_string()))
}

#[utoipa::path(post, path = "/former", request_body = Input, responses((status = 201, description = "Made")))]
async fn former_create(body: Json<Input>) -> Reply<Value> {
    create(body).await
}

#[utoipa::path(get, path = "/former-list", responses((status = 200, description = "A page")))]
async fn former_list() -> Reply<Value> {
    Reply::ok(json!([])).page(None)
}

#[utoipa::path(get, path = "/stays", responses((status = 200, description = "It does")))]
async fn stays() -> Reply<()> {
    Reply::ok(())
}

/// What will be gone, and something that stays.
fn former() -> OpenApiRouter {
    let until = Deprecation {
        since: NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day"),
        sunset: NaiveDate::from_ymd_opt(2026, 9, 2).expect("a day"),
        instead: "/things",
    };
    OpenApiRouter::new()
        .routes(deprecated(routes!(former_create), until))
        .routes(deprecated(routes!(former_list), until))
        .routes(routes!(stays))
}

async fn fails() -> ApiResult<Reply<()>> {
    Err(common_http::ApiError::internal("the canary is dead"))
}

#[expect(clippy::panic, reason = "what the layer must catch")]
async fn panics() {
    panic!("the canary panicked");
}

fn server() -> TestServer {
    let config = HttpConfig {
        cursor_key: Some(SecretRef::from("k".repeat(32))),
        body_limit_bytes: 200,
        timeout_seconds: 5,
        ..HttpConfig::default()
    };
    let router = Router::new()
        .route("/things", post(create).get(list))
        .route("/things/{id}/~archive", post(archive))
        .route("/things/{id}/~relatives", get(relatives))
        .merge(former().split_for_parts().0)
        .route("/fails", get(fails))
        .route("/panics", get(panics));
    TestServer::new(rewrite_verbs(standard(
        router,
        &config,
        Arc::new(SeededIds::new(1)),
        Callers::unknown(),
    )))
}

#[tokio::test]
async fn a_created_thing_has_location_etag_and_envelope() {
    let answer = server()
        .post("/things")
        .json(&json!({"title": "a", "priority": 1}))
        .await;
    answer.assert_status(axum::http::StatusCode::CREATED);
    assert_eq!(answer.header("location"), "/things/1");
    let etag = answer.header("etag");
    assert!(etag.as_bytes().starts_with(b"\"1."), "{etag:?}");
    answer.assert_json(&json!({"data": {"title": "a", "priority": 1}, "error": null, "meta": {}}));
}

#[tokio::test]
async fn all_violations_come_at_once_with_pointers() {
    let answer = server()
        .post("/things")
        .json(&json!({"title": "", "priority": 9}))
        .await;
    answer.assert_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = answer.json();
    let error = &body["error"];
    assert_eq!(error["code"], "validation_failed");
    assert_eq!(error["errors"][1]["pointer"], "/title");
    assert_eq!(error["errors"][0]["pointer"], "/priority");
    let instance = error["instance"].as_str().expect("text");
    let id = answer.header("x-request-id");
    assert_eq!(
        instance,
        format!("/requests/{}", id.to_str().expect("text"))
    );
}

#[tokio::test]
async fn unknown_members_wrong_types_and_broken_json_are_told_apart() {
    let server = server();
    for (body, status, code) in [
        (
            r#"{"title":"a","priority":1,"extra":2}"#,
            422,
            "validation_failed",
        ),
        (r#"{"title":"a","priority":"x"}"#, 422, "validation_failed"),
        (r#"["a",1]"#, 422, "validation_failed"),
        ("null", 422, "validation_failed"),
        ("", 400, "json_syntax"),
        (r#"{"title":"a","#, 400, "json_syntax"),
        (r#"{"title":"a","priority":1} x"#, 400, "json_syntax"),
    ] {
        let answer = server
            .post("/things")
            .content_type("application/json")
            .bytes(body.into())
            .await;
        assert_eq!(answer.status_code(), status, "{body}");
        assert_eq!(answer.json::<Value>()["error"]["code"], code, "{body}");
    }
    let answer = server.post("/things").text("x").await;
    assert_eq!(answer.status_code(), 415);
    let long = json!({"title": "x".repeat(300), "priority": 1});
    assert_eq!(server.post("/things").json(&long).await.status_code(), 413);
}

#[tokio::test]
async fn query_parameters_are_checked() {
    let server = server();
    let page: Value = server.get("/things?limit=7").await.json();
    assert_eq!(page["meta"]["page"]["next"], "7");
    for query in ["limit=0", "limit=x", "unknown=1"] {
        let answer = server.get(&format!("/things?{query}")).await;
        assert_eq!(answer.status_code(), 400, "{query}");
        assert_eq!(
            answer.json::<Value>()["error"]["code"],
            "query_invalid",
            "{query}"
        );
    }
}

#[tokio::test]
async fn verbs_are_routed() {
    let answer: Value = server().post("/things/7:archive").await.json();
    assert_eq!(answer["data"], 7);
    assert_eq!(server().post("/things/x:archive").await.status_code(), 404);
}

#[tokio::test]
async fn failures_tell_nothing_but_the_request() {
    for path in ["/fails", "/panics"] {
        let answer = server().get(path).await;
        assert_eq!(answer.status_code(), 500, "{path}");
        assert!(!answer.text().contains("canary"), "{}", answer.text());
        assert!(answer.text().contains("/requests/"), "{}", answer.text());
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_and_can_be_bare() {
    let server = server();
    assert_eq!(
        server.get("/absent").await.json::<Value>()["error"]["code"],
        "no_such_path"
    );
    let delete = server.delete("/things").await;
    assert_eq!(
        delete.json::<Value>()["error"]["code"],
        "method_not_allowed"
    );
    assert_eq!(delete.header("allow"), "POST,GET,HEAD");
    let bare = server
        .get("/absent")
        .add_header("accept", "application/problem+json")
        .await;
    assert_eq!(bare.header("content-type"), "application/problem+json");
    assert_eq!(bare.json::<Problem>().status, 404);
}

#[tokio::test]
async fn a_page_links_to_the_next_and_to_the_first() {
    let server = server();
    let page = server.get("/things?limit=7&cursor=6").await;
    let links = "</things?limit=7&cursor=13>; rel=\"next\", </things?limit=7>; rel=\"first\"";
    assert_eq!(page.header("link"), links);
    let last = server.get("/things?cursor=13&limit=7").await;
    assert_eq!(last.header("link"), "</things?limit=7>; rel=\"first\"");
    // The path that a verb has for its callers, not the one under which it is routed.
    let found = server.get("/things/7:relatives").await;
    let links =
        "</things/7:relatives?cursor=8>; rel=\"next\", </things/7:relatives>; rel=\"first\"";
    assert_eq!(found.header("link"), links);
    let no_page = server.post("/things/7:archive").await;
    assert_eq!(no_page.maybe_header("link"), None);
}

#[tokio::test]
async fn a_request_goes_on_with_its_callers_trace() {
    let server = server();
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = server
        .get("/absent")
        .add_header("traceparent", caller)
        .await;
    let own = answer.header("traceparent");
    let own = own.to_str().expect("text");
    let (trace, span) = (&caller[..36], &caller[36..52]);
    assert_eq!((&own[..36], &own[52..]), (trace, "-01"));
    assert!(
        &own[36..52] != span && own[36..52] != "0".repeat(16),
        "{own}"
    );

    let malformed = caller.to_uppercase();
    let mut met = vec![trace.to_owned(), malformed[..36].to_owned()];
    for sent in [None, Some(malformed.as_str()), Some("00-1-2-3"), None] {
        let mut request = server.get("/things?limit=1");
        if let Some(sent) = sent {
            request = request.add_header("traceparent", sent);
        }
        let new = request.await.header("traceparent");
        let new = new.to_str().expect("text");
        assert!(new.len() == 55 && new.ends_with("-00"), "{new}");
        assert!(!met.contains(&new[..36].to_owned()), "{new} after {sent:?}");
        met.push(new[..36].to_owned());
    }
}

#[tokio::test]
async fn what_will_be_gone_says_so_with_every_answer() {
    let server = server();
    let good = json!({"title": "a", "priority": 1});
    for (body, status) in [(good, 201), (json!({}), 422)] {
        let answer = server.post("/former").json(&body).await;
        assert_eq!(answer.status_code(), status);
        assert_eq!(answer.header("deprecation"), "@1772323200");
        assert_eq!(answer.header("sunset"), "Wed, 02 Sep 2026 00:00:00 GMT");
        let links =
            "</things>; rel=\"successor-version\", </api/deprecations>; rel=\"deprecation\"";
        assert_eq!(answer.header("link"), links);
    }
    let other_method = server.get("/former").await;
    assert_eq!(other_method.status_code(), 405);
    assert_eq!(other_method.maybe_header("deprecation"), None);
    // Of two headers of that name neither is lost.
    let page = server.get("/former-list").await;
    let links: Vec<_> = page.iter_headers_by_name("link").collect();
    assert_eq!(links.len(), 2, "{links:?}");
}

#[test]
fn the_document_tells_what_will_be_gone() {
    let (_, document) = former().split_for_parts();
    let document = common_http::document::finish(document);
    let list = common_http::deprecations(&document);
    let shown = serde_json::to_value(&list).expect("JSON");
    let until = json!({"since": "2026-03-01", "sunset": "2026-09-02", "instead": "/things"});
    let paths = list
        .iter()
        .map(|one| (one.method.as_str(), one.path.as_str()));
    assert_eq!(
        paths.collect::<Vec<_>>(),
        [("POST", "/former"), ("GET", "/former-list")]
    );
    assert_eq!(shown[0]["sunset"], until["sunset"]);
    let told = serde_json::to_value(&document).expect("JSON");
    let operation = &told["paths"]["/former"]["post"];
    assert_eq!(operation["deprecated"], true);
    assert_eq!(operation["x-deprecation"], until);
    for status in ["201", "422", "500"] {
        for name in [
            "Deprecation",
            "Sunset",
            "Link",
            "X-Request-Id",
            "traceparent",
        ] {
            let header = &operation["responses"][status]["headers"][name];
            assert!(header.is_object(), "{status}: {name}");
        }
    }
    assert_eq!(told["paths"]["/stays"]["get"]["deprecated"], Value::Null);
}
