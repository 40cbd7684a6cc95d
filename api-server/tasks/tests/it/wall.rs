//! The database's own wall: whatever a statement forgets to ask for, a session reaches rows of the teams alone that it was told.
//! Every other test of the domain works behind it too.

use common_db::testing::as_application;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::rows::{alone, count};
use crate::world::World;

/// Two teams with a task each, and a connection with the rights of the application.
struct Two {
    ours: Uuid,
    theirs: Uuid,
    pool: PgPool,
}

impl Two {
    async fn new(pool: &PgPool) -> Self {
        let world = World::new(pool).await;
        let (ada, ours) = alone(pool).await;
        let (eve, theirs) = alone(pool).await;
        for (user, team) in [(ada, ours), (eve, theirs)] {
            let new = json!({"team_id": team, "title": "Oil"});
            let task: Value = world.task(user, new).await;
            assert_eq!(task["version"], 1);
        }
        Self {
            ours,
            theirs,
            pool: as_application(pool).await,
        }
    }
}

/// Tells a session its teams, as the scope of a request does.
async fn tell(connection: &mut PgConnection, teams: &str) {
    sqlx::query("select set_config('crewdeck.teams', $1, false)")
        .bind(teams)
        .execute(connection)
        .await
        .expect("told");
}

/// The rows that a statement about one team reaches, or the code that refuses it.
async fn reached(
    connection: &mut PgConnection,
    sql: &'static str,
    team: Uuid,
) -> Result<u64, String> {
    let done = sqlx::query(sql).bind(team).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        code.map_or_else(|| error.to_string(), Into::into)
    })
}

const READ: &str = "select from tasks where team_id = $1 or true";
const READ_HISTORY: &str = "select from audit where team_id = $1 or true";
const CHANGE: &str = "update tasks set title = 'Sand' where team_id = $1";
const DELETE: &str = "delete from tasks where team_id = $1";
const ADD: &str =
    "insert into tasks (id, team_id, title, status, created_by, created_at, updated_at)
     select gen_random_uuid(), $1, 'Sand', 'todo', id, now(), now() from users limit 1";
const MOVE: &str = "update tasks set team_id = $1";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_session_reaches_the_teams_that_it_was_told(pool: PgPool) {
    let two = Two::new(&pool).await;
    let mut session = two.pool.acquire().await.expect("a connection");
    tell(&mut session, &two.ours.to_string()).await;
    for (sql, ours, theirs) in [
        (READ, Ok(1), Ok(1)),
        (READ_HISTORY, Ok(1), Ok(1)),
        (CHANGE, Ok(1), Ok(0)),
        (ADD, Ok(1), Err("42501".to_owned())),
        (MOVE, Ok(2), Err("42501".to_owned())),
        (DELETE, Ok(2), Ok(0)),
    ] {
        let of_theirs = reached(&mut session, sql, two.theirs).await;
        assert_eq!(of_theirs, theirs, "{sql}");
        assert_eq!(reached(&mut session, sql, two.ours).await, ours, "{sql}");
    }
    let left = "select count(*) from tasks where title = 'Oil'";
    assert_eq!(count(&pool, left).await, 1, "the other team's is untouched");

    tell(&mut session, &format!("{},{}", two.ours, two.theirs)).await;
    assert_eq!(reached(&mut session, READ, two.ours).await, Ok(1));
    assert_eq!(reached(&mut session, READ_HISTORY, two.ours).await, Ok(2));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_session_that_was_told_nothing_reaches_nothing(pool: PgPool) {
    let two = Two::new(&pool).await;
    let mut session = two.pool.acquire().await.expect("a connection");
    for round in ["never told", "told of no team"] {
        for sql in [READ, READ_HISTORY, CHANGE, DELETE, MOVE] {
            assert_eq!(
                reached(&mut session, sql, two.ours).await,
                Ok(0),
                "{round}: {sql}"
            );
        }
        let added = reached(&mut session, ADD, two.ours).await;
        assert_eq!(added, Err("42501".to_owned()), "{round}");
        tell(&mut session, "").await;
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_was_done_is_only_added_to(pool: PgPool) {
    let two = Two::new(&pool).await;
    let mut session = two.pool.acquire().await.expect("a connection");
    tell(&mut session, &two.ours.to_string()).await;
    for sql in [
        "update audit set action = 'none' where team_id = $1",
        "delete from audit where team_id = $1",
    ] {
        assert_eq!(reached(&mut session, sql, two.ours).await, Ok(0), "{sql}");
    }
    let as_it_was = "select count(*) from audit where action = 'task.created'";
    assert_eq!(count(&pool, as_it_was).await, 2);
    // Of any team, and of none: what is done to people has no team.
    let add = "insert into audit (entity, entity_id, team_id, action, diff, at)
               select 'task', $1, team, 'task.read', '{}', now() from unnest(array[$1, null]) as t (team)";
    assert_eq!(reached(&mut session, add, two.theirs).await, Ok(2));
}

/// The views of analytics belong to the owner of the tables, and show every team.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_owner_and_its_views_stand_before_the_wall(pool: PgPool) {
    let _two = Two::new(&pool).await;
    let owner = "do $$ begin
            create role crewdeck_test_owner;
            exception when duplicate_object or unique_violation then null;
        end $$;
        grant create on schema public to crewdeck_test_owner;
        alter table tasks owner to crewdeck_test_owner;
        alter view analytics_tasks owner to crewdeck_test_owner;
        grant select on analytics_tasks to crewdeck_test_application";
    sqlx::raw_sql(owner).execute(&pool).await.expect("an owner");
    let application = as_application(&pool).await;
    let seen = "select count(*) from analytics_tasks";
    assert_eq!(count(&application, seen).await, 2);
    assert_eq!(
        count(&application, "select count(*) from tasks").await,
        0,
        "itself it sees none"
    );
}
