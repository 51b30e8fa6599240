"""Rows of a SQLite database, through an async driver.

`sqlite3` blocks: each call holds the thread until the database has answered.
`aiosqlite` lets a thread of its own do that, and its cursor is an asynchronous
iterable of rows. Here are two things to close, so there are two `async with`.
"""

from collections.abc import AsyncIterator
from typing import Any

import aiosqlite

__all__ = ["rows"]

TRY = 'async for row in rows("select name, moons from planets"): row'

PLANETS = """
create table planets (name text, moons integer);
insert into planets values ('Earth', 1), ('Mars', 2), ('Venus', 0);
"""


async def rows(query: str, *parameters: Any) -> AsyncIterator[tuple[Any, ...]]:
    """Yield each row of `query`'s answer; a small database of planets is asked."""
    async with aiosqlite.connect(":memory:") as database:
        await database.executescript(PLANETS)
        async with database.execute(query, parameters) as cursor:
            async for row in cursor:
                yield tuple(row)
