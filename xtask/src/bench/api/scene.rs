//! What all sides share: PostgreSQL with the platform's tables and rows, its signing key, a token of somebody.

use crate::cluster::process::output;
use anyhow::{Context as _, Result};
use common_scratch::{Folder, Postgres, Redis};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::http::Request;
use crate::{bench::python, repo};

/// Who signs the tokens of all sides.
pub(super) const ISSUER: &str = "http://localhost:18200";
/// The password of everybody.
pub(super) const PASSWORD: &str = "of everybody in the bench";
/// People, each a member of one team.
pub(super) const PEOPLE: u32 = 1_000;
/// Teams, with equal shares of people and tasks.
const TEAMS: u32 = 50;
const TASKS: u32 = 100_000;
/// Tokens that are made to be checked.
const TOKENS: u32 = 4_000;
/// By what the tasks that a load makes are known.
pub(super) const MADE: &str = "Made by the bench";

/// Servers, files, and who asks for what.
pub(super) struct Scene {
    /// With fsync, as a platform has it.
    pub(super) postgres: Postgres,
    pub(super) redis: Redis,
    folder: Folder,
    /// An access token of the caller, signed by us.
    pub(super) token: String,
    /// A team of the caller.
    pub(super) team: String,
    /// A task of that team.
    pub(super) task: String,
    /// A task of another team.
    pub(super) foreign: String,
}

impl Scene {
    /// Starts the servers and makes tables, rows and keys with our binary.
    pub(super) fn make(binary: &Path) -> Result<Self> {
        let (postgres, redis) = (Postgres::start_durable()?, Redis::start()?);
        let folder = Folder::new("bench")?;
        let mut scene = Self {
            postgres,
            redis,
            folder,
            token: String::new(),
            team: String::new(),
            task: String::new(),
            foreign: String::new(),
        };
        output(
            Command::new(binary)
                .args(["keys", "generate"])
                .arg(scene.keys()),
        )?;
        scene.tables(binary)?;
        scene.rows()?;
        let python = python::environment("fastapi")?;
        output(
            Command::new(python)
                .arg(repo::root().join("tests/bench/prepare.py"))
                .arg(scene.keys())
                .args([ISSUER, &TOKENS.to_string()]),
        )?;
        Ok(scene)
    }

    /// The folder with the signing key in every form, and the tokens to check.
    pub(super) fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// The folder of the sides' logs.
    pub(super) fn logs(&self) -> &Path {
        self.folder.path()
    }

    /// The database of all sides.
    pub(super) fn database(&self) -> String {
        self.postgres.url("crewdeck")
    }

    /// Runs a statement and gives what it prints.
    pub(super) fn sql(&self, statement: &str) -> Result<String> {
        let printed = self.postgres.psql("crewdeck", &["-c", statement])?;
        Ok(printed.trim().to_owned())
    }

    /// Makes the platform's tables, and an administrator, from whom everybody has the hash of the password.
    fn tables(&self, binary: &Path) -> Result<()> {
        let admin = self.folder.path().join("admin");
        fs::create_dir(&admin)?;
        fs::write(admin.join("email"), "admin@bench.example")?;
        fs::write(admin.join("password"), PASSWORD)?;
        output(
            Command::new(binary)
                .args(["migrate", "apply"])
                .env("CREWDECK_MIGRATE_DATABASE_URL", self.database())
                .env("CREWDECK_MIGRATE_ADMIN_DIRECTORY", admin),
        )?;
        // Where Django makes the tables of its own.
        self.sql("create schema django")?;
        Ok(())
    }

    fn rows(&mut self) -> Result<()> {
        self.sql(&rows())?;
        self.team = self.sql(
            "select m.team_id from memberships m join users u on u.id = m.user_id
             where u.email = 'person1@bench.example'",
        )?;
        // One with every time that a task can have.
        let task = |this: &Self, condition: &str| {
            let statement = format!(
                "select id from tasks where {condition} and due_at is not null and completed_at is not null
                 order by created_at limit 1"
            );
            this.sql(&statement)
        };
        self.task = task(self, &format!("team_id = '{}'", self.team))?;
        self.foreign = task(self, &format!("team_id <> '{}'", self.team))?;
        Ok(())
    }

    /// A task to be made.
    pub(super) fn new_task(&self) -> serde_json::Value {
        json!({
            "team_id": self.team,
            "title": MADE,
            "description": "What has to be done. ".repeat(5).trim(),
            "priority": 2,
            "due_at": "2030-01-01T12:00:00Z",
        })
    }

    /// A sign-in of one of the people, from 1.
    pub(super) fn login(person: u32) -> Request {
        let email = format!("person{person}@bench.example");
        let body = json!({"email": email, "password": PASSWORD});
        Request::post("/api/v1/auth/login", body)
    }

    /// Takes away what a load has written, so that every turn begins with the same rows; what is on its way to the
    /// disk is written there before the next turn.
    pub(super) fn clear(&self) -> Result<()> {
        self.sql(&format!("delete from tasks where title = '{MADE}'"))?;
        self.sql("truncate audit, outbox, sessions, known_networks")?;
        let django = "select string_agg(format('%I.%I', schemaname, tablename), ',') from pg_tables
             where schemaname = 'django' and tablename like 'token_blacklist%'";
        let lists = self.sql(django)?;
        if !lists.is_empty() {
            self.sql(&format!("truncate {lists}"))?;
        }
        self.sql("vacuum analyze tasks")?;
        self.sql("checkpoint")?;
        Ok(())
    }

    /// Takes a token for the caller from a side that signs with our key.
    pub(super) fn sign_in(&mut self, port: u16) -> Result<()> {
        let answer = Self::login(1).send(port)?.json(200)?;
        let token = answer["data"]["access"].as_str();
        token
            .context("a sign-in gave no token")?
            .clone_into(&mut self.token);
        Ok(())
    }
}

/// Times are whole seconds, so that no side writes one otherwise than the others.
fn rows() -> String {
    format!(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         select gen_random_uuid(), 'person' || n || '@bench.example', 'Person ' || n, a.password_hash, at, at
         from generate_series(1, {PEOPLE}) n,
              (select password_hash, date_trunc('second', now()) as at from users limit 1) a;
         insert into teams (id, name, created_by, created_at, updated_at)
         select gen_random_uuid(), 'Team ' || n, u.id, u.created_at, u.created_at
         from generate_series(1, {TEAMS}) n join users u on u.email = 'person' || n || '@bench.example';
         insert into memberships (team_id, user_id, role, created_at)
         select t.id, u.id, 'member', u.created_at
         from generate_series(1, {PEOPLE}) n
         join users u on u.email = 'person' || n || '@bench.example'
         join teams t on t.name = 'Team ' || (n - 1) % {TEAMS} + 1;
         insert into tasks (id, team_id, title, description, status, priority, owner_id, due_at, completed_at,
                            created_by, created_at, updated_at)
         select gen_random_uuid(), t.id, 'Task ' || n, repeat('What has to be done. ', 5),
                (array['todo', 'doing', 'done'])[n % 3 + 1], n % 5,
                case when n % 2 = 0 then t.created_by end,
                case when n % 4 = 0 then t.created_at + n * interval '1 minute' end,
                case when n % 3 = 2 then t.created_at end,
                t.created_by, t.created_at - n * interval '1 minute', t.created_at
         from generate_series(1, {TASKS}) n join teams t on t.name = 'Team ' || n % {TEAMS} + 1;
         analyze"
    )
}
