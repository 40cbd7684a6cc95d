//! The API with as little as axum and tokio-postgres need: one side of `cargo xtask bench api`. No log, no metrics, no
//! limits.

mod database;
mod sign_in;
mod tasks;
mod tokens;

use std::{env, error::Error, sync::Arc};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{database::Database, tokens::Tokens};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// What the handlers share.
struct Server {
    database: Database,
    tokens: Tokens,
}

type Shared = axum::extract::State<Arc<Server>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let tokens = Tokens::read(&env::var("KEYS")?, &env::var("ISSUER")?)?;
    if env::args().nth(1).as_deref() == Some("verify") {
        return tokens.measure();
    }
    let database = Database::connect(&env::var("DATABASE_URL")?).await?;
    let app = Router::new()
        .route("/api/v1/tasks", get(tasks::list).post(tasks::create))
        .route("/api/v1/tasks/{id}", get(tasks::detail))
        .route("/api/v1/auth/login", post(sign_in::login))
        .route("/api/v1/auth/refresh", post(sign_in::refresh))
        .with_state(Arc::new(Server { database, tokens }));
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT")?)).await?;
    Ok(axum::serve(listener, app).await?)
}

/// `data / error / meta`.
#[derive(Serialize)]
struct Envelope<T> {
    data: T,
    error: (),
    meta: Value,
}

fn enveloped<T>(data: T) -> Json<Envelope<T>> {
    Json(Envelope {
        data,
        error: (),
        meta: json!({}),
    })
}

/// A refusal says nothing but its status; what failed goes to standard error.
fn failed(error: impl std::fmt::Display) -> StatusCode {
    eprintln!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
