"""How errors and warnings look: Python's own words, and the user's frames only.

Where the error arises in the typed statement itself, the stack would only repeat the line above
it: then it is the exception line alone, with the line number if the statement has several lines. A
file or a pipe has no such line above.

A warning is one line, with a place only where it is the user's. A coroutine that dies unawaited is
reported at whatever line runs just then; where that is a line of ours, it would lead the user
astray.

The lines of a traceback as Python writes them, with a style for each part.

Python's own text is kept, character by character; only what each line is gets a style: where, the
source, the mark under the place, the error. That is known from the order in which `traceback`
writes: a frame, then its source, then marks; what follows a stack is the error, and what follows
that its further lines and notes. A line of a group begins with a margin of ``|`` and ``+``.
"""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import is_plumbing
from asyncrepl.views.styled_lines import Line, code_lines, flowed, one_line, printable, text_lines

if TYPE_CHECKING:
    import warnings
    from collections.abc import Iterable, Sequence

    from asyncrepl.engine.statements import Outcome
    from asyncrepl.syntax.sources import Source

#: Of a chain of more exceptions, so many are shown at each end: an error in each round of
#: an endless recursion makes thousands.
_LONGEST_CHAIN, _SHOWN_AT_ENDS = 20, 5
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def error_lines(outcome: Outcome, width: int | None = None, prompt: int = 4) -> list[Line]:
    """What is shown for the error of `outcome`; nothing where it has none.

    What it says is broken at words where `width` columns do not hold it; not the stack, nor
    the mark under the place. What was typed is behind a prompt of `prompt` columns; with 0 it is
    nowhere to be seen, and the line that is meant is shown again.
    A `width` of None breaks nothing.
    """
    rows: list[Line] = []
    for line in _outcome_lines(outcome, prompt):
        said = line and line[0][0] == "error" and not line[0][1].startswith(" ")
        rows += flowed(line, width if said else None, 2)
    return rows


def _outcome_lines(outcome: Outcome, prompt: int) -> list[Line]:
    error = outcome.error
    if error is None:
        return []
    if outcome.interrupted:
        return [interrupted_line(outcome.where)]
    if not outcome.source.typed:
        return exception_lines(error)
    if isinstance(error, SyntaxError) and outcome.stage != "run":
        return _syntax_error(error, outcome, prompt)
    return exception_lines(error, outcome.source)


def exception_lines(error: BaseException, source: Source | None = None) -> list[Line]:
    """The traceback of `error`, without our frames and asyncio's.

    `source` is the statement that was typed: a stack that holds nothing but it is left out.
    """
    try:
        return _traceback_lines(error, source)
    except KeyboardInterrupt:  # it takes long, and somebody has pressed Ctrl-C
        raise
    except BaseException:  # it is the user's, and may be made to raise anything
        return [[("error", describe_error(error))]]


def exception_line(error: BaseException) -> Line:
    """The type and the message of `error` in one line, without a stack."""
    try:
        whole = traceback.TracebackException.from_exception(error, compact=True)
        *_, last = (text for text in whole.format_exception_only() if not text.startswith(" "))
    except Exception:
        last = describe_error(error)
    return [("error", one_line(last.rstrip("\n")))]


def describe_error(error: BaseException) -> str:
    """``TYPE: message`` in one line, the type alone where the message cannot be had.

    Never raises, whatever the exception is made of.
    """
    try:
        name = str(type.__dict__["__name__"].__get__(type(error)))  # no metaclass is asked
    except BaseException:
        return "an exception whose type has no name"
    try:
        text = str(error)
    except BaseException:  # the message is the user's code
        text = "<exception str() failed>"
    return one_line(f"{name}: {text}" if text else name)


