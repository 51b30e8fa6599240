"""How an operand reaches its operation, and where that stands.

A context is chosen by chance, and then given to the wrong program and to the right one,
which differ in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = [
    "CONSUMERS",
    "HOMES",
    "KEEPING",
    "LAYOUTS",
    "ROUTES",
    "Context",
    "Route",
    "chosen",
    "deep",
]


def deep(code: str, by: int = 4) -> str:
    """`code`, indented."""
    return indent(code.rstrip("\n"), " " * by) + "\n"


@dataclass(frozen=True)
class Route:
    """The way of an operand: the lines before, and how it is called then.

    With `helper` the operation stands in a function of its own, which the operand is given
    to as an argument: its parameters, and what it is called with. With `each` an expression
    stands in a comprehension over the operand, which is its variable.
    """

    before: str = ""
    operand: str = "$made"
    helper: tuple[str, str] | None = None
    define: str = ""
    each: bool = False


ROUTES = {
    "direct": Route(),
    "variable": Route("$v = $made\n", "$v"),
    "attribute": Route(
        "$y = $H($made)\n",
        "$y.$v",
        define="class $H:\n    def __init__(self, $v):\n        self.$v = $v\n",
    ),
    "parameter": Route("", "$v", ("$v", "$made")),
    "keyword": Route("", "$v", ("*, $v, limit=3", "$v=$made")),
    "list": Route("$v = [$made]\n", "$v[0]"),
    "dict": Route('$v = {"first": $made}\n', '$v["first"]'),
    "result": Route("def $q():\n    return $made\n", "$q()"),
    "conditional": Route("$v = $made if len('on') else None\n", "$v"),
    "loop": Route("for $v in [$made]:\n", "$v"),
    "each": Route("for $v in [$made]:\n", "$v", each=True),
    "unpacked": Route("$v, $y = $made, 1\n", "$v"),
    "pair": Route("for $y, $v in enumerate([$made]):\n", "$v"),
    "item": Route('for $y, $v in {"first": $made}.items():\n', "$v"),
    "popped": Route("$v = [$made]\n", "$v.pop()"),
    "got": Route('$v = {"first": $made}\n', '$v.get("first")'),
    "nested list": Route("$v = [[$made]]\n", "$v[0][0]"),
    "sliced": Route("$v = [$made, 1]\n", "$v[:1][0]"),
    "stepped": Route("$v = iter([$made])\n", "next($v)"),
    "closure": Route("$v = $made\ndef $q():\n    return $v\n", "$q()"),
    "lambda": Route("$q = lambda: $made\n", "$q()"),
    "generator": Route("def $q():\n    yield $made\n", "next($q())"),
    "awaited": Route("async def $q():\n    return $made\n", "(await $q())"),
    "either": Route("", "(None or $made)"),
    "starred": Route("", "$v", ("$v", "*[$made]")),
    "named": Route("", '$v["first"]', ("**$v", "first=$made")),
    "queued": Route("$v = asyncio.Queue()\n$v.put_nowait($made)\n", "$v.get_nowait()"),
    "entered": Route("with contextlib.nullcontext($made) as $v:\n", "$v"),
    "class": Route(
        "$H.$v = $made\n",
        "$H.$v",
        define="class $H:\n    $v = None\n",
    ),
    "property": Route(
        "$y = $H($made)\n",
        "$y.$v",
        define="class $H:\n    def __init__(self, $v):\n        self._$v = $v\n\n    @property\n"
        "    def $v(self):\n        return self._$v\n",
    ),
    "method": Route(
        "$y = $H($made)\n",
        "$y.$v()",
        define="class $H:\n    def __init__(self, $v):\n        self.kept = $v\n\n"
        "    def $v(self):\n        return self.kept\n",
    ),
    "fields": Route(
        "$y = $H($made)\n",
        "$y.$v",
        define="class $H(typing.NamedTuple):\n    $v: object\n",
    ),
    "getattr": Route(
        "$y = types.SimpleNamespace($v=$made)\n",
        "getattr($y, '$v')",
    ),
    "inherited": Route(
        "$y = $H()\n$y.$v = $made\n",
        "$y.read()",
        define="class Base:\n    def read(self):\n        return self.$v\n\n\nclass $H(Base):\n    pass\n",
    ),
    "passed on": Route(
        "",
        "$q($made)",
        define="def $q(value, *rest):\n    return value\n",
    ),
    "mapped": Route("", "next(map($q, [$made]))", define="def $q(one):\n    return one\n"),
    "dict value": Route('$v = {"first": $made}\n', "next(iter($v.values()))"),
    "tuple": Route("$v = ($made, 1)\n", "$v[0]"),
    "twice": Route("$y = $made\n$v = $y\n", "$v"),
    "augmented": Route("$v = []\n$v += [$made]\n", "$v[-1]"),
    "appended": Route("$v = []\n$v.append($made)\n", "$v[0]"),
    "annotated": Route("$v: object = $made\n", "$v"),
    "global": Route("global $v\n$v = $made\n", "$v"),
}
#: Those with a function of its own around the operation.
_HELPED = tuple(name for name, route in ROUTES.items() if route.helper)

#: Those by which a name keeps the operand.
KEEPING = (
    "variable", "attribute", "list", "dict", "conditional", "loop", "each", "unpacked", "pair",
    "item", "got", "nested list", "sliced", "closure", "class", "property", "method", "fields",
    "getattr", "inherited", "dict value", "tuple", "twice", "augmented", "appended", "annotated",
    "global",
)  # fmt: skip

#: What is done with the value of an expression, here ``$e``.
CONSUMERS = {
    "printed": "print($e)",
    "assigned": "$u = $e\nprint($u)",
    "argument": "print('is', $e)",
    "keyword": "print(dict(value=$e))",
    "list": "print([$e])",
    "dict": "print({'value': $e})",
    "comprehension": "print([$e for _ in range(1)])",
    "chosen": "print($e if len('on') else None)",
    "returned": "async def $h():\n    return $e\nprint(await $h())",
}

#: Where the definitions stand: the names they are called by.
HOMES = {
    "here": "$f",
    "method": "$o.$f",
    "module": "$M.$f",
    "module renamed": "$k",
    "imported": "$f",
}


def _main(body: str, define: str) -> str:
    return f"{define}\nasync def main():\n{deep(body)}\n\nasyncio.run(main())\n"


def _method(body: str, define: str) -> str:
    return (
        f"{define}\nclass App:\n    async def start(self):\n{deep(body, 8)}\n\n"
        "asyncio.run(App().start())\n"
    )


def _nested(body: str, define: str) -> str:
    return _main(f"async def inner():\n{deep(body)}\nawait inner()", define)


def _gathered(body: str, define: str) -> str:
    worker = f"async def worker():\n{deep(body)}\n"
    return _main("await asyncio.gather(worker(), asyncio.sleep(0))", f"{define}\n{worker}")


def _grouped(body: str, define: str) -> str:
    worker = f"async def worker():\n{deep(body)}\n"
    return _main(
        "async with asyncio.TaskGroup() as group:\n    group.create_task(worker())",
        f"{define}\n{worker}",
    )


def _top(body: str, define: str) -> str:
    return f"{define}\n{body}"


#: The whole program, of the operation with its operand, and the definitions.
LAYOUTS: dict[str, Callable[[str, str], str]] = {
    "main": _main,
    "top": _top,
    "typed": _top,
    "method": _method,
    "nested": _nested,
    "gather": _gathered,
    "group": _grouped,
    "plain": _main,
    "imported": _main,
}


@dataclass(frozen=True)
class Context:
    """The names of a route, a consumer, a home, a layout, and how asyncio is imported."""

    route: str
    consumer: str
    home: str
    layout: str
    aliases: str

    def __str__(self) -> str:
        usual = ("direct", "printed", "here", "main", "as usual")
        parts = (self.route, self.consumer, self.home, self.layout, self.aliases)
        return "/".join(part for part, normal in zip(parts, usual, strict=True) if part != normal)


def chosen(chance: Random, *, method: bool, module: bool, plain: bool, loop: bool) -> Context:
    """A context by chance; with what the definitions and the operation allow.

    `method`: the definitions can be methods; `module`: they have to be in a module; `plain`:
    the operation can stand in a plain function; `loop`: the operand is made on a running loop,
    which nothing at the top of the wrong program starts: another mistake, with another error.
    """
    barred = {name for name, bar in (("plain", not plain), ("top", loop)) if bar}
    layout = chance.choice([name for name in LAYOUTS if name not in barred])
    homes = [name for name in HOMES if method or name != "method"]
    if layout in ("typed", "imported"):
        homes = [name for name in homes if name in ("here", "method")]
    if module:
        layout = layout if layout not in ("typed", "imported") else "main"
        homes = ["module"]
    return Context(
        chance.choice(_HELPED if layout == "plain" else tuple(ROUTES)),
        chance.choice([name for name in CONSUMERS if layout != "plain" or name != "returned"]),
        chance.choice((homes[0], *homes)),
        layout,
        chance.choice(("as usual", "as usual", "module", "names")),
    )
