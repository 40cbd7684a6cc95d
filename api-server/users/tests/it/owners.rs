//! A team keeps an owner, whatever happens at once.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::held_up::{hold, wait_for_locks};
use crate::members::Four;
use crate::world::Person;

/// A team with two owners.
async fn two(pool: &PgPool) -> (Four, [Person; 2]) {
    let four = Four::new(pool).await;
    assert_eq!(four.give(four.owner, four.admin, "owner").await.status, 200);
    let owners = [four.owner, four.admin];
    (four, owners)
}

/// Owners as the database has them.
async fn owners(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from memberships where role = 'owner'")
        .fetch_one(pool)
        .await
        .expect("a count")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_last_owner_stays(pool: PgPool) {
    let four = Four::new(&pool).await;
    let (owner, admin) = (four.owner, four.admin);
    four.remove(owner, owner).await.refused(409, "last_owner");
    for role in ["admin", "viewer"] {
        let given = four.give(owner, owner, role).await;
        given.refused(409, "last_owner");
    }
    assert_eq!(
        four.give(owner, owner, "owner").await.status,
        200,
        "no change"
    );
    let dry = format!("{}?dry_run=true", four.path(owner));
    let tried = four.world.call(Some(owner), "DELETE", &dry, Value::Null);
    tried.await.refused(409, "last_owner");
    // Somebody who cannot sign in is no owner to turn to.
    assert_eq!(four.give(owner, admin, "owner").await.status, 200);
    let archive = async |archived: bool| {
        sqlx::query("update users set is_archived = $2 where id = $1")
            .bind(admin.id)
            .bind(archived)
            .execute(&pool)
            .await
            .expect("changed");
    };
    archive(true).await;
    four.remove(owner, owner).await.refused(409, "last_owner");
    archive(false).await;
    assert_eq!(four.remove(owner, owner).await.status, 200);
    four.remove(admin, admin).await.refused(409, "last_owner");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn of_two_owners_who_leave_at_once_one_stays(pool: PgPool) {
    let (four, [one, other]) = two(&pool).await;
    // Both have come as far as they can beside each other.
    let team = hold(&pool, "select from teams for update").await;
    let both_wait = async {
        wait_for_locks(&pool, 2).await;
        team.rollback().await.expect("let go");
    };
    let (first, second, ()) =
        tokio::join!(four.remove(one, one), four.remove(other, other), both_wait);
    let (left, stays, who) = if first.status == 200 {
        (first, second, other)
    } else {
        (second, first, one)
    };
    assert_eq!(left.status, 200, "{}", left.body);
    stays.refused(409, "last_owner");
    assert_eq!(owners(&pool).await, 1);
    assert_eq!(four.get(who, who).await.data()["role"], "owner");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn of_two_owners_who_turn_on_each_other_one_stays(pool: PgPool) {
    let (four, [one, other]) = two(&pool).await;
    let team = hold(&pool, "select from teams for update").await;
    let both_wait = async {
        wait_for_locks(&pool, 2).await;
        team.rollback().await.expect("let go");
    };
    let (first, second, ()) = tokio::join!(
        four.give(one, other, "viewer"),
        four.remove(other, one),
        both_wait
    );
    // Whoever comes second has no right to it any more: it is asked for after the wait.
    if first.status == 200 {
        second.refused(403, "forbidden");
    } else {
        assert_eq!(second.status, 200, "{}", second.body);
        first.refused(404, "not_found");
    }
    assert_eq!(owners(&pool).await, 1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_looks_on_holds_nobody_up(pool: PgPool) {
    let (four, [one, other]) = two(&pool).await;
    let team = hold(&pool, "select from teams for no key update").await;
    assert_eq!(four.get(four.viewer, one).await.status, 200);
    assert_eq!(four.roles(four.viewer).await.len(), 4);
    let stranger = four.world.admin;
    // Who is not in the team does not come as far as the lock.
    four.remove(stranger, other).await.refused(404, "not_found");
    let path = format!("/api/v1/teams/{}", four.team);
    let body = json!({"name": "Looms"});
    let patched = four.world.call(Some(stranger), "PATCH", &path, body).await;
    patched.refused(404, "not_found");
    team.rollback().await.expect("let go");
}