def _traceback_lines(error: BaseException, source: Source | None) -> list[Line]:
    whole = traceback.TracebackException.from_exception(error, compact=True)
    _keep_user_frames(whole)
    alone = _preceding(whole) is None and whole.exceptions is None
    stack = [frame.filename for frame in whole.stack]
    if source is not None and alone and stack in ([], [source.filename]):
        return _exception_only(whole, source)
    text = printable("".join(_formatted_chain(whole)).rstrip("\n"))
    return styled_traceback(text.split("\n"))


def _formatted_chain(whole: traceback.TracebackException) -> Iterable[str]:
    """As `TracebackException.format`; of a chain that is very long the ends."""
    chain: list[tuple[traceback.TracebackException, str]] = [(whole, "")]
    while (before := _preceding(chain[-1][0])) is not None:
        chain.append(before)
    if len(chain) <= _LONGEST_CHAIN:
        return whole.format()
    left_out = len(chain) - 2 * _SHOWN_AT_ENDS
    chain[_SHOWN_AT_ENDS : _SHOWN_AT_ENDS + left_out] = []
    texts: list[str] = []
    for number, (one, link) in reversed(list(enumerate(chain))):
        texts.extend(one.format(chain=False))
        if number == _SHOWN_AT_ENDS:
            texts.append(f"\n… {left_out:,} more exceptions of this chain …\n\n")
        elif number:
            texts.append(link)
    return texts


def _preceding(
    whole: traceback.TracebackException,
) -> tuple[traceback.TracebackException, str] | None:
    """The exception that `whole` says it came of, and Python's words for how."""
    if whole.__cause__ is not None:
        return whole.__cause__, _CAUSE
    if whole.__context__ is not None and not whole.__suppress_context__:
        return whole.__context__, _CONTEXT
    return None


def interrupted_line(where: str | None) -> Line:
    """How a Ctrl-C is shown; `where` is the place it has reached, if that is known."""
    return [("error", "KeyboardInterrupt"), ("dim", f" at {printable(where)}" if where else "")]


def _with_suggestion(error: SyntaxError) -> SyntaxError:
    """`error` as Python shows it: from 3.14 on it looks for a misspelt keyword only then."""
    whole = traceback.TracebackException.from_exception(error, compact=True)
    list(whole.format_exception_only())
    if whole.msg == error.msg or whole.offset is None:
        return error
    line = error.lineno if whole.lineno is None else int(whole.lineno)
    place = error.filename, line, whole.offset, whole.text, line, whole.end_offset
    return SyntaxError(whole.msg, place)


def _syntax_error(error: SyntaxError, outcome: Outcome, prompt: int) -> list[Line]:
    error = _with_suggestion(error)
    head: Line = [("error", f"{type(error).__name__}: {printable(error.msg or '')}")]
    several = "\n" in outcome.source.text.strip()
    if several and error.lineno:
        head.append(("dim", f" (line {error.lineno})"))
    if outcome.stage != "parse":
        return [head]
    again = several or not prompt
    return [*_caret_lines(error, outcome.source, 4 if again else prompt, again=again), head]


def _caret_lines(error: SyntaxError, source: Source, prompt: int, *, again: bool) -> list[Line]:
    """A mark under the place.

    It is below the typed line, which begins after a prompt of so many columns; or below the
    one that is meant, shown `again`.
    """
    if not error.text or not error.offset:
        return []
    line = printable(error.text.rstrip("\n"))
    width = 1
    if error.end_offset and error.end_lineno == error.lineno:
        width = max(error.end_offset - error.offset, 1)
    room = max(len(line) - error.offset + 1, 1)
    before = prompt - 1 + (0 if again else source.column)
    mark: Line = [("error", " " * (before + error.offset) + "^" * min(width, room))]
    return [[("", "    " + line)], mark] if again else [mark]


def _keep_user_frames(whole: traceback.TracebackException) -> None:
    """Leave our frames and asyncio's out, in all that hangs together.

    Not by recursion: a chain may be longer than the interpreter's stack.
    """
    seen: set[int] = set()
    rest = [whole]
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = [frame for frame in one.stack if not is_plumbing(frame.filename)]
        inner = (one.__cause__, one.__context__, *(one.exceptions or ()))
        rest.extend(each for each in inner if each is not None)


