"""Other shapes of a snippet: the same mistake with other names, in another place, of another type.

Each variant is made by a mechanical change of the text. A change can make another
program of it, so the judge keeps only variants that fail as the snippet does.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import token
import tokenize
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from explain.shapes import SHAPES, deep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Variant", "own_names", "variants", "with_names"]

Inputs = list[str]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Variant:
    """A changed snippet; `module` is the text of a file that is loaded before `inputs`."""

    name: str
    inputs: Inputs
    module: str | None = None


def variants(inputs: Inputs) -> Iterator[Variant]:
    """All variants of a snippet."""
    inputs = [text if text.endswith("\n") else text + "\n" for text in inputs]
    for name, change in _CHANGES.items():
        try:
            changed = change(inputs)
        except (SyntaxError, tokenize.TokenError, _ImpossibleError):
            continue
        if changed != inputs:
            yield Variant(name, changed)
    yield from _moved(inputs)
    yield from _in_modules(inputs)


class _ImpossibleError(Exception):
    """The change cannot be made to this snippet."""


def _tree(text: str) -> ast.Module:
    return ast.parse(text)


# Names


def _renamed(inputs: Inputs) -> Inputs:
    names = own_names("".join(inputs))
    if not names:
        raise _ImpossibleError
    new = {name: f"{name}_näme" if name[0] != "_" else name + "2" for name in names}
    return [with_names(text, new) for text in inputs]


def with_names(text: str, new: dict[str, str]) -> str:
    lines = text.split("\n")
    found = [
        each
        for each in tokenize.generate_tokens(io.StringIO(text).readline)
        if each.type == token.NAME and each.string in new
    ]
    for each in reversed(found):
        row, column = each.start
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new[each.string] + line[column + len(each.string) :]
    return "\n".join(lines)


def own_names(text: str) -> set[str]:
    found: set[str] = set()
    foreign: set[str] = set(dir(builtins)) | {"self", "cls"}
    for node in ast.walk(_tree(text)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.arg():
                found.add(node.arg)
            case ast.Import() | ast.ImportFrom():
                foreign |= {part for each in node.names for part in each.name.split(".")}
            case ast.keyword() if node.arg:
                foreign.add(node.arg)
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(ctx=ast.Load()):
                foreign.add(node.attr)
    return {n for n in found - foreign if not n.startswith("__") and not keyword.iskeyword(n)}


# Places


def _body(texts: Inputs) -> str:
    return "".join(texts)


def _whole(shape: Callable[[str], Inputs]) -> Callable[[Inputs], Inputs]:
    """Everything put into `shape`."""
    return lambda inputs: shape(_body(inputs))


def _last(shape: Callable[[str], Inputs]) -> Callable[[Inputs], Inputs]:
    """The last input put into `shape`: what it uses stays global."""

    def change(inputs: Inputs) -> Inputs:
        if len(inputs) < 2:
            raise _ImpossibleError
        return [*inputs[:-1], *shape(inputs[-1])]

    return change


def _surrounded(inputs: Inputs) -> Inputs:
    return [
        "import math, json\n",
        "def helper(a, b=2):\n    for x in range(a): b += x\n    return b\n",
        *inputs[:-1],
        "number = helper(3)\n",
        inputs[-1],
        "print(number)\n",
    ]


# Types


def _each_function(inputs: Inputs, wrap: Callable[[str], str], prelude: str = "") -> Inputs:
    """`wrap` gives the lines to follow the definition of a function at the top."""
    changed, found = [], False
    for text in inputs:
        lines = text.split("\n")
        for node in reversed(_tree(text).body):
            if isinstance(node, _DEFINITIONS) and not node.decorator_list:
                lines.insert(node.end_lineno or 0, wrap(node.name))
                found = True
        changed.append("\n".join(lines))
    if not found:
        raise _ImpossibleError
    return [prelude, *changed] if prelude else changed


def _partial(inputs: Inputs) -> Inputs:
    return _each_function(
        inputs, lambda name: f"{name} = functools.partial({name})", "import functools\n"
    )


def _wrapped(inputs: Inputs) -> Inputs:
    prelude = (
        "import functools\ndef kept(function):\n    @functools.wraps(function)\n"
        "    def inner(*args, **kwargs):\n        return function(*args, **kwargs)\n"
        "    return inner\n"
    )
    return _each_function(inputs, lambda name: f"{name} = kept({name})", prelude)


def _static(inputs: Inputs) -> Inputs:
    return _each_function(
        inputs,
        lambda name: f"class Kit{name}:\n    m = staticmethod({name})\n{name} = Kit{name}.m",
    )


def _bound(inputs: Inputs) -> Inputs:
    prelude = "import types\n"
    return _each_function(
        inputs,
        lambda name: (
            f"class Kit{name}:\n    def __init__(self, f): self.f = f\n"
            f"{name} = Kit{name}({name}).f"
        ),
        prelude,
    )


def _each_class(inputs: Inputs, after: Callable[[str], str], prelude: str = "") -> Inputs:
    changed, found = [], False
    for text in inputs:
        lines = text.split("\n")
        for node in reversed(_tree(text).body):
            if isinstance(node, ast.ClassDef):
                lines.insert(node.end_lineno or 0, after(node.name))
                found = True
        changed.append("\n".join(lines))
    if not found:
        raise _ImpossibleError
    return [prelude, *changed] if prelude else changed


def _subclassed(inputs: Inputs) -> Inputs:
    return _each_class(inputs, lambda name: f"class {name}({name}):\n    '''more'''")


def _slotted(inputs: Inputs) -> Inputs:
    return _each_class(inputs, lambda name: f"class {name}({name}):\n    __slots__ = ('a', 'b')")


def _generic(inputs: Inputs) -> Inputs:
    prelude = "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
    return _each_class(inputs, lambda name: f"class {name}({name}, Generic[T]): pass", prelude)


def _dataclass(inputs: Inputs) -> Inputs:
    if any("__init__" in text for text in inputs):
        raise _ImpossibleError
    return _each_class(
        inputs,
        lambda name: f"@dataclasses.dataclass\nclass {name}({name}):\n    extra: int = 0",
        "import dataclasses\n",
    )


def _aliased(inputs: Inputs) -> Inputs:
    return _each_function(inputs, lambda name: f"{name} = {name}", "")


# Operands


def _moved(inputs: Inputs) -> Iterator[Variant]:
    """The operands of the last input's loops, awaits and calls, each put elsewhere."""
    try:
        tree = _tree(inputs[-1])
    except SyntaxError:
        return
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for number, node in enumerate(_operands(tree)):
        for name, put in _PLACES.items():
            changed = _put(inputs[-1], parents, node, put)
            if changed is not None:
                yield Variant(f"{name}-{number}", [*inputs[:-1], changed])


