"""What an expression is worth, found out without evaluating it.

Names and attributes are looked up, statically, in the frame that failed; of a
call we know what the called function makes: its code flags say "coroutine",
"generator", "async generator", and the source of a plain function says what it
returns. Nothing of the user's is run: no property, no ``__getattr__``, no call.
Where a probe saw the object itself, that is used instead.
"""

from __future__ import annotations

import ast
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
        callee = self.facts(node.func)
        return self.result(callee.value, node) if callee else None

    def _await(self, node: ast.Await) -> Facts | None:
        facts = self.facts(node.value)
        if facts is None or facts.kind is not CoroutineType:
            return None
        return self.returned(facts.code)

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
        while isinstance(callee, functools.partial | MethodType):
            callee = callee.func if isinstance(callee, functools.partial) else callee.__func__
        if isinstance(callee, type):
            return self._instance(callee, node)
        if isinstance(callee, ast.FunctionDef | ast.AsyncFunctionDef):
            return _of_definition(callee)
        if not isinstance(callee, FunctionType):
            return self._of_builtin(callee, node)
        kind = _made_by(callee.__code__)
        if kind is not None:
            return Facts(kind, callee.__code__)
        bare = node is not None and not node.args and not node.keywords
        return self._returned(callee.__code__, variables(callee, bare), callee.__globals__)

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
        return None

    def returned(self, code: CodeType | None) -> Facts | None:
        """What the function behind `code` returns, by its source; None if nobody knows."""
        return self._returned(code, self._shared(code), *self.namespaces[-2:-1])

    def _returned(self, code: CodeType | None, *namespaces: Mapping[str, Any]) -> Facts | None:
        found = self.units.definition(code)
        if found is None or self.depth >= _DEPTH:
            return None
        inner = Resolver(self.units, *namespaces, depth=self.depth + 1)
        inner.code, inner.function = code, found[1]
        values = [node.value for node in own_nodes(found[1]) if isinstance(node, ast.Return)]
        facts = [inner.facts(value) for value in values if value is not None]
        if not facts:
            return Facts(NoneType, value=None)
        return next((fact for fact in facts if fact is not None), None)

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


def _common(facts: list[Facts | None]) -> Facts | None:
    """The first of `facts`, if all are of one kind."""
    first = facts[0]
    same = first is not None and all(each and each.kind is first.kind for each in facts)
    return first if same else None


def _of_definition(node: Function) -> Facts | None:
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(node))
    if isinstance(node, ast.AsyncFunctionDef):
        return Facts(AsyncGeneratorType if yields else CoroutineType)
    return Facts(GeneratorType) if yields else None


def _made_by(code: CodeType) -> type | None:
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return AsyncGeneratorType
    if code.co_flags & inspect.CO_COROUTINE:
        return CoroutineType
    return GeneratorType if code.co_flags & inspect.CO_GENERATOR else None
