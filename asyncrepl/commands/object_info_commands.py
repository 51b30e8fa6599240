"""``NAME?`` and ``NAME??``: what something is, above all to async code; and its source.

The name is looked up without running a line of the user's code: a property is not asked for its
value, and a value not for its ``repr``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.demo_commands import source_text
from asyncrepl.engine.code_owner import short_filename
from asyncrepl.events.object_info import MISSING
from asyncrepl.runtime.shipped_demos import is_shipped_source
from asyncrepl.runtime.word_matching import closest_match
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.session.source_loader import LoadError
from asyncrepl.syntax.static_inspection import find_named, source_object, written_signature
from asyncrepl.views.async_kinds import async_kind, kind_of_instances
from asyncrepl.views.styled_lines import code_lines, flowed, one_line, printable, text_lines

if TYPE_CHECKING:
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__: list[str] = []


def _names(shell: Shell, _typed: str) -> CompletionWords:
    return [name for name in shell.session.namespace if not name.startswith("_")]


@command(
    ":info NAME[??]",
    "what something is to async code (also NAME?)",
    group="learning",
    rank=35,
    example=":info asyncio.sleep",
    complete=_names,
    words=1,
    verbatim=True,
    details="Its signature, whether it needs await or async for, where it stands, its "
    "docstring. With two question marks, NAME??, its source. No code of yours runs.",
)
def _info(shell: Shell, rest: str) -> list[Line]:
    name = rest.strip("? ")
    if not name:
        raise CommandError(":info takes a name: try :info asyncio.sleep, or asyncio.sleep?")
    found = find_named(name, shell.session.namespace)
    if found is MISSING:
        raise CommandError(f"{one_line(name)!r} is not defined{_hint(name, shell)}")
    head = _head(name, found, shell.console.width)
    if rest.endswith("??"):
        return [*head, *_source(shell, name)]
    return [*head, *(row for line in _doc(found) for row in flowed(line, shell.console.width))]


def _hint(name: str, shell: Shell) -> str:
    """What may have been meant by a name that is none."""
    if is_shipped_source(name):
        return f"; :load {name} loads it"
    near = closest_match(name, shell.session.namespace)
    return f"; did you mean {near}?" if near else ""


def _head(name: str, value: Any, width: int | None) -> list[Line]:
    lines: list[Line] = [
        [("name", printable(name + _signature_or_type(value)))],
        [("label", _kind(value))],
        [("dim", _place(value))],
    ]
    return [row for line in lines if line[0][1] for row in flowed(line, width, 4)]


def _signature_or_type(value: Any) -> str:
    if not callable(value):
        return f": {type(value).__name__}"
    try:
        return written_signature(value)
    except (TypeError, ValueError):
        return "(…)"


def _kind(value: Any) -> str:
    """What it is to async code, and what to do with it."""
    if isinstance(value, type):
        of_instances = kind_of_instances(value)
        return (
            ""
            if of_instances is None
            else f"an instance is an {of_instances.name}: " + (of_instances.use)
        )
    kind = async_kind(source_object(value) if callable(value) else value)
    if kind is not None:
        return f"{kind.name}: {kind.use}"
    return "plain function: the call itself needs no await" if inspect.isroutine(value) else ""


def _place(value: Any) -> str:
    try:
        thing = source_object(value if callable(value) or inspect.ismodule(value) else type(value))
        filename = inspect.getsourcefile(thing) or inspect.getfile(thing)
    except (TypeError, OSError):
        return ""
    code = getattr(thing, "__code__", None)
    line = f":{code.co_firstlineno}" if code is not None else ""
    return short_filename(filename) + line


def _doc(value: Any) -> list[Line]:
    text = inspect.getdoc(value)
    return text_lines(text) if text else [[("dim", "no docstring")]]


def _source(shell: Shell, name: str) -> list[Line]:
    try:
        return code_lines(source_text(shell, name).rstrip("\n"))
    except LoadError as error:
        raise CommandError(str(error)) from None
