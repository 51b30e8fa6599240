"""A program that starts its own loop, corrected by an ``await`` at its top.

Such a text runs on a loop from its first line on, and that loop refuses the program's
own ``asyncio.run(main())``: it becomes ``await main()``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.scopes import scope
from asyncrepl.explain.source_units import Unit, parsed
from asyncrepl.instrument.compilation import needs_loop
from asyncrepl.syntax.names import canonical_name

if TYPE_CHECKING:
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.source_units import Units

__all__ = ["on_one_loop"]

#: What a loop that runs already refuses.
_RUNNING = {"asyncio.run", "asyncio.Runner().run"} | {
    f"asyncio.{name}().run_until_complete" for name in ("new_event_loop", "get_event_loop")
}


def on_one_loop(fix: Fix, units: Units) -> Fix:
    """`fix`, in which no text both awaits at its top and calls ``asyncio.run`` there."""
    texts = [(name, _on_one_loop(name, text, units)) for name, text in fix.texts.items()]
    (name, text), *more = texts
    return fix._replace(filename=name, text=text, more=tuple(more))


def _on_one_loop(name: str, text: str, units: Units) -> str:
    before = units.get(name)
    if before is None or needs_loop(before.text) or not needs_loop(text):
        return text
    unit = Unit(name, text, parsed(text))
    edits = unit.rewriting()
    for call in unit.nodes(ast.Call):
        if _runs(call) and scope(unit, call) is None:
            edits.replace(call, f"await {unit.source.source(call.args[0])}")
    return edits.apply()


def _runs(call: ast.Call) -> bool:
    """Whether it runs its one positional argument, a coroutine, on a loop of asyncio's."""
    return canonical_name(call.func) in _RUNNING and len(call.args) == 1
