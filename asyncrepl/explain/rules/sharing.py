"""One async generator walked by several tasks at once."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import Fixing
from asyncrepl.explain.resolving import Resolver
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.steps import assignment, stepped_source
from asyncrepl.explain.units import FUNCTIONS

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site

__all__ = ["RULES"]


#: Where an exception arises that comes out of what is awaited.
_WAITING = (
    "SEND", "YIELD_VALUE", "RESUME", "JUMP_BACKWARD_NO_INTERRUPT", "GET_ANEXT", "GET_AWAITABLE"
)  # fmt: skip


def _concurrent(evidence: Evidence) -> Finding | None:
    if not _refused_while_waiting(evidence):
        return None
    site = evidence.sites[-1]
    name = _shared_name(evidence, site)
    if name is None:
        return None
    why = (
        f"`{name}` is an async generator that was asked for a step while it was still in "
        "another one: it makes one at a time."
    )
    return Finding(why, _locked(evidence, site, name))


def _refused_while_waiting(evidence: Evidence) -> bool:
    """Whether a step or wait of the user's own raised, not code that it called."""
    error = evidence.error
    caused = error is None or error.__cause__ is not None or error.__context__ is not None
    return evidence.direct and not caused and evidence.op in _WAITING


def _shared_name(evidence: Evidence, site: Site) -> str | None:
    """The generator that two walked at once: it is running, or asked twice in one place."""
    resolver = Resolver.of_frame(evidence.units, site.frame)
    asked = _asked(site)
    for name in asked:
        value = resolver.value(ast.Name(name, ast.Load()))
        if isinstance(value, AsyncGeneratorType) and (value.ag_running or asked.count(name) > 1):
            return name
    return None


def _asked(site: Site) -> list[str]:
    """The names of what is stepped near the place: in its loops, and its calls of `anext`."""
    owner: ast.AST = site.node(ast.AsyncFor) or (site.nodes[0] if site.nodes else ast.Pass())
    function = site.unit.enclosing(owner, *FUNCTIONS)
    found: list[str] = []
    for node in ast.walk(function or site.unit.tree or owner):
        source = node.iter if isinstance(node, ast.AsyncFor | ast.comprehension) else None
        if isinstance(node, ast.Call):
            source = stepped_source(node)
        if isinstance(source, ast.Name):
            found.append(source.id)
    return found


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


def _locked(evidence: Evidence, site: Site, name: str) -> Fix | None:
    """Let the users of the generator wait for each other."""
    name = _outer_name(evidence, site, name)
    assigned = assignment(evidence, name)
    if assigned is None:
        return None
    unit, statement = assigned
    fixing = Fixing(evidence)
    outermost: ast.stmt = statement
    for node in unit.ancestors(statement):
        outermost = node if isinstance(node, ast.stmt) else outermost
    fixing.of(unit).lines_before(outermost, _SHARED)
    fixing.of(unit).before(statement.value, "Shared(")
    fixing.of(unit).after(statement.value, ")")
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _outer_name(evidence: Evidence, site: Site, name: str) -> str:
    """The name the generator has where it was made, if `name` is a parameter."""
    value = Resolver.of_frame(evidence.units, site.frame).value(ast.Name(name, ast.Load()))
    if assignment(evidence, name) is not None:
        return name
    for space in [each.frame.f_locals for each in evidence.sites] + [evidence.namespace]:
        for other, candidate in dict(space).items():
            if candidate is value and assignment(evidence, other) is not None:
                return other
    return name


RULES = (
    Rule(
        "concurrent-steps-of-one-generator",
        "one async generator walked by several at once",
        2,
        "An async generator runs one step at a time. Give every task its own generator, put a "
        "lock around `anext`, or let one task read and hand out the items through an "
        "`asyncio.Queue`.",
        _concurrent,
        errors=(RuntimeError,),
    ),
)
