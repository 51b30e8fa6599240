"""Probes where plain code iterates over what is to be awaited, or compares it; and over attempts.

A future, a task and the step of an async generator have ``__iter__``, as
``await`` needs it. So ``for row in step:`` runs: it gets what the step hands to the loop, None,
and its result is lost with the StopIteration that ends the ``for``. A future that is done gives
nothing at all, one that is not gives itself. Nor is one ever equal to a constant, or matched.

A probe at every operand of a plain ``for`` would be paid by all loops. There are probes only once
a text has made one of these, by the words in it; and for operators in a loop, as in ``total +=
row``, only while a program is explained.

An attempt that succeeds is to end the loop of attempts: who forgets that, does all once more.
A loop that hands its items on in batches is to hand on the last one, too, which is not full.
"""

from __future__ import annotations

import ast
from copy import copy
from typing import TYPE_CHECKING

from asyncrepl.instrument.probe_placement import (
    DATA_CALLS,
    ITERATING_CALLS,
    bare,
    copied_children,
    names_in,
    own_nodes,
    waits,
    without_probe,
    wrapped_in_probe,
)
from asyncrepl.instrument.silent_mistake_placement import copied_nodes
from asyncrepl.syntax.names import (
    COMPREHENSIONS,
    FUNCTIONS,
    LOOPS,
    SCOPES,
    bound_names,
    callee_name,
    canonical_name,
    last_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Functions of the library that iterate over an argument at once, beside those of `DATA_CALLS`.
_LIBRARY_CALLS = frozenset({
    "reduce", "nlargest", "nsmallest", "merge", "mean", "fmean", "median", "mode", "stdev",
    "fsum", "prod", "array", "bytes", "bytearray", "union", "intersection", "difference",
    "symmetric_difference", "issubset", "issuperset", "isdisjoint", "fromkeys", "writerow",
    "writerows", "writelines", "reader", "DictReader", "compress", "filterfalse", "permutations",
    "combinations", "combinations_with_replacement", "product", "groupby", "OrderedDict",
    "UserList", "defaultdict", "difference_update", "intersection_update", "extendleft",
    "executemany",
})  # fmt: skip
#: What calls its first argument with the others.
_CALLING = ("to_thread", "run_in_executor", "submit")
_ITERATING = _LIBRARY_CALLS | DATA_CALLS | (ITERATING_CALLS.keys() - {"next", "anext", "aiter"})


def probe_iterated_awaitables(tree: ast.AST, *, everywhere: bool) -> None:
    """Put ``.driven(…)`` around the operands, in `tree` itself.

    `everywhere`, also around those of operators in loops.
    """
    for node, in_loop in _nodes(tree, in_loop=False):
        match node:
            case ast.For() | ast.comprehension(is_async=0):
                node.iter = _probed(node.iter)
            case ast.YieldFrom() | ast.Starred(ctx=ast.Load()):
                node.value = _probed(node.value)
            case ast.Assign([ast.Tuple() | ast.List() | ast.Subscript(slice=ast.Slice())]):
                node.value = _probed(node.value)
            case ast.Call():
                _probe_call(node)
            case ast.AugAssign(op=ast.Add() | ast.BitOr()) if everywhere or not in_loop:
                node.value = _probed(node.value)
            case ast.Compare(ops=[ast.In() | ast.NotIn(), *_]) if everywhere or not in_loop:
                node.comparators[0] = _probed(node.comparators[0])
            case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value)]) if (
                value is not None and (everywhere or not in_loop)
            ):
                node.left = _probed(node.left)
            case ast.Match() if _asks_value(node):
                node.subject = _probed(node.subject)


def _asks_value(node: ast.Match) -> bool:
    """Whether its patterns are of values, and none of a kind of thing."""
    patterns = [each for case in node.cases for each in ast.walk(case.pattern)]
    values = (ast.MatchValue, ast.MatchSequence, ast.MatchMapping)
    kinds = (ast.MatchClass, ast.MatchSingleton)
    return any(isinstance(each, values) for each in patterns) and not any(
        isinstance(each, kinds) for each in patterns
    )


