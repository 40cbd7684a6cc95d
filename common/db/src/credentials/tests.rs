//! Two logins of one server; a file names one of them.

use std::path::PathBuf;

use super::*;

/// Long enough for a server that has much to do.
const DEADLINE: Duration = Duration::from_secs(20);

/// A file that names the first of two logins to the database of the test.
struct Logins {
    folder: PathBuf,
    database: String,
    users: [String; 2],
    admin: PgPool,
}

impl Logins {
    async fn new(admin: PgPool) -> Self {
        let connect = admin.connect_options();
        let database = connect.get_database().expect("a database").to_owned();
        // A name has 63 bytes at most, and the database's has them all.
        let users = ["a", "b"].map(|slot| format!("{slot}{}", &database[2..]));
        for user in &users {
            // One that was killed may have left them.
            let sql = format!(
                "drop role if exists \"{user}\"; create role \"{user}\" login password 'p'"
            );
            execute(&admin, sql).await;
        }
        let logins = Self {
            folder: std::env::temp_dir().join(&database),
            database,
            users,
            admin,
        };
        std::fs::create_dir_all(&logins.folder).expect("a folder");
        logins.name(0);
        logins
    }

    /// Has the file name this one.
    fn name(&self, slot: usize) {
        let connect = self.admin.connect_options();
        let (host, port) = (connect.get_host(), connect.get_port());
        let (user, database) = (&self.users[slot], &self.database);
        let url = format!("postgres://{user}:p@{host}:{port}/{database}");
        std::fs::write(self.file(), url).expect("written");
    }

    fn file(&self) -> PathBuf {
        self.folder.join("url")
    }

    fn credentials(&self) -> Credentials {
        let options = PoolOptions::command("a test");
        Credentials::new(SecretRef::file(self.file()), options)
    }

    async fn drop(self, pool: PgPool) {
        pool.close().await;
        for user in &self.users {
            execute(&self.admin, format!("drop role \"{user}\"")).await;
        }
        std::fs::remove_dir_all(&self.folder).expect("removed");
    }
}

async fn execute(pool: &PgPool, sql: String) {
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await;
    done.expect("executed");
}

async fn user(pool: &PgPool) -> String {
    let user = sqlx::query_scalar("select session_user::text").fetch_one(pool);
    user.await.expect("a user")
}

#[sqlx::test(migrations = false)]
async fn a_pool_follows_its_login(admin: PgPool) {
    let logins = Logins::new(admin).await;
    let credentials = logins.credentials();
    let pool = credentials.pool().await.expect("a pool");
    assert_eq!(user(&pool).await, logins.users[0]);
    let stop = CancellationToken::new();
    let follow = credentials.follow(pool.clone(), stop.clone());
    let turned = async {
        logins.name(1);
        while user(&pool).await != logins.users[1] {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(follow, turned) };
    tokio::time::timeout(DEADLINE, both)
        .await
        .expect("it follows");
    logins.drop(pool).await;
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_was_being_made_while_the_login_changed_serves_nobody(admin: PgPool) {
    let logins = Logins::new(admin).await;
    let credentials = logins.credentials();
    let pool = credentials.pool().await.expect("a pool");
    logins.name(1);
    let next = connect_options(&SecretRef::file(logins.file())).expect("options");
    // The change is made, and what connects now began before it: the pool has the former options.
    let turn = Turn {
        at: Instant::now(),
        options: next,
    };
    *credentials.turned.lock().expect("not poisoned") = Some(turn);
    assert_eq!(user(&pool).await, logins.users[1]);
    logins.drop(pool).await;
}

/// The process of the server that a statement of the pool meets.
async fn process(pool: &PgPool) -> i32 {
    let own = sqlx::query_scalar("select pg_backend_pid()");
    own.fetch_one(pool).await.expect("one")
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_the_server_ended_is_met_once_at_most(admin: PgPool) {
    let logins = Logins::new(admin).await;
    let pool = logins.credentials().pool().await.expect("a pool");
    let first = process(&pool).await;
    let end = sqlx::query("select pg_terminate_backend($1, 5000)").bind(first);
    end.execute(&logins.admin).await.expect("ended");
    // At once: it is trusted or, on a slow machine, asked.
    let _ = sqlx::query("select 1").execute(&pool).await;
    assert_ne!(process(&pool).await, first);
    logins.drop(pool).await;
}
