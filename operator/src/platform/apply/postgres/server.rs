//! Connections to PostgreSQL, and its refusals as conditions of the Platform.

use std::time::Duration;

use crds::Reason;
use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSslMode},
};
use tokio::time::timeout;

use crate::{
    acts::{self, Act, System},
    credentials::Login,
    platform::{
        StepError,
        validate::{PostgresServer, Tls},
    },
};

/// Longest wait for a connection.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Longest wait for an act: a database is a copy of many files.
const ACT: Duration = Duration::from_secs(30);

/// Statements that a connection keeps at the server. Not none: then each would be left there, and no one would close it.
const STATEMENTS: usize = 16;

/// Code of too many connections, and the part of the server that says so of a login alone, after it has checked its password;
/// where the server has none left for anybody, another part says so before.
const FULL: (&str, &str) = ("53300", "InitializeSessionUserId");

/// Codes of a refused login: wrong password, no such role or no right to log in.
const LOGIN_REFUSED: [&str; 2] = ["28P01", "28000"];

/// One of the two servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

impl std::fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The server that writes.
pub(super) fn primary(server: &PostgresServer) -> Address<'_> {
    Address {
        host: &server.host,
        port: server.port,
    }
}

/// The server that follows, if there is one.
pub(super) fn replica(server: &PostgresServer) -> Option<Address<'_>> {
    let (host, port) = server.replica.as_ref()?;
    Some(Address { host, port: *port })
}

/// Why there is no connection.
pub(super) enum Refusal {
    /// The login was refused: the server's words.
    Login(String),
    /// The login is right, and has as many connections as it may.
    Full(StepError),
    /// Anything else.
    Other(StepError),
}

impl Refusal {
    /// As an error of the admin login.
    fn of_admin(self, user: &str, at: Address<'_>) -> StepError {
        match self {
            Self::Full(error) | Self::Other(error) => error,
            Self::Login(words) => StepError::transient(
                Reason::LoginRefused,
                format!(
                    "PostgreSQL at {at} refused the admin login {user}: {words}; correct username and password in the \
                     Secret of spec.database, and pg_hba.conf"
                ),
            ),
        }
    }
}

/// Connects.
pub(super) async fn log_in(
    server: &PostgresServer,
    at: Address<'_>,
    login: &Login,
    database: &str,
) -> Result<PgConnection, Refusal> {
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(at.host)
        .port(at.port)
        .username(&login.user)
        .password(login.password.expose_secret())
        .database(database)
        .application_name("crewdeck-operator")
        .statement_cache_capacity(STATEMENTS)
        .ssl_mode(match server.tls {
            Tls::Verify => PgSslMode::VerifyFull,
            Tls::Disabled => PgSslMode::Disable,
        });
    if let Some(ca) = &server.ca_pem {
        options = options.ssl_root_cert_from_pem(ca.clone().into_bytes());
    }
    // Statements hold verifiers of passwords.
    let options = options.disable_statement_logging();
    match timeout(ANSWER, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(sqlx::Error::Database(error)))
            if error
                .code()
                .is_some_and(|code| LOGIN_REFUSED.contains(&&*code)) =>
        {
            Err(Refusal::Login(error.message().to_owned()))
        }
        Ok(Err(error)) if is_full(&error) => Err(Refusal::Full(failed(at, "connecting", &error))),
        Ok(Err(error)) => Err(Refusal::Other(failed(at, "connecting", &error))),
        Err(_) => Err(Refusal::Other(unreachable(
            at,
            &format!("no answer within {} s", ANSWER.as_secs()),
        ))),
    }
}

/// Whether a login was let in, but for its number of connections.
fn is_full(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    let error = error.and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| (error.code(), error.routine()) == (FULL.0, Some(FULL.1)))
}

/// Connects as the administrator.
pub(super) async fn admin(
    server: &PostgresServer,
    at: Address<'_>,
    database: &str,
) -> Result<PgConnection, StepError> {
    let login = Login {
        user: server.username.clone(),
        password: server.password.clone(),
    };
    let connected = log_in(server, at, &login, database).await;
    connected.map_err(|refusal| refusal.of_admin(&login.user, at))
}

fn unreachable(at: Address<'_>, words: &str) -> StepError {
    StepError::transient(
        Reason::BackendUnreachable,
        format!(
            "PostgreSQL at {at} does not answer: {words}; check that it runs, and host, port and ca.crt in the Secret of \
             spec.database"
        ),
    )
}

/// A failure while `doing` something.
pub(super) fn failed(at: Address<'_>, doing: &str, error: &sqlx::Error) -> StepError {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            // 57P03: starting up, 53300: too many clients, 57P01…: shutting down.
            if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") {
                return unreachable(at, error.message());
            }
            StepError::transient(
                Reason::BackendRefused,
                format!(
                    "PostgreSQL at {at} refused while {doing}: {} ({code}); the admin login needs CREATEDB, CREATEROLE \
                     and, to end sessions, pg_signal_backend",
                    error.message()
                ),
            )
        }
        other => unreachable(at, &format!("{doing}: {other}")),
    }
}

/// A name as an identifier.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Does what `verb` and `object` tell by statements: several are one transaction, so all of them or none.
pub(super) async fn run(
    connection: &mut PgConnection,
    at: Address<'_>,
    verb: &'static str,
    object: impl Into<String>,
    sql: String,
) -> Result<(), StepError> {
    let act = Act::new(System::Postgres, verb, object);
    let work = async {
        let done = timeout(
            ACT,
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection),
        );
        match done.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(at, &act.doing(), &error)),
            Err(_) => Err(unreachable(at, &format!("{}: no answer", act.doing()))),
        }
    };
    acts::act(&act, work).await
}

/// Ends a connection in order; an error then changes nothing.
pub(super) async fn close(connection: PgConnection) {
    let _ = timeout(ANSWER, connection.close()).await;
}
