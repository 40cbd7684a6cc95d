"""Tasks: a page, one, a new one."""

import base64
import json
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from auth import caller
from envelope import Envelope, sql

LIST, DETAIL, VERSION, CREATE = (sql(name) for name in ("list", "detail", "version", "create"))

router = APIRouter()


class NewTask(BaseModel):
    team_id: UUID
    title: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=20_000)
    status: Literal["todo", "doing", "done"] = "todo"
    priority: int = Field(0, ge=0, le=4)
    owner_id: UUID | None = None
    due_at: datetime | None = None


class Task(BaseModel):
    id: UUID
    team_id: UUID
    title: str
    description: str
    status: str
    priority: int
    owner_id: UUID | None
    due_at: datetime | None
    completed_at: datetime | None
    is_archived: bool
    version: int
    created_by: UUID
    created_at: datetime
    updated_at: datetime


def position(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    try:
        at, task = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(at), UUID(task)
    except (ValueError, TypeError) as error:
        raise HTTPException(400) from error


@router.get("/api/v1/tasks")
async def list_tasks(
    request: Request,
    user: Annotated[UUID, Depends(caller)],
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: str | None = None,
) -> Envelope[list[Task]]:
    rows = await request.app.state.pool.fetch(LIST, user, limit + 1, *position(cursor))
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        place = json.dumps([last["created_at"].isoformat(), str(last["id"])])
        following = base64.urlsafe_b64encode(place.encode()).decode()
    tasks = [Task.model_construct(**row) for row in rows[:limit]]
    return Envelope.model_construct(data=tasks, error=None, meta={"page": {"next": following}})


@router.get("/api/v1/tasks/{task}")
async def get_task(
    request: Request,
    response: Response,
    task: UUID,
    user: Annotated[UUID, Depends(caller)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Envelope[Task]:
    pool = request.app.state.pool
    if if_none_match is not None:
        version = await pool.fetchval(VERSION, user, task)
        if if_none_match == f'"{version}"':
            return Response(status_code=304, headers={"ETag": if_none_match})
    row = await pool.fetchrow(DETAIL, user, task)
    if row is None:
        raise HTTPException(404)
    response.headers["ETag"] = f'"{row["version"]}"'
    return Envelope.model_construct(data=Task.model_construct(**row), error=None, meta={})


@router.post("/api/v1/tasks", status_code=201)
async def create_task(
    request: Request, response: Response, new: NewTask, user: Annotated[UUID, Depends(caller)]
) -> Envelope[Task]:
    task, now = uuid4(), datetime.now(UTC)
    told = new.model_dump(mode="json")
    fields = {name: value for name, value in told.items() if name != "team_id" and value is not None}
    fields["is_archived"] = False
    diff = {name: {"before": None, "after": value} for name, value in fields.items()}
    payload = {name: told[name] for name in ("team_id", "title", "status", "owner_id", "due_at")} | {
        "task_id": str(task),
        "version": 1,
        "actor_id": str(user),
        "occurred_at": now.isoformat(),
        "changed": sorted(fields),
    }
    row = await request.app.state.pool.fetchrow(
        CREATE, task, new.team_id, new.title, new.description, new.status, new.priority, new.owner_id, new.due_at,
        user, now, json.dumps(diff), str(uuid4()), uuid4(), json.dumps(payload),
    )  # fmt: skip
    if row is None:
        raise HTTPException(404)
    response.headers["Location"] = f"/api/v1/tasks/{task}"
    response.headers["ETag"] = '"1"'
    return Envelope.model_construct(data=Task.model_construct(**row), error=None, meta={})
