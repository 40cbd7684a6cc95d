//! The administrator who stays logged in from one pass to the next.

use super::*;
use crate::platform::apply::postgres;

/// The process of the server that the next pass will talk to.
async fn process(idle: &Idle<PgConnection>, server: &PostgresServer) -> i32 {
    let now = at_rest().now;
    let mut connection = administrator::take(idle, server, primary(server), now)
        .await
        .unwrap();
    let process = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    idle.put(connection, now);
    process
}

#[sqlx::test]
async fn a_pass_goes_on_with_the_connection_of_the_one_before_while_it_lives(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let (idle, server) = (Idle::default(), fixture.server.clone());
    let mut store = MemoryStore::default();
    let mut converge = async || {
        let (names, rotation) = (&fixture.names, at_rest());
        let done = postgres::converge(&idle, &server, names, LIMITS, &mut store, &rotation).await;
        done.unwrap();
        process(&idle, &server).await
    };
    let first = converge().await;
    assert_eq!(converge().await, first);
    let sql = format!("select pg_terminate_backend({first}, 10000)");
    execute(&mut fixture.root, sql).await;
    assert_ne!(converge().await, first);
    drop(idle);
    fixture.clean().await;
}
