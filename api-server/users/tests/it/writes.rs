//! Every change of the domain: sent again, and only tried out.

use common_db::testing::{StatementCounter, contents};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{PASSWORD, Person, World};

/// A change by somebody: where, and how it looks.
struct Case {
    by: Person,
    path: String,
    body: Value,
}

/// One of each.
async fn cases(world: &World) -> [Case; 3] {
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    let case = |by, path: &str, body| Case {
        by,
        path: path.to_owned(),
        body,
    };
    let user = json!({"email": "new@example.org", "name": "New", "password": PASSWORD});
    [
        case(world.admin, "/api/v1/users", user),
        case(ben, "/api/v1/teams", json!({"name": "Looms"})),
        case(
            ben,
            &format!("/api/v1/teams/{team}/members"),
            json!({"user_id": eve.id, "role": "member"}),
        ),
    ]
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn each_can_be_tried_out_and_sent_again(pool: PgPool) {
    let world = World::new(&pool).await;
    for Case { by, path, body } in cases(&world).await {
        let key = [("idempotency-key", path.as_str())];
        let before = contents(&pool).await;
        let dry = format!("{path}?dry_run=true");
        let tried = world
            .call_with(Some(by), "POST", &dry, &key, body.clone())
            .await;
        assert_eq!(tried.status, 200, "{path}: {}", tried.body);
        assert_eq!(tried.body["meta"], json!({"dry_run": true}), "{path}");
        assert_eq!((tried.header("etag"), tried.header("location")), ("", ""));
        assert_eq!(contents(&pool).await, before, "{path}");

        let send = async || {
            world
                .call_with(Some(by), "POST", &path, &key, body.clone())
                .await
        };
        let first = send().await;
        assert_eq!(first.status, 201, "{path}: {}", first.body);
        let after = contents(&pool).await;
        world.pass(1);
        send().await.repeats(&first);
        assert_eq!(contents(&pool).await, after, "{path}");
        let other = world.call_with(Some(by), "POST", &dry, &key, body).await;
        other.refused(422, "idempotency_key_reused");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_would_be_refused_is_refused_when_it_is_tried_out(pool: PgPool) {
    let world = World::new(&pool).await;
    for Case { by, path, body } in cases(&world).await {
        let made = world.post(by, &path, body.clone()).await;
        let again = world.post(by, &path, body.clone()).await;
        let tried = world.post(by, &format!("{path}?dry_run=true"), body).await;
        // A second team may have the name of the first; the rest is the database's to refuse.
        let expected = if path.ends_with("/teams") { 200 } else { 409 };
        assert_eq!((made.status, tried.status), (201, expected), "{path}");
        assert_eq!(again.body["error"]["code"], tried.body["error"]["code"]);
    }
    let eve = world.user("mallory").await;
    let body = json!({"email": "x@example.org", "name": "X", "password": PASSWORD});
    let tried = world.post(eve, "/api/v1/users?dry_run=true", body).await;
    tried.refused(403, "forbidden");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_a_key_each_takes_its_work_alone(pool: PgPool) {
    let world = World::new(&pool).await;
    let cases = cases(&world).await;
    let counter = StatementCounter::start();
    let mut counted = Vec::new();
    for Case { by, path, body } in cases {
        let _ = counter.take();
        let answer = world.post(by, &path, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        counted.push(counter.take());
    }
    // A member: rights, the user, the team's row, rows, end.
    assert_eq!(counted, [1, 1, 5]);
}

/// Trying out leaves no trace, and whoever makes a team may add to it: with addresses it would be a directory of everybody.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn nobody_is_looked_up_by_address_without_a_trace(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    let members = format!("/api/v1/teams/{team}/members");
    let dry = format!("{members}?dry_run=true");
    let of = |name: &str| json!({"email": format!("{name}@example.org"), "role": "member"});
    let (known, unknown) = (of("eve"), of("nobody"));
    let told = [
        world.post(ben, &dry, known.clone()).await,
        world.post(ben, &dry, unknown.clone()).await,
    ]
    .map(|answer| answer.refused_field("/email").to_owned());
    assert_eq!(told[0], told[1]);
    // Who may not add anybody is told that first.
    let stranger = world.post(eve, &dry, known.clone()).await;
    stranger.refused(404, "not_found");
    assert_eq!(world.post(ben, &members, known).await.status, 201);
    let nobody = world.post(ben, &members, unknown).await;
    nobody.refused(404, "not_found");
}
