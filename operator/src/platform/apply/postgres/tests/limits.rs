//! Connections that a login may have.

use super::*;

/// So many for each login.
fn at_most(connections: Option<i32>) -> Limits {
    Limits {
        connections,
        ..LIMITS
    }
}

#[sqlx::test]
async fn each_login_has_its_limit_until_the_spec_has_none(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let (server, names) = (fixture.server.clone(), fixture.names.clone());
    let mut store = MemoryStore::default();
    for connections in [Some(12), None, Some(7)] {
        within(
            at_most(connections),
            &server,
            &names,
            &mut store,
            &at_rest(),
        )
        .await
        .unwrap();
        let limits: Vec<i32> = sqlx::query_scalar(
            "select distinct rolconnlimit from pg_roles where rolname like $1 || '%' and rolname ~ '_[ab]$'",
        )
        .bind(&names.database)
        .fetch_all(&mut fixture.root)
        .await
        .unwrap();
        assert_eq!(limits, [connections.unwrap_or(-1)]);
    }
    fixture.clean().await;
}

/// It is busy, and neither refused nor to be changed: whether the password is the right one is asked first.
#[sqlx::test]
async fn a_login_that_has_all_its_connections_is_proved_all_the_same(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let (server, names) = (fixture.server.clone(), fixture.names.clone());
    let mut store = MemoryStore::default();
    let before = fixture.converge(&mut store).await.unwrap();
    let busy = fixture.client(&store, "db-app").await;
    let pass = async |store: &mut MemoryStore| {
        let done = within(at_most(Some(1)), &server, &names, store, &at_rest()).await;
        done.unwrap()
    };
    assert_eq!(pass(&mut store).await, before);

    // One that was changed is refused all the same, and set again.
    let app = read_login(&store.secrets["db-app"]).unwrap();
    let sql = format!("alter role {} password 'other'", app.user);
    execute(&mut fixture.root, sql).await;
    assert_eq!(pass(&mut store).await, before);
    server::close(busy).await;
    fixture.converge(&mut store).await.unwrap();
    fixture.client(&store, "db-app").await;
    fixture.clean().await;
}
