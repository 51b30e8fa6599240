"""Showing the value of an expression, and keeping it as ``_``, ``__``, ``___`` and in ``Out``.

On a screen a long value is laid out and shortened (`asyncrepl.views.value_layout`). In a pipe, a
file and a transcript it is its ``repr``, character by character, as Python's own: what a check
prints does not depend on a screen. On the tape a value is one line, too, with ``…`` for what the
screen has not shown; so a session that is saved checks green elsewhere.

What is reported when the last reference to it goes (a coroutine, a task) is kept as ``_`` alone,
as in Python. ``Out`` is stricter, because it keeps values longer: see `ShownValues`.

``Out``: the values that the prompt has shown, by the number of their input; bounded.

``Out[7]`` and ``_7`` are the value of ``<input 7>``, as tracebacks and reports call it. They are
names in ``builtins``, as ``_`` is: a name of the user's goes before them.

IPython keeps every value for ever. Here that would take away what the tool is for: a task that
failed unseen and a generator left open are reported when the last reference to them goes. So a
value is kept only if nobody could notice: if neither it nor anything it refers to is a task, a
coroutine, a generator, an awaitable, or has a ``__del__`` or a weak reference to it. (An entry of
a list is as good as the list; to ask the value alone kept ``[asyncio.create_task(f())]``.) What it
refers to may change while it is kept, so some of the values are looked at again after each input;
then the report comes some inputs late at worst, but comes.

Looking follows references as the garbage collector does: no line of the user's code runs. It ends
at what is there for ever anyway: modules, classes, the names of the session, the globals of
functions. What is too large to be looked at in some milliseconds is not kept.
"""

from __future__ import annotations

import builtins
import gc
import weakref
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.views.styled_lines import flowed, text_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncrepl.session.frontend import ForegroundView

_NAMES = ("_", "__", "___")


class ValueDisplay:
    """Shows the values of one session; for the loop's thread."""

    def __init__(self, context: ForegroundView) -> None:
        self._context = context
        self._said: tuple[int, object] = 0, None
        self._kept = ShownValues(context.session.namespace)

    def show(self, value: object) -> None:
        """Show `value`, and keep it in ``_``. Raises what its ``__repr__`` raises."""
        self._move_names()
        self._write(value)
        vars(builtins)["_"] = value
        self._kept.keep(self._context.session.count, value)

    def statement_ended(self) -> None:
        """A statement is over: what it has made of the values that are kept may change that."""
        self._kept.look_again()

    def say_kind(self, value: object) -> None:
        """Tell a person what `value` is to async code; it is no part of the session."""
        context = self._context
        if not context.frontend.teaches or context.frontend.scripted or callable(value):
            return
        from asyncrepl.views.async_kinds import async_kind

        found = async_kind(value)
        if found is not None and self._said != (context.session.count, found):
            self._said = context.session.count, found  # two alike in one input are told once
            line = [("dim", f"{found.name}: {found.use}")]
            context.console.show_unrecorded(*flowed(line, context.console.width, 2))

    def forget(self) -> None:
        """Keep no value any more."""
        self._kept.forget()
        for name in _NAMES:
            vars(builtins).pop(name, None)

    def _move_names(self) -> None:
        """What ``_`` was is ``__`` now; nothing is ``_`` while a ``__repr__`` runs."""
        names = vars(builtins)
        before = names.get("_")
        names["_"] = None
        if before is None:
            return
        from asyncrepl.views.async_kinds import dies_with_a_report

        if not dies_with_a_report(before):
            if "__" in names:
                names["___"] = names["__"]
            names["__"] = before

    def _write(self, value: object) -> None:
        console = self._context.console
        if not console.pretty or console.width is None:
            console.show(*text_lines(repr(value)))
            return
        from asyncrepl.views.value_layout import Page, shown_value

        rows = self._context.frontend.value_rows
        shown = shown_value(value, Page(console.width, rows, console.ascii))
        console.show(*shown.lines, recorded=shown.recorded)


