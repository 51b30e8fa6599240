"""One iterator for two iterations: of several tasks, of a loop in a loop, or when it is over."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType, BuiltinFunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import describe, is_real_instance
from asyncrepl.explain.bindings import python_method
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.rules.generator_cleanup import late_yield
from asyncrepl.explain.scopes import behind_call, may_be_left, own_nodes
from asyncrepl.explain.source_units import positional
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import (
    STEPS,
    argument,
    assignment,
    bindings,
    calls_of,
    given,
    loads,
    stepped_source,
)
from asyncrepl.instrument.silent_mistake_placement import steps_inside
from asyncrepl.syntax.names import FUNCTIONS, LOOPS, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Unit

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
    ended = isinstance(getattr(error, "__context__", None), StopIteration | StopAsyncIteration)
    caused = error is None or error.__cause__ is not None or ended
    if not evidence.direct or caused or evidence.op not in _WAITING:
        return None
    site = evidence.sites[-1]
    source = next((each for each in _asked(site) if _refuses(evidence, site, each)), None)
    if source is None:
        return None
    return Finding(_why(site.unit, source), _locked(evidence, source, site))


def _seen(evidence: Evidence) -> Finding | None:
    """The same where somebody keeps the error to himself."""
    node, unit = evidence.seen_node, evidence.unit
    if node is None or any(isinstance(each, ast.Try) for each in unit.ancestors(node)):
        return None
    return Finding(_why(unit, node), _locked(evidence, node))


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


@correction
def _locked(fixing: Fixing, source: ast.expr, site: Site | None = None) -> None:
    """Let the users of the generator wait for each other."""
    made = _made(fixing.evidence, source, site)
    if made is None:
        return
    unit, value = made
    statements = [each for each in unit.ancestors(value) if isinstance(each, ast.stmt)]
    name = fixing.fresh(unit, "Shared")
    fixing.of(unit).lines_before(statements[-1], _SHARED.replace("Shared", name))
    fixing.given_to(unit, value, name)


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


def _exhausted(evidence: Evidence) -> Finding | None:
    use = evidence.use("seen")
    if use is None or _takes_the_rest(evidence, use):
        return None
    text, kind = short(evidence.unit, use.node), use.info.kind if use.info is not None else object
    if kind is not AsyncGeneratorType:
        return None
    unit, names = _handed_in(evidence, use.node)
    if (given_as := short(unit, names[0])) != text:
        text = f"{given_as}, here {text},"
    why = f"{text} is at its end: an async generator is walked once, this loop gets nothing."
    return Finding(why, _made_anew(evidence, use))


def _handed_in(evidence: Evidence, node: ast.expr) -> tuple[Unit, list[ast.expr]]:
    """What is a generator no more: of a parameter what calls give for it, but for the first."""
    unit, function = evidence.unit, evidence.unit.function(node)
    given = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    if function is not None and given and given[0] in function.args.args:
        position = function.args.args.index(given[0])
        for home in (*reversed(evidence.callers), unit):
            calls = [c for c in calls_of(home, function, unit) if isinstance(c, ast.Call)]
            found = [argument(each, written_name(node), position) for each in calls]
            names = [each for each in found if isinstance(each, ast.Name)]
            if names and len({each.id for each in names}) == 1:
                return home, [*(names[1:] or names)]
    return unit, [node]


def _over(evidence: Evidence) -> Finding | None:
    """The same of an object that is its own iterator, but for a loop that may ask it again."""
    use = evidence.use("seen")
    kind = use.info.kind if use is not None and use.info is not None else AsyncGeneratorType
    if use is None or kind is AsyncGeneratorType or _takes_the_rest(evidence, use):
        return None
    if evidence.unit.enclosing(use.owner, *LOOPS) is not None:
        return None
    why = (
        f"{short(evidence.unit, use.node)} is at its end: `{kind.__name__}.__aiter__` returns the "
        "object itself, so an earlier loop has taken all there was, and this one gets nothing."
    )
    return Finding(why, _made_anew(evidence, use))


def _not_kept(fixing: Fixing, use: Use) -> bool:
    """Whether its function is one below ``@cache`` or ``@cached_property``, which goes."""
    found = fixing.evidence.units.definition(use.info.code if use.info is not None else None)
    for each in found[1].decorator_list if found is not None else ():
        name = canonical_name(behind_call(each))
        if found is not None and name == "functools.cached_property":
            fixing.of(found[0]).replace(each, "property")
        elif found is not None and name in ("functools.cache", "functools.lru_cache"):
            source, below = found[0].source, [*found[1].decorator_list, found[1]]
            after = below[below.index(each) + 1]
            lines = [source.line_start(source.span(one).start) for one in (each, after)]
            fixing.of(found[0]).replace(Span(*lines), "")
        else:
            continue
        return True
    return False


def _takes_the_rest(evidence: Evidence, use: Use) -> bool:
    """Whether the items are taken in parts: a first one, a batch, those up to a blank line.

    Who writes that knows that a loop goes on where the last one left off, maybe at the end.
    """
    unit, node, loop = evidence.unit, use.node, use.owner
    leaves = isinstance(loop, ast.AsyncFor) and may_be_left(unit, loop)
    if leaves and (not _is_assigned(evidence, node) or unit.enclosing(loop, *LOOPS) is not None):
        return True
    bound = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    if any(isinstance(unit.parents.get(each), ast.withitem) for each in bound):
        return True  # it came with a context, out of hands that are not seen
    if isinstance(node, ast.Call):  # ``aiter(source)``, by whatever name
        names = [each for each in node.args if isinstance(each, ast.Name)]
        return any(isinstance(each, ast.arg) for name in names for each in bindings(unit, name)[1])
    return any(_takes_part(evidence, unit, each) for each in _uses(unit, node) if each is not node)


def _is_assigned(evidence: Evidence, node: ast.expr) -> bool:
    """Whether it is a variable that got its value by an assignment, and not from a caller."""
    if not isinstance(node, ast.Name):
        return False
    unit = evidence.unit
    if bound := bindings(unit, node)[1]:
        return any(isinstance(unit.parents.get(each), ast.Assign) for each in bound)
    return assignment(evidence, node.id) is not None  # typed earlier


def _uses(unit: Unit, node: ast.expr) -> list[ast.expr]:
    """All uses of the variable or attribute `node`."""
    if isinstance(node, ast.Name):
        return list(loads(unit, node))
    return [each for each in unit.nodes(type(node)) if ast.dump(each) == ast.dump(node)]


def _takes_part(evidence: Evidence, unit: Unit, node: ast.expr, depth: int = 3) -> bool:
    """Whether at `node` some items of it are taken, and not to the end."""
    around = unit.parents.get(node)
    if isinstance(around, ast.AsyncFor):
        return may_be_left(unit, around)
    if isinstance(around, ast.comprehension):  # who knows how much the one behind it takes
        return isinstance(unit.parents.get(around), ast.GeneratorExp)
    if isinstance(around, ast.Attribute):
        return around.attr in STEPS and around.attr != "aclose"
    if not isinstance(around, ast.Call) or node not in around.args:
        return False
    function = evidence.resolver.value(around.func)
    found = evidence.units.source_of(function)
    if found is None:
        return type(function) is not BuiltinFunctionType or function is anext
    names = positional(found[1])[
        is_real_instance(function, MethodType) + around.args.index(node) :
    ][:1]
    uses = (
        each for each in own_nodes(found[1]) if isinstance(each, ast.Name) and each.id in names
    )
    return depth > 0 and any(_takes_part(evidence, found[0], each, depth - 1) for each in uses)


@correction
def _made_anew(fixing: Fixing, use: Use) -> None:
    """The call that made the generator, in the place of its name; no cache that keeps it."""
    if _not_kept(fixing, use) or not isinstance(use.node, ast.Name):
        return
    unit, names = _handed_in(fixing.evidence, use.node)
    assigned = assignment(fixing.evidence, written_name(names[0]))
    if assigned is None or not isinstance(assigned[1].value, ast.Call):
        return
    for each in names:
        fixing.of(unit).replace(each, assigned[0].source.source(assigned[1].value))


def _shared(evidence: Evidence) -> Finding | None:
    use = evidence.use("seen")
    if use is None or use.info is None:
        return None
    text = short(evidence.unit, use.node)
    if use.info.kind is AsyncGeneratorType:
        why = f"Both loops walk the one generator {text}: the inner one takes all that is left."
        return Finding(why, _made_anew(evidence, use))
    why = (
        f"`{use.info.kind.__name__}.__aiter__` returns {text} itself, so both loops walk one "
        "iterator: the inner one takes all that is left."
    )
    return Finding(why, _copied(evidence, use))


@correction
def _copied(fixing: Fixing, use: Use) -> None:
    """``__aiter__`` gives each loop an iterator of its own."""
    found = fixing.evidence.units.source_of(python_method(use.kind, "__aiter__"))
    returns = [n for n in own_nodes(found[1]) if isinstance(n, ast.Return)] if found else []
    if found is None or len(returns) != 1 or returns[0].value is None:
        return
    unit = found[0]
    value = returns[0].value
    fixing.of(unit).replace(value, f"copy.copy({unit.source.source(value)})")


def _skipping(evidence: Evidence) -> Finding | None:
    use, unit = evidence.use("seen"), evidence.unit
    loop = use.owner if use else None
    if use is None or not isinstance(loop, ast.AsyncFor) or not isinstance(use.node, ast.Name):
        return None
    calls = list(steps_inside(loop, use.node.id))
    if not calls:
        return None
    why = (
        f"{short(unit, calls[0])} takes the item away from the loop, which walks the same "
        f"`{use.node.id}`: it goes on after it."
    )
    return Finding(why, _one_behind(evidence, loop, calls))


@correction
def _one_behind(fixing: Fixing, loop: ast.AsyncFor, calls: list[ast.Call]) -> None:
    """The body runs one item late: the peeked one is then the one at hand."""
    unit = fixing.evidence.unit
    awaited = unit.parents.get(calls[0])
    if len(calls) != 1 or not isinstance(loop.target, ast.Name) or len(loop.body) != 1:
        return
    if not isinstance(awaited, ast.Await):
        return
    target, before = loop.target.id, fixing.fresh(unit, "before")
    body, edits = loop.body[0], fixing.of(unit)
    for node in ast.walk(body):
        if isinstance(node, ast.Name) and node.id == target:
            edits.replace(node, before)
    edits.replace(awaited, target)
    by = unit.source.indent(loop)
    one_line = body.lineno == loop.lineno
    inner = by + "    " if one_line else unit.source.indent(body)
    edits.insert(
        unit.source.span(body).start,
        ("\n" + inner if one_line else "") + f"if {before} is not None:\n{inner}    ",
    )
    edits.insert(unit.source.span(body).end, f"\n{inner}{before} = {target}")
    edits.lines_before(loop, f"{before} = None")


def _guarded(evidence: Evidence) -> Finding | None:
    node, unit = evidence.seen_node, evidence.unit
    guard = unit.enclosing(node, ast.Try) if node else None
    if guard is None:
        return None
    why = "`async for` ends quietly: it takes the StopAsyncIteration itself, none comes out of it."
    return Finding(why, _as_else(evidence, guard))


@correction
def _as_else(fixing: Fixing, guard: ast.Try) -> None:
    """The loop without its ``try``, the handler as its ``else``."""
    loop, handler, unit = guard.body[0], guard.handlers[0], fixing.evidence.unit
    simple = len(guard.body) == len(guard.handlers) == 1 and not guard.finalbody
    if not simple or guard.orelse or not isinstance(loop, ast.AsyncFor) or loop.orelse:
        return
    by = unit.source.indent(guard)
    deeper = unit.source.indent(loop).removeprefix(by)
    start, end = unit.source.block(loop)
    lines = unit.text[start:end].rstrip("\n").split("\n")
    loop_text = "\n".join(
        line.removeprefix(deeper) if by == "" else by + line.removeprefix(by + deeper)
        for line in lines
    )
    text = loop_text.removeprefix(by)
    if not all(isinstance(each, ast.Pass) for each in handler.body):
        first, last = unit.source.span(handler.body[0]).start, unit.source.span(handler.body[-1])
        text += f"\n{by}else:\n{by}{deeper}{unit.text[first : last.end]}"
    fixing.of(unit).replace(guard, text)


_SHARED_ITERATOR = (
    "self-returning-iterator-shared",
    "two loops over one iterator",
    1,
    (
        "An object whose `__aiter__` returns itself has one position, whoever walks it. For "
        "loops that do not disturb each other write `__aiter__` as an async generator."
    ),
)

RULES = (
    Rule(*_RULE, _concurrent, errors=(RuntimeError,)),
    Rule(*_RULE, _seen, sees="running"),
    Rule(
        "exhausted-generator-reused",
        "an async generator that is over, walked again",
        6,
        "An async generator is walked once. Call the function again for a second walk, or keep "
        "the items: `items = [x async for x in gen()]`.",
        _exhausted,
        sees="exhausted",
    ),
    Rule(*_SHARED_ITERATOR, _shared, sees="shared"),
    Rule(*_SHARED_ITERATOR, _over, sees="exhausted"),
    Rule(
        "anext-in-body-skips-items",
        "`anext` inside the loop over the same iterator",
        2,
        "`anext(gen)` in the body takes an item the loop will not see. Remember the item before "
        "instead of looking at the one to come.",
        _skipping,
        sees="skipping",
    ),
    Rule(
        "except-stopasynciteration-around-loop",
        "`except StopAsyncIteration` around the loop",
        6,
        "The loop ends on StopAsyncIteration and takes it. What is to happen at the end goes "
        "behind the loop, or into its `else`.",
        _guarded,
        sees="guarded",
    ),
)
