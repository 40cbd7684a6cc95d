//! Whoever leaves a team leaves its tasks.

use std::sync::Arc;

use api_server_tasks::Departures;
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_events::{Envelope, Handle as _, HandleError};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::{count, events, team, user};
use crate::world::{World, path};

/// A team of three, of whom Ben is about to leave.
struct Three {
    world: World,
    pool: PgPool,
    ada: Uuid,
    ben: Uuid,
    team: Uuid,
}

impl Three {
    async fn new(pool: &PgPool) -> Self {
        let world = World::new(pool).await;
        let (ada, ben) = (user(pool).await, user(pool).await);
        let team = team(pool, &[(ada, "owner"), (ben, "member")]).await;
        Self {
            world,
            pool: pool.clone(),
            ada,
            ben,
            team,
        }
    }

    async fn task_of(&self, owner: Uuid) -> Value {
        let body = json!({"team_id": self.team, "title": "Oil", "owner_id": owner});
        self.world.task(self.ada, body).await
    }

    /// Ben is in the team no more, and this is told.
    async fn leave(&self) -> Envelope {
        let sql = "delete from memberships where team_id = $1 and user_id = $2";
        sqlx::query(sql)
            .bind(self.team)
            .bind(self.ben)
            .execute(&self.pool)
            .await
            .expect("removed");
        self.told()
    }

    /// Ada has removed Ben.
    fn told(&self) -> Envelope {
        let at = SystemClock.now();
        Envelope {
            id: SystemIds.uuid(),
            source: "/crewdeck".to_owned(),
            event_type: "team.member_removed.v1".to_owned(),
            subject: self.team.to_string(),
            time: at,
            dataschema: "urn:crewdeck:event:team.member_removed.v1".to_owned(),
            sequence: 7,
            version: 3,
            actor: Some(self.ada),
            data: json!({
                "team_id": self.team, "user_id": self.ben, "role": "member", "removed_by": self.ada, "version": 3,
                "occurred_at": at,
            }),
        }
    }

    async fn shown(&self, task: &Value) -> Value {
        self.world.get(self.ada, &path(task)).await.data().clone()
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn their_tasks_are_nobodys_and_it_is_told_who_did_that(pool: PgPool) {
    let three = Three::new(&pool).await;
    let (of_ben, of_ada) = (
        three.task_of(three.ben).await,
        three.task_of(three.ada).await,
    );
    let elsewhere = team(&pool, &[(three.ben, "owner")]).await;
    let body = json!({"team_id": elsewhere, "title": "Fuel", "owner_id": three.ben});
    let other = three.world.task(three.ben, body).await;

    three.world.later();
    let left = three.leave().await;
    three.world.deliver(&left).await;
    let shown = three.shown(&of_ben).await;
    assert_eq!(
        (&shown["owner_id"], &shown["version"], &shown["updated_at"]),
        (
            &Value::Null,
            &json!(2),
            &json!("2026-03-02T09:00:01.123456Z")
        )
    );
    assert_eq!(three.shown(&of_ada).await, of_ada);
    let untouched = three.world.get(three.ben, &path(&other)).await;
    assert_eq!(untouched.data(), &other);

    let history = format!("{}/history", path(&of_ben));
    let history = three.world.get(three.ada, &history).await;
    let newest = &history.rows()[0];
    assert_eq!(newest["action"], "task.updated");
    assert_eq!(newest["actor_id"], json!(three.ada));
    let diff = json!({"owner_id": {"before": three.ben, "after": null}});
    assert_eq!(newest["diff"], diff);
    let told: Value = sqlx::query_scalar(
        "select payload from outbox where entity_id = $1::uuid order by id desc limit 1",
    )
    .bind(of_ben["id"].as_str())
    .fetch_one(&pool)
    .await
    .expect("an event");
    assert_eq!(
        (&told["owner_id"], &told["changed"], &told["version"]),
        (&Value::Null, &json!(["owner_id"]), &json!(2))
    );

    // What comes again has no effect, also not on what is new.
    three.world.deliver(&left).await;
    let made = ["task.created.v1", "task.updated.v1"];
    assert_eq!(events(&pool, &of_ben).await, made);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn of_many_tasks_none_is_left(pool: PgPool) {
    let three = Three::new(&pool).await;
    sqlx::query(
        "insert into tasks (id, team_id, title, status, owner_id, created_by, created_at, updated_at)
         select gen_random_uuid(), $1, 'T' || n, 'todo', $2, $2, now(), now() from generate_series(1, 450) n",
    )
    .bind(three.team)
    .bind(three.ben)
    .execute(&pool)
    .await
    .expect("tasks");
    let left = three.leave().await;
    three.world.deliver(&left).await;
    let still = "select count(*) from tasks where owner_id is not null or version <> 2";
    assert_eq!(count(&pool, still).await, 0);
    let recorded = "select count(*) from audit a join outbox o using (entity_id)
        where a.action = 'task.updated' and o.event_type = 'task.updated.v1' and a.request_id like 'event-%'";
    assert_eq!(count(&pool, recorded).await, 450);
    let ids = "select count(distinct event_id) from outbox";
    assert_eq!(count(&pool, ids).await, 450);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_is_in_the_team_again_keeps_them(pool: PgPool) {
    let three = Three::new(&pool).await;
    let task = three.task_of(three.ben).await;
    // The event is late: by now there is another membership.
    three.world.deliver(&three.told()).await;
    assert_eq!(three.shown(&task).await, task);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_archived_task_is_looked_at_when_it_is_restored(pool: PgPool) {
    let three = Three::new(&pool).await;
    let (gone, stays) = (
        three.task_of(three.ben).await,
        three.task_of(three.ada).await,
    );
    let act = async |task: &Value, verb: &str| {
        let path = format!("{}:{verb}", path(task));
        let answer = three.world.call(three.ada, "POST", &path, &[], Value::Null);
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.data().clone()
    };
    let archived = act(&gone, "archive").await;
    act(&stays, "archive").await;
    let left = three.leave().await;
    three.world.deliver(&left).await;
    assert_eq!(three.shown(&gone).await, archived, "nothing of it changes");
    let restored = act(&gone, "restore").await;
    assert_eq!(restored["owner_id"], Value::Null);
    let history = format!("{}/history?limit=1", path(&gone));
    let history = three.world.get(three.ada, &history).await;
    let diff = json!({
        "is_archived": {"before": true, "after": false},
        "owner_id": {"before": three.ben, "after": null},
    });
    assert_eq!(history.rows()[0]["diff"], diff);
    assert_eq!(act(&stays, "restore").await["owner_id"], json!(three.ada));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn other_events_are_not_its_business_and_one_of_another_shape_is_refused(pool: PgPool) {
    let three = Three::new(&pool).await;
    let task = three.task_of(three.ben).await;
    let mut event = three.leave().await;
    event.event_type = "team.member_removed.v2".to_owned();
    three.world.deliver(&event).await;
    assert_eq!(three.shown(&task).await, task);
    event.event_type = "team.member_removed.v1".to_owned();
    event.data["user_id"] = json!(7);
    let departures = Departures::new(pool, Arc::new(SystemClock), Arc::new(SystemIds));
    let refused = departures.handle(&event).await;
    assert!(
        matches!(refused, Err(HandleError::Rejected(_))),
        "{refused:?}"
    );
}
