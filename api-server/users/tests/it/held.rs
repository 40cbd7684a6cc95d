//! `If-None-Match`: a caller is not sent what it holds.

use common_http::testing::Answer;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{Person, World};

async fn ask(world: &World, by: Person, path: &str, held: &str) -> Answer {
    let headers = [("if-none-match", held)];
    let by = Some(by);
    world
        .call_with(by, "GET", path, &headers, Value::Null)
        .await
}

/// What the path shows now, which is not sent again; gives its `ETag`.
async fn tag(world: &World, by: Person, path: &str) -> String {
    let whole = world.get(by, path).await;
    assert_eq!(whole.status, 200, "{path}: {}", whole.body);
    let tag = whole.header("etag");
    let again = ask(world, by, path, tag).await;
    assert_eq!((again.status, again.header("etag")), (304, tag), "{path}");
    assert!(again.bytes.is_empty(), "{path}");
    tag.to_owned()
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_changed_is_sent_and_the_rest_is_not(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    let path = format!("/api/v1/teams/{team}");
    let members = format!("{path}/members");
    let seen = async || {
        let paths = ["/api/v1/users/me", &path, "/api/v1/teams", &members];
        let mut seen = Vec::new();
        for path in paths {
            seen.push(tag(&world, ben, path).await);
        }
        seen.push(tag(&world, world.admin, "/api/v1/users").await);
        seen
    };
    let before = seen().await;
    assert_eq!(before, seen().await);

    let body = json!({"user_id": eve.id, "role": "viewer"});
    assert_eq!(world.post(ben, &members, body).await.status, 201);
    let after = seen().await;
    let changed: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
    assert_eq!(changed, [false, true, true, true, false]);
    world.user("kim").await;
    assert_ne!(seen().await[4], after[4], "the list of users");

    // A member's name is in the list of the team's, whose version does not count it.
    sqlx::query("update users set name = 'Eva' where id = $1")
        .bind(eve.id)
        .execute(&pool)
        .await
        .expect("renamed");
    assert_ne!(seen().await[3], after[3], "the list of members");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_team_has_another_tag_for_another_role(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    let path = format!("/api/v1/teams/{team}");
    let body = json!({"user_id": eve.id, "role": "viewer"});
    let members = format!("{path}/members");
    assert_eq!(world.post(ben, &members, body).await.status, 201);
    let (of_owner, of_viewer) = (tag(&world, ben, &path).await, tag(&world, eve, &path).await);
    assert!(of_owner.starts_with("\"2.owner."), "{of_owner}");
    assert!(of_viewer.starts_with("\"2.viewer."), "{of_viewer}");
    assert_eq!(ask(&world, eve, &path, &of_owner).await.status, 200);
    assert_eq!(ask(&world, eve, &path, "\"2.viewer\"").await.status, 200);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn nobody_learns_by_it_what_exists(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    for path in [format!("users/{}", ben.id), format!("teams/{team}")] {
        let answer = ask(&world, eve, &format!("/api/v1/{path}"), "*").await;
        answer.refused(404, "not_found");
    }
    let headers = [("if-none-match", "*")];
    let nobody = world
        .call_with(None, "GET", "/api/v1/users/me", &headers, Value::Null)
        .await;
    nobody.refused(401, "unauthorized");
}

/// Two people at one browser: what one of them was shown is not shown to the other.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn each_caller_has_a_tag_of_their_own(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let me = "/api/v1/users/me";
    let (of_ben, of_eve) = (tag(&world, ben, me).await, tag(&world, eve, me).await);
    assert_ne!(of_ben, of_eve);
    let shown = ask(&world, eve, me, &of_ben).await;
    assert_eq!(shown.status, 200, "what Ben was shown");
    assert_eq!(shown.data()["email"], "eve@example.org");
}
