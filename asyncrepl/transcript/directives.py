"""The directives of a transcript (`#: NAME VALUE`): which there are, what each may say.

Each directive is one checker in one table: it returns the parsed value or raises
`ValueError` with a sentence that says what is wrong and what to write instead.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from asyncrepl.language.likeness import most_like
from asyncrepl.settings import rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DIRECTIVES", "HEADER", "directive_value", "nearest"]

_KEY = re.compile(r"C-c after (\S+)")
_PYTHON = re.compile(r"python>=(\d+)\.(\d+)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def _title(value: str) -> str:
    if not value:
        raise ValueError("title is empty: write '#: title What this shows'")
    return value


def _clock(value: str) -> str:
    if value not in {"virtual", "real"}:
        raise ValueError(f"clock is {value!r}: write 'virtual' or 'real'")
    return value


def _rate(value: str) -> float:
    return rate_of(value)


def _pause(value: str) -> None:
    if value:
        raise ValueError(f"pause takes no value, not {value!r}")


def _key(value: str) -> float:
    match = _KEY.fullmatch(value)
    if match is None:
        raise ValueError(f"key is {value!r}: write 'key C-c after SECONDS'")
    seconds = _number(match[1], "key C-c after")
    if seconds < 0:
        raise ValueError(f"key C-c after {match[1]}: seconds can't be negative")
    return seconds


def _requires(value: str) -> tuple[int, int] | str:
    if match := _PYTHON.fullmatch(value):
        return int(match[1]), int(match[2])
    if value == "python" or not _MODULE.fullmatch(value):
        raise ValueError(f"requires is {value!r}: write 'python>=3.12' or a module's name")
    return value


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{what} is {text!r}: write a number")
    return number


#: Name → what reads its value.
DIRECTIVES: dict[str, Callable[[str], object]] = {
    "title": _title,
    "clock": _clock,
    "rate": _rate,
    "pause": _pause,
    "key": _key,
    "requires": _requires,
}

#: Directives about the whole transcript: they stand before its first input.
HEADER = frozenset({"title", "clock", "requires"})


def directive_value(name: str, value: str) -> object:
    """What `value` means for directive `name`.

    The title and the clock's mode are `str`, `rate` and `key` a `float` (the
    seconds until Ctrl-C), `requires` a ``(major, minor)`` or a module's name,
    `pause` is None. Raises `ValueError` with the reason.
    """
    if name not in DIRECTIVES:
        raise ValueError(f"unknown directive {name!r}{nearest(name, DIRECTIVES)}")
    return DIRECTIVES[name](value)


def nearest(name: str, known: Iterable[str]) -> str:
    """`": did you mean 'pause'?"`, or the list of what is `known` if nothing is near."""
    names = list(known)
    close = most_like(name, names)
    if close:
        return f": did you mean {close!r}?"
    return f": known are {', '.join(names)}"
