//! Every operation that changes something does it the one way: it can be sent again and be tried out. One that is added
//! needs a row here.

use std::collections::BTreeMap;

use common_db::testing::contents;
use common_http::document::testing::{Told, operations};
use common_http::testing::{Answer, request, send};
use common_scratch::Folder;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// What changes something in a way of its own, and why.
const APART: [(&str, &str); 6] = [
    (
        "/api/v1/auth/login",
        "nobody is signed in yet, and the answer is a secret that is kept nowhere",
    ),
    ("/api/v1/auth/logout", "a second time ends nothing more"),
    (
        "/api/v1/auth/refresh",
        "it has a window in which it gives the same successor",
    ),
    ("/api/token/", "a former name of signing in"),
    ("/api/token/refresh/", "a former name of the refresh"),
    (
        "/api/v1/realtime/tickets",
        "a ticket is a secret for one socket, and in no table",
    ),
];

/// An operation as it is called.
struct Row {
    method: &'static str,
    /// As in the document.
    path: &'static str,
    /// With what `{id}` is.
    target: String,
    body: Value,
    /// Another body that it takes; null for an operation without one.
    other: Value,
}

/// A row for each, in an order in which all of them have something to change.
async fn rows(app: &Router, token: &str, pool: &PgPool) -> Vec<Row> {
    let post = async |path: &str, body: &Value| {
        let answer = call(app, token, ("POST", path), None, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        answer.data()["id"].as_str().unwrap_or_default().to_owned()
    };
    let (users, teams, tasks) = ("/api/v1/users", "/api/v1/teams", "/api/v1/tasks");
    let user = |name: &str| {
        let email = format!("{name}@example.org");
        json!({"email": email, "name": name, "password": "correct horse"})
    };
    let named = |name: &str| json!({"name": name});
    let ben = post(users, &user("ben")).await;
    let team = post(teams, &named("Engines")).await;
    let member = |role: &str| json!({"user_id": ben, "role": role});
    let titled = |title: &str| json!({"title": title});
    let new = |title: &str| json!({"team_id": team, "title": title});
    let task = post(tasks, &new("Oil")).await;
    let told: Uuid = sqlx::query_scalar(
        "insert into notifications (id, user_id, event_id, kind, title)
         select id, id, id, 'task.assigned', 'Oil' from users where is_admin returning id",
    )
    .fetch_one(pool)
    .await
    .expect("a notification");

    let told = told.to_string();
    let row = |method, path: &'static str, id: &str, body, other| Row {
        method,
        path,
        target: path.replace("{id}", id).replace("{user_id}", &ben),
        body,
        other,
    };
    let nothing = |method, path, id| row(method, path, id, Value::Null, Value::Null);
    let post = |path, id, body, other| row("POST", path, id, body, other);
    vec![
        post(users, "", user("eve"), user("kim")),
        post(teams, "", named("Looms"), named("Mills")),
        post(
            "/api/v1/teams/{id}/members",
            &team,
            member("viewer"),
            member("member"),
        ),
        row(
            "PATCH",
            "/api/v1/teams/{id}/members/{user_id}",
            &team,
            json!({"role": "admin"}),
            json!({"role": "member"}),
        ),
        nothing("DELETE", "/api/v1/teams/{id}/members/{user_id}", &team),
        post(tasks, "", new("Oil"), new("Fuel")),
        row(
            "PATCH",
            "/api/v1/tasks/{id}",
            &task,
            titled("Sand"),
            titled("Fuel"),
        ),
        nothing("POST", "/api/v1/tasks/{id}:archive", &task),
        nothing("POST", "/api/v1/tasks/{id}:restore", &task),
        nothing("DELETE", "/api/v1/tasks/{id}", &task),
        nothing("POST", "/api/v1/notifications/{id}:read", &told),
        row(
            "PATCH",
            "/api/v1/teams/{id}",
            &team,
            named("Looms"),
            named("Mills"),
        ),
        nothing("POST", "/api/v1/teams/{id}:archive", &team),
        nothing("POST", "/api/v1/teams/{id}:restore", &team),
        nothing("DELETE", "/api/v1/teams/{id}", &team),
    ]
}

async fn call(
    app: &Router,
    token: &str,
    (method, path): (&str, &str),
    key: Option<&str>,
    body: &Value,
) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    send(app, request(method, path, &headers, body)).await
}

#[test]
fn whatever_changes_something_does_it_the_one_way() {
    let apart: BTreeMap<&str, &str> = APART.into_iter().collect();
    for told in operations(&super::told()) {
        let at = format!("{} {}", told.method, told.path);
        let expected = told.method != "GET" && !apart.contains_key(told.path.as_str());
        assert_eq!(told.is_write(), expected, "{at}");
        if !expected {
            continue;
        }
        // And tells what follows from that.
        let answers = &told.operation["responses"];
        for status in ["200", "400", "401", "409", "422"] {
            assert!(answers[status].is_object(), "{at}: {status} is not told");
        }
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn each_change_can_be_tried_out_and_sent_again(pool: PgPool) {
    let folder = Folder::new("writes").expect("a folder");
    let World { app, token, .. } = world(&pool, folder.path()).await;
    let mut untried: Vec<(String, String)> = operations(&super::told())
        .into_iter()
        .filter(Told::is_write)
        .map(|told| (told.method, told.path))
        .collect();
    for row in rows(&app, &token, &pool).await {
        let at = format!("{} {}", row.method, row.path);
        untried.retain(|(method, path)| (method.as_str(), path.as_str()) != (row.method, row.path));
        let path = row.target;
        let dry = format!("{path}?dry_run=true");
        let key = Some(at.as_str());
        let send = async |path: &str, body: &Value| {
            call(&app, &token, (row.method, path), key, body).await
        };

        let before = contents(&pool).await;
        let tried = send(&dry, &row.body).await;
        assert_eq!(tried.status, 200, "{at}: {}", tried.body);
        assert_eq!(tried.body["meta"]["dry_run"], true, "{at}");
        assert_eq!(contents(&pool).await, before, "{at} kept something");

        let first = send(&path, &row.body).await;
        assert!((200..300).contains(&first.status), "{at}: {}", first.body);
        let after = contents(&pool).await;
        assert_ne!(after, before, "{at} did nothing");
        send(&path, &row.body).await.repeats(&first);
        let reused = "idempotency_key_reused";
        send(&dry, &row.body).await.refused(422, reused);
        if !row.other.is_null() {
            send(&path, &row.other).await.refused(422, reused);
        }
        assert_eq!(contents(&pool).await, after, "{at} happened twice");
    }
    assert_eq!(untried, [], "these have no row");
}
