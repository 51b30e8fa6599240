"""How a span of time is told: short, in one unit, in a style that does not jump about.

    0 s     0.41 ms     12 ms     0.33 s     12.3 s     3:05 min     2:05 h

Two or three digits that count; milliseconds below a tenth of a second, as delays
are typed in seconds (``sleep(0.33)``) and what runs takes milliseconds. Not
microseconds: their sign is no ASCII, and nobody needs to tell 3 of them from 5.
"""

from __future__ import annotations

__all__ = ["duration"]


def duration(ns: int) -> str:
    """Say a span of nanoseconds; at most nine characters below 1,000 hours."""
    ms, seconds = ns / 1e6, ns / 1e9
    if ns <= 0:
        return "0 s"
    if ms < 0.01:
        return "<0.01 ms"
    if ms < 99.5:  # or it would be rounded to 100 ms
        return f"{ms:.{2 if ms < 1 else 1 if ms < 10 else 0}f} ms"
    if seconds < 60:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"
