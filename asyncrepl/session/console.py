"""The console: where the tool's own lines go: results, errors, explanations, answers.

A console writes to the same stream as the user's ``print``, so that both keep their order. It
holds its own reference: user code that replaces or closes ``sys.stdout`` does not silence the
tool.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from asyncrepl.views.styled_lines import Line, ansi, plain, safe
from asyncrepl.views.themes import Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

__all__ = ["Console"]


class Console:
    """Writes whole styled lines to an output and an error stream.

    `color` says whether styles become escape codes; without it only the text
    is written, and nothing is lost: no meaning is in colour alone. `width` tells
    the columns of a screen; without it text is not wrapped. `ascii` says that the screen
    shows nothing else: pictures are then drawn with it. With `pretty` long values are laid out for
    a person who reads them there. With `raw`, control characters are
    written as they are: for a program that reads them.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO | None = None,
        *,
        color: bool = False,
        width: Callable[[], int] | None = None,
        ascii: bool = False,  # noqa: A002  says it best
        pretty: bool = False,
        raw: bool = False,
    ) -> None:
        self.out = out
        self._width = width
        self.err = out if err is None else err
        self.color = color
        self.ascii = ascii
        self.pretty = pretty
        #: In which colours the lines are drawn.
        self.theme = Theme()
        self._raw = raw
        #: Hears of all lines, if set.
        self.on_lines: Callable[[tuple[Line, ...]], object] | None = None

    @property
    def width(self) -> int | None:
        """The columns to wrap prose at; None where the output is no screen."""
        return None if self._width is None else self._width()

    @property
    def closed(self) -> bool:
        """Whether nobody reads the output any more: it goes to a pipe that is closed."""
        try:
            poll = select.poll()
            poll.register(self.out.fileno(), select.POLLERR)
        except (OSError, ValueError):  # not a file
            return False
        return bool(poll.poll(0))

    def show(self, *lines: Line, recorded: Sequence[Line] | None = None) -> None:
        """Write `lines` to the output stream, in one piece.

        Who hears of all lines hears of those that are `recorded` in their place, if given.
        """
        if recorded is not None and self.on_lines is not None:
            self.on_lines(tuple(recorded))
            self.show_unrecorded(*lines)
        else:
            self._write(self.out, lines)

    def complain(self, *lines: Line) -> None:
        """Write `lines` to the error stream, in one piece.

        Where there is no room for them nobody hears of it, but an exit status tells.
        """
        try:
            self._write(self.err, lines)
        except OSError as error:
            if self.err is self.out or isinstance(error, BrokenPipeError):
                raise

    def show_unrecorded(self, *lines: Line) -> None:
        """Write `lines` to the output stream, but not as a part of the session: tell nobody."""
        told, self.on_lines = self.on_lines, None
        try:
            self._write(self.out, lines)
        finally:
            self.on_lines = told

    def _write(self, stream: TextIO, lines: tuple[Line, ...]) -> None:
        if not lines or stream.closed:
            return
        if self.on_lines is not None:
            self.on_lines(lines)
        shown = [line if self._raw else safe(line) for line in lines]
        styles = self.theme.styles
        drawn = [ansi(line, styles) if self.color else plain(line) for line in shown]
        text = "".join(line + "\n" for line in drawn)
        # A stream that knows the column begins a row for them, if it has to.
        getattr(stream, "show", stream.write)(text)
        stream.flush()
