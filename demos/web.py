"""An HTTP response, line by line, while it is being sent.

The head comes first and ends with an empty line. The body comes when the server
has something to say, and ends where the server closes the connection. Client and
server are written with nothing but streams, so that one can see all of it.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

__all__ = ["get", "news"]

TRY = "async for line in news(3): line"


async def get(host: str, port: int, path: str) -> AsyncGenerator[str, None]:
    """Yield the lines of what is at `path`; ConnectionError if there is nothing."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.readline()).decode().strip()
        if " 200 " not in status:
            raise ConnectionError(f"{path}: {status}")
        while await reader.readline() not in {b"\r\n", b""}:
            pass  # the headers
        async for line in reader:
            yield line.decode().rstrip("\n")
    finally:
        await _close(writer)


async def news(count: int, seconds: float = 0.05) -> AsyncIterator[str]:
    """Yield `count` lines of a response that a server on this machine is sending."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for number in range(1, count + 1):
            if await _closed(reader, within=seconds):
                break
            writer.write(f"news {number}\n".encode())
        await _close(writer)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with aclosing(get(host, port, "/news")) as lines:
            async for line in lines:
                yield line


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
