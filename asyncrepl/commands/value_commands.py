"""Commands that look at values: ``NAME?``, ``:show``, and ``:debug`` at the last error.

The name is looked up without running a line of the user's code: a property is not asked for its
value, and a value not for its ``repr``.

``:show``: all of a value, where the prompt has shown its beginning.

``:debug``: the names where the last error arose, and pdb in that very frame.

A traceback often ends in a library, or in asyncio; what was wrong stands further out. So pdb opens
in the innermost frame of the user's own code. Of a group of errors it is the first one's.
"""

from __future__ import annotations

import inspect
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.demo_commands import call_text, source_code_lines
from asyncrepl.commands.diagram_commands import DEFAULT_WIDTH
from asyncrepl.engine.code_owner import location_text, short_filename, user_entries
from asyncrepl.engine.tasks.await_chain import name_of_type
from asyncrepl.events.object_info import MISSING, code_of, is_real_instance
from asyncrepl.runtime.configuration import closest_match
from asyncrepl.runtime.isolation import is_library
from asyncrepl.runtime.shipped_demos import is_shipped_source
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.syntax.static_inspection import (
    ROUTINES,
    find_named,
    inspected,
    names_like,
    source_object,
)
from asyncrepl.views.async_kinds import async_kind, async_use, kind_of_instances
from asyncrepl.views.error_lines import describe_error
from asyncrepl.views.styled_lines import flowed, one_line, printable, prose, two_columns

if TYPE_CHECKING:
    from types import TracebackType

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


def _names(shell: Shell, _typed: str) -> CompletionWords:
    names = [name for name in shell.session.namespace if type(name) is str]
    return [name for name in names if not name.startswith("_")]


@command(
    ":info [NAME[??]]",
    "what a name is to async code (also NAME?)",
    group="learning",
    rank=35,
    example=":info asyncio.sleep",
    complete=_names,
    words=1,
    verbatim=True,
    details="Its signature, whether it needs await or async for, where it stands, its "
    "docstring. With two question marks, NAME??, its source. Alone it lists your names; "
    "asyncio.*lock* those that are so called. "
    "No code of yours runs.",
    elsewhere="dir doc inspect locals pdoc pinfo vars who whos",
)
def _info(shell: Shell, rest: str) -> list[Line]:
    name = rest.strip("? ")
    if "*" in name:
        return _alike(name, shell)
    if not name:
        own = shell.session.namespace
        rows = [(printable(name), _short_kind(own[name])) for name in _names(shell, "")]
        return two_columns(rows, shell.console.width)
    found = find_named(name, shell.session.namespace)
    if found is MISSING:
        raise CommandError(f"{one_line(name)!r} is not defined{_hint(name, shell)}")
    head = _head(name, found, shell.console.width)
    if rest.endswith("??"):
        return [*head, *source_code_lines(shell, name)]
    text = inspect.getdoc(inspected(found))
    style = "" if text else "dim"
    return [*head, *prose(text or "no docstring", shell.console.width, style)]


def _alike(pattern: str, shell: Shell) -> list[Line]:
    """What has a name like `pattern`, in which ``*`` is any text, as IPython finds it."""
    found = names_like(pattern, shell.session.namespace)
    if not found:
        raise CommandError(f"no name is like {pattern!r}")
    rows = [(printable(name), _short_kind(value)) for name, value in found.items()]
    return two_columns(rows, shell.console.width)


def _hint(name: str, shell: Shell) -> str:
    """What may have been meant by a name that is none."""
    if is_shipped_source(name):
        return f"; :load {name} loads it"
    near = closest_match(name, shell.session.namespace)
    return f"; did you mean {near}?" if near else ""


def _head(name: str, value: Any, width: int | None) -> list[Line]:
    called = call_text(value) if callable(value) else f": {_described(value)}"
    head = ("name", printable(name + called)), ("label", _kind(value)), ("dim", _place(value))
    return [row for piece in head if piece[1] for row in flowed([piece], width, 4)]


def _kind(value: Any) -> str:
    """What it is to async code, and what to do with it."""
    if is_real_instance(value, type):
        made = kind_of_instances(value)
        return "" if made is None else f"an instance is an {made.name}: {made.use}"
    kind = async_kind(source_object(value) if callable(value) else value)
    if kind is not None:
        return f"{kind.name}: {kind.use}"
    if not is_real_instance(value, ROUTINES):
        return ""
    use = async_use(value)
    return f"plain function: what it gives {use}" if use else _PLAIN


def _described(value: Any) -> str:
    """Its type, and of what is plain the value, of a collection the size."""
    kind = name_of_type(type(value)) + _size(value)
    if type(value) in (str, bytes):
        return f"{kind} = {value[:_MAX_SHOWN]!r}{'…' * (len(value) > _MAX_SHOWN)}"
    written = type(value) in (int, float, complex, bool)
    # A number that is very long could not be written at all.
    return f"{kind} = {value!r}" if written and not abs(value) > _MAX_NUMBER else kind


def _size(value: Any) -> str:
    sized = type(value) in (list, tuple, dict, set, frozenset, str, bytes)
    return f" of {len(value):,}" if sized else ""


