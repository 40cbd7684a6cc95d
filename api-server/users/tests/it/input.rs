//! What is wrong with a request is told whole, with places.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::World;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn everything_wrong_is_told_at_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = json!({"email": "nobody", "name": " ", "password": "short"});
    let answer = world.post(world.admin, "/api/v1/users", body).await;
    answer.refused(422, "validation_failed");
    let errors = answer.body["error"]["errors"].as_array().expect("errors");
    let mut places: Vec<&str> = errors
        .iter()
        .map(|error| error["pointer"].as_str().expect("a pointer"))
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["/email", "/name", "/password"]);
    assert!(
        errors
            .iter()
            .all(|error| !error["detail"].as_str().unwrap_or_default().is_empty())
    );
    assert!(
        !answer.body.to_string().contains("short"),
        "no value of a secret: {}",
        answer.body
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn each_slip_has_its_own_answer(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let team = world.team(ben, "Engines").await;
    let members = format!("/api/v1/teams/{team}/members");
    let (teams, users) = ("/api/v1/teams", "/api/v1/users");
    let cases: [(&str, Value, &str); 6] = [
        (teams, json!({"name": "x".repeat(101)}), "/name"),
        (teams, json!({"name": "X", "colour": "red"}), "/colour"),
        (teams, json!({"name": 7}), "/name"),
        (
            users,
            json!({"email": "a@b.example", "name": "A", "password": "x".repeat(129)}),
            "/password",
        ),
        (
            &members,
            json!({"user_id": ben.id, "role": "king"}),
            "/role",
        ),
        (
            &members,
            json!({"email": "nobody", "role": "member"}),
            "/email",
        ),
    ];
    for (path, body, pointer) in cases {
        let by = if path == users { world.admin } else { ben };
        let answer = world.post(by, path, body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let errors = &answer.body["error"]["errors"];
        assert_eq!(errors[0]["pointer"], pointer, "{body}: {errors}");
    }
    let both = json!({"user_id": ben.id, "email": "ben@example.org", "role": "member"});
    let none = json!({"role": "member"});
    for body in [both, none] {
        assert_eq!(world.post(ben, &members, body).await.status, 422);
    }
    let limit = world.get(ben, "/api/v1/teams?limit=0").await;
    limit.refused(400, "query_invalid");
    assert_eq!(limit.body["error"]["errors"][0]["pointer"], "?limit");
    world
        .get(ben, "/api/v1/teams/x")
        .await
        .refused(404, "not_found");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_is_not_json_is_not_read(pool: PgPool) {
    let world = World::new(&pool).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world
        .call_with(
            Some(world.admin),
            "POST",
            "/api/v1/teams",
            &form,
            Value::Null,
        )
        .await;
    answer.refused(415, "unsupported_media_type");
}
