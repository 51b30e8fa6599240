"""The second compilation: each asynchronous loop is there twice, with trace marks and without.

::

    async for T in E:             if .on:
        BODY                          with .iteration(SITE):
                                          async for T in .traced(E):
                                              .bound(T)
                                              BODY
                                          else:
                                              .ended()
                                  else:
                                      async for T in E:
                                          BODY

A comprehension is ``.done([… async for T in .clause(E, SITE) if .bound(T) …]) if .on else […]``.
The names hold a dot, so no program can use or shadow them; `.on` lives in ``builtins``, the others
come there when a trace is switched on.

Twice, because then code that is not traced is the code that was written: it costs one look at
`.on` a *loop*. What was measured, and what failed, stands in
``docs/decisions/04-two-compilations.md``. The price is size: loops nested n deep are there n + 1
times, as the marked copy of the outer one needs no unmarked copies in it.

No name of ours is bound: one would show in ``locals()`` and keep the iterator alive. A ``global``
in a loop's body holds for the whole function; said again after a use it is a SyntaxError, so only
the first copy keeps it.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.syntax.names import COMPREHENSIONS, LOOPS, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

Tree = TypeVar("Tree", bound=ast.mod)

#: The name in ``builtins`` that says whether anything is traced.
TRACE_SWITCH = ".on"

_MAY_BREAK = (ast.stmt, ast.excepthandler, ast.match_case)
_MAX_SOURCE = 40


def doubled(tree: Tree, filename: str, text: str) -> Tree:
    """`tree` with a marked copy beside each asynchronous loop; `tree` stays as it is.

    `filename` and `text` are the source it was parsed from. The result has each
    position of the original and compiles whenever that does, short of the
    compiler's limits on nesting.
    """
    doubler = _LoopDoubler(filename, text)
    has_loops, _ = doubler.survey(tree)
    if not has_loops:
        return tree
    builtins.__dict__.setdefault(TRACE_SWITCH, False)
    both: Tree = doubler.copy(tree)
    return both


class _LoopDoubler:
    """One pass over one tree."""

    def __init__(self, filename: str, text: str) -> None:
        self._filename = filename
        self._lines = text.split("\n")
        #: What holds an asynchronous loop, and what holds a ``global`` of its own scope.
        self._nodes_with_loops: set[int] = set()
        self._nodes_with_global: set[int] = set()
        self._functions: dict[int, Any] = {}
        self._marked = False
        self._stripped = False
        self._own_break = False

    def survey(self, node: ast.AST) -> tuple[bool, bool]:
        """Note, and say, whether `node` holds an asynchronous loop, and a ``global`` of its."""
        loops = isinstance(node, ast.AsyncFor) or _is_async_comprehension(node)
        declares = isinstance(node, ast.Global | ast.Nonlocal)
        for child in ast.iter_child_nodes(node):
            child_loops, child_declares = self.survey(child)
            loops |= child_loops
            declares |= child_declares and not isinstance(child, SCOPES)
        if loops:
            self._nodes_with_loops.add(id(node))
        if declares:
            self._nodes_with_global.add(id(node))
        return loops, declares

    # -- copying -----------------------------------------------------------------

    def copy(self, node: Any) -> Any:
        """`node` with marked copies in it; shared with the original where there are none."""
        if isinstance(node, SCOPES):
            return self._function(node) if id(node) in self._nodes_with_loops else node
        if id(node) not in self._nodes_with_loops:
            changes = self._stripped and id(node) in self._nodes_with_global
            changes |= self._own_break and isinstance(node, _MAY_BREAK)
            return self._fields(node) if changes else node
        if _is_async_comprehension(node):
            return self._comprehension(node)
        return self._fields(node)

    def _fields(self, node: Any, *, marked: bool = False) -> Any:
        """A copy of `node`; a ``break`` in its body is marked if it leaves a `marked` loop."""
        kind: Any = type(node)
        new = kind.__new__(kind)
        ast.copy_location(new, node)
        for name in node._fields:
            own = self._own_break
            if name == "body" and isinstance(node, LOOPS):
                self._own_break = marked
            setattr(new, name, self._value(getattr(node, name, None)))
            self._own_break = own
        return new

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [new for item in value for new in self._items(item)]
        return self.copy(value) if isinstance(value, ast.AST) else value

    def _items(self, item: Any) -> Iterator[Any]:
        """What replaces one item of a list: for some statements more than one."""
        if isinstance(item, ast.AsyncFor):
            yield self._async_for(item)
        elif isinstance(item, ast.Break) and self._own_break:
            yield from (_mark_statement(_mark_call(".broke", [], item)), item)
        elif isinstance(item, ast.Global | ast.Nonlocal) and self._stripped:
            yield ast.copy_location(ast.Pass(), item)
        elif isinstance(item, ast.AST):
            yield self.copy(item)
        else:
            yield item

    def _function(self, node: Any) -> Any:
        """A scope of its own; both copies of a loop around it share one."""
        if id(node) not in self._functions:
            before = self._marked, self._stripped, self._own_break
            self._marked = self._stripped = self._own_break = False
            self._functions[id(node)] = self._fields(node)
            self._marked, self._stripped, self._own_break = before
        return self._functions[id(node)]

    # -- loops -------------------------------------------------------------------

    def _async_for(self, node: ast.AsyncFor) -> ast.stmt:
        if self._marked:
            return self._marked_loop(node)
        self._marked = True
        marked = self._marked_loop(node)
        self._marked = False
        stripped, self._stripped = self._stripped, True
        plain = self._fields(node)
        self._stripped = stripped
        switch = ast.copy_location(ast.Name(TRACE_SWITCH, ast.Load()), node.target)
        return ast.copy_location(ast.If(switch, [marked], [plain]), node)

    def _marked_loop(self, node: ast.AsyncFor) -> ast.With:
        loop: ast.AsyncFor = self._fields(node, marked=True)
        loop.iter = _mark_call(".traced", [loop.iter], node.iter)
        bound = _mark_call(".bound", _bound_names(node.target), node.target)
        loop.body = [_mark_statement(bound), *loop.body]
        loop.orelse = [_mark_statement(_mark_call(".ended", [], node.iter)), *loop.orelse]
        site = self._site(node, node.iter, node.target, "async for")
        item = ast.withitem(_mark_call(".iteration", [site], node.iter), None)
        return ast.copy_location(ast.With([item], [loop], None), node)

    def _comprehension(self, node: Any) -> ast.expr:
        if self._marked:
            return self._marked_comprehension(node)
        self._marked = True
        marked = self._marked_comprehension(node)
        self._marked = False
        switch = ast.copy_location(ast.Name(TRACE_SWITCH, ast.Load()), node)
        return ast.copy_location(ast.IfExp(switch, marked, self._fields(node)), node)

    def _marked_comprehension(self, node: Any) -> ast.expr:
        lazy = isinstance(node, ast.GeneratorExp)
        kind = "generator expression" if lazy else "comprehension"
        new: Any = self._fields(node)
        for at, clause in enumerate(new.generators):
            # A display cannot be iterated over so: for ``[…]`` Python's message says ``tuple``.
            if clause.is_async and not isinstance(clause.iter, ast.List | ast.Set):
                site = self._site(clause.iter, clause.iter, clause.target, kind)
                traced = _mark_call(".clause", [clause.iter, site], clause.iter)
                bound = _mark_call(".bound", _bound_names(clause.target), clause.target)
                ifs = [bound, *clause.ifs]
                new.generators[at] = ast.comprehension(clause.target, traced, ifs, 1)
        marked: ast.expr = new if lazy else _mark_call(".done", [new], node)
        return marked

    # -- what the marks know of a loop -------------------------------------------

    def _site(
        self, node: ast.stmt | ast.expr, operand: ast.expr, target: ast.expr, kind: str
    ) -> ast.Constant:
        """The site as a constant of the code: no table of sites has to be kept."""
        bound = target.lineno, target.col_offset
        texts = self._source_text(operand), self._source_text(target)
        site = self._filename, node.lineno, *texts, kind, bound
        constant = ast.Constant(site)  # type: ignore[arg-type]  # tuples may be constants, too
        return ast.copy_location(constant, operand)

    def _source_text(self, node: ast.expr) -> str:
        """The source of `node` in one line, cut off where it is long."""
        lines = self._lines[node.lineno - 1 : node.end_lineno or node.lineno]
        if not lines:
            return ""
        rows = [line.encode("utf-8", "surrogatepass") for line in lines]
        rows[-1] = rows[-1][: node.end_col_offset]
        rows[0] = rows[0][node.col_offset :]
        text = " ".join(row.decode("utf-8", "replace").strip() for row in rows)
        return text if len(text) <= _MAX_SOURCE else text[: _MAX_SOURCE - 1] + "…"


def _is_async_comprehension(node: ast.AST) -> bool:
    return isinstance(node, COMPREHENSIONS) and any(g.is_async for g in node.generators)


def _bound_names(target: ast.expr) -> list[ast.expr]:
    """The plain names that `target` binds, to be read."""
    names = [
        node
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return [ast.copy_location(ast.Name(node.id, ast.Load()), target) for node in names]


def _mark_call(name: str, arguments: list[Any], place: ast.expr | ast.stmt) -> ast.Call:
    function = ast.copy_location(ast.Name(name, ast.Load()), place)
    return ast.copy_location(ast.Call(function, arguments, []), place)


def _mark_statement(mark: ast.Call) -> ast.stmt:
    """A statement that calls `mark`; not an expression, which a prompt would display."""
    return ast.copy_location(ast.If(mark, [ast.copy_location(ast.Pass(), mark)], []), mark)
