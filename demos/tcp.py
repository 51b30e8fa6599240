"""Lines from a TCP connection, and the server that sends.

Both ends live in this process, on the loopback interface and a free port: the
server's handler is one task, the iteration that reads its lines another, and one
thread runs both. Whichever end stops first, the other one notices and closes.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress

__all__ = ["telegrams"]

TRY = "async for telegram in telegrams(3): telegram"


async def telegrams(count: int, seconds: float = 0.05) -> AsyncIterator[str]:
    """Yield `count` lines that a server on this machine sends, one every `seconds`."""

    async def send(reader: StreamReader, writer: StreamWriter) -> None:
        for number in range(1, count + 1):
            if await _closed(reader, within=seconds):
                break
            writer.write(f"telegram {number}\n".encode())
        await _close(writer)

    async with await asyncio.start_server(send, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            async for line in reader:
                yield line.decode().rstrip("\n")
        finally:
            await _close(writer)


async def _closed(reader: StreamReader, within: float) -> bool:
    """Whether the other end closes the connection within so many seconds."""
    try:
        async with asyncio.timeout(within):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
