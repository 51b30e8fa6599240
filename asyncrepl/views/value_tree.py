"""A value as a tree of texts: each object is asked for its ``repr`` once, and no more than needed.

Containers of the standard library are taken apart, as far as a screen can show them; everything
else is a leaf with the text that its own ``__repr__`` gives. Laying the tree out, also several
times, then asks nobody again (`asyncrepl.views.value_layout`).

What does not work:

- `pprint` asks a container for its ``repr`` to see whether it fits, then each of its items, then
  theirs: the ``__repr__`` of the user's object is called once per level. It has no limit, so that
  ten million items are all formatted. Replacing the leaves by their texts beforehand changes the
  order of sets.
- ``rich.pretty`` asks every object for attributes such as ``__rich_repr__``: a ``__getattr__``
  of the user's would run, and it would be the one dependency that brings five others.

A container is taken apart only where its ``repr`` is the one it was born with; a subclass with
its own is a leaf. The items are taken by the base class's methods, as ``repr`` does: no
``__iter__`` of the user's runs.
"""

from __future__ import annotations

import collections
import sys
from itertools import islice
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.views.styled_lines import cell_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Opener = Callable[["_Builder", Any], "Node"]


class Limits(NamedTuple):
    """How much of a value is looked at: items in all, characters of a text, levels."""

    items: int = 1000
    characters: int = 20_000
    levels: int = 30


class Leaf:
    """A text that is not taken apart; `left_out` characters of it are missing.

    `length` is that of the string or the bytes of which it is the literal, or its beginning.
    """

    __slots__ = ("left_out", "length", "style", "text", "width")

    def __init__(
        self, text: str, style: str = "", left_out: int = 0, length: int | None = None
    ) -> None:
        self.text = text
        self.style = style
        self.left_out = left_out
        self.length = length
        #: The cells of one line; none where it takes several.
        self.width = None if "\n" in text else cell_width(text)


class Branch:
    """A container: `items` between `head` and `tail`, of which `left_out` are missing.

    An item is what stands before it, a key and its colon or a name, and its node.
    """

    __slots__ = ("head", "items", "largest", "left_out", "only", "tail", "width")

    def __init__(self, head: str, tail: str, *, only: bool = False) -> None:
        self.head, self.tail = head, tail
        #: Whether a comma follows a single item: that of a tuple.
        self.only = only
        self.items: list[tuple[Node | None, str, Node]] = []
        self.left_out = 0
        self.width: int | None = 0
        #: The items of the largest container in it; more than any, if something is missing.
        self.largest = 0.0

    def finish(self) -> Branch:
        """All items are there: measure it."""
        nodes = [node for key, _, value in self.items for node in (key, value) if node is not None]
        widths = [node.width for node in nodes if node.width is not None]
        separators = 2 * max(len(self.items) - 1, 0) + (self.only and len(self.items) == 1)
        names = sum(len(name) for _, name, _ in self.items)
        whole = sum(widths) + names + separators + cell_width(self.head + self.tail)
        self.width = whole if len(widths) == len(nodes) else None
        own = float("inf") if self.left_out else float(len(self.items))
        self.largest = max([own, *map(_largest, nodes)])
        return self


Node = Leaf | Branch


def _largest(node: Node) -> float:
    if isinstance(node, Branch):
        return node.largest
    return float("inf") if node.left_out else 0.0


_FOR_A_SCREEN = Limits()


def value_tree(value: object, limits: Limits = _FOR_A_SCREEN) -> Node:
    """The tree of `value`; raises whatever a ``__repr__`` in it raises."""
    return _Builder(limits).node(value)


#: The types of constants, and in which style they are shown.
_CONSTANTS: dict[type, str] = dict.fromkeys((int, float, complex), "number")
_CONSTANTS |= dict.fromkeys((bool, type(None), type(Ellipsis)), "keyword")
_TEXTS = {str, bytes}


