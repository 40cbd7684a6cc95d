//! Sign-in, and the exchange of a refresh token.

use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Failure, Server, Shared, database::Connection, enveloped, failed, tokens::ACCESS};

#[derive(Deserialize)]
pub(crate) struct Login {
    email: String,
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct Refresh {
    refresh: String,
}

#[derive(Serialize)]
struct Pair {
    access: String,
    refresh: String,
    token_type: &'static str,
    expires_in: i64,
}

pub(crate) async fn login(
    State(server): Shared,
    headers: HeaderMap,
    Json(given): Json<Login>,
) -> Result<impl IntoResponse, StatusCode> {
    let connection = server.database.shared();
    let row = connection
        .client
        .query_opt(&connection.credentials, &[&given.email])
        .await
        .map_err(failed)?
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let (user, hash, is_admin): (Uuid, String, bool) = (row.get(0), row.get(1), row.get(2));
    let right = tokio::task::spawn_blocking(move || matches(&hash, &given.password));
    if !right.await.map_err(failed)? {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let (now, family, refresh) = (Utc::now(), Uuid::new_v4(), secret());
    let (hash, ends) = (digest(&refresh), now + TimeDelta::days(30));
    connection
        .client
        .execute(
            &connection.session_start,
            &[
                &Uuid::new_v4(),
                &family,
                &user,
                &hash,
                &agent(&headers),
                &now,
                &ends,
            ],
        )
        .await
        .map_err(failed)?;
    let pair = pair(&server, (user, family, is_admin), refresh, now).map_err(failed)?;
    Ok(enveloped(pair))
}

pub(crate) async fn refresh(
    State(server): Shared,
    headers: HeaderMap,
    Json(given): Json<Refresh>,
) -> Result<impl IntoResponse, StatusCode> {
    let (now, refresh) = (Utc::now(), secret());
    let mut connection = server.database.alone().await.map_err(failed)?;
    let agent = agent(&headers);
    let whose = rotate(&mut connection, &given.refresh, &refresh, agent, now).await;
    server.database.give_back(connection).await;
    let whose = whose.map_err(failed)?.ok_or(StatusCode::UNAUTHORIZED)?;
    let pair = pair(&server, whose, refresh, now).map_err(failed)?;
    Ok(enveloped(pair))
}

/// Exchanges `used`; whose it is, and of which sign-in.
async fn rotate(
    connection: &mut Connection,
    used: &str,
    refresh: &str,
    agent: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid, bool)>, Failure> {
    let transaction = connection.client.transaction().await?;
    let row = transaction
        .query_opt(&connection.session_lock, &[&digest(used), &now])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, family, user): (Uuid, Uuid, Uuid) = (row.get(0), row.get(1), row.get(2));
    let (ends, is_admin): (DateTime<Utc>, bool) = (row.get(3), row.get(4));
    transaction
        .execute(
            &connection.session_rotate,
            &[
                &id,
                &Uuid::new_v4(),
                &family,
                &user,
                &digest(refresh),
                &agent,
                &now,
                &ends,
            ],
        )
        .await?;
    transaction.commit().await?;
    Ok(Some((user, family, is_admin)))
}

fn pair(
    server: &Server,
    (user, family, is_admin): (Uuid, Uuid, bool),
    refresh: String,
    now: DateTime<Utc>,
) -> Result<Pair, Failure> {
    Ok(Pair {
        access: server.tokens.sign(user, family, is_admin, now)?,
        refresh,
        token_type: "Bearer",
        expires_in: ACCESS,
    })
}

fn matches(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

fn secret() -> String {
    let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    URL_SAFE_NO_PAD.encode(random)
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

fn agent(headers: &HeaderMap) -> &str {
    let header = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    header.unwrap_or_default()
}
