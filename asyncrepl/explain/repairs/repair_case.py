"""What is to be repaired, and what the repairs ask of it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import ObjectInfo
from asyncrepl.explain.demands import met
from asyncrepl.explain.fix_editor import Fixing, correction
from asyncrepl.explain.kinds import Kind, has, is_mock, kind_of
from asyncrepl.explain.scopes import CannotFixError, block_of, is_while_true, own_nodes, scope
from asyncrepl.explain.source_units import given_by_position
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import (
    argument,
    bindings,
    bound_by,
    loads,
    origins,
    stepped_source,
)
from asyncrepl.syntax.names import FUNCTIONS, callee_name, written_name

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.demands import Demand
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit

LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
#: What gives what its first argument gives, when it is awaited.
_PASSING = ("create_task", "ensure_future", "shield", "wait_for")
COLLECTORS = frozenset(
    {"to_list", "tolist", "list", "collect", "as_list", "values", "all", "flatten", "fetchall"}
)


def is_loose(node: ast.expr) -> bool:
    """Whether a call behind `node` would be one of its last part alone."""
    return isinstance(node, ast.Await | ast.Lambda | ast.IfExp | ast.BoolOp)


def task_maker(unit: Unit, node: ast.AST) -> str:
    """What makes a task at `node`: a method of the loop that is to run it, or a function."""
    for around in unit.ancestors(node):
        function = around.func if isinstance(around, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr == "run_until_complete":
            return f"{unit.source.source(function.value)}.create_task"
    return "asyncio.ensure_future"


class Case(NamedTuple):
    """What is to be repaired: `info` are those of the operand, where they are known."""

    evidence: Evidence
    unit: Unit
    demand: Demand
    info: ObjectInfo | None
    suffix: str = ""

    @property
    def node(self) -> ast.expr:
        """The operand."""
        return self.demand.node

    @property
    def kind(self) -> Kind:
        """The kind of the operand, VALUE if it is unknown; of several, the one that is meant."""
        if self.info is None:
            return Kind.VALUE
        kind, resolver = kind_of(self.info), self.evidence.resolver
        if kind not in (Kind.ASYNC_ITERABLE, Kind.ASYNC_ITERATOR):
            return kind
        if has(self.info, "__aenter__") and (
            "enter" in self.demand.what or self._attribute_of(resolver.entered(self.info))
        ):
            return Kind.ASYNC_MANAGER
        awaited = has(self.info, "__await__") and self._attribute_of(resolver.awaited(self.info))
        return Kind.AWAITABLE if awaited else kind

    def _attribute_of(self, options: list[ObjectInfo]) -> bool:
        """Whether an attribute is demanded, and one of these has it."""
        return self.demand.what == "attribute" and any(met(self.demand, each) for each in options)

    @property
    def owner(self) -> Any:
        """The construct or call that demands."""
        return self.demand.owner

    @property
    def code(self) -> CodeType | None:
        """The code that makes the operand, or that it runs, if that is known."""
        return self.info.code if self.info is not None else None

    @property
    def home(self) -> tuple[Unit, Function] | None:
        """The user's function that this is the code of."""
        return self.evidence.units.definition(self.code)

    @property
    def source(self) -> str:
        """The text of the operand."""
        text = self.unit.source.source(self.node)
        return (
            f"({text}){self.suffix}" if self.suffix and is_loose(self.node) else text + self.suffix
        )

    @property
    def awaited(self) -> list[ObjectInfo]:
        """What awaiting the operand may give, as far as it is known."""
        resolver = self.evidence.resolver
        found = resolver.awaited(self.info) if self.info is not None else []
        for unit, node in () if found else origins(self.evidence.units, self.unit, self.node):
            name = callee_name(node)
            if name == "gather" and unit is self.unit:
                found.append(ObjectInfo(list))
            elif self.kind is Kind.STEP and isinstance(node, ast.Call):
                source = stepped_source(node)
                for made in origins(self.evidence.units, unit, source) if source else ():
                    for info in resolver.options(made.node):
                        found += resolver.yielded(info.code)
            found += self._passed_on(unit, node)
        return found

    def _passed_on(self, unit: Unit, node: ast.AST) -> list[ObjectInfo]:
        """What awaiting ``shield(ensure_future(f()))`` gives: what `f` does."""
        if callee_name(node) not in _PASSING or not isinstance(node, ast.Call) or not node.args:
            return []
        found, resolver = [], self.evidence.resolver
        for made in origins(self.evidence.units, unit, node.args[0]):
            for info in resolver.options(made.node):
                found += resolver.awaited(info)
            found += self._passed_on(made.unit, made.node)
        return found