def _short_kind(value: Any) -> str:
    """What it is, to async code if it is something to it, in a few words."""
    if value is None:
        return "None"
    if is_real_instance(value, type):
        made = kind_of_instances(value)
        return "class" if made is None else f"class of an {made.name}"
    if (found := async_kind(source_object(value) if callable(value) else value)) is not None:
        return found.name
    if is_real_instance(value, ROUTINES):
        return "function"
    return printable(name_of_type(type(value))) + _size(value)


_MAX_SHOWN, _MAX_NUMBER = 60, 1e60
_PLAIN = "plain function: the call itself needs no await"


def _place(value: Any) -> str:
    try:
        thing: Any = inspected(source_object(value))
        filename = inspect.getsourcefile(thing) or inspect.getfile(thing)
    except (TypeError, OSError):
        return ""
    code = code_of(thing)
    line = f":{code.co_firstlineno}" if code is not None else ""
    return short_filename(filename) + line


@command(
    ":show [EXPRESSION]",
    "show all of a value; alone, of the last one",
    group="session",
    rank=5,
    example=":show _",
    complete=lambda _shell, _typed: {
        "_": "the last value",
        "__": "the one before",
        "___": "the one before that",
        "Out": "all that are kept, by the number of their input",
    },
    verbatim=True,
    details="What the prompt shortens, in full, page by page. Python twin: pprint.pp(_).\n"
    "_, __ and ___ are the last three values. Out[7], or _7, is the value of <input 7>, as "
    "tracebacks call it; Out has the last 1,000 with their numbers, but none that is, or holds, "
    "something whose end is reported, such as a task.",
    elsewhere="pp print",
)
def _show(shell: Shell, rest: str) -> list[Line]:
    from asyncrepl.views.value_layout import Page, whole_value_lines

    value = _evaluated(shell, rest or "_")
    columns = shell.console.width or DEFAULT_WIDTH
    lines = whole_value_lines(value, Page(columns, ascii=shell.console.ascii))
    if type(value) is CoroutineType:
        shell.leak_reporter.explained.add(value)  # it is gone in a moment
        lines.append([("dim", "coroutine: await it")])
    return lines


def _evaluated(shell: Shell, text: str) -> object:
    """The value of the expression `text`; raises CommandError in the words of its error."""
    try:
        return eval(compile(text, "<:show>", "eval", dont_inherit=True), shell.session.namespace)
    except Exception as error:
        if text == "_" and isinstance(error, NameError):
            raise CommandError("no value has been shown: try :show [1, 2, 3]") from None
        told = describe_error(error).removesuffix(" (<:show>, line 1)")  # of what is above it
        raise CommandError(f":show {one_line(text)}: {told}") from None


_MAX_NESTED = 20  # groups in groups: the user may have made them a ring


@command(
    ":debug",
    "look around where the last error arose, with pdb",
    group="mistakes",
    rank=40,
    words=0,
    saved=False,
    details="Shows the names and their values there, and opens pdb in the innermost frame "
    "of your code. The loop stands still meanwhile. Python twin: pdb.pm().",
    elsewhere="pdb",
)
def _debug(shell: Shell, _rest: str) -> list[Line]:
    error = None if shell.last is None else shell.last.error
    if error is None:
        raise CommandError("no error yet: there is nothing to debug")
    first = _first_of_group(error)
    entry = _failing_entry(first.__traceback__)
    if entry is None:
        kind = type(first).__name__
        raise CommandError(f"the {kind} has no frame to look at: nothing of it has run")
    if not shell.frontend.debugs:
        raise CommandError(f":debug needs a terminal to ask in; it arose at {_location(entry)}")
    shell.console.show_unrecorded(*_frame_lines(shell, first, entry))
    shell.frontend.post_mortem(first, entry)
    return []


def _first_of_group(error: BaseException) -> BaseException:
    """The error itself; of a group the first one in it."""
    for _ in range(_MAX_NESTED):
        if not isinstance(error, BaseExceptionGroup):
            break
        error = error.exceptions[0]
    return error


def _failing_entry(traceback: TracebackType | None) -> TracebackType | None:
    """The innermost entry in the user's own code, else in a library that it uses."""
    entries = list(user_entries(traceback))
    own = [entry for entry in entries if not is_library(entry.tb_frame.f_code.co_filename)]
    return next(reversed(own or entries), None)


def _location(entry: TracebackType) -> str:
    return location_text(entry.tb_frame.f_code.co_filename, entry.tb_lineno)


def _frame_lines(shell: Shell, error: BaseException, entry: TracebackType) -> list[Line]:
    """The error, and its place with the names and their values there."""
    from asyncrepl.engine.loop.debug_control import scope_of
    from asyncrepl.views.status_rows import scope_lines

    width = shell.console.width
    return [
        *flowed([("error", describe_error(error))], width, 2),
        *scope_lines([scope_of(entry.tb_frame)], width),
        *flowed([("dim", "pdb: w where, u up, d down, p EXPRESSION, q leaves")], width, 2),
    ]
