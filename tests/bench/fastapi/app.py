"""The two reads of tasks as they are usually written with FastAPI: the other side of `cargo xtask bench api`."""

import json
import os
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

COLUMNS = (
    "id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived, version, "
    "created_by, created_at, updated_at"
)
MEMBER = "team_id in (select team_id from memberships where user_id = $1)"

with open(os.environ["JWKS_FILE"], encoding="utf-8") as file:
    KEYS = {key["kid"]: jwt.PyJWK(key).key for key in json.load(file)["keys"]}


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


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=5)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


def caller(authorization: str = Header()) -> UUID:
    token = authorization.removeprefix("Bearer ")
    try:
        key = KEYS[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["RS256"], audience="crewdeck", issuer=os.environ["ISSUER"])
    except (KeyError, jwt.PyJWTError) as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


# The newest of each team by its index, then merged: the plan of the other side.
LIST = f"""
    select x.* from memberships m
    cross join lateral (
        select {COLUMNS} from tasks where team_id = m.team_id and not is_archived
        order by created_at desc, id desc limit $2
    ) x
    where m.user_id = $1 order by x.created_at desc, x.id desc limit $2
"""


@app.get("/api/v1/tasks")
async def list_tasks(limit: int = 50, user: UUID = Depends(caller)) -> list[Task]:
    return [Task.model_construct(**row) for row in await app.state.pool.fetch(LIST, user, limit)]


@app.get("/api/v1/tasks/{task}")
async def get_task(task: UUID, user: UUID = Depends(caller)) -> Task:
    row = await app.state.pool.fetchrow(f"select {COLUMNS} from tasks where {MEMBER} and id = $2", user, task)
    if row is None:
        raise HTTPException(404)
    return Task.model_construct(**row)
