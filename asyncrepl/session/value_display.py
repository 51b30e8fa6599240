"""Showing the value of an expression, and keeping it as ``_``, ``__``, ``___`` and in ``Out``.

On a screen a long value is laid out and shortened (`asyncrepl.views.value_layout`). In a pipe, a
file and a transcript it is its ``repr``, character by character, as Python's own: what a check
prints does not depend on a screen. On the tape a value is one line, too, with ``…`` for what the
screen has not shown; so a session that is saved checks green elsewhere.

What is reported when the last reference to it goes (a coroutine, a task) is kept as ``_`` alone,
as in Python. ``Out`` is stricter, because it keeps values longer: see `ShownValues`.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Protocol

from asyncrepl.session.foreground_view import ForegroundView
from asyncrepl.session.shown_values import ShownValues
from asyncrepl.views.styled_lines import flowed, text_lines

if TYPE_CHECKING:
    from asyncrepl.session.frontend import Frontend

__all__ = ["ValueContext", "ValueDisplay"]

_NAMES = ("_", "__", "___")


class ValueContext(ForegroundView, Protocol):
    """What showing values needs: also who types."""

    @property
    def frontend(self) -> Frontend:
        """Who types."""


class ValueDisplay:
    """Shows the values of one session; for the loop's thread."""

    def __init__(self, context: ValueContext) -> None:
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
