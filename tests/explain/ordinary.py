"""Ordinary errors, and the places in asynchronous code where they happen to be raised.

Each statement of ``ordinary.txt`` raises something that is not about async iteration; each entry
of `PLACES` puts it somewhere near async iteration, where a hasty rule would see a mistake.
"""

from __future__ import annotations

from itertools import islice, product
from textwrap import indent

from explain.harness import DATA

from asyncrepl.syntax.source_rewriter import compiles

__all__ = ["SETUP", "errors", "programs"]

READINGS = "async def readings(n=3):\n    for i in range(n):\n        yield i\n"
SETUP = (
    READINGS
    + """\
import array, bisect, calendar, collections, contextlib, csv, dataclasses, datetime, decimal, enum
import fractions, functools, heapq, io, itertools, json, math, operator, os, pathlib, pickle, queue
import random, re, socket, sqlite3, statistics, string, struct, subprocess, tempfile, time, types
import typing, urllib.parse, urllib.request, uuid, weakref, zlib, ipaddress, configparser, shlex
from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: int = 0

class Colour(enum.Enum):
    RED = 1

class async_generator:
    pass

class coroutine:
    def __await__(self): return iter(())

class StopAsync(StopAsyncIteration): pass

class Feed:
    def __init__(self): self.rows = [1]
    async def __aiter__(self):
        for row in self.rows: yield row
    def strict(self, a, *, b): return a

class Words:
    def __iter__(self): raise TypeError("'async_generator' object is not iterable")
    def __len__(self): raise TypeError("object of type 'async_generator' has no len()")
    def __getitem__(self, key): raise TypeError("'async_generator' object is not subscriptable")
    def __contains__(self, key): raise TypeError("argument of type 'coroutine' is not iterable")
    def __await__(self): raise TypeError("object async_generator can't be used in 'await' expression")
    def __aiter__(self): raise TypeError("'async for' requires an object with __aiter__ method")
    def __enter__(self): raise TypeError("'Lock' object does not support the context manager protocol")
    def __exit__(self, *a): pass
    def __call__(self): raise TypeError("'async_generator' object is not callable")
    def __getattr__(self, name): raise AttributeError("'coroutine' object has no attribute 'upper'")
    def __add__(self, other): raise TypeError("unsupported operand type(s) for +: 'coroutine' and 'int'")
    def __bool__(self): raise RuntimeError("cannot reuse already awaited coroutine")

class Stale(RuntimeError): pass
def sync(a, b): return a + b
async def fetch(n=1): return n
async def strict(a, *, b): return a
def says(error, text): raise error(text)
stream, words, data = readings(), Words(), {"a": [1]}
"""
)


#: Where the error is put, with ``{}`` for its statement, made to fit the indentation.
PLACES = {
    "top": "{0}",
    "loop": "async for reading in readings():\n    {4}",
    "function": "async def use(source):\n    async for r in source:\n        {8}\nawait use(readings())",
    "behind": "async def use():\n    async for r in readings(): pass\n    {4}\nawait use()",
    "generator": "async def made():\n    async for r in readings():\n        {8}\n        yield r\n"
    "print([x async for x in made()])",
    "else": "async for r in readings(1):\n    pass\nelse:\n    {4}",
    "finally": "async def made():\n    try:\n        yield 1\n    finally:\n        {8}\n"
    "async for x in made(): pass",
    "method": "class Job:\n    async def run(self):\n        async for r in readings():\n"
    "            {12}\nawait Job().run()",
    "anext": "class Source:\n    def __aiter__(self): return self\n    async def __anext__(self):\n"
    "        {8}\nasync for x in Source(): pass",
    "aiter": "class Source:\n    async def __aiter__(self):\n        {8}\n        yield 1\n"
    "print([x async for x in Source()])",
    "gather": "async def use(n):\n    async for r in readings():\n        {8}\n"
    "await asyncio.gather(use(1), fetch())",
    "group": "async def use(n):\n    {4}\nasync with asyncio.TaskGroup() as group:\n"
    "    group.create_task(use(1))\n    group.create_task(fetch())",
    "task": "async def use(n):\n    {4}\njob = asyncio.create_task(use(1))\nawait job",
    "with": "async with contextlib.aclosing(readings()) as source:\n    async for r in source:\n"
    "        {8}",
    "manager": "@contextlib.asynccontextmanager\nasync def opened():\n    {4}\n    yield readings()\n"
    "async with opened() as source: pass",
    "lock": "async with asyncio.Lock():\n    for turn in [1]:\n        {8}",
    "except": "try:\n    for x in readings(): pass\nexcept TypeError:\n    {4}",
    "except-anext": "source = readings(0)\ntry:\n    await anext(source)\n"
    "except StopAsyncIteration:\n    {4}",
    "wait-for": "async def use():\n    {4}\nawait asyncio.wait_for(use(), 9)",
    "anext-task": "source = readings()\nfirst = await anext(source)\nnested = [source, fetch]\n{0}",
}
#: Where only a plain function can be put.
SYNC_PLACES = {
    "callback": "def use(x):\n    {4}\n[use(x) async for x in readings()]",
    "key": "def use(x):\n    {4}\nsorted([x async for x in readings()], key=use)",
    "property": "class Job:\n    @property\n    def rows(self):\n        {8}\n"
    "async for x in Job().rows: pass",
    "plain-aiter": "class Source:\n    def __aiter__(self):\n        {8}\n"
    "async for x in Source(): pass",
    "plain-anext": "class Source:\n    def __aiter__(self): return self\n    def __anext__(self):\n"
    "        {8}\nasync for x in Source(): pass",
    "init": "class Source:\n    def __init__(self):\n        {8}\n    def __aiter__(self): return self\n"
    "async for x in Source(): pass",
    "sync-generator": "def made():\n    yield 1\n    {4}\nasync for r in readings():\n"
    "    for x in made(): pass",
    "thread": "def use():\n    {4}\nawait asyncio.to_thread(use)",
    "enter": "class Manager:\n    def __enter__(self):\n        {8}\n    def __exit__(self, *a): pass\n"
    "async for r in readings():\n    with Manager(): pass",
}


def errors() -> list[str]:
    """The statements, one or several lines each."""
    found: list[str] = []
    for line in (DATA / "ordinary.txt").read_text("utf-8").splitlines():
        if found and (line[:1] == " " or (found[-1].startswith("@") and "\n" not in found[-1])):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def programs(statements: list[str] | None = None, *, apart: int = 1) -> list[tuple[str, str, str]]:
    """The error, the name of the place, and the text, of every error in every place.

    The errors are those of ``ordinary.txt``, or those of the `statements` that are given; of all
    pairs of error and place one in `apart` is taken.
    """
    places = {**PLACES, **SYNC_PLACES}.items()
    found = []
    for error, (name, place) in islice(product(statements or errors(), places), 0, None, apart):
        text = _placed(error, place)
        if _is_program(error, name, text):
            found.append((error, name, text))
    return found


def _placed(error: str, place: str) -> str:
    for by in (12, 8, 4, 0):
        place = place.replace(f"{{{by}}}", indent(error, " " * by).lstrip())
    return place + "\n"


def _is_program(error: str, name: str, text: str) -> bool:
    """Whether the statement can stand there and keeps its meaning."""
    suspends = "await" in error or "async" in error
    if name in SYNC_PLACES and suspends:
        return False
    stops = "Stop" in error or error.startswith("next(iter") or "yield" in error
    if stops and name != "top":
        return False
    return compiles(text)
