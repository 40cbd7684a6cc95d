"""The API as it is usually written with FastAPI and asyncpg: one side of `cargo xtask bench api`."""

import os
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI

import auth
import tasks

# Of each of two workers: together as many as role web has.
CONNECTIONS = 5


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS
    )
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)
app.include_router(auth.router)
app.include_router(tasks.router)
