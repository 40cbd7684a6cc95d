//! How many statements a change takes: without a key not one more than its work.

use common_db::testing::StatementCounter;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::alone;
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_change_takes_its_work_and_a_key_two_more(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let new = json!({"team_id": ours, "title": "Oil"});
    let task = world.task(ada, new.clone()).await;
    let path = path(&task);
    let counter = StatementCounter::start();
    let count = async |method: &str, path: &str, headers: &[(&str, &str)], body: Value| {
        let _ = counter.take();
        let answer = world.call(ada, method, path, headers, body).await;
        assert!(answer.status < 300, "{path}: {}", answer.body);
        counter.take()
    };
    let key = [("idempotency-key", "k-1")];
    let tasks = "/api/v1/tasks";
    assert_eq!(
        count("POST", tasks, &[], new.clone()).await,
        2,
        "rights, rows"
    );
    let given = json!({"team_id": ours, "title": "Oil", "owner_id": ada});
    let taken = count("POST", tasks, &[], given).await;
    assert_eq!(taken, 4, "rights, the owner's membership, rows, end");
    assert_eq!(
        count("POST", tasks, &key, new.clone()).await,
        5,
        "key, rights, rows, answer, end"
    );
    assert_eq!(count("POST", tasks, &key, new).await, 3, "key, answer, end");

    let change = |title: &str| json!({"title": title});
    let without = count("PATCH", &path, &[], change("a")).await;
    assert_eq!(without, 4, "teams, the row, rows, end");
    let key = [("idempotency-key", "k-2")];
    assert_eq!(count("PATCH", &path, &key, change("b")).await, without + 2);
    let seen = [("if-match", "\"3\"")];
    assert_eq!(
        count("PATCH", &path, &seen, change("c")).await,
        without,
        "as seen"
    );
    let seen = [("if-match", "\"3\"")];
    let merged = count("PATCH", &path, &seen, json!({"priority": 1})).await;
    assert_eq!(merged, without + 1, "what changed since");
    let archive = format!("{path}:archive");
    assert_eq!(count("POST", &archive, &[], Value::Null).await, without);
    assert_eq!(
        count("POST", &archive, &[], Value::Null).await,
        2,
        "as it is"
    );
}
