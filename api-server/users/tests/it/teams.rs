//! Teams and their members.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::{Person, World, id};

/// Adds `whom` to the team as `by`.
async fn add(world: &World, by: Person, team: Uuid, whom: Person, role: &str) -> u16 {
    let path = format!("/api/v1/teams/{team}/members");
    let body = json!({"user_id": whom.id, "role": role});
    world.post(by, &path, body).await.status
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_founder_is_the_owner(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let team = world.team(ben, "Engines").await;
    let there = world.get(ben, &format!("/api/v1/teams/{team}")).await;
    assert_eq!(there.data()["role"], "owner");
    let members = world
        .get(ben, &format!("/api/v1/teams/{team}/members"))
        .await;
    assert_eq!(members.rows().len(), 1);
    assert_eq!(members.rows()[0]["user_id"], ben.id.to_string());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn anothers_team_looks_like_one_that_does_not_exist(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let team = world.team(ben, "Engines").await;
    for team in [team, Uuid::nil()] {
        // Administrators of the platform are strangers too.
        for stranger in [eve, world.admin] {
            for path in [
                format!("/api/v1/teams/{team}"),
                format!("/api/v1/teams/{team}/members"),
            ] {
                world.get(stranger, &path).await.refused(404, "not_found");
            }
            assert_eq!(add(&world, stranger, team, eve, "member").await, 404);
        }
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn nobody_grants_more_than_they_have(pool: PgPool) {
    let world = World::new(&pool).await;
    let owner = world.user("owner").await;
    let team = world.team(owner, "Engines").await;
    let mut of = Vec::new();
    for role in ["viewer", "member", "admin"] {
        let person = world.user(&format!("the-{role}")).await;
        assert_eq!(add(&world, owner, team, person, role).await, 201);
        of.push(person);
    }
    let cases = [
        (of[0], "viewer", 403),
        (of[1], "viewer", 403),
        (of[2], "admin", 201),
        (of[2], "owner", 403),
        (owner, "owner", 201),
    ];
    for (number, (by, role, expected)) in cases.into_iter().enumerate() {
        let person = world.user(&format!("new{number}")).await;
        assert_eq!(
            add(&world, by, team, person, role).await,
            expected,
            "case {number}"
        );
    }
    assert_eq!(
        add(&world, owner, team, of[0], "member").await,
        409,
        "a member already"
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn events_of_a_team_have_the_teams_versions_in_order(pool: PgPool) {
    let world = World::new(&pool).await;
    let owner = world.user("owner").await;
    let team = world.team(owner, "Engines").await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    let (one, other) = tokio::join!(
        add(&world, owner, team, ben, "member"),
        add(&world, owner, team, eve, "member"),
    );
    assert_eq!((one, other), (201, 201));
    let versions: Vec<i64> =
        sqlx::query_scalar("select version from outbox where entity_id = $1 order by id")
            .bind(team)
            .fetch_all(&pool)
            .await
            .expect("the outbox");
    assert_eq!(versions, [1, 2, 3]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_request_sent_twice_founds_one_team(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let found = async |name: &str| {
        let headers = [("idempotency-key", "k-1")];
        let body = json!({"name": name});
        world
            .call_with(Some(ben), "POST", "/api/v1/teams", &headers, body)
            .await
    };
    let (first, second) = (found("Engines").await, found("Engines").await);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(id(first.data()), id(second.data()));
    assert_eq!(second.header("idempotent-replayed"), "true");
    found("Looms").await.refused(422, "idempotency_key_reused");
    world.pass(86_401);
    let later = found("Looms").await;
    assert_eq!(
        later.status, 201,
        "a key is free again after a day: {}",
        later.body
    );
    assert_eq!(world.get(ben, "/api/v1/teams").await.rows().len(), 2);
}