def single_assignment(unit: Unit, node: ast.expr, *, awaited: bool = False) -> ast.expr | None:
    """The call that the name `node` is given, once, in the function that uses it."""
    if not isinstance(node, ast.Name):
        return None
    around, nodes = bindings(unit, node)
    assigned = unit.parents.get(nodes[0]) if len(nodes) == 1 else None
    if isinstance(assigned, ast.NamedExpr) and scope(unit, node) is around:
        return assigned.value
    if not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
        return None
    same = scope(unit, node) is around and isinstance(assigned.targets[0], ast.Name)
    inner = around is not None and not isinstance(around, ast.FunctionDef)
    kept = isinstance(assigned.value, ast.Await | ast.Constant) and not awaited
    return assigned.value if (same or inner) and not kept else None


def matched_here(unit: Unit, node: ast.expr) -> list[ast.expr]:
    """Of ``match work(): case found:``, what is matched, if `node` is a use of `found`.

    Of ``match first(), second()`` it is both.
    """
    name = node.id if isinstance(node, ast.Name) else None
    case = unit.enclosing(node, ast.match_case) if name is not None else None
    match = unit.parents.get(case) if case is not None else None
    if case is None or not isinstance(match, ast.Match):
        return []
    patterns, made = [case.pattern], [match.subject]
    if isinstance(case.pattern, ast.MatchSequence) and isinstance(match.subject, ast.Tuple):
        patterns, made = case.pattern.patterns, match.subject.elts
    named = any(isinstance(each, ast.MatchAs) and each.name == name for each in patterns)
    return made if named else []


def made_in_a_branch(resolver: Resolver, unit: Unit, node: ast.expr) -> ast.Call | None:
    """Of several values that the name `node` is given there, the one call that is awaited."""
    if not isinstance(node, ast.Name):
        return None
    around, nodes = bindings(unit, node)
    owners = [unit.parents.get(each) for each in nodes]
    values = [each.value for each in owners if isinstance(each, ast.Assign)]
    made = [
        each
        for each in values
        if isinstance(each, ast.Call)
        and any(kind_of(one) is Kind.COROUTINE for one in resolver.options(each))
    ]
    several = len(values) == len(nodes) > 1 and scope(unit, node) is around
    return made[0] if several and len(made) == 1 else None


def made_here(case: Case) -> ast.expr | None:
    """What the operand's name is given, once, if that can be changed in its place."""
    made = single_assignment(case.unit, case.node)
    if made is None and case.kind is Kind.COROUTINE:
        made = made_in_a_branch(case.evidence.resolver, case.unit, case.node)
    loose = isinstance(made, ast.IfExp | ast.BoolOp | ast.BinOp | ast.Lambda | ast.NamedExpr)
    return None if loose and case.suffix else made


def is_used_plainly(case: Case) -> bool:
    """Whether a statement calls another method of the same mock, and does not await it."""
    owner = ast.dump(getattr(getattr(case.node, "func", case.node), "value", case.node))
    calls = [each.value for each in case.unit.nodes(ast.Expr) if isinstance(each.value, ast.Call)]
    return owner in [ast.dump(getattr(each.func, "value", each)) for each in calls]


def is_mocked(case: Case) -> bool:
    """Whether a mock gave the operand: then the mock is wrong, and not the code that calls it."""
    node = case.node
    return isinstance(node, ast.Call) and is_mock(case.evidence.resolver.value(node.func))


def is_lock(info: ObjectInfo | None) -> bool:
    """Whether it is a lock of asyncio's, which is taken by `acquire`: it gives nothing."""
    own = info is not None and info.kind.__module__.startswith("asyncio.")
    return own and has(info, "acquire")


