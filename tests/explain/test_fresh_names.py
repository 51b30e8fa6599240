"""No correction takes a name that means something else to the user."""

from __future__ import annotations

import ast
import gc
import re
from pathlib import Path

import pytest
from explain.figures import snippets
from explain.harness import corrected, explained, load, run
from explain.taken_names import Taken, made_names, programs, used_names

import asyncrepl.explain
from asyncrepl.explain.fresh_names import attributes_in, fresh, imported_as, names_in
from asyncrepl.explain.source_units import Unit, parsed

ROOT = Path(asyncrepl.explain.__file__).parent


def unit_of(text: str) -> Unit:
    return Unit("<input 1>", text, parsed(text))


def wrong_with(taken: Taken, id_: str, wanted: str) -> str:
    """What is wrong with the correction of `taken`; empty if nothing is."""
    report = run(taken.inputs, module=taken.module)
    gc.collect()
    found = report.explanation
    if found is None or found.id != id_:
        return f"explained as {found and found.id}: {report.error!r}"
    if found.fix is None:  # a name of Python's that cannot be used here
        return ""
    fixed = corrected(taken.inputs, found)
    again = run([*fixed, *taken.after], module=taken.module)
    gc.collect()
    wanted += "mine\n" if taken.after else ""
    right = again.error is None and again.printed == wanted
    return "" if right else f"{again.error!r} {again.printed!r}\n{''.join(fixed)}"


def parses(inputs: list[str]) -> bool:
    try:
        return all(ast.parse(text) for text in inputs)
    except SyntaxError:
        return False


def trouble_with(inputs: list[str], tried: set[str]) -> list[str]:
    """What goes wrong where the names are taken that the correction of `inputs` makes or uses.

    But for those that were `tried` before.
    """
    shown = explained(*inputs)
    gc.collect()
    if shown is None or shown.fix is None:
        return []
    fixed = corrected(inputs, shown)
    made, used = made_names(inputs, fixed), used_names(inputs, fixed)
    new = sorted((made | used) - tried)
    tried |= made | used
    wanted = run(fixed).printed if new else ""
    gc.collect()
    found = []
    for name in new:
        for taken in programs(inputs, name, used=name in used):
            own = taken.way.removeprefix("as ")  # a program that prints its names prints this one
            prints = {wanted, wanted if taken.after else re.sub(rf"\b{own}\b", name, wanted)}
            wrong = [wrong_with(taken, shown.id, text) for text in prints]
            if "" not in wrong:
                found.append(f"{taken.way}, {name}: {wrong[0]}")
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize("category", sorted({entry["category"] for entry in load("misuse")}))
def test_a_correction_takes_no_name(category: str) -> None:
    """Whoever has the names that it makes: it runs, prints the same, and they mean the same."""
    tried: set[str] = set()
    for _, snippet in snippets(category):
        inputs = [text.rstrip("\n") + "\n" for text in snippet["inputs"]]
        if parses(inputs):
            assert not trouble_with(inputs, tried), snippet["id"]


@pytest.mark.parametrize(
    "text",
    [
        "name = 1", "import name", "import name.other", "from a import name",
        "import a as name", "def name(): pass", "async def f(*name): pass", "lambda name: 0",
        "class name: pass", "[name for name in xs]", "print(name)", "del name", "x: name = 1",
        "def f():\n    global name", "def f():\n    def g(): return name",
        "try: pass\nexcept E as name: pass", "with a as name: pass", "for name in xs: pass",
        "match a:\n    case [*name]: pass", "match a:\n    case {**name}: pass",
        "match a:\n    case B(x=name): pass", "if (name := 1): pass", "print(f'{name}')",
        "name for",
    ],
)  # fmt: skip
def test_every_way_to_mean_something_is_seen(text: str) -> None:
    """A name that is bound, used, declared or imported is not free."""
    assert "name" in names_in(unit_of(text))
    assert fresh(unit_of(text), "name") == "name_"


def test_attributes_are_names_of_their_own() -> None:
    """`queue.name` does not keep anybody from calling something `name`."""
    unit = unit_of("class A:\n    def step(self): return self.other.name")
    assert fresh(unit, "name") == "name"
    assert {"step", "other", "name"} <= attributes_in(unit)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import asyncio", {"asyncio"}),
        ("import asyncio.subprocess", {"asyncio"}),
        ("import asyncio as aio, asyncio", {"aio", "asyncio"}),
        ("def f():\n    import asyncio", set()),
        ("import trio as asyncio", set()),
        ("try:\n    import asyncio as aio\nfinally: pass", {"aio"}),
    ],
)
def test_the_names_of_a_module(text: str, names: set[str]) -> None:
    """Only those count that are seen in the whole file."""
    assert imported_as(unit_of(text), "asyncio") == names


#: Code that binds a name, at the begin of a text.
BINDING = re.compile(
    r"(?:async )?(?:(?:for|def|class) (?!__)[a-z_]\w*[ (:]|with .* as [a-z]\w*:)"
    r"|[a-z_]+ = |.*\bexcept \w+ as \w|.*\(lambda \w"
)


def test_no_rule_writes_a_name_of_its_own() -> None:
    """What it binds in the user's code, it asks `fresh` for; special methods alone are given."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            (path.name, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in described
            and BINDING.match(node.value)
        ]
    assert found == []
