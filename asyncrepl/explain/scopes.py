"""Where a node stands: whose code it is, and the places in its text that corrections need.

Which function, lambda or class body runs it, its parent alone does not tell: defaults,
decorators and annotations stand inside a ``def`` and are evaluated outside of it. Comprehensions
are no scope here: whether they may suspend is decided by the function around them.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING, TypeVar

from asyncrepl.syntax.names import (
    FUNCTIONS,
    LOOPS,
    SCOPES,
    bound_names,
    callee_name,
    canonical_name,
    last_name,
    written_name,
)
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from asyncrepl.explain.source_units import Function, Unit, Units
    from asyncrepl.syntax.source_rewriter import SourceRewriter

_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
Operand = TypeVar("Operand")
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def scopes(unit: Unit, node: ast.AST | None) -> Iterator[Scope]:
    """The scopes that run `node`, innermost first; none at the top level."""
    for child, parent in unit.steps_up(node):
        if isinstance(parent, SCOPES) and _inside(parent, child):
            yield parent


def scope(unit: Unit, node: ast.AST | None) -> Scope | None:
    """The innermost scope that runs `node`; None at the top level."""
    return next(scopes(unit, node), None)


def _inside(parent: Scope, child: ast.AST) -> bool:
    if isinstance(parent, ast.Lambda):
        return child is parent.body
    return any(child is statement for statement in parent.body)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run in `function` itself, not in functions or classes inside it."""
    body = function.body if isinstance(function, SCOPES) else [function]
    stack: list[ast.AST] = list(reversed(body)) if isinstance(body, list) else [body]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, SCOPES):
            continue
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def names_bound(statements: list[ast.stmt]) -> set[str]:
    """The names that the `statements` bind where they stand; not within comprehensions."""
    own = (n for e in statements for n in ([e] if isinstance(e, SCOPES) else own_nodes(e)))
    nodes = list(own)
    loops = [node.target for node in nodes if isinstance(node, ast.comprehension)]
    inner = {node for target in loops for node in ast.walk(target)}
    return {name for node in nodes if node not in inner for name in bound_names(node)}


def names_read(unit: Unit, *, at_once: bool = False) -> set[str]:
    """The names that `unit` reads; with `at_once` only when it runs, not when it is called."""
    return {
        node.id
        for node in unit.nodes(ast.Name)
        if isinstance(node.ctx, ast.Load)
        if not at_once or all(isinstance(each, ast.ClassDef) for each in scopes(unit, node))
    }


def defined_twice(inputs: list[Unit]) -> dict[str, tuple[int, int]]:
    """The functions and classes that were defined anew: the numbers of the last two inputs."""
    found: dict[str, list[int]] = {}
    for number, unit in enumerate(inputs):
        defined = {each.name for each in unit.body if isinstance(each, _DEFINITIONS)}
        for name in names_bound(unit.body):
            found[name] = [*found.get(name, []), number] if name in defined else []
    return {name: (places[-2], places[-1]) for name, places in found.items() if places[1:]}


def definition_kind(unit: Unit, name: str) -> tuple[object, ...]:
    """What the definition of `name` in `unit` is to who uses it: its kind, its special methods."""
    node = next(e for e in unit.body if isinstance(e, _DEFINITIONS) and e.name == name)
    owned = node.body if isinstance(node, ast.ClassDef) else []
    methods = [each for each in owned if isinstance(each, FUNCTIONS)]
    special = [(type(e), e.name) for e in methods if e.name.startswith("__")]
    yields = any(isinstance(e, ast.Yield) for e in ast.walk(node)) and not methods
    return type(node), yields, tuple(sorted(special, key=str))


def caught_kinds(kind: ast.expr | None) -> list[ast.expr]:
    """The kinds of errors that an ``except`` names by its `kind`, one or a tuple."""
    return [] if kind is None else kind.elts if isinstance(kind, ast.Tuple) else [kind]


def catches(handler: ast.ExceptHandler, *names: str) -> bool:
    """Whether `handler` takes everything, or errors of one of these `names`."""
    return handler.type is None or any(last_name(e) in names for e in caught_kinds(handler.type))


