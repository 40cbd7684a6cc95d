//! Who gets a socket.

use api_server_realtime::Pace;
use sqlx::PgPool;

use crate::rows::person;
use crate::world::World;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_ticket_opens_one_socket(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let ada = person(&pool).await;
    let query = format!("ticket={}", world.ticket(ada).await);
    let (one, other) = tokio::join!(world.open(&query), world.open(&query));
    let (opened, refused) = match (one, other) {
        (Ok(opened), Err(refused)) | (Err(refused), Ok(opened)) => (opened, refused),
        both => panic!("one of two: {both:?}"),
    };
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (401, "ticket_invalid")
    );
    let mut opened = opened;
    opened.expect("hello").await;
    let again = world.open(&query).await.expect_err("used");
    assert_eq!((again.status, again.code.as_str()), (401, "ticket_invalid"));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn without_a_ticket_of_ours_there_is_no_socket(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let unknown = "A".repeat(43);
    for (query, status, code) in [
        (format!("ticket={unknown}"), 401, "ticket_invalid"),
        ("ticket=*".to_owned(), 401, "ticket_invalid"),
        (String::new(), 400, "query_invalid"),
        (format!("ticket={unknown}&token=x"), 400, "query_invalid"),
        (format!("ticket={}", "A".repeat(65)), 400, "query_invalid"),
    ] {
        let refused = world.open(&query).await.expect_err("refused");
        assert_eq!((refused.status, refused.code.as_str()), (status, code));
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_ticket_needs_a_token(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let (status, body) = world.ask(None).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (401, &"unauthorized".into())
    );
}
