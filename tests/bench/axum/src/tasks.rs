//! Tasks: a page, one, a new one.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{ETAG, IF_NONE_MATCH, LOCATION},
    },
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Envelope, Shared, enveloped, failed, tokens::Caller};

#[derive(Serialize)]
struct Task {
    id: Uuid,
    team_id: Uuid,
    title: String,
    description: String,
    status: String,
    priority: i16,
    owner_id: Option<Uuid>,
    due_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    is_archived: bool,
    version: i64,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Row> for Task {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            team_id: row.get(1),
            title: row.get(2),
            description: row.get(3),
            status: row.get(4),
            priority: row.get(5),
            owner_id: row.get(6),
            due_at: row.get(7),
            completed_at: row.get(8),
            is_archived: row.get(9),
            version: row.get(10),
            created_by: row.get(11),
            created_at: row.get(12),
            updated_at: row.get(13),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Page {
    limit: Option<i64>,
    cursor: Option<String>,
}

type Position = (DateTime<Utc>, Uuid);

pub(crate) async fn list(
    State(server): Shared,
    Caller(user): Caller,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, StatusCode> {
    let limit = page.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let after = page.cursor.as_deref().map(position).transpose()?;
    let (at, id) = after.unzip();
    let connection = server.database.shared();
    let rows = connection
        .client
        .query(&connection.list, &[&user, &(limit + 1), &at, &id])
        .await
        .map_err(failed)?;
    let mut tasks: Vec<Task> = rows.iter().map(Task::from).collect();
    let most = usize::try_from(limit).unwrap_or_default();
    let goes_on = tasks.len() > most;
    tasks.truncate(most);
    let next = tasks.last().filter(|_| goes_on).map(|last| {
        let place = json!((last.created_at, last.id)).to_string();
        URL_SAFE_NO_PAD.encode(place)
    });
    Ok(Json(Envelope {
        data: tasks,
        error: (),
        meta: json!({"page": {"next": next}}),
    }))
}

fn position(cursor: &str) -> Result<Position, StatusCode> {
    let place = URL_SAFE_NO_PAD.decode(cursor).ok();
    place
        .and_then(|place| serde_json::from_slice(&place).ok())
        .ok_or(StatusCode::BAD_REQUEST)
}

pub(crate) async fn detail(
    State(server): Shared,
    Caller(user): Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let connection = server.database.shared();
    if let Some(held) = headers.get(IF_NONE_MATCH) {
        let row = connection
            .client
            .query_opt(&connection.version, &[&user, &id])
            .await
            .map_err(failed)?;
        if row.is_some_and(|row| tag(row.get(0)).as_bytes() == held.as_bytes()) {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, held.clone())]).into_response());
        }
    }
    let row = connection
        .client
        .query_opt(&connection.detail, &[&user, &id])
        .await
        .map_err(failed)?
        .ok_or(StatusCode::NOT_FOUND)?;
    let task = Task::from(&row);
    Ok(([(ETAG, tag(task.version))], enveloped(task)).into_response())
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTask {
    #[serde(skip_serializing)]
    team_id: Uuid,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default = "todo")]
    status: String,
    #[serde(default)]
    priority: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<DateTime<Utc>>,
}

fn todo() -> String {
    "todo".to_owned()
}

impl NewTask {
    fn is_valid(&self) -> bool {
        (1..=200).contains(&self.title.chars().count())
            && self.description.chars().count() <= 20_000
            && ["todo", "doing", "done"].contains(&self.status.as_str())
            && (0..=4).contains(&self.priority)
    }

    /// What audit tells, and the names of the fields.
    fn diff(&self) -> (Value, Vec<String>) {
        let mut fields = match json!(self) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.insert("is_archived".to_owned(), json!(false));
        let names = fields.keys().cloned().collect();
        let told = fields
            .into_iter()
            .map(|(name, value)| (name, json!({"before": null, "after": value})));
        (Value::Object(told.collect()), names)
    }
}

pub(crate) async fn create(
    State(server): Shared,
    Caller(user): Caller,
    Json(new): Json<NewTask>,
) -> Result<Response, StatusCode> {
    if !new.is_valid() {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (id, now) = (Uuid::new_v4(), Utc::now().trunc_subsecs(6));
    let (diff, changed) = new.diff();
    let payload = json!({
        "task_id": id, "team_id": new.team_id, "title": new.title, "status": new.status, "owner_id": new.owner_id,
        "due_at": new.due_at, "version": 1, "actor_id": user, "occurred_at": now, "changed": changed,
    });
    let connection = server.database.shared();
    let row = connection
        .client
        .query_opt(
            &connection.create,
            &[
                &id,
                &new.team_id,
                &new.title,
                &new.description,
                &new.status,
                &new.priority,
                &new.owner_id,
                &new.due_at,
                &user,
                &now,
                &diff,
                &Uuid::new_v4().to_string(),
                &Uuid::new_v4(),
                &payload,
            ],
        )
        .await
        .map_err(failed)?
        .ok_or(StatusCode::NOT_FOUND)?;
    let task = Task::from(&row);
    let headers = [
        (ETAG, tag(task.version)),
        (LOCATION, format!("/api/v1/tasks/{id}")),
    ];
    Ok((StatusCode::CREATED, headers, enveloped(task)).into_response())
}