_NAME = "Out"
_MAX_VALUES = 1000
#: What is followed of one value: references, and objects that have some.
_MAX_REFERENCES, _MAX_OBJECTS = 100_000, 10_000
#: References that are followed after an input, of the values kept so far.
_MAX_LOOKED_AT_AGAIN = 10_000
_RUNNING = (CoroutineType, AsyncGeneratorType, GeneratorType, FrameType, TracebackType)
_LASTING = (ModuleType, type, CodeType)


class _Out(dict[int, Any]):
    """What ``Out`` is: a dict that says why a number is missing."""

    def __missing__(self, number: object) -> Any:
        raise KeyError(f"input {number!r} has shown no value that could be kept")


class ShownValues:
    """The values that were shown last, those that can be kept; for the loop's thread.

    `lasting` are the names of the session, which refer to everything.
    """

    def __init__(self, lasting: Mapping[str, Any]) -> None:
        self._lasting = lasting
        self._values = _Out()
        #: Which values are looked at again next, as long as they are there.
        self._waiting: list[int] = []

    def keep(self, number: int, value: object) -> None:
        """`value` was shown, of the input `number`."""
        names = vars(builtins)
        if names.setdefault(_NAME, self._values) is not self._values:
            return  # somebody else's, an IPython's
        self._drop(number)
        if value is self._values or self._references(value) is None:
            return
        self._values[number] = names[f"_{number}"] = value
        while len(self._values) > _MAX_VALUES:
            self._drop(next(iter(self._values)))

    def look_again(self) -> None:
        """Drop values that have come to hold what cannot be kept; some of them at each call."""
        looked_at = 0
        while self._values and looked_at < _MAX_LOOKED_AT_AGAIN:
            if not self._waiting:
                self._waiting = [*self._values]
                if looked_at:
                    return  # each once
            number = self._waiting.pop()
            if number not in self._values:
                continue
            count = self._references(self._values[number])
            looked_at += 1 if count is None else count + 1
            if count is None:
                self._drop(number)

    def forget(self) -> None:
        """Keep nothing any more, until the next value."""
        for number in [*self._values]:
            self._drop(number)
        if vars(builtins).get(_NAME) is self._values:
            del vars(builtins)[_NAME]

    def _drop(self, number: int) -> None:
        self._values.pop(number, None)
        vars(builtins).pop(f"_{number}", None)

    def _references(self, value: object) -> int | None:
        return _followed(value, {id(self._lasting), id(vars(builtins)), id(self._values)})


def _followed(value: object, seen: set[int]) -> int | None:
    """How many references were followed from `value`; None if it is not to be kept.

    Objects whose ids are in `seen` are passed over.
    """
    if not gc.is_tracked(value) or _is_lasting(value):
        return 0
    left, count = [value], 0
    noticed: dict[type, bool] = {}  # a type is asked once, however many there are of it
    while left:
        each = left.pop()
        kind = type(each)
        if kind not in noticed:
            waits = lookup(kind, "__await__") is not MISSING
            dies = lookup(kind, "__del__") is not MISSING
            noticed[kind] = waits or dies or issubclass(kind, _RUNNING)
        if noticed[kind] or weakref.getweakrefcount(each):
            return None
        found = _referents(each)
        count += len(found)
        if count > _MAX_REFERENCES or len(seen) > _MAX_OBJECTS:
            return None
        for other in found:
            if gc.is_tracked(other) and id(other) not in seen and not _is_lasting(other):
                seen.add(id(other))
                left.append(other)
    return count


def _is_lasting(value: object) -> bool:
    return issubclass(type(value), _LASTING)


def _referents(value: Any) -> list[Any]:
    """What `value` refers to; of a function without its globals."""
    kind = type(value)
    if issubclass(kind, FunctionType):
        held = value.__closure__, value.__defaults__, value.__kwdefaults__
        return [*held, *value.__dict__.values()]
    for container in (list, tuple, dict, set, frozenset):
        # Not its own __len__(), which may be the user's.
        if issubclass(kind, container) and container.__len__(value) > _MAX_REFERENCES:
            return [None] * (_MAX_REFERENCES + 1)
    return gc.get_referents(value)
