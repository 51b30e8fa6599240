"""How a person types: the time before each key, and pauses around a statement.

Evenly spaced keys look like a machine, and random ones differ at each showing.
So the rhythm is drawn from a generator seeded with the text: irregular, and the
same every time. Keys come fast inside a word, slower after a space, slower
still after punctuation, and a new line is thought about.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AFTER_STATEMENT", "delays", "reading_time"]

#: Seconds before a key inside a word; about 200 characters a minute, as one types code.
KEY = 0.055
#: How much longer the key after such a character takes.
AFTER = dict.fromkeys(",;:()[]{}=.\"'", 2.2) | {" ": 1.4, "\n": 6.0}
#: Seconds before the first key.
FIRST = 0.5
#: Seconds in which the audience sees what a statement printed.
AFTER_STATEMENT = 0.7


def delays(text: str, speed: float = 1.0) -> list[float]:
    """Seconds before each character of `text` and before the Enter after it.

    The list is one longer than `text`. Infinite `speed` makes all of them 0.
    """
    chance = random.Random(zlib.crc32(text.encode("utf-8", "surrogatepass")))
    return [pause * chance.uniform(0.6, 1.5) / speed for pause in _pauses(text)]


def _pauses(text: str) -> Iterator[float]:
    yield FIRST
    for character in text:
        yield KEY * AFTER.get(character, 1.0)


def reading_time(text: str, speed: float = 1.0) -> float:
    """Seconds in which an audience reads `text`: about 20 characters a second."""
    return (0.6 + len(text) / 20) / speed