def may_be_caught(unit: Unit, node: ast.AST) -> bool:
    """Whether an error at `node` may be expected around it, in the same text."""
    for around in unit.ancestors(node):
        match around:
            case ast.Try(handlers=[_, *_]) | ast.TryStar():
                return True
            case ast.With(items=items) | ast.AsyncWith(items=items):
                if any(_names_error(each.context_expr) for each in items):
                    return True
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if any(map(_expects_failure, around.decorator_list)):
                    return True
    return False


def _expects_failure(decorator: ast.expr) -> bool:
    """Whether it marks a test that is to fail, for `unittest` or pytest."""
    return last_name(behind_call(decorator)) in ("expectedFailure", "xfail")


def _names_error(manager: ast.expr) -> bool:
    """Whether it is told of a kind of errors: ``suppress(TypeError)``, ``pytest.raises(…)``."""
    given = manager.args if isinstance(manager, ast.Call) else []
    names = {written_name(kind) for each in given for kind in caught_kinds(each)}
    kinds = (vars(builtins).get(each) for each in names)
    return any(isinstance(each, type) and issubclass(each, BaseException) for each in kinds)


def may_be_left(unit: Unit, loop: ast.AsyncFor) -> bool:
    """Whether the body of `loop` can end it before its iterator does."""
    return any(
        isinstance(each, ast.Return)
        or (isinstance(each, ast.Break) and unit.enclosing(each, *LOOPS) is loop)
        for each in own_nodes(loop)
    )


def is_while_true(node: ast.AST | None) -> bool:
    """Whether it is a loop that asks for nothing: ``while True``."""
    test = node.test if isinstance(node, ast.While) else None
    return isinstance(test, ast.Constant) and bool(test.value)


def is_async(node: ast.AST) -> bool:
    """Whether `node` can only stand where the function may suspend."""
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
        return any(generator.is_async for generator in node.generators) or any(
            isinstance(inner, ast.Await) for inner in own_nodes(node)
        )
    return isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)


def behind_await(node: Operand) -> Operand | ast.expr:
    """What is awaited, if `node` is an ``await``; else itself."""
    return node.value if isinstance(node, ast.Await) else node


def behind_call(node: Operand) -> Operand | ast.expr:
    """What is called, if `node` is a call; else itself."""
    return node.func if isinstance(node, ast.Call) else node


def with_await(unit: Unit, node: ast.expr) -> ast.expr:
    """The ``await`` in front of `node`, if there is one; else itself."""
    around = unit.parents.get(node)
    return around if isinstance(around, ast.Await) else node


def annotated(unit: Unit, node: ast.AST) -> ast.AST | None:
    """The node whose annotation holds `node`: a parameter, a variable, a function."""
    for child, parent in unit.steps_up(node):
        if getattr(parent, "annotation", None) is child or getattr(parent, "returns", 0) is child:
            return parent
        if isinstance(parent, ast.stmt):
            return None
    return None


_FOR = re.compile(r"\b(?:async\s+)?for\b")


class CannotFixError(Exception):
    """There is no correction that keeps what the user meant."""


def keyword_span(unit: Unit, owner: ast.AST) -> Span:
    """Where ``for`` (or ``async for``) of `owner` stands, a loop or a comprehension's clause."""
    if not isinstance(owner, ast.comprehension):
        start = unit.source.span(owner).start
        match = _FOR.match(unit.text, start)
        return Span(start, match.end() if match else start)
    whole = unit.parents[owner]
    stop = unit.source.span(owner.target).start
    start = unit.source.span(_before_clause(whole, owner)).end
    found = list(_FOR.finditer(unit.text, start, stop))
    if not found:
        raise CannotFixError
    return Span(*found[-1].span())


