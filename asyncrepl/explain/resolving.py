"""What an expression is worth, found out without evaluating it.

Names and attributes are looked up, statically, in the frame that failed; of a
call we know what the called function makes: its code flags say "coroutine",
"generator", "async generator", and the source of a plain function says what it
returns. Nothing of the user's is run: no property, no ``__getattr__``, no call.
Where a probe saw the object itself, that is used instead.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import functools
import inspect
import sys
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    NoneType,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.explain.bindings import encloses, local_names, member, variables
from asyncrepl.explain.library import (
    annotated_type,
    globals_of,
    library_source,
    listed_result,
    manager_of,
    result_of_method,
)
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.language.parameters import without_annotations
from asyncrepl.language.suspects import MISSING, Facts, describe, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.explain.units import Function, Unit, Units

__all__ = [
    "Resolver",
    "imported",
    "is_async_iterable",
    "is_awaitable",
    "is_coroutine_function",
    "takes_nothing",
]

_DISPLAYS: dict[type[ast.expr], type] = {
    ast.Dict: dict,
    ast.Set: set,
    ast.SetComp: set,
    ast.DictComp: dict,
    ast.JoinedStr: str,
}
_DEPTH = 4


def is_async_iterable(facts: Facts) -> bool:
    """Whether ``async for`` can start on it."""
    return lookup(facts.kind, "__aiter__") not in (MISSING, None)


def is_awaitable(facts: Facts) -> bool:
    """Whether ``await`` takes it."""
    return lookup(facts.kind, "__await__") not in (MISSING, None)


def is_coroutine_function(value: object) -> bool:
    """Whether `value` is an ``async def`` without ``yield``."""
    return isinstance(value, FunctionType) and inspect.iscoroutinefunction(value)


def takes_nothing(function: object) -> bool:
    """Whether it can be called without arguments."""
    try:
        inspect.signature(without_annotations(function)).bind()
    except (TypeError, ValueError, NameError):  # that of a class may still be evaluated
        return False
    return True


class Resolver:
    """Looks names up in some namespaces, the innermost first."""

    def __init__(self, units: Units, *namespaces: Mapping[str, Any], depth: int = 0) -> None:
        self.units = units
        self.namespaces = (*namespaces, vars(builtins))
        self.depth = depth
        self.code: CodeType | None = None
        self.function: Function | None = None
        self.unit: Unit | None = None

    @classmethod
    def of_frame(cls, units: Units, frame: FrameType) -> Resolver:
        """The names as `frame` saw them."""
        found = cls(units, frame.f_locals, frame.f_globals)
        found.code = frame.f_code
        return found

    def facts(self, node: ast.AST) -> Facts | None:
        """What is known of the value of `node`."""
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is not None:
            found: Facts | None = method(node)
            return found
        kind = _DISPLAYS.get(type(node))  # type: ignore[arg-type]  # None for others
        return Facts(kind) if kind else None

    def value(self, node: ast.AST) -> object:
        """The object `node` names, or MISSING."""
        facts = self.facts(node)
        return facts.value if facts else MISSING

    def _constant(self, node: ast.Constant) -> Facts:
        return describe(node.value, keep=True)

    def _name(self, node: ast.Name) -> Facts | None:
        local = self._assigned(self.function, node.id) if self.function else None
        if local is not None:
            return local
        namespaces = self.namespaces
        if self.function is not None and self.code and node.id in local_names(self.code):
            namespaces = namespaces[:1]  # a global of that name is another variable
        for namespace in namespaces:
            if node.id in namespace:
                return describe(namespace[node.id], keep=True)
        return self._unborn(node.id) if self.unit else None

    def _unborn(self, name: str) -> Facts | None:
        """A function or module of a text that has not run (it does not compile)."""
        assert self.unit is not None
        found = imported(self.unit, name)
        if found is not MISSING:
            return describe(found, keep=True)
        for function in self.unit.functions():
            if function.name == name:
                return Facts(FunctionType, value=function)
        return None

    def _assigned(self, function: Function, name: str) -> Facts | None:
        for node in own_nodes(function):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                return None if node.decorator_list else Facts(FunctionType, value=node)
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            ):
                return self.facts(node.value)
        return None

    def _attribute(self, node: ast.Attribute) -> Facts | None:
        owner = self.facts(node.value)
        if owner is None:
            return None
        made = lookup(owner.kind, node.attr)
        if isinstance(made, property):
            return self.result(made.fget)
        found = member(owner, node.attr)
        return None if found is MISSING else describe(found, keep=True)

    def _subscript(self, node: ast.Subscript) -> Facts | None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else MISSING
        owner = self.value(node.value)
        if type(owner) in (list, tuple) and type(key) is int:
            items: list[object] = owner  # type: ignore[assignment]  # or a tuple
            return describe(items[key], keep=True) if key < len(items) else None
        if type(owner) is dict and type(key) is str and all(type(each) is str for each in owner):
            return describe(owner[key], keep=True) if key in owner else None
        facts = self.facts(node.value)
        getter = lookup(facts.kind, "__getitem__") if facts else MISSING
        return self.result(getter) if isinstance(getter, FunctionType) else None

    def _ifexp(self, node: ast.IfExp) -> Facts | None:
        return _common([self.facts(node.body), self.facts(node.orelse)])

    def _call(self, node: ast.Call) -> Facts | None:
        return _first(self._call_options(node))

    def _await(self, node: ast.Await) -> Facts | None:
        return _first(self._await_options(node))

    def options(self, node: ast.AST) -> list[Facts]:
        """All that the value of `node` may be, as far as it is known."""
        if isinstance(node, ast.IfExp):
            return [*self.options(node.body), *self.options(node.orelse)]
        if isinstance(node, ast.BoolOp):
            return [each for value in node.values for each in self.options(value)]
        if isinstance(node, ast.Call):
            return self._call_options(node)
        if isinstance(node, ast.Await):
            return self._await_options(node)
        found = self.facts(node)
        return [found] if found is not None else []

    def _call_options(self, node: ast.Call) -> list[Facts]:
        callee = self.facts(node.func)
        found = self.results(callee.value, node) if callee else []
        kind = None if callee or found else result_of_method(node)
        return [Facts(kind)] if kind is not None else found

    def _await_options(self, node: ast.Await) -> list[Facts]:
        return [each for facts in self.options(node.value) for each in self.awaited(facts)]

    def _list(self, node: ast.List | ast.Tuple) -> Facts:
        item = self.facts(node.elts[0]) if node.elts else None
        return Facts(list if isinstance(node, ast.List) else tuple, item=item)

    _tuple = _list

    def _listcomp(self, node: ast.ListComp) -> Facts:
        return Facts(list, item=self.facts(node.elt))

    def _generatorexp(self, node: ast.GeneratorExp) -> Facts:
        suspends = any(generator.is_async for generator in node.generators) or any(
            isinstance(inner, ast.Await)
            for inner in ast.walk(node)
            if inner is not node.generators[0].iter
        )
        kind = AsyncGeneratorType if suspends else GeneratorType
        return Facts(kind, item=self.facts(node.elt))

    def _namedexpr(self, node: ast.NamedExpr) -> Facts | None:
        return self.facts(node.value)

    def result(self, callee: object, node: ast.Call | None = None) -> Facts | None:
        """What a call of `callee` gives."""
        return _first(self.results(callee, node))

    def results(self, callee: object, node: ast.Call | None = None) -> list[Facts]:
        """All that a call of `callee` may give."""
        while isinstance(callee, functools.partial | MethodType):
            callee = callee.func if isinstance(callee, functools.partial) else callee.__func__
        if isinstance(callee, type):
            return [self._instance(callee, node)]
        if isinstance(callee, ast.FunctionDef | ast.AsyncFunctionDef):
            return _listed(_of_definition(callee))
        if not isinstance(callee, FunctionType):
            return _listed(self._of_builtin(callee, node))
        manager = manager_of(callee)
        if manager is not None:
            inner = inspect.unwrap(callee)
            return [Facts(manager, getattr(inner, "__code__", None))]
        kind = _made_by(callee.__code__)
        if kind is not None:
            return [Facts(kind, callee.__code__)]
        listed = listed_result(callee)
        if listed is not None:
            return [Facts(listed)]
        bare = node is not None and not node.args and not node.keywords
        return self._called(callee.__code__, variables(callee, bare), callee.__globals__)

    def _called(self, code: CodeType | None, *namespaces: Mapping[str, Any]) -> list[Facts]:
        return self._returned(code, *namespaces)

    def _instance(self, kind: type, node: ast.Call | None) -> Facts:
        item = None
        if kind is map and node is not None and node.args:
            function = self.facts(node.args[0])
            item = self.result(function.value) if function else None
        elif kind in (list, tuple, enumerate) and node is not None and node.args:
            inner = self.facts(node.args[0])
            item = inner.item if inner else None
        return Facts(kind, item=item)

    def _of_builtin(self, callee: object, node: ast.Call | None) -> Facts | None:
        if callee is print:
            return describe(None)
        if callee is aiter and node is not None and node.args:
            return self.facts(node.args[0])
        listed = listed_result(callee)
        return Facts(listed) if listed is not None else None

    def inside(self, code: CodeType | None, function: object = MISSING) -> Resolver:
        """The names as the code of `function` sees them, before it runs."""
        known = isinstance(function, FunctionType)
        own = variables(function, False) if known else self._shared(code)  # type: ignore[arg-type]
        inner = Resolver(self.units, own, self._globals(code), depth=self.depth)
        inner.code = code
        inner.function = self._definition(code) if code is not None else None
        return inner

    def awaited(self, facts: Facts) -> list[Facts]:
        """All that awaiting what `facts` are known of may give."""
        if isinstance(facts.value, ast.AsyncFunctionDef):
            return self._evaluated_in(facts.value, None, ast.Return, *self.namespaces[:-1])
        if facts.kind is CoroutineType:
            return self.returns(facts.code)
        if not isinstance(facts.value, asyncio.Future):
            return []
        if _has_result(facts.value):
            return [describe(facts.value.result(), keep=True)]
        coroutine = facts.value.get_coro() if isinstance(facts.value, asyncio.Task) else None
        return self.returns(coroutine.cr_code) if isinstance(coroutine, CoroutineType) else []

    def entered(self, facts: Facts) -> list[Facts]:
        """All that ``async with`` may give for what `facts` are known of."""
        if facts.kind.__name__ == "_AsyncGeneratorContextManager":
            code = facts.code or _code_of_manager(facts.value)
            return self.yielded(code)
        enter = lookup(facts.kind, "__aenter__")
        if not isinstance(enter, FunctionType):
            return []
        found = self.units.definition(enter.__code__)
        if found is not None and _gives_self(found[1]):
            return [facts]
        return self.returns(enter.__code__)

    def yielded(self, code: CodeType | None) -> list[Facts]:
        """All that the function behind `code` may yield."""
        return self._evaluated(code, ast.Yield, self._shared(code), self._globals(code))

    def returned(self, code: CodeType | None) -> Facts | None:
        """What the function behind `code` returns, by its source; None if nobody knows."""
        return _first(self.returns(code))

    def returns(self, code: CodeType | None) -> list[Facts]:
        """All that the function behind `code` may return."""
        return self._returned(code, self._shared(code), self._globals(code))

    def _globals(self, code: CodeType | None) -> Mapping[str, Any]:
        own = self.namespaces[-2] if len(self.namespaces) > 1 else {}
        same = self.code is None or code is None or self.code.co_filename == code.co_filename
        return own if same else (globals_of(code) or own)

    def _returned(self, code: CodeType | None, *namespaces: Mapping[str, Any]) -> list[Facts]:
        found = self._evaluated(code, ast.Return, *namespaces)
        if found or code is None:
            return found
        definition = self._definition(code)
        space = namespaces[-1] if namespaces else {}
        kind = annotated_type(definition.returns, space) if definition is not None else None
        return [Facts(kind)] if kind is not None else []

    def _definition(self, code: CodeType) -> Function | None:
        found = self.units.definition(code)
        return found[1] if found is not None else library_source(code)

    def _evaluated(
        self,
        code: CodeType | None,
        statement: type[ast.Return | ast.Yield],
        *namespaces: Mapping[str, Any],
    ) -> list[Facts]:
        definition = self._definition(code) if code is not None else None
        if definition is None:
            return []
        return self._evaluated_in(definition, code, statement, *namespaces)

    def _evaluated_in(
        self,
        definition: Function,
        code: CodeType | None,
        statement: type[ast.Return | ast.Yield],
        *namespaces: Mapping[str, Any],
    ) -> list[Facts]:
        if self.depth >= _DEPTH:
            return []
        inner = Resolver(self.units, *namespaces, depth=self.depth + 1)
        inner.code, inner.function = code, definition
        nodes = [node for node in own_nodes(definition) if isinstance(node, statement)]
        values = [node.value for node in nodes if node.value is not None]
        if not values:
            return [Facts(NoneType, value=None)] if statement is ast.Return else []
        found = [each for value in values for each in inner.options(value)]
        if statement is ast.Return and len(values) < len(nodes):
            found.append(Facts(NoneType, value=None))
        return found

    def _shared(self, code: CodeType | None) -> dict[str, Any]:
        """The variables of the failing function that `code`, defined in it, uses."""
        if code is None or self.code is None or not encloses(self.code, code):
            return {}
        names, own = code.co_freevars, self.namespaces[0]
        return {name: own[name] for name in names if name in own}


def imported(unit: Unit, name: str) -> object:
    """What an import in `unit` binds to `name`, if its module is there already; or MISSING."""
    imports: Iterator[ast.Import | ast.ImportFrom] = unit.nodes(ast.Import, ast.ImportFrom)
    for node in imports:
        for alias in node.names:
            if (alias.asname or alias.name.partition(".")[0]) != name:
                continue
            if isinstance(node, ast.ImportFrom):
                module = sys.modules.get(node.module or "") if not node.level else None
                return MISSING if module is None else vars(module).get(alias.name, MISSING)
            path = alias.name if alias.asname else name
            return sys.modules.get(path, MISSING)
    return MISSING


def _has_result(future: asyncio.Future[Any]) -> bool:
    if not future.done() or future.cancelled():
        return False
    return getattr(future, "_exception", None) is None


def _first(options: list[Facts]) -> Facts | None:
    return options[0] if options else None


def _listed(facts: Facts | None) -> list[Facts]:
    return [facts] if facts is not None else []


def _gives_self(method: Function) -> bool:
    """Whether a method returns its own object, and nothing else."""
    own = method.args.args[0].arg if method.args.args else ""
    returns = [node.value for node in own_nodes(method) if isinstance(node, ast.Return)]
    return bool(returns) and all(isinstance(each, ast.Name) and each.id == own for each in returns)


def _code_of_manager(manager: object) -> CodeType | None:
    """The code of the generator that a context manager was made of."""
    found = getattr(manager, "__dict__", {}).get("gen")
    return getattr(found, "ag_code", None) or getattr(found, "gi_code", None)


def _common(facts: list[Facts | None]) -> Facts | None:
    """The first of `facts`, if all are of one kind."""
    first = facts[0]
    same = first is not None and all(each and each.kind is first.kind for each in facts)
    return first if same else None


def _of_definition(node: Function) -> Facts | None:
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(node))
    if isinstance(node, ast.AsyncFunctionDef):
        return Facts(AsyncGeneratorType if yields else CoroutineType, value=node)
    return Facts(GeneratorType) if yields else None


def _made_by(code: CodeType) -> type | None:
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return AsyncGeneratorType
    if code.co_flags & inspect.CO_COROUTINE:
        return CoroutineType
    return GeneratorType if code.co_flags & inspect.CO_GENERATOR else None
