//! On a real PostgreSQL: what is made, that an idle pass changes nothing, what a login may do, crashes, deletion.
//!
//! The administrator here is no superuser: it has what the documentation asks for: `CREATEDB`, `CREATEROLE`,
//! `pg_signal_backend` and `pg_read_all_stats`.

mod kept;
mod limits;
mod rotation;

use common_clock::{Ids as _, SystemIds};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool, postgres::PgConnectOptions};

use super::*;
use crate::{
    credentials::{
        Login,
        memory::{MemoryStore, at_rest},
        read_login,
    },
    platform::{apply::ledger::Kind, validate::Tls},
};

/// What a test's own Platform would say of its marker.
fn ours(marker: &str) -> bool {
    marker.starts_with("Crewdeck Platform tests/")
}

/// What the spec allows that says nothing of it.
pub(super) const LIMITS: Limits = Limits {
    connections: None,
    lag: TimeDelta::minutes(1),
};

/// One pass that logs in for itself.
pub(super) async fn converge(
    server: &PostgresServer,
    names: &Names,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<PostgresApplied, StepError> {
    within(LIMITS, server, names, store, rotation).await
}

/// The same with other limits.
pub(super) async fn within(
    limits: Limits,
    server: &PostgresServer,
    names: &Names,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<PostgresApplied, StepError> {
    super::converge(&Idle::default(), server, names, limits, store, rotation).await
}

/// A Platform of its own on the server of the tests, with an administrator of its own.
struct Fixture {
    server: PostgresServer,
    names: Names,
    root: PgConnection,
}

impl Fixture {
    async fn new(pool: &PgPool) -> Self {
        let root_options = (*pool.connect_options()).clone();
        let mut root = root_options.connect().await.unwrap();
        let tag = SystemIds.uuid().simple().to_string();
        let sql = format!("t_{}", &tag[20..]);
        let admin = format!("{sql}_admin");
        execute(
            &mut root,
            format!("create role {admin} login createdb createrole password 'admin'; grant pg_signal_backend, pg_read_all_stats to {admin}"),
        )
        .await;
        let server = PostgresServer {
            host: root_options.get_host().to_owned(),
            port: root_options.get_port(),
            replica: None,
            username: admin,
            password: SecretString::from("admin"),
            database: "postgres".to_owned(),
            ca_pem: None,
            tls: Tls::Disabled,
        };
        let names = Names::of(&sql, "tests", &sql);
        Self {
            server,
            names,
            root,
        }
    }

    async fn converge(&self, store: &mut MemoryStore) -> Result<PostgresApplied, StepError> {
        converge(&self.server, &self.names, store, &at_rest()).await
    }

    async fn log_in(&self, login: &Login, database: &str) -> sqlx::Result<PgConnection> {
        use secrecy::ExposeSecret as _;
        PgConnectOptions::new_without_pgpass()
            .host(&self.server.host)
            .port(self.server.port)
            .username(&login.user)
            .password(login.password.expose_secret())
            .database(database)
            .connect()
            .await
    }

    async fn client(&self, store: &MemoryStore, client: &str) -> PgConnection {
        let login = read_login(&store.secrets[client]).unwrap();
        let logins = self.names.logins();
        let spec = logins.iter().find(|spec| spec.client == client).unwrap();
        self.log_in(&login, &spec.database).await.unwrap()
    }

    /// Everything on the server with this Platform's names.
    async fn named(&mut self) -> Vec<String> {
        sqlx::query_scalar(
            "select 'database ' || datname from pg_database where datname like $1
             union all select 'role ' || rolname from pg_roles where rolname like $1 and rolname <> $2 order by 1",
        )
        .bind(format!("{}%", self.names.database))
        .bind(&self.server.username)
        .fetch_all(&mut self.root)
        .await
        .unwrap()
    }

    /// Drops everything, so that the server of the tests stays small.
    async fn clean(mut self) {
        let things = self.names.things();
        release::release(&self.server, ours, things, false)
            .await
            .unwrap();
        let admin = &self.server.username;
        let sql = format!("drop owned by {admin}; drop role {admin}");
        execute(&mut self.root, sql).await;
    }
}

async fn execute(connection: &mut PgConnection, sql: String) {
    try_execute(connection, &sql).await.unwrap();
}

async fn try_execute(connection: &mut PgConnection, sql: &str) -> Result<(), String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await;
    done.map(drop).map_err(|error| error.to_string())
}

#[sqlx::test]
async fn makes_everything_once_and_then_nothing(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    let applied = fixture.converge(&mut store).await.unwrap();
    assert_eq!(
        store.clients().into_iter().collect::<Vec<_>>(),
        [
            "db-analytics-owner",
            "db-analytics-reader",
            "db-app",
            "db-migrator"
        ]
    );
    assert!(
        applied
            .logins
            .values()
            .all(|login| login.draining.is_none())
    );
    let named = fixture.named().await;
    assert_eq!(named.len(), fixture.names.things().len(), "{named:?}");
    assert!(store.things.values().all(|made| *made));

    let written = store.writes;
    // What an administrator gave to others is no reason to write.
    let foreign = format!(
        "grant connect on database \"{}\" to pg_monitor",
        fixture.names.database
    );
    sqlx::raw_sql(AssertSqlSafe(foreign))
        .execute(&mut fixture.root)
        .await
        .unwrap();
    let changes = "
        select greatest(
            (select coalesce(max(xmin::text::bigint), 0) from pg_authid where rolname like $1),
            (select coalesce(max(xmin::text::bigint), 0) from pg_database where datname like $1))";
    let of = format!("{}%", fixture.names.database);
    let before: i64 = sqlx::query_scalar(changes)
        .bind(&of)
        .fetch_one(&mut fixture.root)
        .await
        .unwrap();
    fixture.converge(&mut store).await.unwrap();
    let after: i64 = sqlx::query_scalar(changes)
        .bind(&of)
        .fetch_one(&mut fixture.root)
        .await
        .unwrap();
    assert_eq!(
        (store.writes, after),
        (written, before),
        "an idle pass wrote"
    );
    fixture.clean().await;
}

#[sqlx::test]
async fn each_login_may_do_its_work_and_no_more(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    let applied = fixture.converge(&mut store).await.unwrap();
    let databases = [&fixture.names.database, &fixture.names.analytics_database];
    let both = databases.map(Clone::clone).into();
    assert_eq!(applied.empty, Some(both));

    let mut migrator = fixture.client(&store, "db-migrator").await;
    execute(
        &mut migrator,
        "create table tasks (id bigint generated always as identity primary key, title text);
         create schema gw; create table gw.jobs (id int); insert into gw.jobs values (1);
         alter table gw.jobs enable row level security;
         create table own as select 1 as id; alter table own enable row level security;
         create policy mine on own using (id = 2); create view analytics_tasks as select id from tasks"
            .into(),
    )
    .await;
    let owner: String =
        sqlx::query_scalar("select tableowner::text from pg_tables where tablename = 'tasks'")
            .fetch_one(&mut migrator)
            .await
            .unwrap();
    assert_eq!(owner, fixture.names.owner);
    let applied = fixture.converge(&mut store).await.unwrap();
    assert_eq!(
        applied.empty,
        Some([fixture.names.analytics_database.clone()].into())
    );
    execute(
        &mut migrator,
        format!(
            "grant select (id) on tasks to {}, public",
            fixture.names.reader
        ),
    )
    .await;
    grants::ensure(&fixture.server, &fixture.names)
        .await
        .unwrap();

    let mut app = fixture.client(&store, "db-app").await;
    let mut reader = fixture.client(&store, "db-analytics-reader").await;
    let mut analytics = fixture.client(&store, "db-analytics-owner").await;
    let cases: [(&mut PgConnection, &[(bool, &str)]); 3] = [
        (
            &mut app,
            &[
                (
                    true,
                    "insert into tasks (title) values ('a'); update tasks set title = 'b'; delete from tasks",
                ),
                (
                    true,
                    "select 1 / count(*) from gw.jobs; insert into gw.jobs values (2)",
                ),
                (false, "select 1 / count(*) from own"),
                (false, "create table mine (id int)"),
                (false, "create temp table mine (id int)"),
                (false, "drop table tasks"),
                (false, "truncate tasks"),
                (false, "create role mine"),
            ],
        ),
        (
            &mut reader,
            &[
                (true, "select id from analytics_tasks"),
                (false, "select id from tasks"),
                (
                    false,
                    "set transaction_read_only = off; set default_transaction_read_only = off; delete from analytics_tasks",
                ),
            ],
        ),
        (
            &mut analytics,
            &[
                (
                    true,
                    "create schema analytics; create table analytics.days (day date)",
                ),
                (false, "create database mine"),
            ],
        ),
    ];
    for (connection, cases) in cases {
        for (allowed, sql) in cases {
            let done = try_execute(connection, sql).await;
            assert_eq!(done.is_ok(), *allowed, "{sql}: {done:?}");
        }
    }
    let login = read_login(&store.secrets["db-analytics-owner"]).unwrap();
    let elsewhere = fixture.log_in(&login, &fixture.names.database).await;
    assert!(
        elsewhere.is_err(),
        "analytics is let into the application's database"
    );
    fixture.clean().await;
}

#[sqlx::test]
async fn what_is_not_ours_is_not_touched(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let group = fixture.names.app.clone();
    execute(&mut fixture.root, format!("create role {group} nologin")).await;
    let mut store = MemoryStore::default();
    let error = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!(error.reason, Reason::NotOurs);
    assert!(error.message.contains(&group), "{error}");
    assert_eq!(store.writes, 0);
    assert_eq!(fixture.named().await, [format!("role {group}")]);
    // Deletion leaves it alone too.
    let things = fixture.names.things();
    release::release(&fixture.server, ours, things, false)
        .await
        .unwrap();
    assert_eq!(fixture.named().await, [format!("role {group}")]);
    execute(&mut fixture.root, format!("drop role {group}")).await;
    fixture.clean().await;
}

#[sqlx::test]
async fn a_crash_at_any_write_is_recovered_from(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    let mut crashes = 0;
    loop {
        store.dies_after = Some(store.writes + 1);
        match fixture.converge(&mut store).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.message, "killed here"),
        }
        crashes += 1;
    }
    assert!(crashes >= 4, "{crashes}");
    for client in [
        "db-app",
        "db-migrator",
        "db-analytics-reader",
        "db-analytics-owner",
    ] {
        fixture.client(&store, client).await;
    }
    fixture.clean().await;
}

