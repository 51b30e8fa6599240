"""What calls of builtins give, told by the objects that they are given, or by the source.

``jobs.get("first")``, ``next(rows)``, ``getattr(self, name)``, ``queue[:1]``: nothing is called.
Of living collections of Python's own types the item is there. One that was taken out of its
collection is there no more: it is known by what the source puts into it.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections import OrderedDict, defaultdict, deque
from itertools import islice
from types import FunctionType, ModuleType, NoneType
from typing import TYPE_CHECKING, Any, Protocol

from asyncrepl.events.object_info import MISSING, ObjectInfo, describe, is_real_instance, lookup
from asyncrepl.explain.library_results import item, listed_result
from asyncrepl.syntax.names import callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.explain.source_units import Units

_MAPPINGS = (dict, defaultdict, OrderedDict)
_TAKING = frozenset({"pop", "popleft", "popitem", "get", "get_nowait"})
#: What puts its last argument into its object.
_PUTTING = frozenset(
    {"append", "appendleft", "add", "insert", "put", "put_nowait", "setdefault", "push"}
)
_HOLDING = (list, tuple, set, frozenset, enumerate, reversed, filter, deque)
#: Functions that give what the function gives that is given to them.
_CALLING = (functools.reduce, getattr(operator, "call", functools.reduce))
#: So many items of a collection are looked at: it may have millions.
_LOOKED_AT = 1000
_VIEWS: dict[str, type] = {"values": type({}.values()), "copy": dict}


class _Resolver(Protocol):
    """What finds out what an expression is worth: `asyncrepl.explain.static_values.Resolver`."""

    units: Units
    code: CodeType | None
    known: dict[str, ObjectInfo | None]
    evaluated_names: set[str]

    def info(self, node: ast.AST) -> ObjectInfo | None: ...
    def value(self, node: ast.AST) -> object: ...
    def result(self, callee: object) -> ObjectInfo | None: ...
    def results(self, callee: object) -> list[ObjectInfo]: ...
    def yielded(self, code: CodeType | None) -> list[ObjectInfo]: ...


def item_of(resolver: _Resolver, info: ObjectInfo) -> ObjectInfo | None:
    """What `resolver` knows of the items of the collection, generator or iterator `info`.

    Nothing where they are of several kinds: which one it is nobody knows.
    """
    if _is_mixed(info.value):
        return None
    waits = lookup(info.kind, "_wait_for_one")  # of `as_completed`, since Python 3.13
    step = lookup(info.kind, "__next__") if waits is MISSING else waits
    made = resolver.yielded(info.code) if info.code is not None else resolver.results(step)
    return info.item or next(iter(made), None)


def _is_mixed(held: object) -> bool:
    """Whether a collection of Python's own types has items of several types."""
    items: Any = held.values() if type(held) in _MAPPINGS else held  # type: ignore[attr-defined]
    known = type(held) in (*_MAPPINGS, list, tuple, set, frozenset, deque)
    return known and len({type(each) for each in islice(items, _LOOKED_AT)}) > 1


def made_by_class(resolver: _Resolver, kind: type, node: ast.Call | None) -> ObjectInfo:
    """An instance of `kind`, which the call `node` makes, with its items where they are known."""
    arguments = node.args if node is not None else []
    if kind is map and len(arguments) > 1:
        return ObjectInfo(kind, item=_mapped(resolver, *arguments[:2]))
    filled = arguments and kind in _HOLDING
    given = -1 if kind is filter else 0
    items = _items_of_argument(resolver, arguments[given]) if filled else None
    return ObjectInfo(kind, item=items)


def _mapped(resolver: _Resolver, function: ast.expr, given: ast.expr) -> ObjectInfo | None:
    """What ``map(function, given)`` gives."""
    called: ast.expr = ast.Call(function, [ast.Name(".item", ast.Load())], [])
    names = [".item"]
    if isinstance(function, ast.Lambda):
        called, names = function.body, [each.arg for each in function.args.args[:1]]
    before, items = resolver.known, _items_of_argument(resolver, given)
    resolver.known = before | dict.fromkeys(names, items)
    found = resolver.info(called)
    resolver.known = before
    return found


def given_by_builtin(
    resolver: _Resolver, callee: object, node: ast.Call | None
) -> ObjectInfo | None:
    """What a call of `callee`, a function or method of Python's own, gives; `node` is that."""
    if callee is print:
        return describe(None)
    known = _of_arguments(resolver, callee, node) if node is not None and node.args else None
    if known is not None:
        return known
    listed = list if callee is sorted else listed_result(callee)
    arguments = node.args if node is not None and (callee is iter or callee is sorted) else []
    items = _items_of_argument(resolver, arguments[0]) if arguments else None
    return ObjectInfo(listed, item=items) if listed is not None else None


def _of_arguments(resolver: _Resolver, callee: object, node: ast.Call) -> ObjectInfo | None:
    first = node.args[0]
    if callee is aiter:
        return resolver.info(first)
    if callee is getattr:
        return _attribute_named(resolver, node)
    if any(callee is each for each in _CALLING):
        function = resolver.value(first)
        return resolver.result(function) if function is not MISSING else None
    return _items_of_argument(resolver, first) if callee is next else None


def _attribute_named(resolver: _Resolver, node: ast.Call) -> ObjectInfo | None:
    name = resolver.value(node.args[1]) if len(node.args) > 1 else None
    if type(name) is not str:
        return None
    return resolver.info(ast.Attribute(node.args[0], name, ast.Load()))


def _items_of_argument(resolver: _Resolver, node: ast.expr) -> ObjectInfo | None:
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return _alike([*_filled(resolver, node)])
    info = resolver.info(node)
    found = item_of(resolver, info) if info is not None else None
    return found if found is not None else _alike(_items_put_into(resolver, node))


