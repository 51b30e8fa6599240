"""The kinds of operands: how one is made, what it is called, how one gets at what it holds.

Templates have placeholders with a dollar sign: ``$f`` the function or class that is defined,
``$F`` how the program refers to it, ``$payload`` what the operand holds, ``$x`` the operand.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KINDS", "Kind", "Shape"]


@dataclass(frozen=True)
class Shape:
    """One way to define and make an operand.

    `define` makes the function or class ``$f``; with ``$self`` it can be a method, too.
    `make` is the expression of the operand.
    """

    define: str
    make: str = "$F()"
    of_class: bool = False


@dataclass(frozen=True)
class Kind:
    """Operands that are used alike.

    `said` is what an explanation has to call it in (a pattern); `plain` the expression of
    what it holds, where there is one, `wrap` the statement around that. `holds` is "any",
    "items" (it gives them one after the other), or "one" thing. `satisfies` are the wants that
    it meets; `quiet` says that a program may well print, compare or test such an object.
    `sync` operands are wrong only for what is asynchronous.
    """

    name: str
    shapes: tuple[Shape, ...]
    said: str
    plain: str = "$x"
    wrap: str = ""
    holds: str = "any"
    satisfies: frozenset[str] = frozenset()
    quiet: bool = False
    sync: bool = False
    fixable: bool = True


_AWAITED = r"\bawait"
_COROUTINE = rf"coroutine|{_AWAITED}"
_STREAM = r"async(hronous)?(ly)?[ -]{1,2}(generator|iterator|iterable|comprehension)|`?async for"
_MANAGER = r"async(hronous)? context manager|`?async with"
_PLAIN = r"\blist\b|plain|\bsync|ordinary|not async|already|`for`|generator|iterator|iterable"

_LOAD = """\
async def $f($self):
    await asyncio.sleep(0)
    return $payload
"""
_LOAD_EARLY = """\
async def $f($self):
    for attempt in range(2):
        await asyncio.sleep(0)
        if attempt:
            break
    else:
        return None
    return $payload
"""
_STREAM_OF_ITEMS = """\
async def $f($self):
    for piece in $payload:
        await asyncio.sleep(0)
        yield piece
"""
_STREAM_OF_ONE = """\
async def $f($self):
    await asyncio.sleep(0)
    yield $payload
"""
_ITERATOR = """\
class $f:
    def __init__(self):
        self.left = iter($payload)

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        for piece in self.left:
            return piece
        raise StopAsyncIteration
"""
_ITERABLE = """\
class $f:
    async def __aiter__(self):
        for piece in $payload:
            await asyncio.sleep(0)
            yield piece
"""
_MANAGER_CLASS = """\
class $f:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return $payload

    async def __aexit__(self, *details):
        return None
"""
_MANAGER_FUNCTION = """\
@contextlib.asynccontextmanager
async def $f($self):
    await asyncio.sleep(0)
    yield $payload
"""
_FUTURE = """\
def $f($self):
    promise = asyncio.get_running_loop().create_future()
    promise.set_result($payload)
    return promise
"""
_LATER = """\
def $f($self):
    loop = asyncio.get_running_loop()
    promise = loop.create_future()
    loop.call_soon(promise.set_result, $payload)
    return promise
"""
_GENERATOR = """\
def $f($self):
    for piece in $payload:
        yield piece
"""
_ROWS_CLASS = """\
class $f:
    def __iter__(self):
        return iter($payload)
"""
_SYNC_MANAGER_CLASS = """\
class $f:
    def __enter__(self):
        return $payload

    def __exit__(self, *details):
        return None
