"""Python source as bytes: which text it is, by its BOM and its coding cookie, as in Python."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from importlib.util import decode_source
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["complaint", "decoded", "decoded_lines"]

#: As in PEP 263; only in the first two lines, and in the second only behind such a first.
_COOKIE = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
_COMMENT = rb"[ \t\f]*(?:[#\r\n]|$)"


def decoded(data: bytes, filename: str) -> str:
    """The text of the program `data`, with plain newlines.

    Raises Python's own SyntaxError where it is none: an unknown encoding, or bytes that
    are not in it.
    """
    try:
        return decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        try:
            compile(data, filename, "exec", dont_inherit=True)
        except SyntaxError as own:
            raise own.with_traceback(None) from None
        raise SyntaxError(str(error), (filename, 1, None, None)) from None


def complaint(data: bytes, error: SyntaxError) -> str:
    """Why `data` is no program, as `decoded` found, to be said after its name."""
    if any(re.match(_COOKIE, line) for line in data.split(b"\n")[:2]):
        return f"is no text: {error.msg}"
    return "is not text in UTF-8"


def decoded_lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a program, without their ends, each as soon as it is there.

    Raises ValueError, also for an encoding that is not known.
    """
    encoding, cookies = "utf-8", 2
    for number, line in enumerate(stream):
        text = line.removeprefix(BOM_UTF8) if number == 0 else line
        if number < cookies:
            found = re.match(_COOKIE, text)
            if found:
                encoding = _known(found[1].decode("ascii", "replace"))
            cookies = number + 2 if not found and re.match(_COMMENT, text) else 0
            cookies = min(cookies, 2)
        yield text.decode(encoding).rstrip("\r\n")


def _known(encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError:
        raise ValueError(f"unknown encoding: {encoding}") from None
    return encoding
