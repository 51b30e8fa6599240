"""Random programs full of asynchronous loops, for comparing two ways to run them."""

from __future__ import annotations

import random

__all__ = ["random_program"]

_HEAD = """\
async def src(n, fail=0):
    for i in range(n):
        if i % 2: await asyncio.sleep(0)
        if fail and i == fail: raise ValueError(i)
        yield i

async def main():
"""
_TAIL = """\
    yield 'end'

async def drive():
    generator, count = main(), 0
    async for x in generator:
        out.append(x)
        count += 1
        if count > 40: break
    await generator.aclose()
"""
_SOURCES = ("src(0)", "src(2)", "src(3)", "src(3, 1)", "src(4, 3)")
_COMPREHENSIONS = (
    "[{v} async for {v} in {s} if {v}]",
    "{{{v}: {w} async for {v} in {s} async for {w} in {s}}}",
    "[10 // {v} async for {v} in src(3)]",
    "[x async for x in ({v} async for {v} in {s})]",
)


def random_program(seed: int) -> str:
    """A program whose coroutine function `drive` fills the list `out`."""
    return _Writer(random.Random(seed)).program()


class _Writer:
    """Writes one program; `out` grows with each step, and decides what happens next."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._names = 0
        self._lines: list[str] = []

    def program(self) -> str:
        self._block(1, 4, in_loop=False)
        return _HEAD + "".join(line + "\n" for line in self._lines) + _TAIL

    def _block(self, indent: int, depth: int, *, in_loop: bool) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._statement(indent, depth, in_loop=in_loop)

    def _statement(self, indent: int, depth: int, *, in_loop: bool) -> None:
        choices = ["log", "comprehension", "leave", "yield"]
        if depth:
            choices += ["async for", "async for", "async for", "for", "if", "try"]
        kind = self._random.choice(choices)
        if kind == "log":
            self._write(indent, "out.append(sorted(k for k in locals() if k[0] == 'v'))")
        elif kind == "comprehension":
            text = self._random.choice(_COMPREHENSIONS)
            text = text.format(v=self._name(), w=self._name(), s=self._source())
            self._write(indent, f"out.append({text})")
        elif kind == "yield":
            self._write(indent, "yield len(out)")
        elif kind == "leave":
            ways = ["break", "continue"] * in_loop + ["return", "raise KeyError(1)"]
            when = f"if len(out) % {self._random.randint(2, 6)} == 0"
            self._write(indent, f"{when}: {self._random.choice(ways)}")
        else:
            self._compound(kind, indent, depth - 1, in_loop=in_loop)

    def _compound(self, kind: str, indent: int, depth: int, *, in_loop: bool) -> None:
        heads = {
            "async for": f"async for {self._name()} in {self._source()}:",
            "for": f"for {self._name()} in range(2):",
            "if": "if len(out) % 3 == 0:",
            "try": "try:",
        }
        self._write(indent, heads[kind])
        self._block(indent + 1, depth, in_loop=in_loop or kind.endswith("for"))
        if kind == "try":
            self._write(indent, "except ValueError as error:")
            self._write(indent + 1, "out.append(repr((error, error.__context__)))")
        elif self._random.random() < 0.4:
            self._write(indent, "else:")
            self._block(indent + 1, depth, in_loop=in_loop)

    def _write(self, indent: int, line: str) -> None:
        self._lines.append("    " * indent + line)

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _source(self) -> str:
        return self._random.choice(_SOURCES)
