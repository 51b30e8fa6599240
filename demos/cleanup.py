"""A source that cleans up, however its iteration ends.

An iteration ends in one of four ways: it runs out, the body breaks off, an error comes
out of it, or its task is cancelled. `finally` runs in all of them. It may await
too: a connection that is closed properly says goodbye first, and that takes time.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["messages"]

TRY = "async for message in messages(2): message"


async def messages(count: int, seconds: float = 0.4) -> AsyncIterator[str]:
    """Open a connection, yield `count` messages, one every `seconds`, and close it."""
    print("connection: open")
    try:
        for number in range(1, count + 1):
            await asyncio.sleep(seconds)
            yield f"message {number}"
    finally:
        print("connection: closing")
        await asyncio.sleep(0.1)
        print("connection: closed")
