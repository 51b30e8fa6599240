"""One operation: the shape of the rows in `demands` and `further_demands`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Demand", "each_line"]


@dataclass(frozen=True)
class Demand:
    """One operation, or one function of the library, with the operand in its place.

    `wants` is what it demands: "value", "iterable", "awaitable", "coroutine", "async iterable",
    "async iterator", "manager", "async manager", "callable". `plain` is the code for what an
    operand holds, where it differs, and `stream` that for one that is walked, `inside` what is
    to be done with a manager. With `kinds`, only those are asked: of others it would be two
    mistakes. `quiet`: nothing fails, so a program may mean it with some kinds. Without
    `fixable`, nobody can know what was meant.
    """

    name: str
    group: str
    wants: str
    code: str
    payload: str = "rows"
    expression: bool = False
    plain: str = ""
    stream: str = ""
    inside: str = ""
    define: str = ""
    kinds: tuple[str, ...] = ()
    quiet: bool = False
    fixable: bool = True

    @property
    def suspends(self) -> bool:
        """Whether it can stand in an asynchronous function only."""
        return any(word in self.code for word in ("await ", "async "))


def each_line(
    group: str, wants: str, payload: str, code: str, *, quiet: bool = False
) -> list[Demand]:
    """A demand of each line of `code`, all expressions."""
    return [
        Demand(line, group, wants, line, payload, expression=True, quiet=quiet)
        for line in map(str.strip, code.strip().splitlines())
    ]