"""
_SYNC_MANAGER_FUNCTION = "@contextlib.contextmanager\ndef $f($self):\n    yield $payload\n"
_GIVEN = "def $f($self):\n    return $payload\n"
_FORGOTTEN = "def $f($self):\n    found = $payload\n    str(found)\n"

_COLLECTED = "[piece async for piece in {}]"
_WALKS = frozenset({"async iterable", "async iterator"})


def _of_function(*defines: str, make: str = "$F()") -> tuple[Shape, ...]:
    return tuple(Shape(each, make) for each in defines)


KINDS = (
    Kind(
        "coroutine",
        _of_function(_LOAD, _LOAD_EARLY),
        _COROUTINE,
        "await $x",
        satisfies=frozenset({"awaitable", "coroutine"}),
    ),
    Kind(
        "async generator",
        _of_function(_STREAM_OF_ITEMS),
        _STREAM,
        _COLLECTED.format("$x"),
        holds="items",
        satisfies=_WALKS,
    ),
    Kind(
        "async generator of one",
        _of_function(_STREAM_OF_ONE),
        _STREAM,
        holds="one",
        satisfies=_WALKS,
        fixable=False,
    ),
    Kind(
        "async iterator",
        (Shape(_ITERATOR, of_class=True),),
        _STREAM,
        _COLLECTED.format("$x"),
        holds="items",
        satisfies=_WALKS,
        quiet=True,
    ),
    Kind(
        "async iterable",
        (Shape(_ITERABLE, of_class=True),),
        _STREAM,
        _COLLECTED.format("$x"),
        holds="items",
        satisfies=frozenset({"async iterable"}),
        quiet=True,
    ),
    Kind(
        "step",
        (
            Shape(_STREAM_OF_ONE, "anext($F())"),
            Shape(_STREAM_OF_ONE, "$F().__anext__()"),
            Shape(_STREAM_OF_ONE, "$F().asend(None)"),
        ),
        rf"step|anext|asend|awaitable|{_AWAITED}",
        "await $x",
        satisfies=frozenset({"awaitable", "coroutine"}),  # it has `send`, `throw` and `close`
    ),
    Kind(
        "future",
        _of_function(_FUTURE, _LATER),
        rf"future|{_AWAITED}",
        "await $x",
        satisfies=frozenset({"awaitable", "task"}),
        quiet=True,
    ),
    Kind(
        "task",
        _of_function(_LOAD, make="asyncio.create_task($F())"),
        rf"task|{_AWAITED}",
        "await $x",
        satisfies=frozenset({"awaitable", "task"}),
        quiet=True,
    ),
    Kind(
        "coroutine function",
        _of_function(_LOAD, make="$F"),
        r"coroutine function|async(hronous)? function|async def|\bcall",
        "await $x()",
        satisfies=frozenset({"callable"}),
        quiet=True,
    ),
    Kind(
        "async generator function",
        _of_function(_STREAM_OF_ITEMS, make="$F"),
        r"async(hronous)? generator|async def|\bcall",
        _COLLECTED.format("$x()"),
        holds="items",
        satisfies=frozenset({"callable"}),
        quiet=True,
    ),
    Kind(
        "async manager class",
        (Shape(_MANAGER_CLASS, of_class=True),),
        _MANAGER,
        "$w",
        "async with $x as $w:",
        satisfies=frozenset({"async manager"}),
        quiet=True,
    ),
    Kind(
        "async manager function",
        _of_function(_MANAGER_FUNCTION),
        _MANAGER,
        "$w",
        "async with $x as $w:",
        satisfies=frozenset({"async manager"}),
        quiet=True,
    ),
    Kind(
        "class",
        (Shape(_ITERABLE, "$F", of_class=True), Shape(_ITERATOR, "$F", of_class=True)),
        r"class|\bcall|instance",
        _COLLECTED.format("$x()"),
        holds="items",
        satisfies=frozenset({"callable"}),
        quiet=True,
    ),
    Kind(
        "uncalled manager",
        (
            Shape(_MANAGER_CLASS, "$F", of_class=True),
            Shape(_MANAGER_FUNCTION, "$F"),
        ),
        rf"class|\bcall|instance|{_MANAGER}",
        "$w",
        "async with $x() as $w:",
        satisfies=frozenset({"callable"}),
        quiet=True,
    ),
    Kind("sync iterable", _of_function(_GIVEN), _PLAIN, holds="items", sync=True),
    Kind(
        "value",
        _of_function(_GIVEN),
        r"plain|\bsync|ordinary|already|not async|\bNone\b",
        holds="one",
        sync=True,
    ),
    Kind(
        "iterator",
        _of_function("def $f($self):\n    return iter($payload)\n"),
        _PLAIN,
        holds="items",
        sync=True,
    ),
    Kind("generator", _of_function(_GENERATOR), _PLAIN, holds="items", sync=True),
    Kind(
        "iterable class",
        (Shape(_ROWS_CLASS, of_class=True),),
        rf"{_PLAIN}|__iter__",
        holds="items",
        sync=True,
    ),
    Kind(
        "sync manager",
        (
            Shape(_SYNC_MANAGER_CLASS, of_class=True),
            Shape(_SYNC_MANAGER_FUNCTION),
        ),
        r"plain|\bsync|ordinary|context manager|`with`",
        "$w",
        "with $x as $w:",
        sync=True,
    ),
    Kind(
        "mock",
        (Shape("$f = unittest.mock.Mock(return_value=$payload)\n"),),
        rf"\bmock|AsyncMock|{_PLAIN}|\bNone\b",
        sync=True,
    ),
    Kind(
        "async mock",
        (Shape("$f = unittest.mock.AsyncMock(return_value=$payload)\n"),),
        rf"{_COROUTINE}|AsyncMock",
        "await $x",
        satisfies=frozenset({"awaitable", "coroutine"}),
    ),
    Kind(
        "None",
        _of_function(_FORGOTTEN),
        r"None|nothing|`return`",
        sync=True,
        fixable=False,
    ),
    Kind(
        "module",
        (Shape(_STREAM_OF_ITEMS, "$M"),),
        "module",
        holds="items",
        sync=True,
        fixable=False,
    ),
)
