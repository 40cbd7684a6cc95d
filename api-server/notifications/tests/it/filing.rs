//! What events become.

use common_clock::{Ids as _, SystemIds};
use common_events::{Handle as _, HandleError};
use serde_json::json;
use sqlx::PgPool;

use api_server_notifications::Notifier;

use crate::rows::{given, user};
use crate::world::World;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_task_that_somebody_gave_is_told(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let event = given(ada, ben, 5);
    world.deliver(&event).await;
    let list = world.list(ben, "").await;
    assert_eq!(
        list.rows(),
        [json!({
            "id": event.id, "kind": "task.assigned", "task_id": event.data["task_id"], "title": "task 5",
            "read_at": null, "created_at": "2026-03-02T09:05:00Z",
        })]
    );
    assert!(world.list(ada, "").await.rows().is_empty());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_that_comes_again_tells_nothing_new(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let event = given(ada, ben, 0);
    tokio::join!(world.deliver(&event), world.deliver(&event));
    world.deliver(&event).await;
    let list = world.list(ben, "").await;
    assert_eq!(list.rows().len(), 1);
    world.read(ben, &list.rows()[0]).await;
    world.deliver(&event).await;
    let unread = world.list(ben, "?unread=true").await;
    assert!(unread.rows().is_empty(), "what was read stays read");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_concerns_nobody_else_is_not_told(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    world.deliver(&given(ben, ben, 0)).await;
    let mut renamed = given(ada, ben, 1);
    renamed.data["changed"] = json!(["title"]);
    world.deliver(&renamed).await;
    let mut archived = given(ada, ben, 2);
    archived.event_type = "task.archived.v1".to_owned();
    world.deliver(&archived).await;
    let mut unknown = given(ada, ben, 3);
    unknown.event_type = "task.updated.v2".to_owned();
    unknown.data = json!("of another shape");
    world.deliver(&unknown).await;
    assert!(world.list(ben, "").await.rows().is_empty());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_of_the_wrong_shape_is_not_tried_again(pool: PgPool) {
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let mut event = given(ada, ben, 0);
    event.data["title"] = json!(7);
    let refused = Notifier::new(pool).handle(&event).await;
    assert!(
        matches!(refused, Err(HandleError::Rejected(_))),
        "{refused:?}"
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_for_somebody_unknown_is_not_waited_with(pool: PgPool) {
    let ada = user(&pool).await;
    let event = given(ada, SystemIds.uuid(), 0);
    let refused = Notifier::new(pool).handle(&event).await;
    assert!(
        matches!(refused, Err(HandleError::Failed(_))),
        "{refused:?}"
    );
}
