"""Sign-in, refresh and the check of access tokens."""

import hashlib
import os
import pathlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from envelope import Envelope, sql

KEYS = pathlib.Path(os.environ["KEYS"])
ISSUER = os.environ["ISSUER"]
SIGNING = load_pem_private_key((KEYS / "signing.pem").read_bytes(), None)
PUBLIC = load_pem_public_key((KEYS / "public.pem").read_bytes())
ACCESS_SECONDS = 600
SESSION = timedelta(days=30)

CREDENTIALS, START, LOCK, ROTATE = (
    sql(name) for name in ("credentials", "session_start", "session_lock", "session_rotate")
)

router = APIRouter()
hasher = PasswordHasher()


class Login(BaseModel):
    email: str
    password: str


class Refresh(BaseModel):
    refresh: str


class Pair(BaseModel):
    access: str
    refresh: str
    token_type: str = "Bearer"
    expires_in: int = ACCESS_SECONDS


def verified(token: str) -> dict:
    return jwt.decode(token, PUBLIC, algorithms=["RS256"], audience="crewdeck", issuer=ISSUER)


async def caller(authorization: str = Header()) -> UUID:
    try:
        return UUID(verified(authorization.removeprefix("Bearer "))["sub"])
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error


def access(user: UUID, family: UUID, is_admin: bool, now: datetime) -> str:
    at = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": ["crewdeck"],
        "sub": str(user),
        "exp": at + ACCESS_SECONDS,
        "iat": at,
        "nbf": at,
        "jti": str(uuid4()),
        "sid": str(family),
        "adm": is_admin,
    }
    return jwt.encode(claims, SIGNING, algorithm="RS256", headers={"typ": "at+jwt"})


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@router.post("/api/v1/auth/login")
async def login(request: Request, body: Login, user_agent: str = Header("")) -> Envelope[Pair]:
    pool = request.app.state.pool
    user = await pool.fetchrow(CREDENTIALS, body.email)
    if user is None:
        raise HTTPException(401)
    try:
        # It lets go of the interpreter's lock while it works.
        await run_in_threadpool(hasher.verify, user["password_hash"], body.password)
    except VerificationError as error:
        raise HTTPException(401) from error
    now, family, refresh = datetime.now(UTC), uuid4(), secrets.token_urlsafe(32)
    await pool.execute(START, uuid4(), family, user["id"], digest(refresh), user_agent, now, now + SESSION)
    pair = Pair(access=access(user["id"], family, user["is_admin"], now), refresh=refresh)
    return Envelope(data=pair)


@router.post("/api/v1/auth/refresh")
async def exchange(request: Request, body: Refresh, user_agent: str = Header("")) -> Envelope[Pair]:
    now, refresh = datetime.now(UTC), secrets.token_urlsafe(32)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        used = await connection.fetchrow(LOCK, digest(body.refresh), now)
        if used is None:
            raise HTTPException(401)
        family, user = used["family_id"], used["user_id"]
        await connection.execute(
            ROTATE, used["id"], uuid4(), family, user, digest(refresh), user_agent, now, used["expires_at"]
        )
    pair = Pair(access=access(user, family, used["is_admin"], now), refresh=refresh)
    return Envelope(data=pair)
