"""A traced program does what it does untraced: results, errors, tracebacks, lifetimes."""

from __future__ import annotations

import ast
import asyncio
import gc
import io
import traceback
import warnings
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from support.instruments import EventList
from support.random_programs import random_program
from support.traced_iteration import SOURCES

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from asyncrepl.events.iteration_events import IterationEvent

PROGRAMS = {
    "values": "async for n in naps(3): print(n)",
    "not an asynchronous iterable": "async for n in [1]: pass",
    "an iterable without type": "async for n in object(): pass",
    "aiter gives a list": (
        "class C:\n    def __aiter__(self): return [1]\nasync for n in C(): pass"
    ),
    "aiter is None": "class C:\n    __aiter__ = None\nasync for n in C(): pass",
    "aiter raises": (
        "class C:\n    def __aiter__(self): raise ValueError('no')\nasync for n in C(): pass"
    ),
    "anext is None": (
        "class C:\n    def __aiter__(self): return self\n    __anext__ = None\n"
        "async for n in C(): pass"
    ),
    "anext gives no awaitable": (
        "class C:\n    def __aiter__(self): return self\n    def __anext__(self): return 1\n"
        "async for n in C(): pass"
    ),
    "anext raises at once": (
        "class C:\n    def __aiter__(self): return self\n"
        "    def __anext__(self): raise ValueError('no')\nasync for n in C(): pass"
    ),
    "anext stops at once": (
        "class C:\n    def __aiter__(self): return self\n"
        "    def __anext__(self): raise StopAsyncIteration\n"
        "async for n in C(): pass\nelse: print('end')"
    ),
    "await of it raises": (
        "class A:\n    def __await__(self): raise ValueError('no')\n"
        "class C:\n    def __aiter__(self): return self\n    def __anext__(self): return A()\n"
        "async for n in C(): pass"
    ),
    "methods of the instance do not count": (
        "class C: pass\nc = C()\nc.__aiter__ = lambda: c\nasync for n in c: pass"
    ),
    "a method by descriptor": (
        "class D:\n    def __get__(self, obj, kind): print('get', obj is None); return lambda: naps(1)\n"
        "class C:\n    __aiter__ = D()\nasync for n in C(): print(n)"
    ),
    "a descriptor that raises": (
        "class D:\n    def __get__(self, obj, kind):\n        if obj is not None: raise ValueError('no')\n"
        "class C:\n    __aiter__ = D()\nasync for n in C(): pass"
    ),
    "a descriptor without a method": (
        "class D:\n    def __get__(self, obj, kind): raise AttributeError('no')\n"
        "class C:\n    __aiter__ = D()\nasync for n in C(): pass"
    ),
    "a step by a descriptor that raises": (
        "class D:\n    def __get__(self, obj, kind): raise ValueError('no')\n"
        "class C:\n    def __aiter__(self): return self\n    __anext__ = D()\nasync for n in C(): pass"
    ),
    "static methods": (
        "class C:\n    @staticmethod\n    def __aiter__(): return naps(1)\n"
        "async for n in C(): print(n)"
    ),
    "the source raises": "async for n in failing(1): print(n)",
    "the body raises": "async for n in naps(2): raise KeyError(n)",
    "the target does not fit": "async for a, b in naps(1): pass",
    "caught and gone on": (
        "for i in range(2):\n    try:\n        async for n in failing(1): print(n)\n"
        "    except ValueError as e: print(repr(e), e.__context__)"
    ),
    "context of errors": (
        "try: 1/0\nexcept ZeroDivisionError:\n    async for n in failing(0): pass"
    ),
    "comprehensions": (
        "print([n async for n in naps(3) if n], {n async for n in naps(2)},"
        " {n: m async for n in naps(2) async for m in naps(1)})"
    ),
    "a comprehension that raises": "print([1 / n async for n in naps(2)])",
    "a comprehension over a list": "print([n async for n in [1]])",
    "a generator expression": (
        "g = (n * 2 async for n in naps(2))\nprint(type(g).__name__, [n async for n in g])"
    ),
    "locals": (
        "async def f():\n    async for n in naps(2):\n        if n: return sorted(locals())\n"
        "print(await f())"
    ),
    "names of the module": "async for n in naps(1): pass\nprint(sorted(k for k in globals() if '.' in k))",
    "an iterator left by break": (
        "import weakref\n"
        "class C:\n    def __aiter__(self): return self\n    async def __anext__(self): return 1\n"
        "    def __del__(self): print('gone')\n"
        "async def f():\n    async for n in C():\n        print('body'); break\n    print('after')\n"
        "await f()"
    ),
    "an iterator exhausted": (
        "class C:\n    def __aiter__(self): return self\n"
        "    async def __anext__(self): raise StopAsyncIteration\n"
        "    def __del__(self): print('gone')\n"
        "async def f():\n    async for n in C(): pass\n    else: print('else')\n    print('after')\n"
        "await f()"
    ),
    "an iterable that is not its iterator": (
        "class C:\n    def __aiter__(self): return naps(1)\n"
        "    def __del__(self): print('gone')\n"
        "async def f():\n    async for n in C(): print('body')\n"
        "await f()"
    ),
    "an unreferenced generator left by break": (
        "async def g():\n    try:\n        yield 1\n    finally: print('closed')\n"
        "async def f():\n    async for n in g(): break\n    print('after')\n"
        "await f()\nawait asyncio.sleep(0)\nprint('later')"
    ),
    "the chain of awaits": (
        "async def f():\n    async for n in naps(1): pass\n"
        "t = asyncio.create_task(f())\nawait asyncio.sleep(0.1)\n"
        "print(type(t.get_coro().cr_await).__name__, len(t.get_stack()))\nawait t"
    ),
    "cancellation": (
        "async def f():\n    try:\n        async for n in naps(9): pass\n"
        "    except asyncio.CancelledError as e: print('cancelled', e.args); raise\n"
        "t = asyncio.create_task(f())\nawait asyncio.sleep(0.1)\nt.cancel('why')\n"
        "try: await t\nexcept asyncio.CancelledError: print(t.cancelled(), t.cancelling())"
    ),
    "timeout": "async with asyncio.timeout(0.7):\n    async for n in naps(9): print(n)",
    "a generator stepped by hand": (
        "async def through():\n    async for n in naps(9):\n        got = yield n\n        print(got)\n"
        "g = through()\nprint(await g.asend(None), await g.asend('sent'))\n"
        "try: await g.athrow(KeyError('thrown'))\nexcept KeyError as e: print(repr(e))\n"
        "print(g.ag_frame)\nh = through(); await anext(h); await h.aclose()"
    ),
    "state of generators": (
        "import inspect\n"
        "async def through():\n    async for n in naps(1): yield n\n"
        "g = through()\nprint(repr(g)[:24], g.ag_running, g.ag_await)\n"
        "await anext(g)\nprint(g.ag_running, type(g).__name__)\n"
        "async for n in g: pass\nprint(g.ag_frame)"
    ),
    "context variables": (
        "import contextvars\nv = contextvars.ContextVar('v', default=0)\n"
        "async def counted():\n    for i in range(2):\n        v.set(v.get() + 1)\n        yield v.get()\n"
        "async for n in counted(): print(n, v.get())\nprint(len(contextvars.copy_context()))"
    ),
    "interleaving": (
        "async def walk(name):\n    async for n in naps(3, 0.1 * len(name)): print(name, n)\n"
        "await asyncio.gather(walk('a'), walk('bb'), walk('a'))"
    ),
    "an else that raises": "async for n in naps(1): pass\nelse: raise KeyError('else')",
    "nested loops and continue": (
        "async for n in naps(3):\n    if n == 1: continue\n    async for m in naps(3):\n"
        "        if m == 1: break\n        print(n, m)"
    ),
    "stack level of warnings in a generator": (
        "import warnings\nwarnings.simplefilter('always')\n"
        "async def g():\n    warnings.warn('here', stacklevel=2)\n    yield 1\n"
        "with warnings.catch_warnings(record=True) as w:\n    async for n in g(): pass\n"
        "print([(x.filename, x.lineno) for x in w])"
    ),
}  # fmt: skip


