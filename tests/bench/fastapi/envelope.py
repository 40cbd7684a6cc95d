"""What every answer looks like, and the statements that several sides share."""

import pathlib
from typing import Generic, TypeVar

from pydantic import BaseModel

SQL = pathlib.Path(__file__).parent.parent / "sql"
T = TypeVar("T")


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


class Envelope(BaseModel, Generic[T]):
    data: T
    error: None = None
    meta: dict = {}