def _exception_only(whole: traceback.TracebackException, source: Source) -> list[Line]:
    text = "".join(whole.format_exception_only()).rstrip("\n")
    lines = text_lines(text, "error")
    if whole.stack and "\n" in source.text.strip():
        lines[-1].append(("dim", f" (line {whole.stack[0].lineno})"))
    return lines


#: What debug mode adds for a coroutine, and an entry of the traceback that follows.
_ORIGIN = "\nCoroutine created at (most recent call last)\n"
_TRACEBACK_ENTRY = re.compile(r'\n  File "([^"\n]*)", line .*(?:\n    .*)*')


def warning_text(warning: warnings.WarningMessage, *, brief: bool = False) -> str:
    """The line for `warning`; with `brief` the first line of a longer message."""
    place = "" if is_plumbing(warning.filename) else f"{warning.filename}:{warning.lineno}: "
    message = str(warning.message)
    if brief:
        message = message.partition("\n")[0]
    elif _ORIGIN in message:
        message = _TRACEBACK_ENTRY.sub(
            lambda entry: "" if is_plumbing(entry[1]) else entry[0], message
        )
    return printable(f"{place}{warning.category.__name__}: {message}")


_MARGIN = re.compile(r" +[|+] ")
_GROUP_RULE = re.compile(r" *[+][-+]*---.*")
_FRAME = re.compile(r'(  File ")(.*)(", line )(\d+)(.*)')
_MARKS = re.compile(r"\s*[~^]+[~^ ]*")
_TITLES = ("Traceback (most recent call last):", "Exception Group Traceback (most recent call")
_LINKS = ("The above exception was the direct", "During handling of the above exception", "… ")


def styled_traceback(lines: Sequence[str]) -> list[Line]:
    """The styled lines of the traceback whose text is `lines`."""
    return list(_Styling().styled(lines))


class _Styling:
    """What was read so far decides what a line is."""

    def __init__(self) -> None:
        #: What came last: the end of a stack or its beginning, a frame, a source line, an error.
        self._after = "stack"

    def styled(self, lines: Iterable[str]) -> Iterable[Line]:
        """The styled lines, one after the other."""
        for line in lines:
            margin, rest = _without_margin(line)
            styled = [each for each in self._styled(rest) if each[1]]
            yield [("dim", margin), *styled] if margin else styled

    def _styled(self, text: str) -> Line:
        """One line, behind its margin."""
        stripped = text.strip()
        frame = _FRAME.fullmatch(text)
        if frame is not None:
            self._after = "frame"
            return _frame(frame)
        if not stripped or stripped.startswith((*_TITLES, *_LINKS)):
            self._after = "stack"
            return [("dim", text)]
        if text.startswith("  ") and self._after in {"stack", "frame", "source"}:
            return self._source(text)
        first, self._after = self._after != "error", "error"
        return [("error", text)] if first else [("", text)]

    def _source(self, text: str) -> Line:
        """A line of source, the mark below it, or how often a frame is repeated."""
        if _MARKS.fullmatch(text):
            return [("error", text)]
        if self._after == "stack" or text.lstrip().startswith("["):
            return [("dim", text)]
        self._after = "source"
        indent = len(text) - len(text.lstrip())
        return [("", text[:indent]), *(code_lines(text[indent:]) or [[]])[0]]


def _without_margin(line: str) -> tuple[str, str]:
    """What a group puts before a line, and the line."""
    if _GROUP_RULE.fullmatch(line):
        return line, ""
    found = _MARGIN.match(line)
    return (found[0], line[found.end() :]) if found else ("", line)


def _frame(frame: re.Match[str]) -> Line:
    before, filename, middle, number, after = frame.groups()
    return [
        ("dim", before), ("", filename), ("dim", middle), ("", number),
        ("dim", after[:5]), ("name", after[5:]),
    ]  # fmt: skip
