//! Lists in pages.

use std::collections::BTreeSet;

use common_db::testing::StatementCounter;
use sqlx::PgPool;

use crate::world::World;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn pages_lose_nothing_and_show_nothing_twice(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let mut made = BTreeSet::new();
    for number in 0..7 {
        // Some share their moment: the id decides.
        world.pass(i64::from(number % 2 == 0));
        made.insert(world.team(ben, &format!("Team {number}")).await.to_string());
    }
    let mut seen = BTreeSet::new();
    let mut path = "/api/v1/teams?limit=3".to_owned();
    for expected in [3, 3, 1] {
        let page = world.get(ben, &path).await;
        assert_eq!(page.rows().len(), expected);
        for row in page.rows() {
            let id = row["id"].as_str().expect("an id");
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
        path = match page.next() {
            Some(next) => format!("/api/v1/teams?limit=3&cursor={next}"),
            None => String::new(),
        };
    }
    assert_eq!((path.as_str(), seen), ("", made));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cursor_is_good_for_the_list_it_came_from(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ben, eve) = (world.user("ben").await, world.user("eve").await);
    for name in ["A", "B"] {
        world.team(ben, name).await;
    }
    let page = world.get(ben, "/api/v1/teams?limit=1").await;
    let cursor = page.next().expect("it goes on");
    let other = world
        .get(eve, &format!("/api/v1/teams?limit=1&cursor={cursor}"))
        .await;
    other.refused(400, "cursor_mismatch");
    let users = world
        .get(world.admin, &format!("/api/v1/users?cursor={cursor}"))
        .await;
    users.refused(400, "cursor_mismatch");
    let forged: String = cursor.chars().rev().collect();
    for wrong in [forged.as_str(), "x", ""] {
        let answer = world
            .get(ben, &format!("/api/v1/teams?cursor={wrong}"))
            .await;
        answer.refused(400, "cursor_invalid");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_members_of_a_large_team_come_in_pages_by_name(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let team = world.team(ben, "Engines").await;
    fill(&pool, ben.id, team).await;
    // The longest name there can be, and one that others have too: the id decides, and the cursor holds both.
    let names = "update users set name = case when name like 'U_' then repeat('\u{1F9D0}', 200) else 'Same' end
        where name like 'U_' or name like 'U1_'";
    sqlx::query(names).execute(&pool).await.expect("renamed");

    let path = format!("/api/v1/teams/{team}/members");
    let whole = world.get(ben, &format!("{path}?limit=200")).await;
    assert_eq!((whole.rows().len(), whole.next()), (101, None));
    assert_eq!(world.get(ben, &path).await.rows().len(), 50, "unasked");
    let mut seen = Vec::new();
    let mut next = Some(format!("{path}?limit=7"));
    while let Some(at) = next {
        let page = world.get(ben, &at).await;
        seen.extend_from_slice(page.rows());
        assert!(page.rows().len() == 7 || page.next().is_none());
        next = page
            .next()
            .map(|cursor| format!("{path}?limit=7&cursor={cursor}"));
    }
    assert_eq!(seen, whole.rows());

    let other = world.team(ben, "Others").await;
    let page = world.get(ben, &format!("{path}?limit=1")).await;
    let cursor = page.next().expect("it goes on");
    world
        .get(
            ben,
            &format!("/api/v1/teams/{other}/members?cursor={cursor}"),
        )
        .await
        .refused(400, "cursor_mismatch");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_long_list_takes_no_more_statements_than_a_short_one(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = world.user("ben").await;
    let team = world.team(ben, "First").await;
    let paths = [
        "/api/v1/teams?limit=200".to_owned(),
        "/api/v1/users?limit=200".to_owned(),
        format!("/api/v1/teams/{team}/members?limit=200"),
    ];
    let asks = [ben, world.admin, ben];
    let counter = StatementCounter::start();
    let mut counted = Vec::new();
    for round in 0..2 {
        for (path, by) in paths.iter().zip(asks) {
            let _ = counter.take();
            let answer = world.get(by, path).await;
            counted.push((answer.rows().len() > 90, counter.take()));
        }
        if round == 0 {
            fill(&pool, ben.id, team).await;
        }
    }
    let (short, long) = counted.split_at(3);
    assert!(
        short.iter().all(|(many, count)| !many && *count > 0),
        "{short:?}"
    );
    assert!(long.iter().all(|(many, _)| *many), "{long:?}");
    let counts = |of: &[(bool, usize)]| of.iter().map(|(_, count)| *count).collect::<Vec<_>>();
    assert_eq!(counts(short), counts(long));
}

/// A hundred users, all in the team, and a hundred teams of one user.
async fn fill(pool: &PgPool, user: uuid::Uuid, team: uuid::Uuid) {
    sqlx::query(
        "with u as (
            insert into users (id, email, name, password_hash, created_at, updated_at)
            select gen_random_uuid(), 'u' || n || '@example.org', 'U' || n, '-', now(), now()
            from generate_series(1, 100) n returning id
        ), m as (
            insert into memberships (team_id, user_id, role, created_at) select $2, id, 'member', now() from u
        ), t as (
            insert into teams (id, name, created_by, created_at, updated_at)
            select gen_random_uuid(), 'T' || n, $1, now(), now() from generate_series(1, 100) n returning id
        )
        insert into memberships (team_id, user_id, role, created_at) select id, $1, 'owner', now() from t",
    )
    .bind(user)
    .bind(team)
    .execute(pool)
    .await
    .expect("rows");
}
