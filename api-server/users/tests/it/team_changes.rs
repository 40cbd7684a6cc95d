//! Changes of a team itself: its name, out of sight and back, and what is told of that.

use common_db::testing::StatementCounter;
use common_http::testing::Answer;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::members::Four;
use crate::world::Person;

impl Four {
    fn at(&self, more: &str) -> String {
        format!("/api/v1/teams/{}{more}", self.team)
    }

    async fn rename(&self, by: Person, name: &str, seen: Option<&str>) -> Answer {
        let headers: Vec<_> = seen.map(|seen| ("if-match", seen)).into_iter().collect();
        let body = json!({"name": name});
        self.world
            .call_with(Some(by), "PATCH", &self.at(""), &headers, body)
            .await
    }

    async fn act(&self, by: Person, method: &str, more: &str) -> Answer {
        self.world
            .call(Some(by), method, &self.at(more), Value::Null)
            .await
    }

    async fn show(&self, by: Person) -> Answer {
        self.world.get(by, &self.at("")).await
    }

    /// Names of the person's teams.
    async fn teams(&self, by: Person, query: &str) -> Vec<Value> {
        let list = self.world.get(by, &format!("/api/v1/teams{query}")).await;
        list.rows().iter().map(|row| row["name"].clone()).collect()
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_admin_renames_it(pool: PgPool) {
    let four = Four::new(&pool).await;
    for by in [four.viewer, four.member] {
        four.rename(by, "Looms", None)
            .await
            .refused(403, "forbidden");
    }
    let stranger = four.world.user("eve").await;
    for by in [stranger, four.world.admin] {
        four.rename(by, "Looms", None)
            .await
            .refused(404, "not_found");
    }
    four.world.pass(1);
    let renamed = four.rename(four.admin, " Looms ", None).await;
    assert_eq!((renamed.status, renamed.version()), (200, "5"));
    let data = renamed.data();
    assert_eq!(
        (&data["name"], &data["role"], &data["updated_at"]),
        (
            &json!("Looms"),
            &json!("admin"),
            &json!("2026-03-02T09:00:01Z")
        )
    );
    assert_eq!(four.show(four.admin).await.data(), data);
    four.world.pass(1);
    for body in [json!({}), json!({"name": "Looms"})] {
        let path = four.at("");
        let same = four
            .world
            .call(Some(four.owner), "PATCH", &path, body)
            .await;
        assert_eq!((same.status, same.version()), (200, "5"), "{}", same.body);
    }
    for (wrong, pointer) in [
        (json!({"name": null}), "/name"),
        (json!({"name": " "}), "/name"),
        (json!({"role": "owner"}), "/role"),
    ] {
        let path = four.at("");
        let refused = four
            .world
            .call(Some(four.owner), "PATCH", &path, wrong)
            .await;
        refused.refused(422, "validation_failed");
        let told = &refused.body["error"]["errors"][0]["pointer"];
        assert!(told == pointer || told == "", "{}", refused.body);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn names_that_meet_are_told_and_members_are_no_hindrance(pool: PgPool) {
    let four = Four::new(&pool).await;
    let shown = four.show(four.owner).await;
    let tag = shown.header("etag");
    let seen = Some(tag);
    // The version of the team counts its members too; a name has nothing to do with them.
    assert_eq!(four.remove(four.owner, four.viewer).await.status, 200);
    let renamed = four.rename(four.admin, "Looms", seen).await;
    assert_eq!((renamed.status, renamed.version()), (200, "6"));
    let stale = four.rename(four.owner, "Mills", seen).await;
    stale.refused(412, "version_mismatch");
    assert_eq!(stale.header("etag"), "\"6\"");
    let error = &stale.body["error"];
    assert_eq!(error["errors"][0]["pointer"], "/name");
    let told: Vec<Value> = error["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| json!([change["pointer"], change["before"], change["after"]]))
        .collect();
    let member = format!("/members/{}", four.viewer.id);
    let expected = json!([[member, "viewer", null], ["/name", "Engines", "Looms"]]);
    assert_eq!(Value::Array(told), expected);
    let headers = [("if-match", tag)];
    let archived = four
        .world
        .call_with(
            Some(four.owner),
            "DELETE",
            &four.at(""),
            &headers,
            Value::Null,
        )
        .await;
    archived.refused(412, "version_mismatch");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_owner_takes_it_out_of_sight_and_back(pool: PgPool) {
    let four = Four::new(&pool).await;
    let acts = [("POST", ":archive"), ("POST", ":restore"), ("DELETE", "")];
    for (method, more) in acts {
        for by in [four.viewer, four.member, four.admin] {
            let answer = four.act(by, method, more).await;
            answer.refused(403, "forbidden");
        }
        let answer = four.act(four.world.admin, method, more).await;
        answer.refused(404, "not_found");
    }
    let other = four.world.team(four.viewer, "Looms").await;
    let mut version = 4;
    for (method, more) in [("POST", ":archive"), ("DELETE", "")] {
        let archived = four.act(four.owner, method, more).await;
        version += 1;
        assert_eq!(archived.status, 200, "{}", archived.body);
        assert_eq!(archived.data()["is_archived"], true);
        assert_eq!(archived.version(), version.to_string());
        let again = four.act(four.owner, method, more).await;
        assert_eq!((again.status, &again.body), (200, &archived.body));

        assert_eq!(four.teams(four.viewer, "").await, ["Looms"]);
        assert_eq!(four.teams(four.viewer, "?archived=true").await, ["Engines"]);
        // It is still read.
        let shown = four.show(four.viewer).await;
        assert_eq!(shown.data()["is_archived"], true);
        assert_eq!(four.roles(four.viewer).await.len(), 4);
        assert_eq!(four.get(four.viewer, four.owner).await.status, 200);
        assert_eq!(four.act(four.viewer, "GET", "/history").await.status, 200);
        // And not changed.
        let renamed = four.rename(four.owner, "Mills", None).await;
        renamed.refused(409, "team_archived");
        let given = four.give(four.owner, four.viewer, "member").await;
        given.refused(409, "team_archived");
        let left = four.remove(four.viewer, four.viewer).await;
        left.refused(409, "team_archived");
        let joined = json!({"user_id": four.world.admin.id, "role": "viewer"});
        let members = four.at("/members");
        let joined = four.world.post(four.owner, &members, joined);
        joined.await.refused(409, "team_archived");

        let restored = four.act(four.owner, "POST", ":restore").await;
        version += 1;
        assert_eq!(restored.data()["is_archived"], false);
        assert_eq!(restored.version(), version.to_string());
        assert_eq!(four.teams(four.viewer, "").await, ["Looms", "Engines"]);
    }
    let told: Vec<String> = sqlx::query_scalar(
        "select event_type from outbox where entity_id = $1 and version > 4 order by id",
    )
    .bind(four.team)
    .fetch_all(&pool)
    .await
    .expect("the outbox");
    let [archived, restored] = ["team.archived.v1", "team.restored.v1"];
    assert_eq!(told, [archived, restored, archived, restored]);
    assert_ne!(other, four.team);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cursor_of_the_other_list_of_teams_is_refused(pool: PgPool) {
    let four = Four::new(&pool).await;
    four.world.team(four.owner, "Looms").await;
    let first = four.world.get(four.owner, "/api/v1/teams?limit=1").await;
    let next = first.next().expect("it goes on");
    let path = format!("/api/v1/teams?archived=true&cursor={next}");
    let other = four.world.get(four.owner, &path).await;
    other.refused(400, "cursor_mismatch");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn everything_that_was_done_is_told_once_newest_first(pool: PgPool) {
    let four = Four::new(&pool).await;
    four.rename(four.admin, "Looms", None).await;
    four.act(four.owner, "DELETE", "").await;
    let whole = four.act(four.viewer, "GET", "/history").await;
    let actions: Vec<&Value> = whole.rows().iter().map(|row| &row["action"]).collect();
    let added = "team.member_added";
    let expected = [
        "team.archived",
        "team.updated",
        added,
        added,
        added,
        "team.created",
    ];
    assert_eq!(actions, expected);
    let renamed = json!({"name": {"before": "Engines", "after": "Looms"}});
    assert_eq!(whole.rows()[1]["diff"], renamed);
    assert_eq!(whole.rows()[1]["actor_id"], json!(four.admin.id));

    let mut seen = Vec::new();
    let mut next = Some(four.at("/history?limit=4"));
    while let Some(path) = next {
        let page = four.world.get(four.viewer, &path).await;
        seen.extend_from_slice(page.rows());
        let further = page.next();
        next = further.map(|cursor| four.at(&format!("/history?limit=4&cursor={cursor}")));
    }
    assert_eq!(seen, whole.rows());
    let stranger = four.act(four.world.admin, "GET", "/history").await;
    stranger.refused(404, "not_found");

    let mill = four.world.team(four.owner, "Mills").await;
    let page = four
        .world
        .get(four.owner, &four.at("/history?limit=1"))
        .await;
    let cursor = page.next().expect("it goes on");
    let path = format!("/api/v1/teams/{mill}/history?cursor={cursor}");
    let other = four.world.get(four.owner, &path).await;
    other.refused(400, "cursor_mismatch");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_change_takes_its_work_alone(pool: PgPool) {
    let four = Four::new(&pool).await;
    let seen = four.show(four.owner).await;
    let seen = Some(seen.header("etag"));
    let counter = StatementCounter::start();
    let mut counted = Vec::new();
    let mut take = |answer: Answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        counted.push(counter.take());
    };
    take(four.show(four.owner).await);
    take(four.act(four.viewer, "GET", "/history").await);
    take(four.rename(four.owner, "Looms", seen).await);
    take(four.act(four.owner, "POST", ":archive").await);
    take(four.act(four.owner, "POST", ":archive").await);
    // The team; and its history. Its lock, the team, rows, end; its lock, the team.
    assert_eq!(counted, [1, 2, 4, 4, 2]);
}
