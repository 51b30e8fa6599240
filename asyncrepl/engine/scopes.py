"""The user's frames in which a program stands still: their names, values, and expressions.

Looking at a frame's names runs no code of the user's; a ``repr`` and an expression do,
in the loop's thread, with a time limit. Up to Python 3.12 a function's frame keeps
what ``f_locals`` once showed until it ends: so this is for whoever asks to see it.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.awaiting.chains import links
from asyncrepl.engine.frames import calls_back, owner
from asyncrepl.engine.limiting import TimeUpError, time_limit
from asyncrepl.engine.traces import spot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Scope", "evaluate", "frames_here", "frames_of", "scope_of", "value_text"]

#: Seconds for one ``repr``, and for an expression with its ``repr``.
BRIEF, PATIENT = 0.2, 1.0
#: A value's text is cut here.
LONGEST = 2000
#: What a statement mentions at the top level without being about it.
_TOOLS = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)


class Scope(NamedTuple):
    """A frame: its function, its line as "FILE:LINE" with its text, names and values as text."""

    function: str
    where: str
    source: str
    names: list[tuple[str, str]]


def frames_of(task: object) -> list[FrameType]:
    """The user's frames in which a suspended task stands, innermost first.

    Where it awaits another task, those of that one come before.
    """
    found: list[FrameType] = []
    awaited: set[int] = set()
    while task is not None and id(task) not in awaited:
        awaited.add(id(task))
        chain = links(task)
        found += [link.frame for link in chain if link.frame and _is_users(link.frame)]
        task = chain[-1].subject if chain and chain[-1].kind == "task" else None
    return found[::-1]


def frames_here(frame: FrameType | None) -> list[FrameType]:
    """The user's frames around `frame`, which runs, in this callback of the loop."""
    found = []
    while frame is not None and not calls_back(frame.f_code):
        if _is_users(frame):
            found.append(frame)
        frame = frame.f_back
    return found


def scope_of(frame: FrameType) -> Scope:
    """The names of `frame`; at the top level those that its code mentions."""
    where, source = spot(frame.f_code.co_filename, frame.f_lineno)
    names = [(name, value_text(value)) for name, value in _own_names(frame)]
    return Scope(frame.f_code.co_qualname, where, source, names)


def evaluate(expression: str, frames: list[FrameType]) -> object:
    """The value of `expression` where `frames` stand; of equal names the innermost counts.

    Raises what it raises, and TimeUpError after a second. The frames' names stay as they
    are: what the expression binds is forgotten.
    """
    # One dict, as globals: a comprehension in the expression sees no locals of an eval.
    scope: dict[str, object] = {}
    for frame in reversed(frames):
        scope |= frame.f_globals
        scope |= frame.f_locals
    code = compile(expression.strip(), "<evaluated>", "eval", dont_inherit=True)
    with time_limit(PATIENT):
        return eval(code, scope)


def value_text(value: object, limit: float = BRIEF) -> str:
    """The ``repr`` of `value`, cut; where it fails or takes long, what happened instead."""
    try:
        with time_limit(limit):
            text = repr(value)
    except TimeUpError:
        return f"<{type(value).__qualname__}: its repr takes longer than {limit} s>"
    except Exception as error:
        return f"<{type(value).__qualname__}: its repr raises {type(error).__name__}>"
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _is_users(frame: FrameType) -> bool:
    return owner(frame.f_code.co_filename) == "user"


def _own_names(frame: FrameType) -> Iterator[tuple[str, object]]:
    names, code = frame.f_locals, frame.f_code
    if names is not frame.f_globals:
        yield from ((name, names[name]) for name in list(names) if name.isidentifier())
        return
    for name in code.co_names:
        if name in names and not isinstance(names[name], _TOOLS):
            yield name, names[name]