def _before_clause(whole: ast.AST, clause: ast.comprehension) -> ast.expr:
    """The expression right in front of a clause of the comprehension `whole`."""
    generators: list[ast.comprehension] = whole.generators  # type: ignore[attr-defined]
    number = generators.index(clause)
    if number:
        before = generators[number - 1]
        return before.ifs[-1] if before.ifs else before.iter
    if isinstance(whole, ast.DictComp):
        return whole.value or whole.key  # `{**key for …}` has no value
    element: ast.expr = whole.elt  # type: ignore[attr-defined]
    return element


def place_of_import(unit: Unit, line: str) -> int:
    """Where `line`, an import, may stand: in its order among the first imports, if there are any.

    Behind comments, docstring and ``__future__``; plain imports stand before ``from``.
    """
    (new,) = ast.parse(line).body
    place = previous = None
    for number, statement in enumerate(unit.tree.body if unit.tree else []):
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if future or (docstring and number == 0):
            continue
        block = unit.source.block(statement)
        apart = previous is not None and block.start > previous
        place = block.start if place is None else place
        if apart or _import_order(statement) > _import_order(new):
            break
        place = previous = block.end
    return place or 0


def _import_order(statement: ast.stmt) -> tuple[int, str]:
    """Sorts as the usual style has it; what is no import comes last."""
    match statement:
        case ast.Import([first, *_]):
            return 0, first.name
        case ast.ImportFrom(module=module):
            return 1, module or ""
    return 2, ""


def block_of(unit: Unit, statement: ast.stmt) -> list[ast.stmt]:
    """The statements among which `statement` stands."""
    values = (value for _, value in ast.iter_fields(unit.parents[statement]))
    return next(each for each in values if isinstance(each, list) and statement in each)


def deepen(edits: SourceRewriter, unit: Unit, start: int, end: int, by: str) -> None:
    """Indent the lines from `start` to `end`, but for those inside a string."""
    strings = [
        unit.source.span(node)
        for node in unit.nodes(ast.Constant, ast.JoinedStr)
        if getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)
    ]
    at = start
    while at < end:
        line = unit.text[at : unit.text.find("\n", at) + 1 or len(unit.text)]
        inside = any(span.start < at < span.end for span in strings)
        if line.strip() and not inside and line.startswith(by):
            edits.insert(at + len(by), "    ")
        at += len(line) or 1


