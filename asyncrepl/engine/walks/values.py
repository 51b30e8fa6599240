"""What a value is, in a few characters, without running a line of the user's code.

Only exact builtin types are shown as Python shows them: a subclass may have a
``__repr__`` of its own, and so may what lies inside a container. Everything else
is told by the name of its type.
"""

from __future__ import annotations

import reprlib
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.awaiting.chains import is_future, is_task

if TYPE_CHECKING:
    from asyncrepl.events.walks import AwaitableKind

__all__ = ["awaitable_kind", "bindings", "type_name"]

_BY_TYPE: dict[type, AwaitableKind] = {CoroutineType: "coroutine", GeneratorType: "generator"}
#: Types that no module holds, by name.
_BY_NAME: dict[str, AwaitableKind] = {
    "async_generator_asend": "step",
    "anext_awaitable": "default",
}

_PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None)})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
#: An int of more bits than this is not turned into text: that takes quadratic time.
_BITS = 200
_FEW = 6

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 40
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = 4


def bindings(target: str, values: tuple[object, ...]) -> str:
    """Tell `values`, which were bound to `target`, as in ``n = 3`` or ``i, word = 0, 'a'``."""
    return f"{target} = {', '.join(map(_told, values))}" if values else target


def awaitable_kind(obj: object) -> AwaitableKind:
    """What kind of an awaitable `obj` is; none of its methods is called."""
    kind = type(obj)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if is_future(obj):
        return "task" if is_task(obj) else "future"
    return _BY_NAME.get(type_name(obj), "object") if type(kind) is type else "object"


def type_name(obj: object) -> str:
    """The qualified name of the type of `obj`."""
    return type.__dict__["__qualname__"].__get__(type(obj))  # type: ignore[no-any-return]


def _told(value: object) -> str:
    return _short.repr(value) if _is_plain(value) else f"<{type_name(value)}>"


def _is_plain(value: Any, depth: int = 2) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return kind is not int or value.bit_length() <= _BITS
    if kind not in _CONTAINERS or not depth or len(value) > _FEW:
        return False
    inner = [*value, *value.values()] if kind is dict else value
    return all(_is_plain(each, depth - 1) for each in inner)
