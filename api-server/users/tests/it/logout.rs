//! `POST /api/v1/auth/logout`.

use sqlx::PgPool;

use crate::world::{ADMIN, World, tokens};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_sign_in_ends_and_others_go_on(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    let (_, other) = world.login(ADMIN).await;
    let (_, next) = tokens(&world.refresh("one", &token).await);
    assert_eq!(
        world.logout(&token).await.status,
        204,
        "an older token will do"
    );
    world
        .refresh("one", &next)
        .await
        .refused(401, "bad_refresh");
    tokens(&world.refresh("one", &other).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn twice_is_as_good_as_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let (_, token) = world.login(ADMIN).await;
    for _ in 0..2 {
        assert_eq!(world.logout(&token).await.status, 204);
    }
    assert_eq!(world.logout("nobody's").await.status, 204);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn no_exchange_survives_a_sign_out_at_the_same_moment(pool: PgPool) {
    let world = World::new(&pool).await;
    for _ in 0..10 {
        let (_, token) = world.login(ADMIN).await;
        let (ended, exchanged) = tokio::join!(world.logout(&token), world.refresh("one", &token));
        assert_eq!(ended.status, 204);
        if exchanged.status == 200 {
            let (_, next) = tokens(&exchanged);
            world
                .refresh("one", &next)
                .await
                .refused(401, "bad_refresh");
        } else {
            exchanged.refused(401, "bad_refresh");
        }
    }
}
