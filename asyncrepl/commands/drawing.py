"""Drawing time: the tasks of the last seconds, the values of sources."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Any

from asyncrepl.commands.explaining import explain_outcome
from asyncrepl.commands.registry import CommandError
from asyncrepl.engine.marbles import MOST, Marbles
from asyncrepl.engine.session import Outcome
from asyncrepl.language.walks import TAKE, compile_walk, expressions, walk_text
from asyncrepl.views.errors import exception_line
from asyncrepl.views.explanations import explanation_lines
from asyncrepl.views.marbles import marble_lines
from asyncrepl.views.styled import plain
from asyncrepl.views.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from types import CodeType

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.marbles import MarbleRow, Walk
    from asyncrepl.language.sources import Source
    from asyncrepl.views.styled import Line

__all__ = ["draw_marbles", "draw_timeline", "marbles"]

#: Columns where the output is no screen.
WIDTH = 80
_LIMIT = re.compile(r"(.+)\sfor\s+(\S+)", re.DOTALL)


def draw_timeline(shell: Shell, rest: str) -> list[Line]:
    """What ``:timeline`` answers."""
    seconds = _seconds(shell, "timeline", rest) if rest else None
    recorded = shell.observing.timeline
    if recorded is None:
        shell.observing.want("timeline")
        return [[("dim", "nothing was recorded so far; from now on it is: :timeline draws it")]]
    width = _width(shell)
    now = shell.loop.live.clock.shown_ns()
    lines = timeline(recorded.snapshot(), now, width, seconds=seconds, ascii=shell.console.ascii)
    return lines or [[("dim", "no task has run" + (f" in the last {rest} s" if rest else ""))]]


def _width(shell: Shell) -> int:
    """The cells of a picture: a terminal's last column stays free."""
    return shell.console.width - 1 if shell.console.width else WIDTH


def _seconds(shell: Shell, name: str, word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        raise CommandError(
            f":{name} takes seconds, not {word!r}: try {_example(shell, name)}"
        ) from None
    if not 0 < seconds < math.inf:
        raise CommandError(f":{name} takes more than 0 seconds, not {seconds:g}")
    return seconds


def _example(shell: Shell, name: str) -> str:
    return shell.registry.find(name).example


def draw_marbles(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    """What ``:marbles`` answers."""
    if not rest:
        raise CommandError(f":marbles takes expressions: try {_example(shell, 'marbles')}")
    text, seconds = _with_limit(shell, rest)
    try:
        walks = [_compiled(shell, expression) for expression in expressions(text)]
    except SyntaxError as error:
        reason = f"{type(error).__name__}: {error.msg}"
        raise CommandError(f":marbles: {reason}; try {_example(shell, 'marbles')}") from None
    if not walks:
        raise CommandError(f":marbles takes expressions: try {_example(shell, 'marbles')}")
    return _Drawing(shell, walks).lines(seconds)


def _with_limit(shell: Shell, rest: str) -> tuple[str, float | None]:
    """The expressions, and the seconds of a ``for SECONDS`` behind them."""
    found = _LIMIT.fullmatch(rest)
    if found is None or _parses(rest):
        return rest, None
    return found[1], _seconds(shell, "marbles", found[2])


def _parses(text: str) -> bool:
    try:
        return bool(expressions(text))
    except SyntaxError:
        return False


def _compiled(shell: Shell, expression: str) -> tuple[str, Source, CodeType]:
    """The label of a row, and the statement that walks it, which the session then knows."""
    filename = f"<marbles {len(shell.session.sources) + 1}>"
    text = walk_text(expression)
    source, code = compile_walk(filename, text)
    shell.session.sources.add(filename, text, source.tree)
    return " ".join(expression.split()), source, code


class _Drawing:
    """One ``:marbles``: the sources that are walked, and the errors of those that failed."""

    def __init__(self, shell: Shell, walks: list[tuple[str, Source, CodeType]]) -> None:
        self._shell = shell
        self._walks = walks
        self._errors: dict[int, Exception] = {}

    async def lines(self, seconds: float | None) -> list[Line]:
        """Walk all until they end or time is up; Ctrl-C shows what was seen until then."""
        walking = Marbles(
            [(label, self._walk(code)) for label, _, code in self._walks],
            failed=self._errors.__setitem__,
            came=self._came,
            context=self._shell.session.context,
        )
        try:
            await walking.run(seconds)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        console, rows = self._shell.console, walking.rows
        errors = [line for number in sorted(self._errors) for line in self._error_lines(number)]
        picture = marble_lines(rows, _width(self._shell), ascii=console.ascii)
        return [*picture, *_stopped(rows), *errors]

    def _walk(self, code: CodeType) -> Walk:
        def walk(take: Callable[[object], bool]) -> Awaitable[object]:
            coroutine: Awaitable[object] = eval(code, self._shell.session.namespace, {TAKE: take})
            return coroutine

        return walk

    def _came(self) -> None:
        if (recorded := self._shell.observing.timeline) is not None:
            recorded.mark("value")

    def _error_lines(self, number: int) -> list[Line]:
        """What is told of a failed row, when the walk is over: explaining it takes time."""
        label, source, _ = self._walks[number]
        shell, outcome = self._shell, Outcome(source, self._errors[number])
        more = number != max(self._errors)
        shell.last = outcome
        shell.explanation = explain_outcome(shell.session, outcome, more=more)
        name = label if len(self._walks) > 1 else ""
        lines = [_named(name, exception_line(self._errors[number]))]
        if shell.explanation is not None:
            width = shell.console.width
            lines += explanation_lines(shell.explanation, shell.session.sources, width)
        return lines


async def marbles(*iterables: AsyncIterable[Any], seconds: float | None = None) -> str:
    """The marble diagram of async iterables that are walked at the same time, as text.

    What ``:marbles`` shows, 80 columns wide: it takes as long as the longest source,
    at most `seconds` of the loop's time; a source is stopped after 1,000 values. A
    source's exception ends its row and is told below the diagram, it is not raised.
    Where this is cancelled, the sources are, too.
    """
    names = [_name_of(iterable) for iterable in iterables]
    told: dict[int, Line] = {}

    def failed(number: int, error: Exception) -> None:
        name = names[number] if len(names) > 1 else ""
        told[number] = _named(name, exception_line(error))

    walks = [(name, _walk_of(iterable)) for name, iterable in zip(names, iterables, strict=True)]
    walking = Marbles(walks, failed=failed)
    await walking.run(seconds)
    lines = [*marble_lines(walking.rows, WIDTH), *_stopped(walking.rows)]
    return "\n".join(map(plain, [*lines, *(told[number] for number in sorted(told))]))


def _walk_of(iterable: AsyncIterable[Any]) -> Walk:
    async def walk(take: Callable[[object], bool]) -> None:
        async for value in iterable:
            if take(value):
                break

    return walk


def _name_of(iterable: object) -> str:
    """What a source is called: its function, if it is an async generator, or its class."""
    name = getattr(iterable, "__name__", None) if hasattr(iterable, "ag_frame") else None
    return str(name or type(iterable).__name__)


def _stopped(rows: list[MarbleRow]) -> list[Line]:
    if any(row.end == "open" and len(row.marbles) >= MOST for row in rows):
        return [[("dim", f"stopped after {MOST:,} values")]]
    return []


def _named(name: str, line: Line) -> Line:
    return [("name", name), ("", ": "), *line] if name else line
