"""Writing a program: the definitions, the way of the operand, the operation, the whole file."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING

from proof.matrix.contexts import CONSUMERS, HOMES, LAYOUTS, ROUTES, Context, Route, deep
from proof.matrix.execution import Program
from proof.matrix.payloads import PAYLOADS

if TYPE_CHECKING:
    from proof.matrix.demand import Demand
    from proof.matrix.kinds import Kind, Shape
    from proof.matrix.names import Names

__all__ = ["Writer", "with_imports"]

#: Every module that a template may name.
_MODULES = """
array asyncio base64 bisect collections concurrent.futures contextlib copy csv datetime
decimal difflib fnmatch fractions functools hashlib heapq html io itertools json math operator
pathlib pickle posixpath random re shlex statistics string struct textwrap threading time types typing
unicodedata unittest.mock urllib.parse zlib
"""
_NAMED = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, _MODULES.split()))})\.(\w+)")
_SHORT = {"asyncio": "aio", "contextlib": "ctx", "itertools": "its", "functools": "fun"}
_STREAMS = ("async generator", "async iterator", "async iterable")


@dataclass(frozen=True)
class Writer:
    """Writes the programs of one kind and one demand in one context."""

    kind: Kind
    shape: Shape
    demand: Demand
    context: Context
    names: Names

    def program(self, *, right: bool, as_it_is: bool = False) -> Program:
        """The right program or the wrong one; `as_it_is`, the operand goes with the demand."""
        body, define = self._body(right=right and not as_it_is)
        source, modules = self._definitions(), {}
        if self.context.home in ("module", "module renamed", "imported"):
            modules[self.names["M"]] = self._with_imports(source)
            source = self._import_of_definitions()
        text = LAYOUTS[self.context.layout](body, f"{source}\n{define}")
        text = self._with_imports(text)
        if self.context.layout == "imported":
            module, start = self.names["M"], text.rindex("\n", 0, len(text) - 1)
            modules[module] = text[:start]
            text = self._with_imports(f"import {module}\n\nasyncio.run({module}.main())\n")
        return Program(text, modules, typed=self.context.layout == "typed")

    def operation(self, *, right: bool) -> str:
        """The code of the operation, with the operand in its place."""
        operand = self._filled(self._route.operand, made=self._made)
        if not right:
            return self._consumed(self.demand.code, operand)
        if self.demand.stream and self.kind.name in _STREAMS:
            return self._consumed(self.demand.stream, operand)
        held = self._filled(self.kind.plain, x=operand)
        held = f"({held})" if held.startswith("await ") else held
        if not self.kind.wrap:
            return self._consumed(self.demand.plain or self.demand.code, held)
        inside = self.demand.inside or self.demand.plain or self.demand.code
        head = self._filled(self.kind.wrap, x=operand)
        return f"{head}\n{deep(self._consumed(inside, held))}"

    @property
    def _route(self) -> Route:
        return ROUTES[self.context.route]

    @property
    def _in_comprehension(self) -> bool:
        return self._route.each and self.demand.expression and not self.kind.wrap

    @property
    def _made(self) -> str:
        """The expression that makes the operand."""
        return self._filled(self.shape.make, F=self._filled(HOMES[self.context.home]))

    def _filled(self, template: str, /, **given: str) -> str:
        return Template(template).substitute(self.names, **given)

    def _consumed(self, code: str, operand: str) -> str:
        code = self._filled(code, x=operand)
        if not self.demand.expression:
            return code + "\n"
        if self._in_comprehension:
            return self._filled("print([$e for $v in [$made]])", e=code, made=self._made) + "\n"
        return self._filled(CONSUMERS[self.context.consumer], e=code) + "\n"

    def _body(self, *, right: bool) -> tuple[str, str]:
        """The statements that run, and the definitions that they need."""
        code = self.operation(right=right)
        define = self._filled(self._route.define + self.demand.define)
        if self._route.helper is not None:
            call, function = self._helper(code, self._route.helper)
            return call, f"{define}\n{function}"
        before = self._filled(self._route.before, made=self._made)
        before = "" if self._in_comprehension else before
        return before + (deep(code) if before.endswith(":\n") else code), define

    def _helper(self, code: str, helper: tuple[str, str]) -> tuple[str, str]:
        """The call of a function with the operation in it, and the function."""
        parameters, arguments = (self._filled(each, made=self._made) for each in helper)
        name = self.names["g2"]
        plain = self.context.layout == "plain" and not re.search(r"\b(await|async) ", code)
        function = f"def {name}({parameters}):\n{deep(code)}\n"
        call = f"{name}({arguments})\n"
        return (call, function) if plain else (f"await {call}", f"async {function}")

    def _definitions(self) -> str:
        """What makes the operand, as functions or in a class."""
        payload = PAYLOADS[self.demand.payload]
        method = self.context.home == "method"
        define = self._filled(
            self.shape.define, self="self" if method else "", payload=payload.expression
        )
        if method:
            define = self._filled(f"class $C:\n{deep(define)}\n\n$o = $C()\n")
        return f"{payload.define}\n\n{define}\n"

    def _import_of_definitions(self) -> str:
        match self.context.home:
            case "module":
                return self._filled("import $M\n")
            case "imported":
                return self._filled("from $M import $f\n")
            case _:
                return self._filled("from $M import $f as $k\n")

    def _with_imports(self, text: str) -> str:
        return with_imports(text, self.context.aliases, self.names)


def with_imports(text: str, aliases: str, names: Names) -> str:
    """`text` with the modules it names imported.

    `aliases` is "as usual"; "module", for ``import asyncio as aio``; or "names", for ``from
    asyncio import gather as together``, with another of the `names`.
    """

    def own(module: str, name: str) -> str:
        return names[f"as {module}.{name}"]

    named = sorted({match.groups() for match in _NAMED.finditer(text)})
    modules = sorted({module for module, _ in named})
    match aliases:
        case "as usual":
            imports = [f"import {module}" for module in modules]
        case "module":
            imports = [f"import {each} as {_short(each)}" for each in modules]
            text = _NAMED.sub(lambda m: f"{_short(m[1])}.{m[2]}", text)
        case _:
            named = [each for each in named if not keyword.iskeyword(each[1])]  # asyncio.async
            imports = [
                f"from {module} import {name} as {own(module, name)}" for module, name in named
            ]
            text = _NAMED.sub(lambda m: own(*m.groups()) if m.groups() in named else m[0], text)
    return re.sub(r"\n{3,}", "\n\n\n", "\n".join([*imports, "", text.lstrip()]))


def _short(module: str) -> str:
    return _SHORT.get(module, "my_" + module.rpartition(".")[2])
