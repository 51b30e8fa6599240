"""One async generator walked by several tasks at once."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import describe
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.generator_steps import given, stepped_source
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.rules.unclosed_generators import late_yield
from asyncrepl.explain.source_units import FUNCTIONS
from asyncrepl.explain.static_values import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]


#: Where an exception arises that comes out of what is awaited.
_WAITING = (
    "SEND", "YIELD_VALUE", "RESUME", "JUMP_BACKWARD_NO_INTERRUPT", "GET_ANEXT", "GET_AWAITABLE"
)  # fmt: skip


def _concurrent(evidence: Evidence) -> Finding | None:
    """A step that an async generator refused: it can only be in another one.

    Whether it still is, nobody can tell once the loop is closed. So other refusals are ruled
    out: code of the generator's own has no part in it (that would be the innermost), what is
    awaited is a new step, and to be closed a generator only refuses if it yields once more.
    """
    error = evidence.error
    caused = error is None or error.__cause__ is not None or error.__context__ is not None
    if not evidence.direct or caused or evidence.op not in _WAITING:
        return None
    site = evidence.sites[-1]
    source = next((each for each in _asked(site) if _refuses(evidence, site, each)), None)
    if source is None:
        return None
    return Finding(_why(site.unit, source), _locked(evidence, source, site))


def _seen(evidence: Evidence) -> Finding | None:
    """The same where somebody keeps the error to himself."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None or any(isinstance(each, ast.Try) for each in unit.ancestors(use.node)):
        return None
    return Finding(_why(unit, use.node), _locked(evidence, use.node))


def _why(unit: Unit, source: ast.expr) -> str:
    return (
        f"{short(unit, source)} is an async generator that was asked for a step while it was "
        "still in another one: it makes one at a time."
    )


def _asked(site: Site) -> Iterator[ast.expr]:
    """What was asked for a step at the place: by a loop, by ``anext``, by one of its methods."""
    for node in reversed(site.nodes):
        if isinstance(node, ast.Await):
            here = list(_steps(node.value))
            yield from here or _begun_steps(site.unit, node)
            return
        parent = site.unit.parents.get(node)
        clauses = getattr(node, "generators", [node, parent])
        loops = [each for each in clauses if isinstance(each, ast.AsyncFor | ast.comprehension)]
        if loops:
            yield from (each.iter for each in loops)
            return


def _steps(node: ast.AST) -> Iterator[ast.expr]:
    calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    yield from filter(None, map(stepped_source, calls))


def _begun_steps(unit: Unit, node: ast.AST) -> Iterator[ast.expr]:
    """The steps that the function around takes otherwise than by awaiting them: as tasks."""
    for call in ast.walk(unit.enclosing(node, *FUNCTIONS) or unit.tree or node):
        source = stepped_source(call) if isinstance(call, ast.Call) else None
        if source is not None and not isinstance(unit.parents.get(call), ast.Await):
            yield source


def _refuses(evidence: Evidence, site: Site, source: ast.expr) -> bool:
    """Whether it is an async generator, and refuses nothing else."""
    names = site.frame.f_locals
    # A comprehension is a function of its own up to Python 3.11, and gets what it walks.
    stream = describe(names[".0"]) if ".0" in names else None
    info = stream or Resolver.of_frame(evidence.units, site.frame).info(source)
    if info is None or info.kind is not AsyncGeneratorType:
        return False
    made = evidence.units.definition(info.code)
    return made is None or late_yield(made[1]) is None


_SHARED = """\
class Shared:
    def __init__(self, stream):
        self.stream, self.lock = stream, asyncio.Lock()
    def __aiter__(self):
        return self
    async def __anext__(self):
        async with self.lock:
            return await anext(self.stream)
    async def aclose(self):
        async with self.lock:
            await self.stream.aclose()
"""


def _locked(evidence: Evidence, source: ast.expr, site: Site | None = None) -> Fix | None:
    """Let the users of the generator wait for each other."""
    made = _made(evidence, source, site)
    if made is None:
        return None
    unit, value = made
    fixing = Fixing(evidence)
    statements = [each for each in unit.ancestors(value) if isinstance(each, ast.stmt)]
    name = fixing.fresh(unit, "Shared")
    fixing.of(unit).lines_before(statements[-1], _SHARED.replace("Shared", name))
    fixing.of(unit).before(value, f"{name}(")
    fixing.of(unit).after(value, ")")
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _made(evidence: Evidence, source: ast.expr, site: Site | None) -> tuple[Unit, ast.expr] | None:
    """Where the generator was made: what was assigned to its name, here or where it came from."""
    if isinstance(source, ast.Name) and (found := given(evidence, source.id)) is not None:
        return found
    value = Resolver.of_frame(evidence.units, site.frame).value(source) if site else None
    for space in [each.frame.f_locals for each in evidence.sites] + [evidence.namespace]:
        for name, candidate in dict(space).items():
            if candidate is value is not None and (found := given(evidence, name)) is not None:
                return found
    if isinstance(source, ast.Attribute):
        return given(evidence, source.attr)
    return None


_RULE = (
    "concurrent-steps-of-one-generator",
    "one async generator walked by several at once",
    2,
    (
        "An async generator runs one step at a time. Give every task its own generator, put a "
        "lock around `anext`, or let one task read and hand out the items through an "
        "`asyncio.Queue`."
    ),
)

RULES = (
    Rule(*_RULE, _concurrent, errors=(RuntimeError,)),
    Rule(*_RULE, _seen, "seen", sees="running"),
)
