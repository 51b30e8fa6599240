"""Programs in which the names that a correction makes, or uses, mean something of the user's.

From a snippet of the catalogue and its correction the names are collected that only the
correction binds, and those of Python's that it adds. Then the snippet is written once more with
each of these names: by another variable of the session, one imported by ``import *``, a global
of a function, and in the place of each name of its own (a parameter, a function, a class, a
variable of a loop or a comprehension).
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explain.variants import own_names, with_names

from asyncrepl.syntax.names import bound_names

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Taken", "made_names", "programs", "used_names"]

#: What corrections call things inside of what they define themselves.
_INNER = {"self", "cls"}


@dataclass(frozen=True)
class Taken:
    """The `inputs` in which `name` is the user's; `after` shows that it still is, printing "mine"."""

    way: str
    name: str
    inputs: list[str]
    after: list[str]
    module: str | None = None


def made_names(inputs: list[str], fixed: list[str]) -> set[str]:
    """The names that a correction binds and the program does not know."""
    made = _bound(fixed) - _bound(inputs) - set(_loads(inputs)) - _INNER
    return {name for name in made if not name.startswith("__")}


def used_names(inputs: list[str], fixed: list[str]) -> set[str]:
    """The names of Python's that a correction uses more often than the program."""
    more = _loads(fixed) - _loads(inputs)
    known = {name for name in more if hasattr(builtins, name) and not name[0].isupper()}
    return {name for name in known if name not in _loads(inputs)}


def programs(inputs: list[str], name: str, *, used: bool) -> Iterator[Taken]:
    """The program with `name` taken in every way; `used`: it is one of Python's."""
    mine = "def {0}(*args, **options): return 'mine'\n" if used else "{0} = 'mine'\n"
    show = f"print({name}())" if used else f"print({name})"
    if used and name == "print":
        show = "__import__('sys').stdout.write(print() + '\\n')"
    define = mine.format(name)
    yield Taken("session", name, [define, *inputs], [show])
    yield Taken("import *", name, ["from shop import *\n", *inputs], [show], define)
    later = f"def uses():\n    return {name}\n"
    yield Taken("global", name, [later, define, *inputs], [show])
    for own in sorted(own_names("\n".join(inputs))):
        yield Taken(f"as {own}", name, [with_names(text, {own: name}) for text in inputs], [])


def _trees(texts: list[str]) -> Iterator[ast.AST]:
    for text in texts:
        try:
            yield from ast.walk(ast.parse(text))
        except SyntaxError:
            continue


def _bound(texts: list[str]) -> set[str]:
    return {name for node in _trees(texts) for name in bound_names(node)}


def _loads(texts: list[str]) -> Counter[str]:
    return Counter(
        node.id
        for node in _trees(texts)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
