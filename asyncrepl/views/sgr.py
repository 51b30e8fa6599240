"""Colours and emphasis as a terminal keeps them: what is switched on after some SGR codes.

A style here is a string of SGR parameters in one order, ``"1;31"``; the empty one is a
terminal's default. A program may switch as often as it likes: a style never grows.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["has_background", "switched", "with_codes"]

#: Code → the slot that it fills; a slot holds one code.
_SLOTS = {
    **{str(code): str(code) for code in (1, 2, 3, 4, 7, 8, 9, 53)},
    "5": "5",
    "6": "5",
    "21": "4",
    **{str(code): "fg" for code in (*range(30, 39), *range(90, 98))},
    **{str(code): "bg" for code in (*range(40, 49), *range(100, 108))},
    "58": "line",
}
#: Code → the slots that it empties.
_OFF = {
    "22": ("1", "2"), "23": ("3",), "24": ("4",), "25": ("5",), "27": ("7",), "28": ("8",),
    "29": ("9",), "39": ("fg",), "49": ("bg",), "55": ("53",), "59": ("line",),
}  # fmt: skip
_LONG = {"38", "48", "58"}


@lru_cache(maxsize=512)
def with_codes(style: str, parameters: str) -> str:
    """The style after an SGR sequence with these `parameters`, where `style` was before."""
    slots = {_SLOTS[_head(code)]: code for code in _codes(style)}
    for code in _codes(parameters or "0"):
        head = _head(code)
        if head.strip("0") == "":
            slots.clear()
        elif head in _SLOTS:
            slots[_SLOTS[head]] = code
        for slot in _OFF.get(head, ()):
            slots.pop(slot, None)
    return ";".join(slots[slot] for slot in sorted(slots))


def switched(before: str, after: str) -> str:
    """The escape sequence that leads from one style to the other."""
    if before == after:
        return ""
    return ("\x1b[0m" if before else "") + (f"\x1b[{after}m" if after else "")


def has_background(style: str) -> bool:
    """Whether a blank in `style` is to be seen."""
    return any(_SLOTS[_head(code)] in {"bg", "7"} for code in _codes(style))


def _codes(parameters: str) -> list[str]:
    """The codes one by one; that of an indexed or an RGB colour with its numbers."""
    numbers = iter(parameters.split(";") if parameters else ())
    codes: list[str] = []
    for number in numbers:
        if number in _LONG:
            kind = next(numbers, "")
            length = {"5": 1, "2": 3}.get(kind, 0)
            codes.append(";".join([number, kind, *(next(numbers, "0") for _ in range(length))]))
        else:
            codes.append(_semicolons(number))
    return codes


def _semicolons(code: str) -> str:
    """``38:2::1:2:3`` in the form that all terminals, and all programs, know."""
    found = re.fullmatch(r"(38|48|58):(?:(5):(\d+)|(2):(?:\d*:)?(\d+):(\d+):(\d+))", code)
    return ";".join(filter(None, found.groups())) if found else code


def _head(code: str) -> str:
    return re.split("[;:]", code, maxsplit=1)[0]