def _operands(tree: ast.Module) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                found.append(node.iter)
            case ast.Await() if not isinstance(node.value, ast.Name):
                found.append(node.value)
            case ast.withitem():
                found.append(node.context_expr)
            case ast.Call() if len(node.args) == 1:
                found.append(node.args[0])
            case ast.Starred() | ast.YieldFrom():
                found.append(node.value)
            case ast.Subscript(ctx=ast.Load()):
                found.append(node.value)
    kept = []
    for node in found:
        if isinstance(node, ast.Starred) or node in kept or isinstance(node, ast.Constant):
            continue
        kept.append(node)
    return kept[:4]


def _put(
    text: str,
    parents: dict[ast.AST, ast.AST],
    node: ast.expr,
    put: Callable[[str], tuple[str, str]],
) -> str | None:
    bound: set[str] = set()
    statement: ast.AST = node
    while not isinstance(statement, ast.stmt):
        statement = parents[statement]
        if isinstance(statement, ast.Lambda):
            return None
        for generator in getattr(statement, "generators", []):
            bound |= {each.id for each in ast.walk(generator.target) if isinstance(each, ast.Name)}
    if any(isinstance(each, ast.Name) and each.id in bound for each in ast.walk(node)):
        return None
    if any(isinstance(each, ast.Await | ast.NamedExpr | ast.Yield) for each in ast.walk(node)):
        return None
    lines = text.split("\n")
    if node.lineno != node.end_lineno or (
        not lines[statement.lineno - 1][: statement.col_offset].isspace() and statement.col_offset
    ):
        return None
    line = lines[node.lineno - 1].encode()
    source = line[node.col_offset : node.end_col_offset].decode()
    before, after = put(source)
    lines[node.lineno - 1] = (
        line[: node.col_offset].decode() + after + line[node.end_col_offset :].decode()
    )
    lines.insert(statement.lineno - 1, indent(before, " " * statement.col_offset))
    return "\n".join(lines)


_PLACES: dict[str, Callable[[str], tuple[str, str]]] = {
    "variable": lambda source: (f"thing = {source}", "thing"),
    "attribute": lambda source: (
        f"class Box: pass\nbox = Box()\nbox.thing = {source}",
        "box.thing",
    ),
    "item": lambda source: (f"table = {{'k': {source}}}", "table['k']"),
    "element": lambda source: (f"row = [{source}]", "row[0]"),
    "result": lambda source: (f"def give():\n    return {source}", "give()"),
    "default": lambda source: (f"def give(thing={source}):\n    return thing", "give()"),
    "lambda": lambda source: (f"give = lambda: {source}", "give()"),
    "property": lambda source: (
        f"class Box:\n    @property\n    def thing(self): return {source}\nbox = Box()",
        "box.thing",
    ),
    "brackets": lambda source: ("pass", f"({source})"),
    "walrus": lambda source: ("pass", f"(thing := {source})"),
    "choice": lambda source: ("flag = 1", f"({source} if flag else None)"),
    "slots": lambda source: (
        f"class Box:\n    __slots__ = ('thing',)\nbox = Box()\nbox.thing = {source}",
        "box.thing",
    ),
}


# Modules


def _in_modules(inputs: Inputs) -> Iterator[Variant]:
    if len(inputs) > 1:
        head, last = _body(inputs[:-1]), inputs[-1]
        yield Variant("module-head", ["from shop import *\n", last], head)

    whole = f"import asyncio\nasync def main():\n{deep(_body(inputs))}"
    yield Variant("module-whole", ["from shop import main\n", "await main()\n"], whole)


_CHANGES: dict[str, Callable[[Inputs], Inputs]] = {
    "renamed": _renamed,
    **{f"all-in-{name}": _whole(shape) for name, shape in SHAPES.items()},
    **{f"last-in-{name}": _last(shape) for name, shape in SHAPES.items()},
    "one-text": lambda inputs: [_body(inputs)],
    "surrounded": _surrounded,
    "partial": _partial,
    "wraps": _wrapped,
    "static": _static,
    "attribute-function": _bound,
    "alias": _aliased,
    "subclass": _subclassed,
    "slots-class": _slotted,
    "generic": _generic,
    "dataclass": _dataclass,
}