def _nodes(node: ast.AST, *, in_loop: bool) -> Iterator[tuple[ast.AST, bool]]:
    """`node` and what is in it, each with whether a loop runs it every round."""
    yield node, in_loop
    for name, child in copied_children(node):
        inside = in_loop or (isinstance(node, LOOPS) and name in ("body", "test"))
        inside = (inside or isinstance(node, COMPREHENSIONS)) and not isinstance(node, SCOPES)
        yield from _nodes(child, in_loop=inside)


def _probe_call(call: ast.Call) -> None:
    """The arguments, if the function iterates over them, or what it is told to call.

    A mock gives the items of its ``side_effect``; what a thread refuses, nobody hears of.
    """
    names = {callee_name(call)}
    if not names.isdisjoint(_CALLING):
        names = {last_name(without_probe(each)) for each in call.args}
    if not names.isdisjoint(_ITERATING):
        call.args = [_probed(each) for each in call.args]
    for keyword in call.keywords:
        if keyword.arg == "side_effect":
            keyword.value = _probed(keyword.value)
        elif keyword.arg == "args" and callee_name(call) in ("Thread", "Timer"):
            keyword.value = wrapped_in_probe(".spread", keyword.value)


def _probed(node: ast.expr) -> ast.expr:
    match node:
        case ast.Call(ast.Name(".iterated" | ".handed" | ".driven")):
            return node  # it has a probe, which sees as much
        case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call() | ast.IfExp():
            return wrapped_in_probe(".driven", node)
    return node


def probe_rounds(tree: ast.AST) -> None:
    """Put probes where what counts is how a loop goes from round to round, in `tree` itself."""
    _probe_retries(tree)
    _probe_turns(tree)
    _probe_batches(tree)


def _probe_retries(tree: ast.AST) -> None:
    """Mark the successes in loops of attempts that none of them leaves.

    ``for attempt in range(n): try: … except …: await sleep(attempt)``: such a loop is for attempts
    where a handler waits the longer, or gives up at the last, by their number. One that counts or
    collects what has gone well, or waits then, too, is to go round so often. So may be one that
    takes no result, and each time does its work with a list of jobs or with no arguments at all:
    the probe gets these, and a handler has to give up.
    """
    for node in copied_nodes(tree):
        match node:
            case ast.For(ast.Name(number), body=[ast.Try(finalbody=[]) as guard], orelse=[]):
                failed = [each for part in guard.handlers for each in own_nodes(part)]
                again = [e for e in failed if _is_of_attempts(e, number, node.iter)]
                gives_up = any(isinstance(each, ast.If) for each in again)
                given = _given_each_time(guard, gives_up=gives_up)
                attempts = again and waits(guard.body) and _is_one_attempt(guard, number)
                if attempts and given is not None:
                    place = ast.copy_location(ast.Tuple(given, ast.Load()), guard)
                    probe = wrapped_in_probe(".retried", place)
                    guard.body.append(ast.copy_location(ast.Expr(probe), guard))
                    node.iter = wrapped_in_probe(".rounds", node.iter)


def _given_each_time(guard: ast.Try, *, gives_up: bool) -> list[ast.expr] | None:
    """What is given to what is awaited in its body and has no result that anybody takes.

    None if that may be other work each time.
    """
    values = [each.value for each in guard.body if isinstance(each, ast.Expr)]
    awaited = [without_probe(each.value) for each in values if isinstance(each, ast.Await)]
    calls = [each for each in awaited if isinstance(each, ast.Call)]
    keywords = [each.value for call in calls for each in call.keywords]
    given = [without_probe(each) for each in (*keywords, *(e for c in calls for e in c.args))]
    plain = [copy(each) for each in given if isinstance(each, ast.Name | ast.Constant)]
    same = gives_up and given and len(plain) == len(given)
    return [*plain] if same or not calls else None


