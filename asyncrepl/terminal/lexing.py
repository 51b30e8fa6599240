"""Colours of the input line: Python by Pygments, the tool's commands by one style.

Pygments' Python lexer takes as long to import as the whole of asyncio. The first
prompt is empty and needs no lexer; so it is imported once that prompt is on
the screen (`InputLexer.load`), or when the first text is typed before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prompt_toolkit.lexers import Lexer, PygmentsLexer, SimpleLexer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

__all__ = ["InputLexer"]

_COMMAND = r"(:\w*)(.*)"


class InputLexer(Lexer):
    """Styles a line that starts with ``:`` as a command, everything else as Python."""

    def __init__(self) -> None:
        self._python: Lexer | None = None

    def load(self) -> Lexer:
        """The Python lexer; the first call imports it."""
        if self._python is None:
            from pygments.lexers.python import PythonLexer

            self._python = PygmentsLexer(PythonLexer)
        return self._python

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """A function that gives the fragments of line N."""
        if not document.text:
            return SimpleLexer().lex_document(document)
        if document.text.startswith(":"):
            return _lex_command(document)
        return self.load().lex_document(document)

    def invalidation_hash(self) -> Hashable:
        """Nothing changes the colours of the same text."""
        return 0


def _lex_command(document: Document) -> Callable[[int], StyleAndTextTuples]:
    def line(number: int) -> StyleAndTextTuples:
        text = document.lines[number] if number < len(document.lines) else ""
        found = re.match(_COMMAND, text) if number == 0 else None
        if found is None:
            return [("", text)]
        return [("class:command", found[1]), ("", found[2])]

    return line