#[sqlx::test]
async fn drift_is_mended_and_the_password_stays(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let written = store.writes;
    let Names { app, database, .. } = fixture.names.clone();
    execute(
        &mut fixture.root,
        format!(
            "alter role {app}_a password 'other' nologin createdb; alter role {app}_b login; grant {database}_owner to {app};
             alter role {app} noinherit; grant connect on database {database} to public;
             comment on database {database} is null"
        ),
    )
    .await;
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(store.writes, written, "the Secret was written again");
    fixture.client(&store, "db-app").await;
    let open: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_roles where rolname = $1 || '_b' and rolcanlogin)
            + (select count(*) from pg_roles where rolname like $1 || '%' and (rolcreatedb or not rolinherit))
            + (select count(*) from pg_auth_members where member = $1::regrole)
            + (select count(*) from pg_database d, aclexplode(d.datacl) a where datname = $2 and a.grantee = 0)",
    )
    .bind(&app)
    .bind(&database)
    .fetch_one(&mut fixture.root)
    .await
    .unwrap();
    assert_eq!(open, 0);
    fixture.clean().await;
}

#[sqlx::test]
async fn deletion_ends_the_logins_and_keeps_or_drops_the_data(pool: PgPool) {
    let mut fixture = Fixture::new(&pool).await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let mut session = fixture.client(&store, "db-app").await;
    let login = read_login(&store.secrets["db-app"]).unwrap();
    let listed: Vec<_> = store.things.keys().cloned().collect();
    let things = listed.len();

    let kept = release::release(&fixture.server, ours, listed.clone(), true)
        .await
        .unwrap();
    assert!(kept.left.iter().all(|thing| thing.kind != Kind::Login) && kept.left.len() == 6);
    assert!(
        try_execute(&mut session, "select 1").await.is_err(),
        "a session survived"
    );
    assert!(
        fixture
            .log_in(&login, &fixture.names.database)
            .await
            .is_err()
    );
    let again = release::release(&fixture.server, ours, listed.clone(), true)
        .await
        .unwrap();
    assert_eq!(again, kept, "a second time is the same");

    // A Platform of the same name finds its data again; under another cluster's name it has new ones, and the list of
    // both is dropped.
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let sql = format!("{}_x", fixture.names.database);
    let others = Names::of(&sql, "tests", &fixture.names.database);
    converge(&fixture.server, &others, &mut store, &at_rest())
        .await
        .unwrap();
    let listed: Vec<_> = store.things.keys().cloned().collect();
    assert_eq!(listed.len(), 2 * things);
    let dropped = release::release(&fixture.server, ours, listed, false)
        .await
        .unwrap();
    assert!(dropped.left.is_empty());
    assert_eq!(fixture.named().await, Vec::<String>::new());
    fixture.clean().await;
}

#[sqlx::test]
async fn errors_name_the_server_and_the_remedy(pool: PgPool) {
    let options = pool.connect_options();
    let mut server = PostgresServer {
        host: options.get_host().to_owned(),
        port: options.get_port(),
        replica: None,
        username: "nobody".to_owned(),
        password: SecretString::from("a-secret"),
        database: "postgres".to_owned(),
        ca_pem: None,
        tls: Tls::Disabled,
    };
    let names = Names::of("t_none", "tests", "none");
    let mut store = MemoryStore::default();
    let refused = converge(&server, &names, &mut store, &at_rest())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::LoginRefused);
    server.port = 1;
    let gone = converge(&server, &names, &mut store, &at_rest())
        .await
        .unwrap_err();
    assert_eq!(gone.reason, Reason::BackendUnreachable);
    for error in [&refused, &gone] {
        assert!(
            error.message.contains(&server.host) && error.message.contains("Secret"),
            "{error}"
        );
        assert!(
            !error.message.contains("a-secret") && !error.message.contains('\n'),
            "{error}"
        );
    }
}
