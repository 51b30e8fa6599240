"""Objects of the user's are not asked for anything by showing, observing and explaining them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.shells import Typed, typed_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A proxy of something that is not there, as web frameworks have them: each question is an error.
DEFINED = '''
import os, sys
asked = []
STDLIB = os.path.dirname(os.__file__)

def note(what):
    frame = sys._getframe(2)
    if os.path.dirname(frame.f_code.co_filename).endswith("asyncio"): return  # it asks what it gets
    chain = []
    while frame is not None:
        chain.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        if not frame.f_code.co_filename.startswith(STDLIB) or "site-packages" in frame.f_code.co_filename: break
        frame = frame.f_back
    if "asyncrepl" in chain[-1]: asked.append((what, *chain[-2:]))

class Proxy:
    @property
    def __class__(self): note("class"); raise RuntimeError("no request")
    @property
    def __dict__(self): note("dict"); raise RuntimeError("no request")
    def __getattribute__(self, name): note(name); return object.__getattribute__(self, name)
    def __getattr__(self, name): raise RuntimeError("no request")
    def __repr__(self): return "<proxy>"
    def __eq__(self, other): note("eq"); raise RuntimeError("no request")
    def __hash__(self): note("hash"); return 1
    def __bool__(self): note("bool"); raise RuntimeError("no request")
    def __len__(self): note("len"); raise RuntimeError("no request")
    def __contains__(self, one): note("contains"); raise RuntimeError("no request")
    def __iter__(self): note("iter"); raise RuntimeError("no request")
    def __dir__(self): note("dir"); raise RuntimeError("no request")
    def __getitem__(self, key): note("item"); raise RuntimeError("no request")
    def __copy__(self): note("copy"); raise RuntimeError("no request")
    def __reduce_ex__(self, v): note("reduce"); raise RuntimeError("no request")

class Called(Proxy):
    def __call__(self, url): return url

class Stream(Proxy):
    """A stream."""
    def __aiter__(self): return self
    async def __anext__(self): raise StopAsyncIteration

class Door(Proxy):
    async def __aenter__(self): return self
    async def __aexit__(self, *_): pass

class Awaitable(Proxy):
    def __await__(self):
        yield
        return self

class Items(Proxy):
    def __iter__(self): return iter([1])

proxy, called, stream, door, future, items = Proxy(), Called(), Stream(), Door(), Awaitable(), Items()
every = [proxy, called, stream, door, future, items]
def take(value, *more): return value
async def hand(value): return value
async def streamed(value): yield value
'''


@pytest.fixture(scope="module")
def type_in() -> Iterator[Typed]:
    with typed_shell() as typed:
        typed(DEFINED)
        yield typed


OBJECTS = ["proxy", "called", "stream", "door", "future", "items"]
STATEMENTS = """\
{0}
[{0}]
{{"a": {0}}}
print({0})
x = {0}; x
take({0})
await hand({0})
await asyncio.create_task(hand({0}))
[v async for v in streamed({0})]
for v in {0}: print(v)
async for v in {0}: print(v)
with {0}: pass
async with {0}: pass
await {0}
{0} + 1
{0}[0]
{0}()
{0}(1)
len({0})
next({0})
await anext({0})
await (await hand({0}))
asyncio.create_task({0})
asyncio.run({0})
yield {0}
def f(v={0}): return await v
task = asyncio.create_task(hand({0})); task.result()
await asyncio.gather(hand({0}), streamed({0}))
raise {0}
raise ValueError({0})
async with asyncio.timeout(0.01): await asyncio.Event().wait(); {0}
:trace async for v in {0}: print(v)
:trace async for v in streamed({0}): print(v)
:marbles streamed({0})
:time await hand({0})
:show {0}
:info {0}
:info {0}??
:info {0}.missing
:info
:source {0}
:load {0}
:tasks
:tree
:timeline
:leaks
:why
:fix
"""


def pairs() -> Iterator[Any]:
    """Each statement with each object; a third of them in each run of the suite."""
    for row, statement in enumerate(STATEMENTS.splitlines()):
        for column, name in enumerate(OBJECTS):
            marks = [pytest.mark.slow] if (row + column) % 6 else []
            yield pytest.param(statement, name, marks=marks)


@pytest.mark.parametrize(("statement", "name"), [*pairs()])
def test_it_is_asked_for_nothing(type_in: Typed, name: str, statement: str) -> None:
    type_in("asked.clear()")
    shown = type_in(statement.format(name))
    assert type_in("asked") == "[]\n", shown