class _Builder:
    """Takes one value apart."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.items
        self._inside: list[object] = []

    def node(self, value: Any) -> Node:
        """The tree of `value`, which is inside of those that are being taken apart."""
        kind = type(value)
        if kind in _TEXTS:
            return self._text(value)
        take_apart = None if kind in _CONSTANTS else _opener(kind)
        if take_apart is None:
            return self._leaf(repr(value), _CONSTANTS.get(kind, ""))
        return self._branch(value, take_apart)

    def _branch(self, value: Any, take_apart: Opener) -> Node:
        inside = _RECURSIVE.get(type(value), "...")
        if any(value is outer for outer in self._inside):
            return Leaf(inside)
        if len(self._inside) >= self._limits.levels:
            return Leaf("…", "dim")
        self._inside.append(value)
        try:
            return take_apart(self, value)
        finally:
            self._inside.pop()

    def _text(self, value: str | bytes) -> Leaf:
        """A string; of a long one the beginning alone is asked for."""
        room = self._limits.characters
        return Leaf(repr(value[:room]), "string", max(len(value) - room, 0), len(value))

    def _leaf(self, text: str, style: str) -> Leaf:
        room = self._limits.characters
        return Leaf(text[:room], style, max(len(text) - room, 0))

    def filled(
        self, branch: Branch, items: Iterable[Any], count: int, kind: str = "values"
    ) -> Branch:
        """`branch` with so many of its `count` `items` as there is room for; at least some.

        Of the `kind` "pairs" they are a key and a value each, of "fields" a name and a value.
        """
        # Deep inside a large value some room is kept, else its last rows would be empty.
        room = max(self._left, 10)
        self._left -= min(count, room)
        branch.left_out = max(count - room, 0)
        for item in islice(items, room):
            if kind == "values":
                branch.items.append((None, "", self.node(item)))
            elif kind == "pairs":
                branch.items.append((self.node(item[0]), ": ", self.node(item[1])))
            else:
                branch.items.append((None, f"{item[0]}=", self.node(item[1])))
        return branch.finish()


#: What ``repr`` writes for a container inside itself.
_RECURSIVE: dict[type, str] = {
    list: "[...]", tuple: "(...)", dict: "{...}", collections.deque: "[...]",
}  # fmt: skip


def _values(base: Any, head: str, tail: str, empty: str = "", *, only: bool = False) -> Opener:
    """What takes a `base` apart by that type's own methods; an `empty` one may have a text."""

    def take_apart(builder: _Builder, value: Any) -> Node:
        count = base.__len__(value)
        if empty and not count:
            return Leaf(empty)
        return builder.filled(Branch(head, tail, only=only), base.__iter__(value), count)

    return take_apart


def _dict(builder: _Builder, value: Any) -> Branch:
    return builder.filled(Branch("{", "}"), dict.items(value), dict.__len__(value), "pairs")


def _deque(builder: _Builder, value: Any) -> Branch:
    tail = "])" if value.maxlen is None else f"], maxlen={value.maxlen})"
    return builder.filled(Branch("deque([", tail), value, len(value))


def _defaultdict(builder: _Builder, value: Any) -> Branch:
    branch = Branch(f"defaultdict({value.default_factory!r}, {{", "})")
    return builder.filled(branch, dict.items(value), len(value), "pairs")


def _counter(builder: _Builder, value: Any) -> Node:
    if not value:
        return Leaf("Counter()")
    try:
        items: Iterable[Any] = value.most_common()
    except TypeError:  # counts that cannot be compared
        items = dict.items(value)
    return builder.filled(Branch("Counter({", "})"), items, len(value), "pairs")


def _ordered_dict(builder: _Builder, value: Any) -> Node:
    if not value:
        return Leaf("OrderedDict()")
    return builder.filled(Branch("OrderedDict({", "})"), value.items(), len(value), "pairs")


def _namespace(builder: _Builder, value: Any) -> Branch:
    found = vars(value)
    return builder.filled(Branch("namespace(", ")"), found.items(), len(found), "fields")


def _named_tuple(builder: _Builder, value: Any) -> Branch:
    names = type(value)._fields
    pairs = zip(names, tuple.__iter__(value), strict=False)
    return builder.filled(Branch(f"{type(value).__name__}(", ")"), pairs, len(names), "fields")


def _dataclass(builder: _Builder, value: Any) -> Branch:
    from dataclasses import fields  # whoever has made the value has imported it

    names = [field.name for field in fields(value) if field.repr]
    pairs = ((name, getattr(value, name)) for name in names)
    branch = Branch(f"{type(value).__qualname__}(", ")")
    return builder.filled(branch, pairs, len(names), "fields")


#: The `repr` a type was born with, by its id → what takes such a value apart.
_BY_REPR: dict[int, Opener] = {
    id(list.__repr__): _values(list, "[", "]"),
    id(tuple.__repr__): _values(tuple, "(", ")", only=True),
    id(dict.__repr__): _dict,
}
_BY_TYPE: dict[type, Opener] = {
    set: _values(set, "{", "}", "set()"),
    frozenset: _values(frozenset, "frozenset({", "})", "frozenset()"),
    collections.deque: _deque,
    collections.defaultdict: _defaultdict,
    collections.Counter: _counter,
    SimpleNamespace: _namespace,
}
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_BY_TYPE |= {view: _values(view, f"{view.__name__}([", "])") for view in _VIEWS}
if sys.version_info >= (3, 12):  # before, it shows a list of pairs
    _BY_TYPE[collections.OrderedDict] = _ordered_dict
_NAMED_TUPLE_FILE = collections.namedtuple.__code__.co_filename  # noqa: PYI024 - not called


def _opener(kind: type) -> Opener | None:
    """What takes a value of `kind` apart; None for a leaf."""
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    shown = lookup(kind, "__repr__")
    if id(shown) in _BY_REPR:
        return _BY_REPR[id(shown)]
    if type(shown) is not FunctionType:
        return None
    if issubclass(kind, tuple) and shown.__code__.co_filename == _NAMED_TUPLE_FILE:
        return _named_tuple
    return _dataclass if _is_generated_by_dataclass(kind, shown) else None


def _is_generated_by_dataclass(kind: type, shown: Any) -> bool:
    """Whether `dataclass` has made the ``__repr__``: as `pprint` finds out."""
    if lookup(kind, "__dataclass_fields__") is MISSING:
        return False
    inner = getattr(shown, "__wrapped__", None)
    return type(inner) is FunctionType and "__create_fn__" in inner.__qualname__
