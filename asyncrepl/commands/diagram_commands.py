"""Commands that draw, ``:timeline`` and ``:marbles``: recent tasks, the values of sources.

`marbles` is the Python twin of ``:marbles``.
"""

from __future__ import annotations

import ast
import asyncio
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.iteration.marble_recorder import MAX_VALUES, MarbleRecorder
from asyncrepl.engine.statements import Outcome
from asyncrepl.instrument.compilation import (
    VALUE_CALLBACK,
    compile_iteration,
    iteration_text,
    split_expressions,
)
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.session.mistake_reporter import explain_outcome
from asyncrepl.session.outcome_reporter import set_last_error
from asyncrepl.syntax.parsed_input import syntax_tree
from asyncrepl.views.error_lines import exception_line
from asyncrepl.views.explanation_lines import explanation_lines
from asyncrepl.views.glyphs import glyph_rows
from asyncrepl.views.lanes import timeline_lines
from asyncrepl.views.marble_diagram import marble_lines
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable
    from types import CodeType

    from asyncrepl.engine.iteration.marble_recorder import MarbleRow, SourceReader
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.shell import Shell
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line

#: Columns where the output is no screen.
DEFAULT_WIDTH = 80
_TIME_LIMIT = re.compile(r"(.+)\sfor\s+(\S+)", re.DOTALL)


@command(
    ":timeline [SECONDS]",
    "draw what ran lately: who ran when, who waited",
    group="seeing",
    rank=40,
    example=":timeline 2.5",
    details="The last SECONDS; without them, since the last input began. The line below "
    "says what the marks mean, :help lanes all of them.",
)
def _draw_timeline(shell: Shell, rest: str) -> list[Line]:
    seconds = _seconds(shell, "timeline", rest) if rest else None
    recorded = shell.observing.timeline
    if recorded is None:
        shell.observing.want("timeline")
        return [[("dim", "nothing was recorded so far; from now on it is: :timeline draws it")]]
    width = _picture_width(shell)
    now = shell.loop.live.clock.shown_ns()
    lines = timeline_lines(
        recorded.snapshot(), now, width, seconds=seconds, ascii=shell.console.ascii
    )
    return lines or [[("dim", "no task has run" + (f" in the last {rest} s" if rest else ""))]]


def _picture_width(shell: Shell) -> int:
    """The cells of a picture: a terminal's last column stays free."""
    return shell.console.width - 1 if shell.console.width else DEFAULT_WIDTH


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


