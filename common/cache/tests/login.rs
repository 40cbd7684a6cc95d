//! A login that changes while its connection lives; the server is named by `CREWDECK_TEST_REDIS_URL`.

use std::path::PathBuf;
use std::time::Duration;

use common_cache::testing::redis_url;
use common_cache::{Cache, CacheConfig};
use common_clock::{Ids as _, SystemIds};
use common_config::SecretRef;
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;

/// Long enough for some looks at the file.
const DEADLINE: Duration = Duration::from_secs(30);

/// Two users of the server, and a folder that names one of them.
struct Users {
    root: MultiplexedConnection,
    name: String,
    folder: PathBuf,
}

impl Users {
    #[expect(
        clippy::disallowed_methods,
        reason = "who makes users, and sees them, has no namespace"
    )]
    async fn new() -> Self {
        let client = redis::Client::open(redis_url()).expect("an address");
        let root = client.get_multiplexed_async_connection();
        let name = format!("test-{}", SystemIds.token(9));
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir(&folder).expect("a folder");
        let root = root.await.expect("Redis answers");
        Self { root, name, folder }
    }

    fn user(&self, slot: &str) -> String {
        format!("{}-{slot}", self.name)
    }

    async fn make(&mut self, slot: &str, password: &str) {
        let user = self.user(slot);
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(user);
        for rule in ["on", "resetpass", &format!(">{password}"), "~*", "+@all"] {
            command.arg(rule);
        }
        let () = command.query_async(&mut self.root).await.expect("made");
    }

    /// Has the file name this user with password `p`.
    fn name(&self, slot: &str, epoch: u64) -> SecretRef {
        let server = redis_url().replacen("redis://", "", 1);
        let url = format!("redis://{}:p@{server}", self.user(slot));
        let file = self.folder.join("url");
        std::fs::write(self.folder.join("epoch"), epoch.to_string()).expect("written");
        std::fs::write(&file, url).expect("written");
        SecretRef::file(file)
    }

    /// How many connections are of this user.
    async fn connections(&mut self, slot: &str) -> usize {
        let mut command = redis::cmd("CLIENT");
        let list: String = command
            .arg("LIST")
            .query_async(&mut self.root)
            .await
            .expect("listed");
        let user = format!(" user={} ", self.user(slot));
        list.lines().filter(|line| line.contains(&user)).count()
    }

    async fn lose(&mut self, slot: &str) {
        let mut command = redis::cmd("ACL");
        command.arg("DELUSER").arg(self.user(slot));
        let () = command.query_async(&mut self.root).await.expect("dropped");
    }

    async fn drop(mut self) {
        for slot in ["a", "b"] {
            self.lose(slot).await;
        }
        std::fs::remove_dir_all(&self.folder).expect("removed");
    }
}

/// Whether the library answers that the server let it in no more.
async fn is_out(cache: &Cache) -> bool {
    let answer = cache.ping().await;
    answer.is_err_and(|error| error.to_string().contains("Authentication"))
}

#[tokio::test]
async fn a_connection_follows_its_login_also_one_that_is_refused_at_first() {
    let mut users = Users::new().await;
    users.make("a", "p").await;
    users.make("b", "another").await;
    let config = CacheConfig {
        url: users.name("a", 1),
        ca_file: None,
        namespace: users.name.clone(),
    };
    let cache = Cache::connect(&config).await.expect("Redis answers");
    let stop = CancellationToken::new();
    let follow = cache.clone().follow(stop.clone());
    let course = async {
        users.name("b", 2);
        // Refused: the server counts it, and nothing is told.
        let refused = async |users: &mut Users| {
            let mut command = redis::cmd("ACL");
            let log: redis::Value = command
                .arg("LOG")
                .query_async(&mut users.root)
                .await
                .expect("a log");
            format!("{log:?}").contains(&users.user("b"))
        };
        while !refused(&mut users).await {
            tokio::task::yield_now().await;
        }
        assert_eq!((cache.epoch(), users.connections("b").await), (1, 0));
        cache.ping().await.expect("the old one stays");
        users.make("b", "p").await;
        while users.connections("b").await == 0 {
            cache.ping().await.expect("it serves all the time");
        }
        assert_eq!(users.connections("a").await, 0);
        while cache.epoch() != 2 {
            tokio::task::yield_now().await;
        }
        // The user is lost, as on a server that was restored, and comes back when the library has given it up.
        users.lose("b").await;
        while !is_out(&cache).await {
            tokio::task::yield_now().await;
        }
        users.make("b", "p").await;
        while cache.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(follow, course) };
    tokio::time::timeout(DEADLINE, both)
        .await
        .expect("it follows");
    drop(cache);
    users.drop().await;
}
