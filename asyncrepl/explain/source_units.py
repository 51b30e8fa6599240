"""Source texts with what one asks of them: parents of nodes, scopes, nodes by position.

A unit is one text that was compiled in one piece: a typed statement, a file, a
loaded module.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import sysconfig
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from asyncrepl.events.object_info import code_of
from asyncrepl.syntax.names import (
    FUNCTIONS,
    bind_names,
    callee_name,
    canonical_name,
    head_names,
    last_name,
)
from asyncrepl.syntax.parsed_input import syntax_tree
from asyncrepl.syntax.source_rewriter import SourceRewriter, SourceText

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType

    from asyncrepl.events.object_info import Place

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
_OWN = str(Path(__file__).resolve().parents[1])


def _library_folders() -> tuple[str, ...]:
    """Where modules that are no program of the user's lie.

    As ``sysconfig`` says, but for the values of its variables: to read all of them it imports what
    the interpreter was built with, nearly a megabyte.
    """
    patterns = sysconfig.get_paths(expand=False)
    known = {
        "base": sys.prefix,
        "platbase": sys.exec_prefix,
        "installed_base": sys.base_prefix,
        "installed_platbase": sys.base_exec_prefix,
        "platlibdir": sys.platlibdir,
        "py_version_short": f"{sys.version_info.major}.{sys.version_info.minor}",
        "py_version_nodot": f"{sys.version_info.major}{sys.version_info.minor}",
        "implementation_lower": "python",
        "abi_thread": "t" if "t" in getattr(sys, "abiflags", "") else "",
    }
    names = "stdlib", "platstdlib", "purelib", "platlib"
    try:
        return tuple(os.path.normpath(patterns[name].format_map(known)) for name in names)
    except KeyError:  # a scheme of somebody's own
        return tuple(sysconfig.get_paths()[name] for name in names)


_LIBRARY = _library_folders()


class SourceLike(Protocol):
    """What is read of a `language.sources.Source`."""

    @property
    def filename(self) -> str:
        """The name its code objects carry."""

    @property
    def text(self) -> str:
        """The whole text."""

    @property
    def tree(self) -> ast.Module | None:
        """Its tree, if it parses."""

    @property
    def module(self) -> bool:
        """Whether it is run as Python runs what is imported: nothing at its top may await."""


class Unit:
    """One source text and its tree (None when it does not parse).

    `module` says that nothing at its top may await.
    """

    def __init__(
        self, filename: str, text: str, tree: ast.Module | None, *, module: bool = False
    ) -> None:
        self.filename = filename
        self.text = text
        self.tree = tree
        self.module = module

    @cached_property
    def source(self) -> SourceText:
        """The text with its positions."""
        return SourceText(self.text)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node's parent."""
        found: dict[ast.AST, ast.AST] = {}
        for node in self._walked:
            for child in ast.iter_child_nodes(node):
                found[child] = node  # an ast.Load() has many parents: nobody asks for them
        return found

    @property
    def body(self) -> list[ast.stmt]:
        """The statements at its top."""
        return self.tree.body if self.tree is not None else []

    def rewriting(self) -> SourceRewriter:
        """A fresh set of edits of this text."""
        return SourceRewriter(self.source)

    @cached_property
    def _walked(self) -> list[ast.AST]:
        """All nodes: in a large file it is slow to walk the tree for each question."""
        return [] if self.tree is None else list(ast.walk(self.tree))

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """All nodes of some kinds, in the order of `ast.walk`."""
        return (node for node in self._walked if isinstance(node, kinds))

    def around(self, line: int, *kinds: type[Node]) -> list[Node]:
        """The nodes of some kinds that have `line` in them, the outer before the inner."""
        return [
            each
            for each in self.nodes(*kinds)
            if getattr(each, "lineno", 0) <= line <= (getattr(each, "end_lineno", 0) or 0)
        ]

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """All calls by the last part of the name that is called."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.nodes(ast.Call):
            found.setdefault(callee_name(call), []).append(call)
        return found

    def taken_from(self, names: set[str]) -> set[str]:
        """`names`, and those of what a loop or a comprehension takes them from."""
        kinds = ast.For, ast.AsyncFor, ast.comprehension
        loops: Iterator[ast.For | ast.AsyncFor | ast.comprehension] = self.nodes(*kinds)
        taken = [head_names(each.iter) for each in loops if head_names(each.target) & names]
        return names.union(*taken)

    def functions(self) -> Iterator[Function]:
        """All ``def`` and ``async def`` statements."""
        return (node for node in self._walked if isinstance(node, FUNCTIONS))

    def ancestors(self, node: ast.AST | None) -> Iterator[ast.AST]:
        """The parent of `node`, its parent, and so on up to the module."""
        while node is not None and node in self.parents:
            node = self.parents[node]
            yield node

    def steps_up(self, node: ast.AST | None) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Pairs of a node and its parent, from `node` up to the module."""
        while node is not None and node in self.parents:
            yield node, self.parents[node]
            node = self.parents[node]

    def enclosing(self, node: ast.AST | None, *kinds: type[Node]) -> Node | None:
        """The innermost node of some kinds around `node`."""
        return next((each for each in self.ancestors(node) if isinstance(each, kinds)), None)

    def function(self, node: ast.AST | None) -> Function | None:
        """The innermost ``def`` or ``async def`` around `node`."""
        return next((each for each in self.ancestors(node) if isinstance(each, FUNCTIONS)), None)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds `node`, or is it."""
        if isinstance(node, ast.stmt):
            return node
        found = self.enclosing(node, ast.stmt)
        assert found is not None
        return found

    def at(self, place: Place) -> list[ast.AST]:
        """The nodes that span exactly `place`, outermost first."""
        return [
            node
            for node in self.nodes(ast.AST)
            if getattr(node, "lineno", None) == place.lineno
            and getattr(node, "end_lineno", None) == place.end_lineno
            and getattr(node, "col_offset", None) == place.column
            and getattr(node, "end_col_offset", None) == place.end_column
        ]

    def definition(self, code: CodeType) -> Function | None:
        """The ``def`` that `code` was compiled from; a correction may have moved its lines."""
        named = [each for each in self.functions() if each.name == code.co_name]
        for node in named:
            first = min([node, *node.decorator_list], key=lambda each: each.lineno)
            if code.co_firstlineno in (first.lineno, node.lineno):
                return node
        return named[0] if len(named) == 1 else None

    def class_named(self, name: str) -> ast.ClassDef | None:
        """The last class of that name."""
        found = [node for node in self.nodes(ast.ClassDef) if node.name == name]
        return found[-1] if found else None


class Units:
    """All sources of a session, and files read when somebody asks."""

    def __init__(self, sources: Mapping[str, SourceLike]) -> None:
        self.sources = sources
        self._units: dict[str, Unit | None] = {}

    def changed(self, texts: Mapping[str, str], namespace: Mapping[str, object]) -> Units:
        """The same units, but for those that `texts` replace, by their names.

        `namespace` has the names that a text takes from the inputs before it.
        """
        found = {}
        for name, text in texts.items():
            before = self.get(name)
            module = before is not None and before.module
            known = {} if module else namespace
            found[name] = Unit(name, text, parsed(text, known), module=module)
        return Units({**self.sources, **found})

    def get(self, filename: str | None) -> Unit | None:
        """The unit of that name, if it is the user's."""
        if filename is None:
            return None
        if filename not in self._units:
            self._units[filename] = self._load(filename)
        return self._units[filename]

    def _load(self, filename: str) -> Unit | None:
        source = self.sources.get(filename)
        if source is not None:
            return _unit(filename, source.text, source.tree, source.module)
        if filename.startswith("<") or _is_library(filename):
            return None
        text = "".join(linecache.getlines(filename))
        return _unit_of_file(filename, text) if text else None

    def all(self) -> Iterator[Unit]:
        """The session's units, newest first, and those of the user's that were read beside."""
        read = [each for each in self._units if each not in self.sources]
        for filename in (*reversed(list(self.sources)), *read):
            unit = self.get(filename)
            if unit is not None:
                yield unit

    def typed_callers(self, unit: Unit) -> tuple[Unit, ...]:
        """What was typed after `unit` was, and may call it yet: definitions, and what runs now."""
        typed = self.typed()
        later = typed[typed.index(unit) + 1 :] if unit in typed else []
        kinds = (*FUNCTIONS, ast.ClassDef)
        defining = [all(isinstance(e, kinds) for e in each.body) for each in later]
        return tuple(
            u for u, defines in zip(later, defining, strict=True) if defines or u is later[-1]
        )

    def typed(self) -> list[Unit]:
        """What was typed at a prompt and can be read, in that order."""
        typed = [each for each in self.all() if each.filename.startswith("<input ")]
        return [each for each in reversed(typed) if each.tree is not None]

    def nodes(self, *kinds: type[Node]) -> Iterator[tuple[Unit, Node]]:
        """All nodes of some kinds in the session's units, each with its unit, newest first."""
        for unit in self.all():
            for node in unit.nodes(*kinds):
                yield unit, node

    def calls(self, *names: str) -> Iterator[tuple[Unit, ast.Call]]:
        """All calls of what has one of these `names`, by the last part, each with its unit."""
        for unit in self.all():
            yield from ((unit, call) for name in names for call in unit.calls.get(name, ()))

    def called(self) -> set[str]:
        """The canonical names of all that is called."""
        return {canonical_name(call.func) for _, call in self.nodes(ast.Call)}

    def names(self, name: str) -> bool:
        """Whether `name` occurs in some unit, as that of an error which somebody reckons with."""
        return any(each.id == name for _, each in self.nodes(ast.Name))

    def functions(self, name: str) -> Iterator[tuple[Unit, Function]]:
        """The ``def`` and ``async def`` statements of that name, newest unit first."""
        for unit in self.all():
            yield from ((unit, each) for each in unit.functions() if each.name == name)

    def defines(self, name: str) -> bool:
        """Whether a function or a class of the user's has that `name`."""
        classes = (each for _, each in self.nodes(ast.ClassDef))
        return any(self.functions(name)) or any(each.name == name for each in classes)

    def definition(self, code: CodeType | None) -> tuple[Unit, Function] | None:
        """The ``def`` behind `code` and the unit it stands in."""
        unit = self.get(code.co_filename) if code else None
        node = unit.definition(code) if unit and code else None
        return (unit, node) if unit and node else None

    def source_of(self, function: object) -> tuple[Unit, Function] | None:
        """The ``def`` of a function or a method, and its unit; None if it is not the user's."""
        return self.definition(code_of(function))

    def lambda_body(self, code: CodeType | None) -> ast.expr | None:
        """What the ``lambda`` that `code` was compiled from gives, if it is alone on its line."""
        unit = self.get(code.co_filename) if code and code.co_name == "<lambda>" else None
        line = code.co_firstlineno if code else 0
        found = [n for n in unit.nodes(ast.Lambda) if n.lineno == line] if unit else []
        return found[0].body if len(found) == 1 else None

    def class_of(self, kind: type) -> tuple[Unit, ast.ClassDef] | None:
        """The ``class`` statement behind the type `kind`."""
        for value in vars(kind).values():
            found = self.source_of(value)
            if found is not None:
                owner = found[0].enclosing(found[1], ast.ClassDef)
                if owner is not None and owner.name == kind.__name__:
                    return found[0], owner
        return self._class_by_name(kind)

    def _class_by_name(self, kind: type) -> tuple[Unit, ast.ClassDef] | None:
        if str(kind.__module__).partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
            return None
        for unit in self.all():
            node = unit.class_named(kind.__name__)
            if node is not None:
                return unit, node
        return None


