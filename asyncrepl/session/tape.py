"""The tape of a session: what was typed, what came of it, and when.

It is for keeping a session: saving it as a script or a transcript, drawing it. It always
runs, because nobody knows beforehand that a session will be worth keeping, and is
bounded: of what one input prints the beginning is kept, and the output of old inputs
is forgotten before the inputs are. Of rows that a program draws again and again, a
progress bar or a table, what is kept is how they look in the end.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload

from asyncrepl.views.live_rows import LiveRows, moves_cursor
from asyncrepl.views.screen_cells import EscapeFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.statements import Outcome
    from asyncrepl.views.styled_lines import Line

#: Characters of output that are kept of one input, and about so many bytes of all.
MAX_CHARACTERS, MAX_CHARACTERS_IN_ALL = 100_000, 4_000_000
_EACH = 24  # bytes of a piece beside its text
_LONG_LINE = 10_000  # characters of one line


class OutputPiece(NamedTuple):
    """Some output: the instant in seconds of the user's clock, a style's name, the text.

    Several pieces may make up a line. The text may hold colours: it is not yet `printable`.
    """

    at: float
    style: str
    text: str


class Pieces(Sequence[OutputPiece]):
    """Pieces of output, which are packed: as tuples they take ten times as much memory.

    A Ctrl-C may come amid an `append`: what is not counted in `_packed` is not there.
    """

    def __init__(self) -> None:
        self._styles: list[str] = []
        self._packed = array("d")  # of each: its instant, the number of its style, its end
        self._text = bytearray()

    def append(self, piece: OutputPiece) -> None:
        """Add `piece` at the end."""
        if piece.style not in self._styles:
            self._styles.append(piece.style)
        self._text[self._end_of(len(self)) :] = piece.text.encode("utf-8", "surrogatepass")
        self._packed.extend((piece.at, self._styles.index(piece.style), len(self._text)))

    def __len__(self) -> int:
        return len(self._packed) // 3

    @overload
    def __getitem__(self, index: int) -> OutputPiece: ...
    @overload
    def __getitem__(self, index: slice) -> list[OutputPiece]: ...
    def __getitem__(self, index: int | slice) -> OutputPiece | list[OutputPiece]:
        numbers = range(len(self))[index]
        return self._piece(numbers) if isinstance(numbers, int) else [*map(self._piece, numbers)]

    def _piece(self, number: int) -> OutputPiece:
        at, style, end = self._packed[3 * number : 3 * number + 3]
        text = self._text[self._end_of(number) : int(end)].decode("utf-8", "surrogatepass")
        return OutputPiece(at, self._styles[int(style)], text)

    def _end_of(self, count: int) -> int:
        """Where the text of the first `count` pieces ends."""
        return int(self._packed[3 * count - 1]) if count else 0


class RecordedInput:  # no dataclass: those take a millisecond each to import
    """One input and what was printed until the next one.

    `began` and `ended` are instants in seconds; `ended` is None while it runs, and what is
    in `pieces` from number `idle` on came later. `error` is the name of the exception that
    ended it, and `compiled` is false if it never ran. `interrupt_after` are the seconds
    after which the transcript pressed Ctrl-C. `cut` says that output is missing.
    """

    def __init__(self, text: str, began: float, interrupt_after: float | None = None) -> None:
        self.text = text
        self.began = began
        self.interrupt_after = interrupt_after
        self.ended: float | None = None
        self.idle: int | None = None
        self.error: str | None = None
        self.compiled = True
        self.cut = False
        self.pieces: Pieces | list[OutputPiece] = Pieces()
        self.size = 0


class _Recorder(Protocol):
    """Keeps a session in the file `name` as it goes, and ends by itself where that fails.

    `format_name` is what ``:export`` calls what it writes; `end` records no more, gives how many
    inputs the file has, and raises CommandError. It hears what comes onto the tape when it does,
    in the thread that it comes from: an input `began`; it `ended`, and so did what it has
    printed; later something was `printed`.
    """

    format_name: str

    @property
    def name(self) -> str: ...
    def end(self) -> int: ...
    def began(self, recorded: RecordedInput) -> None: ...
    def ended(self) -> None: ...
    def printed(self) -> None: ...


class Tape:
    """The recorded inputs of one session, oldest first; `write` may be called from any thread."""

    def __init__(self, now: Callable[[], float], *, inputs: int = 10_000) -> None:
        #: Who records the session in a file.
        self.recorder: _Recorder | None = None
        self._now = now
        self._inputs: deque[RecordedInput] = deque(maxlen=inputs)
        self._size = 0
        # A line that is not finished, and rows that are drawn again and again.
        self._begun = ""
        self._escapes, self._rows = EscapeFilter(), LiveRows()
        self._lock = threading.RLock()  # a signal handler may print while its thread is in it

    @property
    def recorded_inputs(self) -> tuple[RecordedInput, ...]:
        """The inputs so far; the last one may still run."""
        return tuple(self._inputs)

    def begin(self, text: str, interrupt_after: float | None = None) -> RecordedInput:
        """The input `text` begins; a Ctrl-C comes `interrupt_after` seconds later, if given."""
        self._end_rows()
        recorded = RecordedInput(text, self._now(), interrupt_after)
        if self.recorder is not None:
            self.recorder.began(recorded)
        self._inputs.append(recorded)
        return recorded

    def ending(self) -> RecordedInput:
        """An input that begins now and is not kept: the end of those before."""
        self._end_rows()
        return RecordedInput("", self._now())

    def fail(self, outcome: Outcome) -> None:
        """The input that runs ends with the error of `outcome`."""
        if self._inputs and outcome.error is not None:
            self._inputs[-1].error = type(outcome.error).__name__
            self._inputs[-1].compiled = outcome.stage == "run"

    def refuse(self, error: BaseException) -> None:
        """The input that runs is a command that has not done what it should for `error`."""
        if self._inputs:
            self._inputs[-1].error = type(error).__name__

    def end(self) -> None:
        """The input that runs is over."""
        self._end_rows()
        if self._inputs:
            recorded = self._inputs[-1]
            recorded.ended, recorded.idle = self._now(), len(recorded.pieces)
            if self.recorder is not None:
                self.recorder.ended()

    def show(self, lines: tuple[Line, ...]) -> None:
        """Keep lines of the tool's own."""
        self._end_rows()
        for line in lines:
            for style, text in line:
                self._keep(style, text)
            self._keep("", "\n")

    def write(self, text: str) -> None:
        """Keep what user code has written, once its rows are finished."""
        if not self._inputs or self._inputs[-1].cut:
            return
        with self._lock:
            text, self._begun = self._begun + text[: MAX_CHARACTERS + 1], ""
            if self._rows or self._escapes or len(text) > _LONG_LINE or moves_cursor(text):
                self._rows.feed(self._escapes.feed(text))
                self._keep("", self._rows.take()[1])
            else:
                end = text.rfind("\n") + 1
                self._keep("", text[:end])
                self._begun = text[end:]

    def _end_rows(self) -> None:
        """What was not finished ends here, with a newline."""
        with self._lock:
            text, self._begun = self._begun, ""
            if self._rows or self._escapes:
                self._rows.feed(self._escapes.finish())
                text = self._rows.take()[1] + self._rows.commit()
            self._keep("", text and text.removesuffix("\n") + "\n")

    def _keep(self, style: str, text: str) -> None:
        if not self._inputs or not text:
            return
        recorded = self._inputs[-1]
        with self._lock:
            recorded.cut = recorded.cut or recorded.size + len(text) > MAX_CHARACTERS
            if recorded.cut:
                return
            recorded.size += len(text)
            self._size += len(text) + _EACH
            recorded.pieces.append(OutputPiece(self._now(), style, text))
            if self._size > MAX_CHARACTERS_IN_ALL:
                # Forget the output of the oldest input that has any.
                oldest = next(each for each in self._inputs if each.size)
                self._size -= oldest.size + _EACH * len(oldest.pieces)
                oldest.size, oldest.cut, oldest.pieces = 0, True, Pieces()
        if self.recorder is not None and recorded.ended is not None:
            self.recorder.printed()