def _is_of_attempts(node: ast.AST, number: str, iterated: ast.expr) -> bool:
    """Whether `node` waits the longer the greater the `number`, or raises at the last one."""
    match node:
        case ast.Await(ast.Call() as call):
            return callee_name(call) == "sleep" and number in names_in(call)
        case ast.If(test, body, orelse) if number in names_in(test):
            gives_up = any(isinstance(each, ast.Raise) for each in (*body, *orelse))
            return gives_up and isinstance(iterated, ast.Call) and _is_limit(test, iterated)
    return False


def _is_limit(test: ast.expr, iterated: ast.Call) -> bool:
    """Whether `test` asks for the end of what is `iterated`, a ``range(n)``."""
    match iterated.args[-1:]:
        case [ast.Constant(int() as end)]:
            asked = [each for each in ast.walk(test) if isinstance(each, ast.Constant)]
            return any(each.value in (end, end - 1) for each in asked)
        case [end]:
            return ast.dump(end) in ast.dump(test)
    return False


def _is_one_attempt(guard: ast.Try, number: str) -> bool:
    """Whether what is tried neither leaves the loop nor is done once for each `number`."""
    tried = [*guard.body, *guard.orelse]
    well = [each for part in tried for each in own_nodes(part)]
    left = any(isinstance(each, (ast.Break, ast.Return, ast.Raise)) for each in well)
    paced = any(callee_name(each) == "sleep" for each in well)
    asked = not waits([each for each in guard.body if not isinstance(each, ast.If)])
    used = number in {name for each in well for name in names_in(each)}
    return not (left or paced or asked or used or any(map(_is_round, tried)))


def _is_round(statement: ast.stmt) -> bool:
    """``count += 1``, ``items.append(x)``."""
    match statement:
        case ast.AugAssign():
            return True
        case ast.Expr(ast.Call() as call):
            return callee_name(call) in ("append", "add", "extend")
        case _:
            return False


def _probe_turns(tree: ast.AST) -> None:
    """Mark the tasks that a plain loop makes and awaits one by one: none runs beside another."""
    for node in copied_nodes(tree):
        body = [node.elt] if isinstance(node, ast.ListComp) else getattr(node, "body", [])
        if isinstance(node, ast.ListComp | ast.For):
            for before, statement in zip([None, *body], body, strict=False):
                _probe_turn(before, statement)


def _probe_turn(before: ast.stmt | None, node: ast.AST) -> None:
    """Mark what `node` awaits, if it is a task that it makes, or that the statement before has."""
    makes = isinstance(before, ast.Assign) and _makes_task(before.value)
    made = {getattr(each, "id", "") for each in before.targets} if makes else set()  # type: ignore[union-attr]
    for each in own_nodes(node):
        if isinstance(each, ast.Await):
            name = getattr(bare(each.value), "id", "")
            if _makes_task(each.value) or (name and name in made):
                each.value = wrapped_in_probe(".in_turn", each.value)
                return


def _makes_task(node: ast.expr | None) -> bool:
    return node is not None and callee_name(bare(node)) in ("create_task", "ensure_future")


def _probe_batches(tree: ast.AST) -> None:
    """Mark the items that a loop collects, and hands on when there are enough: some may stay."""
    for function in [each for each in copied_nodes(tree) if isinstance(each, FUNCTIONS)]:
        nodes = [each for part in function.body for each in own_nodes(part)]
        blocks = [function.body, *(getattr(each, "body", None) for each in nodes)]
        for block in [each for each in blocks if isinstance(each, list)]:
            for place, loop in enumerate(list(block)):
                made = [*filter(None, map(_made_empty, block[:place]))]
                for name in made if isinstance(loop, LOOPS) and waits([loop]) else ():
                    _probe_batch(function, block, loop, name)