def is_generator(function: ast.AST) -> bool:
    """Whether the body of `function` yields."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function))


def is_async_genexp(node: ast.GeneratorExp) -> bool:
    """Whether it is an asynchronous generator."""
    return any(each.is_async for each in node.generators) or any(
        isinstance(each, ast.Await)
        for each in ast.walk(node)
        if each is not node.generators[0].iter
    )


def suppressed_kinds(block: ast.AST) -> list[ast.expr]:
    """The kinds of errors that a ``with suppress(…)`` catches; none of another `block`."""
    calls = [item.context_expr for item in block.items] if isinstance(block, ast.With) else []
    return [
        kind
        for call in calls
        if isinstance(call, ast.Call) and callee_name(call) == "suppress"
        for kind in call.args
    ]


#: Limits of time of asyncio, anyio and trio: they cancel what waits in their blocks.
LIMITS = frozenset({
    "timeout", "timeout_at", "move_on_after", "move_on_at", "fail_after", "fail_at", "CancelScope",
})  # fmt: skip


def enters(block: ast.AST, names: Container[str]) -> bool:
    """Whether a ``with`` enters what a call of one of these `names` has made."""
    items = block.items if isinstance(block, ast.With | ast.AsyncWith) else []
    return any(callee_name(item.context_expr) in names for item in items)


def needs_cancelled(wait: ast.Await, function: Function | None) -> bool:
    """Whether a ``gather`` or ``wait_for`` gives what `function` has cancelled above it.

    A task that ended by its CancelledError would raise that there.
    """
    call, name = wait.value, callee_name(wait.value)
    if not isinstance(call, ast.Call) or name not in ("gather", "wait_for") or function is None:
        return False
    if name == "gather" and call.keywords:
        return False
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "cancel"
        and each.lineno <= wait.lineno
        and (name == "gather" or ast.dump(each.func.value) in map(ast.dump, call.args))
        for each in own_nodes(function)
    )


def stored_there(function: Function, node: ast.Subscript) -> ast.expr | None:
    """What `function` puts into ``cache[key]``, if that, and nothing else, is what it returns."""
    text = ast.unparse(node)
    if {text} != {
        ast.unparse(each.value)
        for each in own_nodes(function)
        if isinstance(each, ast.Return) and each.value is not None
    }:
        return None
    found = [
        each.value
        for each in own_nodes(function)
        if isinstance(each, ast.Assign) and text in map(ast.unparse, each.targets)
    ]
    return found[0] if len(found) == 1 else None


def awaited_in_loop(unit: Unit, node: ast.AST) -> bool:
    """Whether the function around `node` is awaited in a loop, which goes on when it is over."""
    name = getattr(scope(unit, node), "name", None)
    calls = [each for each in unit.nodes(ast.Await) if callee_name(each.value) == name]
    return any(unit.enclosing(each, ast.While, ast.AsyncFor) is not None for each in calls)


def given_by_await(method: Function) -> list[tuple[ast.expr, bool]]:
    """What an ``__await__`` returns of its own, and x of ``x.__await__()``, which is awaited."""
    calls = [each.func for each in own_nodes(method) if isinstance(each, ast.Call)]
    inner = [
        each for each in calls if isinstance(each, ast.Attribute) and each.attr == "__await__"
    ]
    returned = [each.value for each in own_nodes(method) if isinstance(each, ast.Return)]
    kept = [each for each in returned if isinstance(each, ast.Attribute)]
    return [*((each, False) for each in kept), *((each.value, True) for each in inner)]


#: What is gone through more than once.
REPEATED = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.GeneratorExp)


def root_of(place: ast.expr) -> ast.expr:
    """What `place` begins with: ``app`` in ``app.jobs[0].task``."""
    while isinstance(place, ast.Attribute | ast.Subscript):
        place = place.value
    return place


def is_own(unit: Unit, place: ast.expr) -> bool:
    """Whether `place` is, or is a part of, what the function around it has made for itself."""
    place = root_of(place)
    function, name = scope(unit, place), getattr(place, "id", "")
    names = (
        [each for each in own_nodes(function) if isinstance(each, ast.Name)] if function else []
    )
    return any(each.id == name and isinstance(each.ctx, ast.Store) for each in names)


def runs_often(units: Units, unit: Unit, node: ast.AST) -> bool:
    """Whether the function around `node` of `unit` may be called more than once in the `units`."""
    met: list[ast.AST] = []
    while (function := scope(unit, node)) is not None and function not in met:
        met.append(function)
        name = getattr(function, "name", "")
        calls = [*units.calls(name)]
        if len(calls) != 1 or calls[0][0].enclosing(calls[0][1], *REPEATED) is not None:
            return len(calls) > 0
        unit, node = calls[0]
    return False


# -- in a class of tests -----------------------------------------------------------

#: The class of tests whose methods are awaited.
ISOLATED = "unittest.IsolatedAsyncioTestCase"


#: What it calls around each test, and the twin that it awaits.
ASYNC_FIXTURES = {"setUp": "asyncSetUp", "tearDown": "asyncTearDown"}


def plain_test_case(unit: Unit, function: Function) -> ast.expr | None:
    """The base of the class of the test `function`, if that is the one that awaits no tests."""
    plain = [
        e for e in _bases_of_class(unit, function) if canonical_name(e) == "unittest.TestCase"
    ]
    return plain[0] if plain and function.name.startswith("test") else None


def is_fixture(unit: Unit, function: ast.AST | None) -> bool:
    """Whether `function` is a ``setUp`` or the like, in `unit`, of tests that are awaited."""
    isolated = ISOLATED in map(canonical_name, _bases_of_class(unit, function))
    return isolated and getattr(function, "name", None) in ASYNC_FIXTURES


def _bases_of_class(unit: Unit, function: ast.AST | None) -> list[ast.expr]:
    owner = unit.parents.get(function) if function is not None else None
    return owner.bases if isinstance(owner, ast.ClassDef) else []
