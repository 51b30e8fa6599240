"""Cutting a stream of lines into inputs, as they come.

A person ends a block with an empty line. A file does not: in it a block ends at
the next line that begins at the left margin, and empty lines within it mean
nothing. Either way an input is given out as soon as it is known to be whole.

A file whose first line, but for comments, has a prompt is a session: only what is behind
its prompts is typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from asyncrepl.language.pasting import begins_session, behind_prompt
from asyncrepl.language.reading import (
    TRIAL,
    Command,
    Incomplete,
    Statement,
    is_block,
    is_complete,
    read,
)

__all__ = ["Splitter"]

#: Words at the left margin that go on with the block above them.
_GOES_ON = re.compile(r"(else|elif|except|finally)\b")


@dataclass
class Splitter:
    """Collects lines into inputs; `typed` says that a person ends the blocks."""

    typed: bool = False
    _lines: list[str] = field(default_factory=list)
    #: Whether the file is a session; None as long as that is open.
    _session: bool | None = None

    @property
    def pending(self) -> bool:
        """Whether an input has begun and is not whole."""
        return bool(self._lines)

    def feed(self, line: str) -> list[str]:
        """Take one line, without its end; the inputs that are whole now."""
        if self.typed:
            return self._feed_typed(line)
        if self._session is None:
            self._session = begins_session(line)
        return self._feed_session(line) if self._session else self._feed_file(line)

    def end(self) -> list[str]:
        """The input that the end of the stream makes whole, if any."""
        rest = self._take()
        return [rest] if rest.strip() else []

    def drop(self) -> None:
        """Forget the input that has begun."""
        self._lines.clear()

    def _feed_typed(self, line: str) -> list[str]:
        typed = behind_prompt(line)  # it may be pasted; a body that is `...` is not
        if not self.pending:
            self._session = typed is not None and not typed.goes_on
        if self._session and typed is not None and typed.goes_on is self.pending:
            line = typed.text
        self._lines.append(line)
        return self._taken() if is_complete("\n".join(self._lines)) else []

    def _feed_session(self, line: str) -> list[str]:
        """Take a line of a session; an input ends at the next prompt or at output."""
        typed = behind_prompt(line)
        if typed is None:
            return self._taken() if line.strip() else []
        if typed.goes_on and not self.pending:
            return []
        before = [] if typed.goes_on else self._taken()
        self._lines.append(typed.text)
        return before if self._may_go_on() else before + self._taken()

    def _may_go_on(self) -> bool:
        """Whether more lines can belong to the input that has begun."""
        reading = read("\n".join(self._lines) + "\n", TRIAL)
        return isinstance(reading, Incomplete) or (
            isinstance(reading, Statement) and is_block(reading.tree.body[-1])
        )

    def _feed_file(self, line: str) -> list[str]:
        before = self._taken() if self._ends_before(line) else []
        self._lines.append(line)
        return before if self._may_go_on() else before + self._taken()

    def _ends_before(self, line: str) -> bool:
        """Whether the input so far is whole and `line` begins another."""
        margin = line[:1]
        if not self._lines or margin.isspace() or margin in {"", "#", ")", "]", "}"}:
            return False
        if _GOES_ON.match(line):
            return False
        return isinstance(read("\n".join(self._lines) + "\n", TRIAL), Statement | Command)

    def _taken(self) -> list[str]:
        text = self._take()
        return [text] if text.strip() else []

    def _take(self) -> str:
        text = "\n".join(self._lines)
        self._lines.clear()
        return text