def _probe_batch(function: ast.AST, block: list[ast.stmt], loop: ast.AST, name: str) -> None:
    """If the loop does nothing else with it, and nobody behind the loop asks for it."""
    inside = [*own_nodes(loop)]
    flushes = [each for each in inside if _empties(each, name)]
    handed = [each for flush in flushes for each in map(_handed_on, own_nodes(flush)) if each]
    fills = [each for each in inside if _fills(each, name)]
    known = {id(part) for each in (*flushes, *fills) for part in ast.walk(each)}
    uses = [each for each in ast.walk(function) if getattr(each, "id", "") == name]
    others = [each for each in uses if id(each) not in known]
    given = next((each for each in handed if each.id == name), None)
    if given is None or not fills or len(others) != 1:  # which is where it is made
        return
    for fill in fills:
        fill.func.value = wrapped_in_probe(".filling", fill.func.value)  # type: ignore[attr-defined]
    left = wrapped_in_probe(".left_over", copy(given))
    block.insert(block.index(loop) + 1, ast.copy_location(ast.Expr(left), given))  # type: ignore[arg-type]
    for each in (loop, *inside):
        body = getattr(each, "body", None)
        if isinstance(body, list) and body and isinstance(body[-1], ast.Return):
            body.insert(len(body) - 1, ast.copy_location(ast.Expr(left), given))


def _made_empty(statement: ast.stmt) -> str:
    """The name that `statement` gives to a new list, say."""
    match statement:
        case (
            ast.Assign([ast.Name(name)], ast.List([]) | ast.Dict([]))
            | ast.AnnAssign(ast.Name(name), value=ast.List([]) | ast.Dict([]))
        ):  # fmt: skip
            return name
    return ""


def _empties(node: ast.AST, name: str) -> bool:
    """``if len(batch) == 10: …; batch = []``."""
    if not isinstance(node, ast.If) or name not in names_in(node.test):
        return False
    calls = [without_probe(each.value) for each in node.body if isinstance(each, ast.Expr)]
    return any(_made_empty(each) == name for each in node.body) or any(
        callee_name(each) == "clear" and name in names_in(each.func)  # type: ignore[union-attr]
        for each in calls
    )


def _handed_on(node: ast.AST) -> ast.Name | None:
    """The name of what is yielded, or given to what is awaited."""
    given: list[ast.expr] = []
    match node:
        case ast.Yield(ast.expr() as value):
            given = [value]
        case ast.Await(value) if isinstance(call := bare(value), ast.Call):
            given = call.args
    names = [bare(each) for each in given]
    return next((each for each in names if isinstance(each, ast.Name)), None)


def _fills(node: ast.AST, name: str) -> bool:
    """``batch.append(row)``."""
    match node:
        case ast.Call(ast.Attribute(ast.Name(owner), "append" | "extend" | "add")):
            return owner == name
    return False


def unordered_names(nodes: list[ast.AST]) -> set[str]:
    """The names that the `nodes` of a function give to what has no order of its own.

    That is what is done of what `asyncio.wait` gives, and a list filled only by `as_completed`.
    """
    found, completed = list[str](), "asyncio.as_completed"
    for node in nodes:
        match node:
            case ast.Assign([ast.Tuple([ast.Name(name), _])], given):
                found += (
                    [name] if _calls(getattr(bare(given), "value", None), "asyncio.wait") else []
                )
            case ast.Assign([ast.Name(name)], ast.ListComp(generators=[clause])):
                found += [name] if _calls(clause.iter, completed) else []
            case ast.For(body=body) | ast.AsyncFor(body=body) if _calls(node.iter, completed):
                calls = [each.value.func for each in body if isinstance(each, ast.Expr)
                         and isinstance(each.value, ast.Call)]  # fmt: skip
                found += [getattr(each.value, "id", "") for each in calls
                          if isinstance(each, ast.Attribute)]  # fmt: skip
    stored = [name for each in nodes for name in bound_names(each)]
    asked = [(each.value.id, each.attr) for each in nodes
             if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)]  # fmt: skip
    others = {each[0] for each in asked if each[1] != "append" or asked.count(each) > 1}
    return {name for name in found if stored.count(name) == 1} - others


def _calls(node: ast.expr | None, name: str) -> bool:
    call = without_probe(node)
    return isinstance(call, ast.Call) and canonical_name(call.func) == name