def lock_of(case: Case) -> ast.expr | None:
    """In ``lock.acquire()``, the lock, if it is one of asyncio's, which can be entered itself."""
    function = case.node.func if isinstance(case.node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    info = case.evidence.resolver.info(owner) if owner is not None else None
    own = info is not None and info.kind.__module__.startswith("asyncio.")
    return owner if own and has(info, "__aenter__") else None


def given_by_caller(case: Case) -> tuple[Unit, ast.expr] | None:
    """Of a parameter, what made its value, in the function that called, or in its caller's."""
    unit, node, found = case.unit, case.node, None
    for site in reversed(case.evidence.sites[:-1]):
        given = argument_at(site, unit, node)
        if given is None:
            break
        unit, node = site.unit, given
        resolver = Resolver.of_frame(case.evidence.units, site.frame)
        made = single_assignment(unit, node) or made_in_a_branch(resolver, unit, node)
        found = (unit, made or node)
    return None if found is None or _parameter(*found) is not None else found


def argument_at(site: Site, unit: Unit, node: ast.expr) -> ast.expr | None:
    """What the parameter `node` of a function in `unit` was given by the call at the `site`."""
    parameter = _parameter(unit, node)
    if parameter is None:
        return None
    function, name, position = parameter
    calls = [
        each
        for inner in site.nodes[-1:]
        for each in ast.walk(inner)
        if isinstance(each, ast.Call) and callee_name(each) == function.name
    ]
    return argument(calls[0], name, position) if len(calls) == 1 else None


def used_again(case: Case) -> tuple[ast.Name, ast.stmt] | None:
    """A parameter, or what a loop gives, with several uses; and the statement with the first."""
    unit, node = case.unit, case.node
    if not isinstance(node, ast.Name):
        return None
    (function, bound), loop = bindings(unit, node), bound_by(unit, node)
    given = isinstance(function, FUNCTIONS) and [*map(type, bound)] == [ast.arg]
    around = function if given else loop if isinstance(loop, ast.For | ast.AsyncFor) else None
    uses: set[ast.AST] = set(loads(unit, node))
    body: list[ast.stmt] = getattr(around, "body", [])
    first = next((each for each in body if uses & {*ast.walk(each)}), None)
    return (node, first) if len(uses) > 1 and first is not None else None


def also_wanting(case: Case, own: ast.expr) -> list[ast.expr]:
    """What else in the same function is awaitable, and stands where only its result can be meant.

    Beside `own`: other calls of coroutine functions, and other uses of tasks.
    """
    unit, around = case.unit, scope(case.unit, own)
    if case.evidence.frame is None or scope(unit, case.node) is not around:
        return []
    wanted = case.kind
    if wanted not in (Kind.TASK, Kind.FUTURE, Kind.COROUTINE):
        return []
    found: list[ast.expr] = []
    loop = case.owner if isinstance(case.owner, LOOPS) else None
    targets = [*ast.walk(loop.target)] if loop is not None else []  # a task gives itself there
    named = [case.node] if own is not case.node else []  # awaited before it gets its name
    given = {each.id for each in (*targets, *named) if isinstance(each, ast.Name)}
    typed = around is None and unit.filename.startswith("<input ")
    suspends = unit.tree if typed else around if isinstance(around, ast.AsyncFunctionDef) else None
    for node in own_nodes(suspends) if suspends is not None else ():
        kind = ast.Call if wanted is Kind.COROUTINE else ast.Name
        if isinstance(node, kind) and _is_value(unit, node):
            options = case.evidence.resolver.options(node)
            kinds = {kind_of(each) for each in options}
            within = node is own or any(each is node for each in ast.walk(own))
            within = within or node is case.node or getattr(node, "id", None) in given
            if kinds == {wanted} and not within:
                found.append(node)
    return found


def _is_value(unit: Unit, node: ast.AST) -> bool:
    """Whether no awaitable can be meant at this place."""
    parent = unit.parents.get(node)
    match parent:
        case ast.Expr() | ast.FormattedValue():
            return not isinstance(node, ast.Name)
        case ast.BinOp() | ast.Subscript(ctx=ast.Load()):
            return True
        case ast.Compare():
            return not any(isinstance(each, ast.Is | ast.IsNot) for each in parent.ops)
        case ast.Call():
            return parent.func is not node and callee_name(parent) in _OF_VALUES
    return False


#: Builtins that nobody gives an awaitable on purpose.
_OF_VALUES = frozenset(
    {"int", "float", "str", "len", "sum", "list", "sorted", "dict", "set", "tuple", "bool", "abs"}
    | {"round", "range", "enumerate", "zip", "min", "max", "reversed", "print", "repr", "bytes"}
)


def _parameter(unit: Unit, node: ast.expr) -> tuple[Function, str, int] | None:
    """The function whose parameter the name is, and nothing else; and which of them it is."""
    if not isinstance(node, ast.Name):
        return None
    around, nodes = bindings(unit, node)
    if not isinstance(around, FUNCTIONS) or [type(each) for each in nodes] != [ast.arg]:
        return None
    names = given_by_position(unit, around)
    return around, node.id, (names.index(node.id) if node.id in names else -1)


#: Modules whose functions take numbers and strings.
_OF_SCALARS = ("cmath", "struct", "_struct", "datetime", "time")

_SCALARS = frozenset([
    "sqrt", "sin", "cos", "floor", "ceil", "log", "exp", "int", "float", "complex", "chr", "ord",
    "abs", "round", "hex", "oct", "bin", "open", "range", "pow", "divmod", "loads",
    "fromisoformat", "getattr", "split", "sleep", "Decimal", "Fraction", "timedelta",
])  # fmt: skip


def is_endless(case: Case, *, waiting: bool = False) -> bool:
    """Whether the generator never ends by itself; one that is `waiting` may be cancelled.

    Who takes only a part of it, as ``islice`` does, knows that.
    """
    found, waiting = case.home, waiting or callee_name(case.owner) in ("islice", "takewhile")
    for node in own_nodes(found[1]) if found is not None else ():
        ends = (ast.Break, ast.Return, ast.Raise, *(() if waiting else (ast.Await,)))
        if is_while_true(node) and not any(isinstance(each, ends) for each in ast.walk(node)):
            return True
    return False


def wants_list(case: Case) -> bool:
    """Whether a list of the items may be what is wanted."""
    if case.demand.what not in ("value", "await"):
        return True
    found = case.home
    once = found is not None and yields_once(*found)
    if case.demand.what == "await":
        around = case.unit.parents.get(case.owner)
        parts = isinstance(around, ast.BinOp | ast.Subscript | ast.Attribute)
        return found is None or not once or not (parts or gives_back(*found))
    if once and isinstance(case.owner, ast.BinOp | ast.AugAssign):  # ``[0] + stream()``
        both = [each for each in ast.iter_child_nodes(case.owner) if isinstance(each, ast.expr)]
        sides = [each for each in both if each is not case.node]
        infos = [case.evidence.resolver.info(each) for each in sides]
        return all(info is not None and info.kind is list for info in infos)
    if once and isinstance(case.owner, ast.Compare):
        return isinstance(case.owner.ops[0], ast.In | ast.NotIn)
    return callee_name(case.owner) in _OF_MANY if once else _takes_list(case, case.owner)


#: Functions that take many, whatever they are of.
_OF_MANY = (
    "len", "writerows", "writelines", "executemany", "run_in_executor", "merge", "choice",
    "choices", "sample", "dumps", "dump",
)  # fmt: skip


def _takes_list(case: Case, owner: ast.AST) -> bool:
    """Whether a list may stand where the operand does."""
    resolver = case.evidence.resolver
    match owner:
        case ast.Subscript():
            return owner.value is case.node
        case ast.Call():
            module = str(getattr(resolver.value(owner.func), "__module__", None))
            return (
                callee_name(owner) not in _SCALARS and module.partition(".")[0] not in _OF_SCALARS
            )
        case ast.UnaryOp() | ast.FormattedValue() | ast.Raise() | ast.ExceptHandler():
            return False
        case ast.BinOp(left, operator, right) | ast.AugAssign(left, operator, right):
            known = [resolver.info(each) for each in (left, right) if each is not case.node]
            times = isinstance(operator, ast.Mult)
            return all(each is None or each.kind is list or times for each in known)
    return True


def yields_once(unit: Unit, function: ast.AST) -> bool:
    """Whether `function` is one that a context manager can be made of."""
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    looped = any(
        isinstance(each, ast.For | ast.AsyncFor | ast.While)
        for node in yields
        for each in unit.ancestors(node)
    )
    return len(yields) == 1 and not looped


def gives_back(unit: Unit, function: ast.AST) -> bool:
    """Whether `function` does something when what it yields, once, was used."""
    one = next(node for node in own_nodes(function) if isinstance(node, ast.Yield))
    last = block_of(unit, unit.statement(one))[-1]
    around = [each for each in unit.ancestors(one) if each in own_nodes(function)]
    blocks = any(isinstance(each, ast.With | ast.AsyncWith) for each in around)
    tries = [each for each in around if isinstance(each, ast.Try)]
    return blocks or any(each.finalbody for each in tries) or last is not unit.statement(one)


@correction
def made_async(fixing: Fixing, found: tuple[Unit, Function] | None) -> None:
    """The function that was `found`, as ``async def``."""
    if found is not None:
        fixing.of(found[0]).before(found[1], "async ")


def as_entered(fixing: Fixing, unit: Unit, node: ast.expr) -> bool:
    """``async with manager:`` around `node`, its name → ``async with manager as manager:``."""
    items = [item for each in unit.nodes(ast.AsyncWith) for item in each.items]
    name = written_name(node)
    mine = [each for each in items if name and written_name(each.context_expr) == name]
    mine = [e for e in mine if scope(unit, e.context_expr) is scope(unit, node)]
    if not mine:
        return False
    block = unit.parents[mine[0]]
    if len(mine) > 1 or mine[0].optional_vars is not None or node not in ast.walk(block):
        raise CannotFixError
    fixing.of(unit).after(mine[0].context_expr, f" as {name}")
    return True
