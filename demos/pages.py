"""All items of an API that gives them page by page.

Who iterates over `items` sees items and no pages. A page is fetched when the last item
of the one before has been taken, and not earlier: who stops after three items
has asked for one page, not for all of them.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["fetch", "items"]

TRY = "async for item in items(): item"

ANIMALS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu"]


async def fetch(page: int, size: int = 3) -> list[str]:
    """Return one page, 0.3 s later, as a server would; after the last an empty one."""
    print(f"GET /animals?page={page}")
    await asyncio.sleep(0.3)
    return ANIMALS[page * size : (page + 1) * size]


async def items() -> AsyncIterator[str]:
    """Yield the items of all pages, fetching each page when it is needed."""
    page = 0
    while animals := await fetch(page):
        for animal in animals:
            yield animal
        page += 1
