"""The user's frames in which a program is stopped: their names, values, and expressions in them.

Looking at a frame's names runs no code of the user's; a ``repr`` and an expression do,
in the loop's thread, with a time limit. Up to Python 3.12 a function's frame keeps
what ``f_locals`` once showed until it ends: so this is for whoever asks to see it.

The time limit is a signal, because that also ends what waits in C (``time.sleep``, a lock). Where
the program uses the same signal, its own handler and timer are left as they are, and
there is no limit; Ctrl-C remains.
"""

from __future__ import annotations

import signal
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.code_owner import location_and_source, owner, runs_callbacks
from asyncrepl.engine.tasks.await_chain import await_chain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = [
    "FrameScope",
    "TimeUpError",
    "evaluate",
    "frames_here",
    "frames_of",
    "scope_of",
    "time_limit",
    "value_text",
]

_RAISE_INTERVAL = 0.1  # seconds: code that catches everything gets another


class TimeUpError(BaseException):
    """The limit has passed. Not an Exception: user code is not to catch it in passing."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUpError in the block when it takes longer; for the main thread."""
    if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGALRM, _raise_time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, _RAISE_INTERVAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _raise_time_up(*_: object) -> None:
    raise TimeUpError


#: Seconds for one ``repr``, and for an expression with its ``repr``.
REPR_LIMIT, EVALUATION_LIMIT = 0.2, 1.0
#: A value's text is cut here.
MAX_TEXT_LENGTH = 2000
#: What a statement mentions at the top level without being about it.
_HIDDEN_TYPES = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)


class FrameScope(NamedTuple):
    """A frame: its function, its line as "FILE:LINE" with its text, names and values as text."""

    function: str
    where: str
    source: str
    names: list[tuple[str, str]]


def frames_of(task: object) -> list[FrameType]:
    """The user's frames in which a suspended task waits, innermost first.

    Where it awaits another task, those of that one come before.
    """
    found: list[FrameType] = []
    awaited: set[int] = set()
    while task is not None and id(task) not in awaited:
        awaited.add(id(task))
        chain = await_chain(task)
        found += [link.frame for link in chain if link.frame and _is_users(link.frame)]
        task = chain[-1].subject if chain and chain[-1].kind == "task" else None
    return found[::-1]


def frames_here(frame: FrameType | None) -> list[FrameType]:
    """The user's frames around `frame`, which runs, in this callback of the loop."""
    found = []
    while frame is not None and not runs_callbacks(frame.f_code):
        if _is_users(frame):
            found.append(frame)
        frame = frame.f_back
    return found


def scope_of(frame: FrameType) -> FrameScope:
    """The names of `frame`; at the top level those that its code mentions."""
    where, source = location_and_source(frame.f_code.co_filename, frame.f_lineno)
    names = [(name, value_text(value)) for name, value in _own_names(frame)]
    return FrameScope(frame.f_code.co_qualname, where, source, names)


def evaluate(expression: str, frames: list[FrameType]) -> object:
    """The value of `expression` with the names of `frames`, which begin with the innermost.

    Of equal names the innermost counts. Raises what it raises, and TimeUpError after a second. The
    frames' names stay as they are: what the expression binds is forgotten.
    """
    # One dict, as globals: a comprehension in the expression sees no locals of an eval.
    scope: dict[str, object] = {}
    for frame in reversed(frames):
        scope |= frame.f_globals
        scope |= frame.f_locals
    code = compile(expression.strip(), "<evaluated>", "eval", dont_inherit=True)
    with time_limit(EVALUATION_LIMIT):
        return eval(code, scope)


def value_text(value: object, limit: float = REPR_LIMIT) -> str:
    """The ``repr`` of `value`, cut; where it fails, or takes longer than `limit` seconds, why."""
    try:
        with time_limit(limit):
            text = repr(value)
    except TimeUpError:
        return f"<{type(value).__qualname__}: its repr takes longer than {limit} s>"
    except Exception as error:
        return f"<{type(value).__qualname__}: its repr raises {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT_LENGTH else text[:MAX_TEXT_LENGTH] + "…"


def _is_users(frame: FrameType) -> bool:
    return owner(frame.f_code.co_filename) == "user"


def _own_names(frame: FrameType) -> Iterator[tuple[str, object]]:
    names, code = frame.f_locals, frame.f_code
    if names is not frame.f_globals:
        yield from ((name, names[name]) for name in list(names) if name.isidentifier())
        return
    for name in code.co_names:
        if name in names and not isinstance(names[name], _HIDDEN_TYPES):
            yield name, names[name]
