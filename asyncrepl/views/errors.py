"""How an error looks: Python's own words, and the user's frames only.

Where the error arises in the typed statement itself, the stack would only repeat
the line above it: then it is the exception line alone, with the line number if
the statement has several lines. A file or a pipe has no such line above.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_plumbing
from asyncrepl.views.cells import one_line
from asyncrepl.views.styled import Line, flowed, printable, text_lines

if TYPE_CHECKING:
    from asyncrepl.engine.session import Outcome
    from asyncrepl.language.sources import Source

__all__ = ["error_lines", "exception_line", "exception_lines"]


def error_lines(outcome: Outcome, width: int | None = None, prompt: int = 4) -> list[Line]:
    """What is shown for the error of `outcome`; nothing where it has none.

    What it says is broken at words where `width` columns do not hold it; not the stack, nor
    the mark under the place. What was typed stands behind a prompt of so many columns as
    `prompt` says.
    """
    return [row for line in _lines(outcome, prompt) for row in _broken(line, width)]


def _broken(line: Line, width: int | None) -> list[Line]:
    said = line and line[0][0] == "error" and not line[0][1].startswith(" ")
    return flowed(line, width if said else None, 2)


def _lines(outcome: Outcome, prompt: int) -> list[Line]:
    error = outcome.error
    if error is None:
        return []
    if outcome.interrupted:
        return [_interrupted(outcome)]
    if not outcome.source.typed:
        return exception_lines(error)
    if isinstance(error, SyntaxError) and outcome.stage != "run":
        return _syntax_error(error, outcome, prompt)
    return exception_lines(error, outcome.source)


def exception_lines(error: BaseException, source: Source | None = None) -> list[Line]:
    """The traceback of `error`, without our frames and asyncio's.

    `source` is the statement that was typed: a stack that holds nothing but it
    is left out.
    """
    try:
        whole = traceback.TracebackException.from_exception(error, compact=True)
    except Exception:
        return [[("error", f"{type(error).__name__}: <exception cannot be shown>")]]
    _keep_user_frames(whole, set())
    if source is not None and _is_only(whole, source.filename):
        return _exception_only(whole, source)
    text = "".join(whole.format()).rstrip("\n")
    *stack, last = text_lines(text)
    return [*stack, [("error", last[0][1])]]


def exception_line(error: BaseException) -> Line:
    """The type and the message of `error` in one line, without a stack."""
    whole = traceback.TracebackException.from_exception(error, compact=True)
    *_, last = (text for text in whole.format_exception_only() if not text.startswith(" "))
    return [("error", one_line(last.rstrip("\n")))]


def _interrupted(outcome: Outcome) -> Line:
    where = f" at {printable(outcome.where)}" if outcome.where else ""
    return [("error", "KeyboardInterrupt"), ("dim", where)]


def _syntax_error(error: SyntaxError, outcome: Outcome, prompt: int) -> list[Line]:
    head: Line = [("error", f"{type(error).__name__}: {printable(error.msg or '')}")]
    several = "\n" in outcome.source.text.strip()
    if several and error.lineno:
        head.append(("dim", f" (line {error.lineno})"))
    return (
        [*_caret(error, outcome.source, 4 if several else prompt, several=several), head]
        if outcome.stage == "parse"
        else [head]
    )


def _caret(error: SyntaxError, source: Source, prompt: int, *, several: bool) -> list[Line]:
    """A mark under the place.

    It stands below the typed line, which begins after a prompt of so many columns; of
    several lines, the one that is meant is shown again.
    """
    if not error.text or not error.offset:
        return []
    line = printable(error.text.rstrip("\n"))
    width = 1
    if error.end_offset and error.end_lineno == error.lineno:
        width = max(error.end_offset - error.offset, 1)
    room = max(len(line) - error.offset + 1, 1)
    before = prompt - 1 + (0 if several else source.column)
    mark: Line = [("error", " " * (before + error.offset) + "^" * min(width, room))]
    return [[("", "    " + line)], mark] if several else [mark]


def _keep_user_frames(whole: traceback.TracebackException, seen: set[int]) -> None:
    if id(whole) in seen:
        return
    seen.add(id(whole))
    whole.stack[:] = [frame for frame in whole.stack if not is_plumbing(frame.filename)]
    for inner in (whole.__cause__, whole.__context__, *(whole.exceptions or ())):
        if inner is not None:
            _keep_user_frames(inner, seen)


def _is_only(whole: traceback.TracebackException, filename: str) -> bool:
    chained = whole.__cause__ or (whole.__context__ and not whole.__suppress_context__)
    shallow = len(whole.stack) <= 1 and all(f.filename == filename for f in whole.stack)
    return shallow and not chained and whole.exceptions is None


def _exception_only(whole: traceback.TracebackException, source: Source) -> list[Line]:
    text = "".join(whole.format_exception_only()).rstrip("\n")
    lines = text_lines(text, "error")
    if whole.stack and "\n" in source.text.strip():
        lines[-1].append(("dim", f" (line {whole.stack[0].lineno})"))
    return lines