@command(
    ":marbles EXPR, … [for N]",
    "draw the values of sources over time",
    group="seeing",
    rank=50,
    example=":marbles ticks(3), ticks(9, 0.5) for 2",
    details="Until the sources end, N seconds have passed, or Ctrl-C.",
    more=lambda _shell: [
        [("", "  The marks, and what they are in plain ASCII:")],
        *glyph_rows("marbles"),
    ],
)
def _draw_marbles(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    text, seconds = _with_limit(shell, rest)
    example = _example(shell, "marbles")
    try:
        expressions = split_expressions(text) if text else []
        sources = [_compiled_iteration(shell, expression) for expression in expressions]
    except SyntaxError as error:
        reason = f"{type(error).__name__}: {error.msg}"
        raise CommandError(f":marbles: {reason}; try {example}") from None
    if not sources:
        raise CommandError(f":marbles takes expressions: try {example}")
    return _MarbleDrawing(shell, sources).lines(seconds)


def _with_limit(shell: Shell, rest: str) -> tuple[str, float | None]:
    """The expressions, and the seconds of a ``for SECONDS`` behind them."""
    found = _TIME_LIMIT.fullmatch(rest)
    if found is None:
        return rest, None
    with suppress(SyntaxError):  # else the words may belong to an expression
        if split_expressions(rest):
            return rest, None
    return found[1], _seconds(shell, "marbles", found[2])


def _compiled_iteration(shell: Shell, expression: str) -> tuple[str, Source, CodeType]:
    """The label of a row, and the statement that iterates over it; the session then knows it."""
    filename = f"<marbles {len(shell.session.sources) + 1}>"
    text = iteration_text(expression)
    source, code = compile_iteration(filename, text)
    shell.session.sources.add(filename, text, source.tree)
    return " ".join(expression.split()), source, code


class _MarbleDrawing:
    """One ``:marbles``: sources that are iterated over, and the errors of those that failed."""

    def __init__(self, shell: Shell, sources: list[tuple[str, Source, CodeType]]) -> None:
        self._shell = shell
        self._sources = sources
        self._errors: dict[int, Exception] = {}

    async def lines(self, seconds: float | None) -> list[Line]:
        """Iterate over all until they end or time is up; Ctrl-C shows what was seen until then."""
        recorder = MarbleRecorder(
            [(label, self._reader(code)) for label, _, code in self._sources],
            failed=self._errors.__setitem__,
            came=self._mark_value,
            context=self._shell.session.context,
        )
        try:
            await recorder.run(seconds)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        console, rows = self._shell.console, recorder.rows
        errors = [line for number in sorted(self._errors) for line in self._error_lines(number)]
        picture = marble_lines(rows, _picture_width(self._shell), ascii=console.ascii)
        return [*picture, *_stopped_lines(rows), *errors]

    def _reader(self, code: CodeType) -> SourceReader:
        def read(take: Callable[[object], bool]) -> Awaitable[object]:
            coroutine: Awaitable[object] = eval(
                code, self._shell.session.namespace, {VALUE_CALLBACK: take}
            )
            return coroutine

        return read

    def _mark_value(self) -> None:
        if (recorded := self._shell.observing.timeline) is not None:
            recorded.mark("value")

    def _error_lines(self, number: int) -> list[Line]:
        """What is told of a failed row, when the iteration is over: explaining it takes time."""
        label, source, _ = self._sources[number]
        shell, outcome = self._shell, Outcome(source, self._errors[number])
        more = number != max(self._errors)
        shell.last = outcome
        set_last_error(self._errors[number])
        found = explain_outcome(shell.session, outcome, more=more)
        shell.explanation = self._as_command(found, number) if found is not None else None
        name = label if len(self._sources) > 1 else ""
        lines = [_with_name(name, exception_line(self._errors[number]))]
        if shell.explanation is not None:
            width = shell.console.width
            lines += explanation_lines(shell.explanation, shell.session.sources, width)
        return lines

    def _as_command(self, found: Explanation, number: int) -> Explanation:
        """`found`, of the row of that `number`, corrected as it was typed: as a command."""
        tree = syntax_tree(found.fix.text) if found.fix is not None else None
        loop = tree.body[0] if tree is not None and len(tree.body) == 1 else None
        if found.fix is None or found.fix.more or not isinstance(loop, ast.AsyncFor):
            return found
        expressions = [label for label, *_ in self._sources]
        expressions[number] = ast.unparse(loop.iter)
        script = f":marbles {', '.join(expressions)}"
        return found._replace(fix=found.fix._replace(script=script))


async def marbles(*iterables: AsyncIterable[Any], seconds: float | None = None) -> str:
    """The marble diagram of async iterables that are iterated over at the same time, as text.

    What ``:marbles`` shows, 80 columns wide: it takes as long as the longest source,
    at most `seconds` of the loop's time; a source is stopped after 1,000 values. A
    source's exception ends its row and is told below the diagram, it is not raised.
    Where this is cancelled, the sources are, too.
    """
    names = [_name_of(iterable) for iterable in iterables]
    errors: dict[int, Exception] = {}
    sources = zip(names, map(_iteration_of, iterables), strict=True)
    recorder = MarbleRecorder(list(sources), failed=errors.__setitem__)
    await recorder.run(seconds)
    lines = [*marble_lines(recorder.rows, DEFAULT_WIDTH), *_stopped_lines(recorder.rows)]
    for number in sorted(errors):
        name = names[number] if len(names) > 1 else ""
        lines.append(_with_name(name, exception_line(errors[number])))
    return "\n".join(map(plain, lines))


def _iteration_of(iterable: AsyncIterable[Any]) -> SourceReader:
    async def read(take: Callable[[object], bool]) -> None:
        async for value in iterable:
            if take(value):
                break

    return read


def _name_of(iterable: object) -> str:
    """What a source is called: its function, if it is an async generator, or its class."""
    name = getattr(iterable, "__name__", None) if hasattr(iterable, "ag_frame") else None
    return str(name or type(iterable).__name__)


def _stopped_lines(rows: list[MarbleRow]) -> list[Line]:
    if any(row.end == "open" and len(row.marbles) >= MAX_VALUES for row in rows):
        return [[("dim", f"stopped after {MAX_VALUES:,} values")]]
    return []


def _with_name(name: str, line: Line) -> Line:
    return [("name", name), ("", ": "), *line] if name else line