def seen(text: str, *, trace: bool) -> tuple[list[str], list[IterationEvent]]:
    """Everything of a run of `text` that its author can see; and what was told of it."""
    events: list[IterationEvent] = []
    out = io.StringIO()
    loop = LiveLoop(Clock.virtual())
    loop.observe(timeline := Timeline())
    tracer = Tracer(loop)
    loop.live.instruments.add(EventList(events))
    noticed: list[Any] = []
    loop.set_exception_handler(lambda _, context: noticed.append(context["message"]))

    async def everything() -> None:
        space: dict[str, Any] = {"asyncio": asyncio, "__name__": "__main__"}
        for name, part in (("<sources>", SOURCES), ("<program>", text)):
            code = compile_source(Source(name, part, ast.parse(part)), "exec")
            try:
                result = eval(code, space)
                if result is not None:
                    await result
            except Exception as error:
                entries = traceback.format_exception(error)
                noticed.append(_own("".join(entries)))
            finally:
                del space["asyncio"], code
                space["asyncio"] = asyncio
        await asyncio.sleep(0)

    try:
        if trace:
            tracer.start(timeline)
        with redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loop.run_until_complete(everything())
            gc.collect()
    finally:
        tracer.stop()
        loop.close()
    shown = [str(warning.message) for warning in caught]
    return [out.getvalue(), *map(str, noticed), *shown], events


def _own(text: str) -> str:
    """A traceback without this module's part, which has other line numbers."""
    return text[text.find('File "<program>"') :] if "<program>" in text else text


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_a_traced_program_does_the_same(text: str) -> None:
    """Output, errors with their whole tracebacks, warnings and finalisers are as untraced."""
    untraced, nothing = seen(text, trace=False)
    traced, told = seen(text, trace=True)
    assert traced == untraced
    assert nothing == []
    assert told or text == PROGRAMS["a comprehension over a list"]


def outcome(text: str, how: str) -> tuple[list[object], object]:
    """What a random program noted, and how it ended; compiled plainly, by us, or traced."""
    loop = LiveLoop(Clock.virtual())
    loop.observe(timeline := Timeline())
    loop.set_exception_handler(lambda *_: None)
    tracer = Tracer(loop)
    space: dict[str, Any] = {"asyncio": asyncio, "out": []}
    source = Source("<program>", text, ast.parse(text))
    exec(
        compile(text, "<program>", "exec") if how == "plain" else compile_source(source, "exec"),
        space,
    )
    if how == "traced":
        tracer.start(timeline)
    end: object = None
    try:
        loop.run_until_complete(space["drive"]())
    except Exception as error:
        stack = traceback.TracebackException.from_exception(error).stack
        end = repr(error), [(frame.lineno, frame.colno) for frame in stack]
    finally:
        tracer.stop()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    return space["out"], end


@pytest.mark.sampled(15)
@pytest.mark.parametrize("seed", range(60))
def test_random_programs_do_the_same(seed: int) -> None:
    """Nested loops, comprehensions, generators and errors in any order: nothing differs."""
    text = random_program(seed)
    plain = outcome(text, "plain")
    assert outcome(text, "untraced") == plain
    assert outcome(text, "traced") == plain
