"""What an expression is worth, found out without evaluating it.

Names and attributes are looked up, statically, in the frame that failed; of a call we know what
the called function makes: its code flags say "coroutine", "generator", "async generator", and the
source of a plain function says what it returns. Nothing of the user's is run: no property, no
``__getattr__``, no call. Where a probe saw the object itself, that is used instead.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import functools
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

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    coroutine_of_task,
    describe,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import (
    imported,
    local_names,
    member,
    own_object,
    passed_arguments,
    python_method,
    result_of_definition,
    returns_self,
    shared_variables,
    stored_names,
    variables,
)
from asyncrepl.explain.known_calls import (
    binds,
    either,
    given_by_builtin,
    made_by_class,
    sliced,
    taken_from,
)
from asyncrepl.explain.library_results import (
    annotated_types,
    code_of_manager,
    function_of_code,
    globals_of,
    has_result,
    item,
    made_by_function,
    mock_of,
    mock_result,
    result_of_method,
    result_of_operator,
)
from asyncrepl.explain.scopes import given_by_await, is_async_genexp, own_nodes, stored_there
from asyncrepl.explain.source_units import own_name, positional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncrepl.explain.source_units import Function, Unit, Units

    Giving = type[ast.Return | ast.Yield]
    _Known = dict[str, ObjectInfo | None]

_DISPLAYS: dict[type[ast.expr], type] = {
    ast.Dict: dict, ast.DictComp: dict, ast.Set: set, ast.SetComp: set, ast.JoinedStr: str,
    ast.List: list, ast.Tuple: tuple, ast.ListComp: list,
}  # fmt: skip
_PASSED = (FunctionType, MethodType, functools.partial, type, int, float, str, bytes)
_DEPTH = 4


class Resolver:
    """Looks names up in some namespaces, the innermost first."""

    def __init__(self, units: Units, *namespaces: Mapping[str, Any], depth: int = 0) -> None:
        self.units = units
        self.namespaces = (*namespaces, vars(builtins))
        self.depth = depth
        self.code: CodeType | None = None
        self.function: Function | None = None
        self.unit: Unit | None = None
        #: What is known of names that no namespace has, as the object of a method looked at.
        self.known: dict[str, ObjectInfo | None] = {}
        #: The local names whose values are being looked for.
        self.evaluated_names: set[str] = set()

    @classmethod
    def of_frame(cls, units: Units, frame: FrameType) -> Resolver:
        """The names as `frame` saw them."""
        own = frame.f_code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>")  # up to 3.11
        around = [each.f_locals for each in [frame.f_back] if own and each is not None]
        found = cls(units, frame.f_locals, *around, frame.f_globals)
        found.code = frame.f_code
        return found

    def info(self, node: ast.AST) -> ObjectInfo | None:
        """What is known of the value of `node`."""
        method: Any = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node)  # type: ignore[no-any-return]  # one of the methods below
        kind = _DISPLAYS.get(type(node))  # type: ignore[arg-type]  # None for others
        return ObjectInfo(kind) if kind else None

    def value(self, node: ast.AST) -> object:
        """The object `node` names, or MISSING."""
        info = self.info(node)
        made = info and info.kind is CoroutineType and is_real_instance(info.value, FunctionType)
        return info.value if info and not made else MISSING  # what made it is no value of it

    def _constant(self, node: ast.Constant) -> ObjectInfo:
        return describe(node.value, keep=True)

    def _name(self, node: ast.Name) -> ObjectInfo | None:
        if node.id in self.known:
            return self.known[node.id]
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

    def _unborn(self, name: str) -> ObjectInfo | None:
        """A function or module of a text that has not run (it does not compile)."""
        assert self.unit is not None
        found = imported(self.unit, name)
        if found is not MISSING:
            return describe(found, keep=True)
        for function in self.unit.functions():
            if function.name == name:
                return ObjectInfo(FunctionType, value=function)
        return None

    def _assigned(self, function: Function, name: str) -> ObjectInfo | None:
        if name in self.evaluated_names:  # text = text.strip()
            return None
        self.evaluated_names.add(name)
        try:
            return self._first_assigned(function, name)
        finally:
            self.evaluated_names.discard(name)

    def _first_assigned(self, function: Function, name: str) -> ObjectInfo | None:
        count = nones = 0  # None, given until there is something, stands for nothing
        for node in own_nodes(function):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                return None if node.decorator_list else ObjectInfo(FunctionType, value=node)
            names = [getattr(each, "id", "") for each in getattr(node, "targets", ())]
            if isinstance(node, ast.Assign) and name in names:
                found = self.info(node.value)
                if found is None or found.kind is not NoneType:
                    return found
                nones += 1
            count += isinstance(node, ast.Name) and node.id == name and type(node.ctx) is ast.Store
        return ObjectInfo(NoneType, value=None) if count == nones == 1 else None

    def _attribute(self, node: ast.Attribute) -> ObjectInfo | None:
        owner = self.info(node.value)
        if owner is None:
            return None
        made = lookup(owner.kind, node.attr)
        cached = is_real_instance(made, functools.cached_property)
        if (cached and node.attr not in owner.members) or is_real_instance(made, property):
            getter = getattr(made, "func" if cached else "fget")
            return next(iter(self.results(getter, own=owner)), None)
        found = member(owner, node.attr)
        if found is not MISSING and not (found is None and self.depth):  # None stands for not yet
            return describe(found, keep=True)
        getter = lookup(type(made), "__get__") if made is not MISSING else MISSING
        if made is MISSING and found is MISSING and node.attr not in owner.members:
            getter = lookup(owner.kind, "__getattr__")  # which is asked then: not that of a mock
            getter = getter if self.units.source_of(getter) else MISSING
        return self.result(getter) if is_real_instance(getter, FunctionType) else None

    def _subscript(self, node: ast.Subscript) -> ObjectInfo | None:
        if isinstance(node.slice, ast.Slice):
            return sliced(self, node)
        index: Any = node.slice
        negative = isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub)
        key = self.value(index.operand if negative else index)
        found = item(self.value(node.value), key, negative)
        if found is not MISSING:
            return describe(found, keep=True)
        info = self.info(node.value)
        if (getter := python_method(info.kind if info else None, "__getitem__")) is not None:
            return self.result(getter)
        stored = stored_there(self.function, node) if self.function is not None else None
        return self.info(stored) if stored is not None else None

    def _ifexp(self, node: ast.IfExp) -> ObjectInfo | None:
        first, second = self.info(node.body), self.info(node.orelse)
        return first if first and second and first.kind is second.kind else None

    _boolop, _taken, _of_builtin = either, taken_from, given_by_builtin

    def _binop(self, node: ast.BinOp) -> ObjectInfo | None:
        return result_of_operator(self.info(node.left), node.op, self.info(node.right))

    def _call(self, node: ast.Call | ast.Await) -> ObjectInfo | None:
        return next(iter(self.options(node)), None)

    _await = _call

    def options(self, node: ast.AST) -> list[ObjectInfo]:
        """All that the value of `node` may be, as far as it is known."""
        if isinstance(node, ast.IfExp):
            return [*self.options(node.body), *self.options(node.orelse)]
        if isinstance(node, ast.BoolOp):
            return [each for value in node.values for each in self.options(value)]
        if isinstance(node, ast.Call):
            return self._call_options(node)
        if isinstance(node, ast.Await):
            return self._await_options(node)
        return _listed(self.info(node))

    def _call_options(self, node: ast.Call) -> list[ObjectInfo]:
        if (taken := self._taken(node)) is not None:
            return [taken]
        if self.info(node.func) is not None:
            return self.results(self.value(node.func), node)
        return [ObjectInfo(kind)] if (kind := result_of_method(node)) is not None else []

    def _await_options(self, node: ast.Await) -> list[ObjectInfo]:
        return [each for info in self.options(node.value) for each in self.awaited(info)]

    def _list(self, node: ast.List | ast.Tuple | ast.Set | ast.Dict) -> ObjectInfo:
        parts = node.values if isinstance(node, ast.Dict) else node.elts
        return ObjectInfo(_DISPLAYS[type(node)], item=self.info(parts[0]) if parts else None)

    def _starred(self, node: ast.Starred) -> ObjectInfo | None:
        held = self.info(node.value)
        return held.item if held is not None else None

    _tuple = _set = _dict = _list

    def _listcomp(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> ObjectInfo:
        element = node.value if isinstance(node, ast.DictComp) else node.elt
        return ObjectInfo(_DISPLAYS[type(node)], item=self.info(element))

    _setcomp = _dictcomp = _listcomp

    def _generatorexp(self, node: ast.GeneratorExp) -> ObjectInfo:
        kind = AsyncGeneratorType if is_async_genexp(node) else GeneratorType
        return ObjectInfo(kind, item=self.info(node.elt))

    def _namedexpr(self, node: ast.NamedExpr) -> ObjectInfo | None:
        return self.info(node.value)

    def result(self, callee: object) -> ObjectInfo | None:
        """What a call of `callee` gives."""
        return next(iter(self.results(callee)), None)

    def results(
        self, callee: object, node: ast.Call | None = None, own: ObjectInfo | None = None
    ) -> list[ObjectInfo]:
        """All that a call of `callee` may give; `own` is its object, if it is a method of that."""
        given = 1 if node is not None and binds(self, node.func) else 0
        own = self.info(node.func.value) if given else own  # type: ignore[union-attr]  # it is that
        while is_real_instance(callee, (functools.partial, MethodType)):
            if is_real_instance(callee, functools.partial):
                given, callee = given + len(callee.args), callee.func
            else:
                given, own = given + 1, describe(callee.__self__, keep=True)
                callee = callee.__func__
        if is_real_instance(callee, type):
            return [made_by_class(self, callee, node)]
        if is_real_instance(callee, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return _listed(result_of_definition(callee))
        mocked = mock_result(callee)
        called = python_method(type(callee), "__call__") if mocked is MISSING else None
        if called is not None:
            callee, given, own = called, given + 1, describe(callee, keep=True)
        if is_real_instance(callee, FunctionType):
            if callee.__module__ == "copy" and node is not None and node.args:
                return self.options(node.args[0])  # a copy is of the same kind
            known = made_by_function(callee)
            return [known] if known is not None else self._plain_results(callee, node, given, own)
        if mocked is MISSING:
            return _listed(self._of_builtin(callee, node))
        waits = type(callee).__name__ == "AsyncMock"
        return [ObjectInfo(CoroutineType, value=callee) if waits else describe(mocked, keep=True)]

    def _plain_results(
        self, callee: FunctionType, node: ast.Call | None, given: int, own: ObjectInfo | None
    ) -> list[ObjectInfo]:
        bound = variables(callee, node is not None and not node.args and not node.keywords)
        code = callee.__code__
        known: _Known = {code.co_varnames[0]: own} if own and code.co_argcount else {}
        for name, passed in passed_arguments(code, node, given) if node else ():
            if is_real_instance(value := self.value(passed), _PASSED):
                bound[name] = value
            elif self.units.source_of(
                callee
            ):  # what a library hands through, it may have worked on
                known[name] = self.info(passed)
        return self._returned(code, bound, callee.__globals__, known=known)

    def inside(self, code: CodeType | None, function: object = MISSING) -> Resolver:
        """The names as the code of `function` sees them, before it runs."""
        spaces = (self._variables_of(function, code), self._globals(code))
        inner = Resolver(self.units, *spaces, depth=self.depth)
        inner.code, inner.function = code, function_of_code(self.units, code)
        return inner

    def awaited(self, info: ObjectInfo) -> list[ObjectInfo]:
        """All that awaiting what `info` are known of may give."""
        if is_real_instance(info.value, ast.AsyncFunctionDef):
            return self._evaluated_in(info.value, None, ast.Return, *self.namespaces[:-1])
        mocked = mock_result(mock_of(info.value))
        if mocked is not MISSING:
            return [describe(mocked, keep=True)]
        if info.kind is CoroutineType:
            spaces = (self._variables_of(info.value, info.code), self._globals(info.code))
            return self._returned(info.code, *spaces)
        if not is_real_instance(info.value, asyncio.Future):
            return self._of_await_method(info)
        if has_result(info.value):
            return [describe(info.value.result(), keep=True)]
        return self.returns(getattr(coroutine_of_task(info.value), "cr_code", None))

    def _of_await_method(self, info: ObjectInfo) -> list[ObjectInfo]:
        """What an ``__await__`` of the user's gives, as far as it is known."""
        code = getattr(python_method(info.kind, "__await__"), "__code__", None)
        definition = function_of_code(self.units, code)
        if definition is None or not positional(definition) or self.depth >= _DEPTH:
            return []
        inner = Resolver(self.units, self._globals(code), depth=self.depth + 1)
        inner.code, inner.function = code, definition
        inner.known = {own_name(definition): info}
        return [
            found
            for node, waits in given_by_await(definition)
            for made in inner.options(node)
            for found in (inner.awaited(made) if waits else [made])
        ]

    def entered(self, info: ObjectInfo) -> list[ObjectInfo]:
        """All that ``async with`` may give for what `info` are known of."""
        if info.kind.__name__ == "_AsyncGeneratorContextManager":
            code = info.code or code_of_manager(info.value)
            return self.yielded(code)
        enter = python_method(info.kind, "__aenter__")
        if enter is None:
            return []
        found = self.units.source_of(enter)
        if found is not None and returns_self(found[1]):
            return [info]
        return self.returns(enter.__code__)

    def yielded(self, code: CodeType | None) -> list[ObjectInfo]:
        """All that the function behind `code` may yield."""
        return self._evaluated(code, ast.Yield, self._shared(code), self._globals(code))

    def returned(self, code: CodeType | None) -> ObjectInfo | None:
        """What the function behind `code` returns, by its source; None if nobody knows."""
        return next(iter(self.returns(code)), None)

    def returns(self, code: CodeType | None) -> list[ObjectInfo]:
        """All that the function behind `code` may return."""
        return self._returned(code, self._shared(code), self._globals(code))

    def _globals(self, code: CodeType | None) -> Mapping[str, Any]:
        own = self.namespaces[-2] if len(self.namespaces) > 1 else {}
        same = self.code is None or code is None or self.code.co_filename == code.co_filename
        return own if same or code is None else (globals_of(code.co_filename) or own)

    def _returned(
        self, code: CodeType | None, *namespaces: Mapping[str, Any], known: _Known | None = None
    ) -> list[ObjectInfo]:
        found = self._evaluated(code, ast.Return, *namespaces, known=known)
        if found or code is None:
            return found
        definition = function_of_code(self.units, code)
        space = namespaces[-1] if namespaces else {}
        returns = definition.returns if definition is not None else None
        return [ObjectInfo(kind) for kind in annotated_types(returns, space)]

    def _evaluated(
        self,
        code: CodeType | None,
        statement: Giving,
        *namespaces: Mapping[str, Any],
        known: _Known | None = None,
    ) -> list[ObjectInfo]:
        definition = function_of_code(self.units, code)
        if definition is not None:
            return self._evaluated_in(definition, code, statement, *namespaces, known=known)
        body = self.units.lambda_body(code) if self.depth < _DEPTH else None
        inner = Resolver(self.units, *namespaces, depth=self.depth + 1)
        inner.known = known or {}
        return inner.options(body) if body is not None else []

    def _evaluated_in(
        self,
        definition: Function,
        code: CodeType | None,
        statement: Giving,
        *spaces: Mapping[str, Any],
        known: _Known | None = None,
    ) -> list[ObjectInfo]:
        if self.depth >= _DEPTH:
            return []
        inner = Resolver(self.units, *spaces, depth=self.depth + 1)
        inner.code, inner.function = code, definition
        inner.known = own_object(self.units, definition, *spaces[-1:], *self.namespaces)
        stored = stored_names(definition)
        inner.known |= {name: info for name, info in (known or {}).items() if name not in stored}
        nodes = [node for node in own_nodes(definition) if isinstance(node, statement)]
        values = [node.value for node in nodes if node.value is not None]
        if not values:
            return [ObjectInfo(NoneType, value=None)] if statement is ast.Return else []
        found = [each for value in values for each in inner.options(value)]
        bare = statement is ast.Return and len(values) < len(nodes)
        return [*found, ObjectInfo(NoneType, value=None)] if bare else found

    def _variables_of(self, function: object, code: CodeType | None) -> dict[str, Any]:
        known = is_real_instance(function, FunctionType)
        return variables(function, False) if known else self._shared(code)  # type: ignore[arg-type]

    def _shared(self, code: CodeType | None) -> dict[str, Any]:
        return shared_variables(self.code, code, self.namespaces[0])


def _listed(info: ObjectInfo | None) -> list[ObjectInfo]:
    return [] if info is None else [info]
