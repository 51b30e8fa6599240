"""Commands for the demos: list them, load an iterable, show its source."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.registry import Command, CommandError
from asyncrepl.engine.loading import LackingError, LoadError, load_attribute, load_file, read_text
from asyncrepl.language.parameters import spelled_signature
from asyncrepl.language.shipped import ShippedError, demos, find_iterable, iterables
from asyncrepl.views.highlight import code_lines
from asyncrepl.views.styled import printable, wrapped
from asyncrepl.views.table import meaning_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.loading import Loaded
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS", "demo_lines"]

#: The module in front of a class name in an annotation.
_MODULES = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")


def demo_lines(width: int | None = None) -> list[Line]:
    """The shipped demos: transcripts to replay and iterables to load, with their titles."""
    transcripts = [(demo.name, demo.title) for demo in demos()]
    modules = [(iterable.name, iterable.title) for iterable in iterables()]
    return [
        [("bold", "to replay"), ("dim", "  :replay NAME, or asyncrepl replay NAME")],
        *meaning_lines(transcripts, width, modules),
        [("bold", "to load"), ("dim", "  :load NAME, :source NAME")],
        *meaning_lines(modules, width, transcripts),
    ]


def _demos(shell: Shell, _rest: str) -> list[Line]:
    return demo_lines(shell.console.width)


def _load(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":load takes a demo's name, module:attribute or a .py path")
    try:
        return _loaded_lines(_load_any(shell, rest), shell.console.width)
    except (LoadError, ShippedError) as error:
        raise CommandError(str(error)) from None


def _load_any(shell: Shell, name: str) -> Loaded:
    if name.endswith(".py"):
        return load_file(shell.session, Path(name).expanduser())
    if ":" in name:
        return load_attribute(shell.session, name)
    try:
        return load_file(shell.session, find_iterable(name).path)
    except LackingError as error:
        needed = error.module
        raise CommandError(
            f"{name} needs {needed}, which is not installed: pip install {needed}"
        ) from None


def _loaded_lines(loaded: Loaded, width: int | None) -> list[Line]:
    lines = [line for pair in loaded.objects.items() for line in _described(*pair, width)]
    if loaded.attempt:
        lines.append([("label", "try  "), *code_lines(loaded.attempt)[0]])
    return lines or [[("dim", "loaded, but it defines no public name")]]


def _described(name: str, value: Any, width: int | None) -> list[Line]:
    """What `name` is: its signature, and the first line of its documentation."""
    signature = wrapped(printable(name + _signature(value)), width, indent=5)
    doc = (inspect.getdoc(value) or "").partition("\n")[0] if callable(value) else ""
    lines = wrapped(printable("     " + doc), width, indent=5) if doc else []
    return [*([("name", line)] for line in signature), *([("dim", line)] for line in lines)]


def _signature(value: Any) -> str:
    """The signature of what can be called, with bare class names in it."""
    if not callable(value):
        return ""
    try:
        return _MODULES.sub("", spelled_signature(value))
    except (TypeError, ValueError):
        return "(…)"


def _source(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":source takes a demo's name, or a name you have defined")
    try:
        return code_lines(_source_text(shell, rest).rstrip("\n"))
    except LoadError as error:
        raise CommandError(str(error)) from None


def _source_text(shell: Shell, name: str) -> str:
    if name in shell.session.namespace:
        try:
            return inspect.getsource(shell.session.namespace[name])
        except (TypeError, OSError):
            kind = type(shell.session.namespace[name]).__name__
            raise CommandError(f"{name!r} has no source to show: it is of type {kind}") from None
    try:
        return read_text(find_iterable(name).path)
    except ShippedError as error:
        raise CommandError(f"{name!r} is not defined, and {error}") from None


def _iterable_names(_shell: Shell, _typed: str) -> Sequence[str]:
    return [iterable.name for iterable in iterables()]


COMMANDS = (
    Command("demos", ":demos", "list the demos with their titles", ":demos", _demos),
    Command(
        "load",
        ":load NAME",
        "load a demo iterable, module:attribute or a .py path",
        ":load counter",
        _load,
        _iterable_names,
    ),
    Command(
        "source",
        ":source NAME",
        "show the source of a demo or of a name",
        ":source counter",
        _source,
        _iterable_names,
    ),
)
