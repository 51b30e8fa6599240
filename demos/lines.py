"""The lines another program prints, as they come.

A subprocess's output is an asynchronous iterable of its lines. Around it, what
each real source needs: open it, hand on its values, and close it in `finally`,
which also runs if the iteration is left early or cancelled.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

__all__ = ["HELLO", "lines"]

TRY = "async for line in lines(*HELLO): line"

_PROGRAM = """
import time
for word in "hello", "from", "outside":
    print(word)
    time.sleep(0.05)
"""

#: A program to try: Python, printing three lines, a moment apart.
HELLO = (sys.executable, "-u", "-c", _PROGRAM)


async def lines(*command: str) -> AsyncIterator[str]:
    """Run `command` and yield each line it prints, without its line end."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            yield line.decode().rstrip("\r\n")
    finally:
        if not process.stdout.at_eof():  # left early: don't wait for the rest
            process.terminate()
        await process.wait()