def taken_from(resolver: _Resolver, node: ast.Call) -> ObjectInfo | None:
    """What `node` gives, if it is ``jobs.pop()``, ``queue.get_nowait()``, ``jobs.values()`` or so.

    `resolver` knows the names in it.
    """
    if not isinstance(node.func, ast.Attribute):
        return None
    owner, name = resolver.info(node.func.value), node.func.attr
    held: Any = owner.value if owner is not None else MISSING
    if owner is None or (name not in _TAKING and name not in _VIEWS):
        return None
    if name in _VIEWS:
        known = type(held) in _MAPPINGS and not node.args and not _is_mixed(held)
        return ObjectInfo(_VIEWS[name], item=owner.item) if known else None
    if type(held) in _MAPPINGS and node.args:
        return _at_key(resolver, held, node)
    if type(held) not in (list, set, deque) and lookup(owner.kind, "put_nowait") is MISSING:
        return None
    put = _items_put_into(resolver, node.func.value)
    there = owner.item if not _is_mixed(held) else None  # those that are left are like it
    return _alike(put) if put else there


def _at_key(resolver: _Resolver, held: Any, node: ast.Call) -> ObjectInfo | None:
    """What ``jobs.get("first")``, the call `node`, gives of the living dict `held`; or ``pop``."""
    key, owner = resolver.value(node.args[0]), getattr(node.func, "value", node)
    found = item(held, key, negative=False)
    if found is not MISSING:
        return describe(found, keep=True)
    if callee_name(node) != "get":  # it is gone
        return _alike(_items_put_into(resolver, owner)) if len(node.args) == 1 else None
    # What is given for want of it is awaited where it stands.
    return describe(None) if type(key) is str and len(node.args) == 1 else None


def either(resolver: _Resolver, node: ast.BoolOp) -> ObjectInfo | None:
    """What `node`, ``given or made``, is for `resolver`: one of them may be None."""
    infos = map(resolver.info, node.values)
    return _alike([each for each in infos if each is None or each.kind is not NoneType])


def binds(resolver: _Resolver, function: ast.expr) -> bool:
    """Whether `function` is looked up in an object, which becomes its first argument."""
    owner = resolver.info(function.value) if isinstance(function, ast.Attribute) else None
    if owner is None or is_real_instance(owner.value, (ModuleType, type)):
        return False
    return is_real_instance(lookup(owner.kind, last_name(function)), FunctionType)


def sliced(resolver: _Resolver, node: ast.Subscript) -> ObjectInfo | None:
    """What the slice `node` gives of a list or tuple that `resolver` finds alive."""
    held, place = resolver.value(node.value), node.slice
    if type(held) not in (list, tuple) or not isinstance(place, ast.Slice):
        return None
    ends = [None if each is None else resolver.value(each) for each in (place.lower, place.upper)]
    if place.step is not None or any(type(each) not in (int, type(None)) for each in ends):
        return None
    return describe(held[slice(*ends)], keep=True)  # type: ignore[index]  # a list or a tuple


def _alike(infos: list[ObjectInfo | None]) -> ObjectInfo | None:
    """What any of several is like, if they are all of one kind."""
    return infos[0] if len({each and each.kind for each in infos}) == 1 else None


def _items_put_into(resolver: _Resolver, owner: ast.expr) -> list[ObjectInfo | None]:
    """All that the source puts into `owner`, a name or an attribute; None for what is unknown."""
    if not isinstance(owner, ast.Name | ast.Attribute) or resolver.code is None:
        return []
    same = ast.unparse(owner)
    if same in resolver.evaluated_names:  # rows = iter(rows)
        return []
    resolver.evaluated_names.add(same)
    try:
        nodes = (node for place in _places(resolver, owner) for node in ast.walk(place))
        return [held for node in nodes for held in _put(resolver, node, same)]
    finally:
        resolver.evaluated_names.discard(same)


def _places(resolver: _Resolver, owner: ast.expr) -> list[ast.AST]:
    """Where something may be put into it: the function, the file, or all that was typed."""
    filename = resolver.code.co_filename if resolver.code is not None else None
    local = isinstance(owner, ast.Name) and owner.id in getattr(resolver.code, "co_varnames", ())
    found = resolver.units.definition(resolver.code) if local else None
    if found is not None:
        return [found[1]]
    typed = filename is not None and filename.startswith("<input ")
    units = [*resolver.units.all()] if typed else [resolver.units.get(filename)]
    return [unit.tree for unit in units if unit is not None and unit.tree is not None]


def _put(resolver: _Resolver, node: ast.AST, same: str) -> Iterator[ObjectInfo | None]:
    """What `node` puts into what is written as `same`."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Subscript) and _is(target.value, same):
                yield resolver.info(node.value)
            elif _is(target, same):
                yield from _filled(resolver, node.value)
    elif isinstance(node, ast.Call) and callee_name(node) in _PUTTING and node.args:
        owner = getattr(node.func, "value", None)
        if owner is not None and _is(owner, same):
            yield resolver.info(node.args[-1])


def _filled(resolver: _Resolver, made: ast.expr) -> Iterator[ObjectInfo | None]:
    """The items of a collection that is `made`; none of ``[]``, or ``Queue(maxsize=3)``."""
    match made:
        case ast.List(items) | ast.Tuple(items) | ast.Set(items) | ast.Dict(_, items):
            yield from map(resolver.info, items)
        case ast.Call(args=[]):
            pass
        case _:
            info = resolver.info(made)
            yield item_of(resolver, info) if info is not None else None


def _is(node: ast.AST, same: str) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) == same
