"""The lines that are appended to a file, as they come.

No file says that it has grown: one has to look again and again, and to sleep
between two looks. What was read may be half a line, whose rest is not written
yet. And the end of the file is not the end of the iteration: that is where whoever
writes it is done.
"""

import asyncio
from asyncio import Task
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["growing", "tail"]

TRY = "async for line in growing(3): line"


async def tail(path: Path, writer: Task[None], seconds: float = 0.1) -> AsyncGenerator[str, None]:
    """Yield each line that is appended to the file at `path`, until `writer` is done."""
    begun = ""
    with path.open() as file:
        while True:
            last = writer.done()  # before reading: what it wrote at the end counts
            *lines, begun = (begun + file.read()).split("\n")
            for line in lines:
                yield line
            if last:
                break
            await asyncio.sleep(seconds)
    if begun:
        yield begun


async def growing(count: int, seconds: float = 0.25) -> AsyncIterator[str]:
    """Yield `count` lines of a file to which a task appends one every `seconds`."""

    async def write(path: Path) -> None:
        for number in range(1, count + 1):
            await asyncio.sleep(seconds)
            with path.open("a") as file:
                file.write(f"line {number}\n")

    with TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.touch()
        writing = asyncio.create_task(write(path), name="writer")
        try:
            async with aclosing(tail(path, writing)) as lines:
                async for line in lines:
                    yield line
        finally:
            writing.cancel()