#: So many files are kept ready for the next error: of a suite, hundreds of tests may fail.
_MAX_UNITS = 256


@lru_cache(_MAX_UNITS)
def _unit(filename: str, text: str, tree: ast.Module | None, module: bool) -> Unit:
    return Unit(filename, text, tree, module=module)


@lru_cache(_MAX_UNITS)
def _unit_of_file(filename: str, text: str) -> Unit:
    return Unit(filename, text, parsed(text), module=True)


def positional(function: Function) -> list[str]:
    """The parameters that may be given by position; of a method, that of its object is first."""
    return [each.arg for each in (*function.args.posonlyargs, *function.args.args)]


def own_name(function: Function) -> str:
    """What a method calls its own object; "" if it takes nothing."""
    return next(iter(positional(function)), "")


def given_by_position(unit: Unit, function: Function) -> list[str]:
    """What a call gives `function` of `unit` by position: of a method, all but its object."""
    static = any(last_name(each) == "staticmethod" for each in function.decorator_list)
    bound = isinstance(unit.parents.get(function), ast.ClassDef) and not static
    return positional(function)[bound:]


def parsed(text: str, namespace: Mapping[str, object] | None = None) -> ast.Module | None:
    """The tree of `text`, if it has one, with the canonical names of what it imports.

    Or of what it finds in `namespace`.
    """
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bind_names(tree, namespace)
    return tree


def _is_library(filename: str) -> bool:
    return filename.startswith((_OWN, *_LIBRARY))
