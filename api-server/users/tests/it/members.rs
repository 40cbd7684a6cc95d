//! Members of a team: who changes whose role, who removes whom, and what a version of a member is.

use common_db::testing::StatementCounter;
use common_http::testing::Answer;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::{Person, World};

/// A team with somebody in each role.
pub(crate) struct Four {
    pub(crate) world: World,
    pub(crate) team: Uuid,
    pub(crate) owner: Person,
    pub(crate) admin: Person,
    pub(crate) member: Person,
    pub(crate) viewer: Person,
}

impl Four {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let world = World::new(pool).await;
        let owner = world.user("owner").await;
        let team = world.team(owner, "Engines").await;
        let mut others = Vec::new();
        for role in ["admin", "member", "viewer"] {
            let person = world.user(&format!("the-{role}")).await;
            world.join(owner, team, person, role).await;
            others.push(person);
        }
        Self {
            team,
            owner,
            admin: others[0],
            member: others[1],
            viewer: others[2],
            world,
        }
    }

    /// Somebody new in that role.
    async fn another(&self, name: &str, role: &str) -> Person {
        let person = self.world.user(name).await;
        self.world.join(self.owner, self.team, person, role).await;
        person
    }

    pub(crate) fn path(&self, whom: Person) -> String {
        format!("/api/v1/teams/{}/members/{}", self.team, whom.id)
    }

    pub(crate) async fn get(&self, by: Person, whom: Person) -> Answer {
        self.world.get(by, &self.path(whom)).await
    }

    pub(crate) async fn give(&self, by: Person, whom: Person, role: &str) -> Answer {
        self.give_seen(by, whom, role, None).await
    }

    async fn give_seen(&self, by: Person, whom: Person, role: &str, seen: Option<&str>) -> Answer {
        let headers: Vec<_> = seen.map(|seen| ("if-match", seen)).into_iter().collect();
        let body = json!({"role": role});
        let path = self.path(whom);
        self.world
            .call_with(Some(by), "PATCH", &path, &headers, body)
            .await
    }

    pub(crate) async fn remove(&self, by: Person, whom: Person) -> Answer {
        self.remove_seen(by, whom, None).await
    }

    async fn remove_seen(&self, by: Person, whom: Person, seen: Option<&str>) -> Answer {
        let headers: Vec<_> = seen.map(|seen| ("if-match", seen)).into_iter().collect();
        let path = self.path(whom);
        self.world
            .call_with(Some(by), "DELETE", &path, &headers, Value::Null)
            .await
    }

    pub(crate) async fn roles(&self, by: Person) -> Vec<String> {
        let path = format!("/api/v1/teams/{}/members", self.team);
        let members = self.world.get(by, &path).await;
        let roles = members.rows().iter();
        roles
            .map(|row| row["role"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn roles_are_given_up_to_ones_own(pool: PgPool) {
    let four = Four::new(&pool).await;
    let Four {
        owner,
        admin,
        member,
        viewer,
        ..
    } = four;
    let cases = [
        (viewer, "viewer", "viewer", 403),
        (member, "viewer", "member", 403),
        (member, "member", "viewer", 403),
        (admin, "viewer", "admin", 200),
        (admin, "admin", "viewer", 200),
        (admin, "member", "owner", 403),
        (admin, "owner", "viewer", 403),
        (owner, "viewer", "owner", 200),
        (owner, "owner", "viewer", 200),
    ];
    for (number, (by, before, after, expected)) in cases.into_iter().enumerate() {
        let whom = four.another(&format!("case{number}"), before).await;
        let answer = four.give(by, whom, after).await;
        assert_eq!(answer.status, expected, "case {number}: {}", answer.body);
        let now = if expected == 200 { after } else { before };
        assert_eq!(four.get(by, whom).await.data()["role"], now);
    }
    // One's own too, down as well as up.
    four.give(viewer, viewer, "owner")
        .await
        .refused(403, "forbidden");
    assert_eq!(four.give(admin, admin, "viewer").await.status, 200);
    four.give(admin, admin, "admin")
        .await
        .refused(403, "forbidden");
    for stranger in [four.world.user("eve").await, four.world.admin] {
        four.get(stranger, viewer).await.refused(404, "not_found");
        let given = four.give(stranger, viewer, "member").await;
        given.refused(404, "not_found");
        let removed = four.remove(stranger, viewer).await;
        removed.refused(404, "not_found");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn everybody_may_leave_and_who_gives_a_role_takes_it(pool: PgPool) {
    let four = Four::new(&pool).await;
    let (viewer, member) = (four.viewer, four.member);
    let second = four.another("second", "owner").await;
    for (by, whom) in [
        (viewer, member),
        (member, viewer),
        (four.admin, four.owner),
        (four.admin, second),
    ] {
        four.remove(by, whom).await.refused(403, "forbidden");
    }
    let left = four.remove(viewer, viewer).await;
    assert_eq!(left.status, 200, "{}", left.body);
    assert_eq!(left.header("etag"), "");
    assert_eq!(
        (
            &left.data()["role"],
            &left.data()["user_id"],
            &left.data()["email"]
        ),
        (
            &json!("viewer"),
            &json!(viewer.id),
            &json!("the-viewer@example.org")
        )
    );
    let team = format!("/api/v1/teams/{}", four.team);
    four.world
        .get(viewer, &team)
        .await
        .refused(404, "not_found");
    let again = four.remove(four.owner, viewer).await;
    again.refused(404, "not_found");
    for (by, whom) in [
        (four.admin, member),
        (four.owner, four.admin),
        (four.owner, second),
    ] {
        assert_eq!(four.remove(by, whom).await.status, 200);
    }
    assert_eq!(four.roles(four.owner).await, ["owner"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_version_of_a_member_never_comes_twice(pool: PgPool) {
    let four = Four::new(&pool).await;
    let (owner, viewer) = (four.owner, four.viewer);
    let first = four.get(owner, viewer).await;
    assert_eq!(
        (first.version(), &first.data()["version"]),
        ("4", &json!(4))
    );
    four.world.pass(1);
    let changed = four.give(owner, viewer, "member").await;
    assert_eq!(changed.version(), "5", "that of the team");
    assert_eq!(changed.data()["created_at"], first.data()["created_at"]);
    assert_eq!(changed.data()["updated_at"], "2026-03-02T09:00:01Z");
    let same = four.give(owner, viewer, "member").await;
    assert_eq!(
        (same.status, same.header("etag")),
        (200, changed.header("etag"))
    );
    assert_eq!(four.remove(owner, viewer).await.status, 200);
    four.world.join(owner, four.team, viewer, "member").await;
    let again = four.get(viewer, viewer).await;
    assert_eq!(again.version(), "7");
    // Who saw the former membership has not seen this one, though its role is the same.
    let former = Some(changed.header("etag"));
    let removed = four.remove_seen(owner, viewer, former).await;
    removed.refused(412, "version_mismatch");
    assert_eq!(removed.body["error"]["changes"], Value::Null);
    let given = four.give_seen(owner, viewer, "viewer", former).await;
    assert_eq!(given.status, 200, "a role goes by what the role was");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_was_not_seen_is_not_undone(pool: PgPool) {
    let four = Four::new(&pool).await;
    let (owner, viewer) = (four.owner, four.viewer);
    let shown = four.get(owner, viewer).await;
    let tag = shown.header("etag");
    let seen = Some(tag);
    // Of somebody else, which raises the version of the team, and not this one's.
    assert_eq!(four.give(owner, four.member, "viewer").await.status, 200);
    let dry = format!("{}?dry_run=true", four.path(viewer));
    let headers = [("if-match", tag)];
    let tried = four
        .world
        .call_with(Some(owner), "DELETE", &dry, &headers, Value::Null)
        .await;
    assert_eq!(tried.status, 200, "{}", tried.body);

    four.world.pass(1);
    assert_eq!(four.give(four.admin, viewer, "member").await.status, 200);
    let told = json!([{"pointer": "/role", "before": "viewer", "after": "member", "actor_id": four.admin.id,
        "at": "2026-03-02T09:00:01Z"}]);
    let given = four.give_seen(owner, viewer, "admin", seen).await;
    let removed = four.remove_seen(owner, viewer, seen).await;
    for answer in [&given, &removed] {
        answer.refused(412, "version_mismatch");
        assert_eq!(answer.header("etag"), "\"6\"");
        assert_eq!(answer.body["error"]["changes"], told);
    }
    assert_eq!(given.body["error"]["errors"][0]["pointer"], "/role");
    assert_eq!(removed.body["error"]["errors"], Value::Null);
    for never in ["\"9\"", "W/\"6\""] {
        let answer = four.give_seen(owner, viewer, "admin", Some(never)).await;
        answer.refused(412, "version_mismatch");
        assert_eq!(answer.body["error"]["changes"], Value::Null);
    }
    // What may not be done at all is told first.
    let refused = four.give_seen(four.member, viewer, "admin", seen).await;
    refused.refused(403, "forbidden");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_member_has_another_tag_when_the_person_has_another_name(pool: PgPool) {
    let four = Four::new(&pool).await;
    let before = four.get(four.owner, four.viewer).await;
    let held = async |tag: &str| {
        let headers = [("if-none-match", tag)];
        let path = four.path(four.viewer);
        four.world
            .call_with(Some(four.owner), "GET", &path, &headers, Value::Null)
            .await
    };
    let tag = before.header("etag");
    assert_eq!(held(tag).await.status, 304);
    sqlx::query("update users set name = 'Eva', version = version + 1 where id = $1")
        .bind(four.viewer.id)
        .execute(&pool)
        .await
        .expect("renamed");
    let after = held(tag).await;
    assert_eq!((after.status, &after.data()["name"]), (200, &json!("Eva")));
    assert_eq!(
        after.version(),
        before.version(),
        "for If-Match it is the same"
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_happens_to_members_is_told(pool: PgPool) {
    let four = Four::new(&pool).await;
    four.give(four.owner, four.viewer, "member").await;
    four.remove(four.admin, four.viewer).await;
    four.remove(four.member, four.member).await;
    let told: Vec<(String, i64, Value)> = sqlx::query_as(
        "select event_type, version, payload - 'occurred_at' from outbox
         where entity_id = $1 and version > 4 order by id",
    )
    .bind(four.team)
    .fetch_all(&pool)
    .await
    .expect("the outbox");
    let told: Vec<Value> = told
        .into_iter()
        .map(|(kind, version, payload)| json!([kind, version, payload]))
        .collect();
    let (team, viewer, member) = (four.team, four.viewer.id, four.member.id);
    let expected = json!([
        ["team.member_changed.v1", 5, {"team_id": team, "user_id": viewer, "role_before": "viewer", "role": "member",
            "changed_by": four.owner.id, "version": 5}],
        ["team.member_removed.v1", 6, {"team_id": team, "user_id": viewer, "role": "member", "removed_by": four.admin.id,
            "version": 6}],
        ["team.member_removed.v1", 7, {"team_id": team, "user_id": member, "role": "member", "removed_by": member,
            "version": 7}],
    ]);
    assert_eq!(Value::Array(told), expected);
    let path = format!("/api/v1/teams/{team}/history?limit=3");
    let history = four.world.get(four.admin, &path).await;
    let place = |user: Uuid| format!("members/{user}");
    let diffs: Vec<Value> = history
        .rows()
        .iter()
        .map(|row| json!([row["action"], row["diff"]]))
        .collect();
    let expected = json!([
        ["team.member_removed", {place(member): {"before": "member", "after": null}}],
        ["team.member_removed", {place(viewer): {"before": "member", "after": null}}],
        ["team.member_changed", {place(viewer): {"before": "viewer", "after": "member"}}],
    ]);
    assert_eq!(Value::Array(diffs), expected);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_change_takes_its_work_alone(pool: PgPool) {
    let four = Four::new(&pool).await;
    let second = four.another("second", "owner").await;
    let counter = StatementCounter::start();
    let mut counted = Vec::new();
    let mut take = |answer: Answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        counted.push(counter.take());
    };
    take(four.get(four.viewer, four.member).await);
    take(four.give(four.owner, four.viewer, "member").await);
    take(four.give(four.owner, four.viewer, "member").await);
    take(four.remove(four.owner, four.viewer).await);
    take(four.give(four.owner, second, "viewer").await);
    // Rights, the member; the team's row before them; whether another owner stays; rows, end.
    assert_eq!(counted, [2, 5, 3, 5, 6]);
}
