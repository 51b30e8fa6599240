"""Commands for learning: the tour; the course, loading and showing a source, replaying.

``:tour``; ``:demos``, ``:load``, ``:source``; and ``:replay``, ``:pause``, ``:resume``, ``:step``,
which the frontend carries out.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING
from asyncrepl.runtime.files import paths_beginning_with, unquoted
from asyncrepl.runtime.shipped_demos import (
    DemoNotFoundError,
    demo_iterables,
    demo_transcripts,
    find_iterable,
    home_expanded,
)
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.session.tour_chapters import CHAPTERS
from asyncrepl.session.user_modules import (
    MissingModuleError,
    load_attribute,
    load_file,
    read_text,
)
from asyncrepl.syntax.static_inspection import (
    find_named,
    inspected,
    source_object,
    written_signature,
)
from asyncrepl.views.explanation_lines import tried_lines
from asyncrepl.views.styled_lines import (
    cell_width,
    code_lines,
    flowed,
    plain,
    printable,
    two_columns,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.session.user_modules import Loaded
    from asyncrepl.views.styled_lines import Line

#: The module in front of a class name in an annotation.
_MODULE_PREFIX = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")


def course_lines(width: int | None = None, replay: str = ":replay") -> list[Line]:
    """The course: the demos to replay, numbered, a line each, and how to play one.

    That stands behind the first title where there is room: with a line of its own, the
    course and the next prompt would be longer than a screen of 24 rows. `replay` is the
    command that plays one.
    """
    course = demo_transcripts()
    lines = _numbered([(demo.name, demo.title) for demo in course], width)
    hint = f"{replay} 1 plays it"
    beside = len(lines) == len(course)
    if beside and (width is None or cell_width(plain(lines[0])) + 3 + len(hint) < width):
        lines[0] = [*lines[0], ("dim", f"   {hint}")]
        return lines
    return [*flowed([("dim", f"{replay} 1 plays the first")], width), *lines]


def source_lines(width: int | None = None) -> list[Line]:
    """The sources to load, numbered, a line each, and how to load one."""
    rows = [(iterable.name, iterable.title) for iterable in demo_iterables()]
    hint = ":load NAME loads one, :source NAME shows its code; also module:attribute, FILE.py"
    return [*_numbered(rows, width), *flowed([("dim", hint)], width)]


def _numbered(rows: Sequence[tuple[str, str]], width: int | None) -> list[Line]:
    numbers = len(str(len(rows)))
    named = [(f"{number:{numbers}}  {name}", what) for number, (name, what) in enumerate(rows, 1)]
    return two_columns(named, width)


def _chapter_words(_shell: Shell, _typed: str) -> CompletionWords:
    chapters = {str(number): chapter.title for number, chapter in enumerate(CHAPTERS, 1)}
    return chapters | {"stop": "leave the tour"}


@command(
    ":tour [CHAPTER|stop]",
    "the first minutes, a line at a time: begin here",
    group="learning",
    rank=10,
    example=":tour",
    complete=_chapter_words,
    words=1,
    details="It offers each line on the input line: Tab takes it, Enter runs it. Type "
    "anything else, the tour waits. :tour takes it up where you left it.",
    saved=False,
)
def _tour(shell: Shell, rest: str) -> list[Line]:
    tour = shell.guide.tour
    if rest == "stop":
        tour.stop()
    elif not rest:
        tour.take_up()
    elif not rest.isdecimal() or not 0 < int(rest) <= len(CHAPTERS):
        raise CommandError(
            f":tour takes a chapter from 1 to {len(CHAPTERS)}, or stop; not {rest!r}"
        )
    else:
        tour.take_up(int(rest))
    return []


@command(":demos", "list the course: demos to replay", group="learning", rank=20, words=0)
def _demos(shell: Shell, _rest: str) -> list[Line]:
    return course_lines(shell.console.width)


def _iterable_names(_shell: Shell, _typed: str) -> CompletionWords:
    return {iterable.name: iterable.title for iterable in demo_iterables()}


def _loadable_names(_shell: Shell, typed: str) -> CompletionWords:
    names = {iterable.name: iterable.title for iterable in demo_iterables()}
    return names | (paths_beginning_with(typed, (".py",)) if typed else {})


@command(
    ":load [NAME]",
    "load a source to iterate over; alone, list them all",
    group="learning",
    rank=30,
    example=":load counter",
    complete=_loadable_names,
    details="NAME is one of the list, or its number; or module:attribute, or FILE.py. "
    "Its names are yours then, as if you had typed them.",
)
def _load(shell: Shell, rest: str) -> list[Line]:
    width = shell.console.width
    return _loaded_lines(_load_any(shell, unquoted(rest)), width) if rest else source_lines(width)


def _load_any(shell: Shell, name: str) -> Loaded:
    if name.endswith(".py"):
        return load_file(shell.session, home_expanded(name))
    if ":" in name:
        return load_attribute(shell.session, name)
    try:
        return load_file(shell.session, find_iterable(name).path)
    except DemoNotFoundError as error:
        raise CommandError(str(error)) from None
    except MissingModuleError as error:
        needed = error.module
        raise CommandError(
            f"{name} needs {needed}, which is not installed: pip install {needed}"
        ) from None


def _loaded_lines(loaded: Loaded, width: int | None) -> list[Line]:
    lines = [line for pair in loaded.objects.items() for line in _object_lines(*pair, width)]
    if loaded.attempt:
        lines += tried_lines([loaded.attempt], width)
    return lines or [[("dim", "loaded, but it defines no public name")]]


def _object_lines(name: str, value: Any, width: int | None) -> list[Line]:
    """What `name` is: its signature, and the first line of its documentation."""
    signature = flowed([("name", printable(name + _signature(value)))], width, indent=5)
    doc = (inspect.getdoc(inspected(value)) or "").partition("\n")[0] if callable(value) else ""
    lines = flowed([("dim", printable("     " + doc))], width, indent=5) if doc else []
    return [*signature, *lines]


def _signature(value: Any) -> str:
    """The signature of what can be called, with bare class names in it."""
    return _MODULE_PREFIX.sub("", call_text(value)) if callable(value) else ""


def call_text(value: Any) -> str:
    """The parameters of a callable in parentheses, as they are written; ``(…)`` if unknown."""
    try:
        return written_signature(value)
    except (TypeError, ValueError):
        return "(…)"


@command(
    ":source NAME",
    "show the code of a source, or of a name of yours",
    group="learning",
    rank=40,
    example=":source counter",
    complete=_iterable_names,
    verbatim=True,
    elsewhere="code psource",
)
def _source(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(
            ":source takes the name of a source, or one of yours: try :source ticks"
        )
    return source_code_lines(shell, rest)


def source_code_lines(shell: Shell, name: str) -> list[Line]:
    """The lines of the source of what `name` is in the session of `shell`, or of such a demo.

    For the loop's thread; a file may be read. Raises CommandError where there is none to show.
    """
    return code_lines(_source_text(shell, name).rstrip("\n"))


def _source_text(shell: Shell, name: str) -> str:
    found = find_named(name, shell.session.namespace)
    shipped = name not in shell.session.namespace and name in _iterable_names(shell, name)
    if found is not MISSING and not shipped:
        try:
            thing: Any = inspected(source_object(found))
            typed = _class_source(shell, thing)
            return typed or textwrap.dedent(inspect.getsource(thing))
        except (TypeError, OSError):
            kind = type(found).__name__
            raise CommandError(f"{name!r} has no source to show: it is of type {kind}") from None
    try:
        return read_text(find_iterable(name).path)
    except DemoNotFoundError as error:
        raise CommandError(f"{name!r} is not defined, and {error}") from None


def _class_source(shell: Shell, found: object) -> str:
    """The source of a class that was typed: it is in no file, as `inspect` asks for."""
    if type(found) is not type or found.__module__ != "__main__":
        return ""
    from asyncrepl.explain.source_units import Units

    home = Units(shell.session.sources).class_of(found)
    if home is None:
        return ""
    start, end = home[0].source.block(home[1])
    return textwrap.dedent(home[0].text[start:end])


@command(
    ":replay NAME|stop",
    "play a demo of the course, typed out live",
    group="learning",
    rank=50,
    example=":replay six-steps",
    own_loop=True,
    complete=lambda _shell, _typed: {demo.name: demo.title for demo in demo_transcripts()},
    details="NAME is one of :demos, or its number; or a file. Ctrl-C holds it and gives "
    "you the prompt, :resume goes on; :replay stop ends it and what it runs in the background, "
    "as does another :replay.",
)
def _replay(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":replay takes the name of a demo; :demos lists them")
    if rest == "stop":
        shell.frontend.control_replay("stop")
    else:
        shell.frontend.replay(unquoted(rest))
    return []


def _replay_control(word: str) -> Callable[[Shell, str], list[Line]]:
    def control(shell: Shell, _rest: str) -> list[Line]:
        shell.frontend.control_replay(word)
        return []

    return control


for _word, _rank, _summary in (
    ("pause", 60, "hold the demo that is played (also Ctrl-C)"),
    ("resume", 70, "go on with the demo"),
    ("step", 80, "play one statement of the demo, then hold"),
):
    command(f":{_word}", _summary, group="learning", rank=_rank, words=0)(_replay_control(_word))
