//! Our side: `crewdeck dev` on the bench's PostgreSQL, and the rows that both sides read.

use crate::cluster::forward::require_free;
use anyhow::{Context as _, Result, ensure};
use common_scratch::{Folder, Postgres};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command, time::Duration};

use super::process::{Process, Run};

const PORT: u16 = 18_200;
/// Tasks of the one team.
const TASKS: u32 = 20_000;

/// A running platform with one team.
pub(super) struct Ours {
    process: Process,
    _folder: Folder,
    /// An access token of the administrator.
    pub(super) token: String,
    /// One of the tasks.
    pub(super) task: String,
}

impl Ours {
    /// Starts it and fills the database.
    pub(super) fn start(binary: &Path, postgres: &Postgres) -> Result<Self> {
        // What answers there is to be ours, not what an earlier bench left.
        require_free(PORT)?;
        let folder = Folder::new("bench")?;
        let mut program = Command::new(binary);
        program
            .args(["dev", "--port", &PORT.to_string()])
            .env("CREWDECK_DATABASE_URL", postgres.url("crewdeck"))
            // As a deployed role: the default filter, one JSON line a request.
            .env("CREWDECK_TELEMETRY_FILTER", "info")
            // One person asks for everything: counted as in a deployment, and never refused. Redis is asked for fewer leases, as each
            // is of so many more requests.
            .env("CREWDECK_HTTP_READS_PER_MINUTE", "100000000");
        let run = Run {
            name: "crewdeck",
            user: None,
            // All roles end in order.
            end: "TERM",
            logs: folder.path(),
            errors: false,
        };
        let mut process = Process::start(&run, &program)?;
        let mut login = None;
        let log = folder.path().join("crewdeck.log");
        process.wait("it is ready", Duration::from_mins(2), || {
            let text = fs::read_to_string(&log)?;
            login = self::login(&text);
            Ok(text.lines().any(|line| line.starts_with("Ready.")))
        })?;
        let login = login.context("`crewdeck dev` told no login")?;
        let mut ours = Self {
            process,
            _folder: folder,
            token: String::new(),
            task: String::new(),
        };
        let token = |answer: &Value| answer["data"]["access"].as_str().map(str::to_owned);
        ours.token = token(&ours.post("/api/v1/auth/login", &login)?).context("no token")?;
        let team = ours.post("/api/v1/teams", &json!({"name": "Bench"}))?;
        let team = team["data"]["id"].as_str().context("no team")?;
        ours.task = fill(postgres, team)?;
        Ok(ours)
    }

    /// The address of role web.
    pub(super) fn url() -> String {
        format!("http://127.0.0.1:{PORT}")
    }

    /// Who signs its tokens.
    pub(super) fn issuer() -> String {
        format!("http://localhost:{PORT}")
    }

    /// The process of all roles.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", Self::url());
        let bearer = format!("Authorization: Bearer {}", self.token);
        let body = body.to_string();
        let mut command = Command::new("/usr/bin/curl");
        command.args([
            "-sS",
            "-H",
            "Content-Type: application/json",
            "--data-binary",
            &body,
        ]);
        if !self.token.is_empty() {
            command.args(["-H", &bearer]);
        }
        answer(&mut command, &url)
    }
}

/// The administrator's email and password, as `crewdeck dev` prints them.
fn login(text: &str) -> Option<Value> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Login"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let (email, password) = words.first().zip(words.get(2))?;
    Some(json!({"email": email, "password": password}))
}

/// What curl gets from a URL.
pub(super) fn answer(curl: &mut Command, url: &str) -> Result<Value> {
    let output = curl.arg(url).output().context("start curl")?;
    ensure!(
        output.status.success(),
        "{url}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).with_context(|| format!("{url} answers no JSON"))
}

/// Gives the team its tasks; the id of one.
fn fill(postgres: &Postgres, team: &str) -> Result<String> {
    let sql = format!(
        "insert into tasks (id, team_id, title, description, status, priority, created_by, created_at, updated_at)
         select gen_random_uuid(), '{team}', 'Task ' || n, repeat('What has to be done. ', 5),
             (array['todo', 'doing', 'done'])[n % 3 + 1], n % 5, u.id, now() - n * interval '1 minute', now()
         from generate_series(1, {TASKS}) n, (select id from users limit 1) u;
         analyze;"
    );
    postgres.psql("crewdeck", &["-c", &sql])?;
    let id = postgres.psql("crewdeck", &["-c", "select id from tasks limit 1"])?;
    Ok(id.trim().to_owned())
}
