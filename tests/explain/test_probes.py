"""The probes: identity, lifetimes, positions, and trees that still compile."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from asyncrepl.events.object_info import has_begun, lookup, refused_operands
from asyncrepl.instrument.compilation import instrument
from asyncrepl.instrument.probes import PROBES

FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def namespace(text: str) -> dict[str, Any]:
    """What `text` defines, instrumented."""
    space: dict[str, Any] = {}
    exec(compile(instrument(ast.parse(text)), "<test>", "exec", FLAGS), space)
    return space


@pytest.fixture(autouse=True)
def forget() -> None:
    refused_operands.clear()


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_returns_the_very_object(name: str) -> None:
    """Whatever is given, the same object comes back."""
    for value in (object(), [1], None, int, len):
        assert PROBES[name](value) is value


def test_the_tree_given_is_not_changed() -> None:
    """Instrumenting makes a copy: who explains errors reads the original."""
    tree = ast.parse("async for x in f(y for y in g()):\n    await h(*i())\n")
    before = ast.dump(tree, include_attributes=True)
    instrument(tree)
    assert ast.dump(tree, include_attributes=True) == before


def test_every_position_of_the_original_is_kept() -> None:
    """A copied node stands where the original stands; a probe where its operand stands."""
    text = "for x in f():\n    with g(x) as y: print(*h(y), list(i()))\n"
    tree = ast.parse(text)
    assert spans(instrument(tree)) == spans(tree)


def spans(tree: ast.AST) -> set[tuple[int, int, int | None, int | None]]:
    return {span(node) for node in ast.walk(tree) if hasattr(node, "lineno")}


def span(node: ast.AST) -> tuple[int, int, int | None, int | None]:
    place: Any = node
    return place.lineno, place.col_offset, place.end_lineno, place.end_col_offset


def test_the_standard_library_compiles_instrumented() -> None:
    """Trees of any shape compile when instrumented."""
    folder = Path(ast.__file__).parent
    for path in [*folder.glob("asyncio/*.py"), *folder.glob("[a-d]*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        compile(instrument(tree), str(path), "exec", dont_inherit=True)


def test_annotations_stay_as_they_are_written() -> None:
    """With postponed annotations the text is the user's, without probes."""
    text = "from __future__ import annotations\ndef f(x: list(g())) -> tuple(h()): pass\n"
    assert namespace(text)["f"].__annotations__ == {"x": "list(g())", "return": "tuple(h())"}


def test_a_good_program_leaves_no_note() -> None:
    """Where nothing is refused, nothing is kept."""
    space = namespace(
        "def items(): return [1]\n"
        "def use():\n"
        "    for x in items(): pass\n"
        "    a, = items()\n"
        "    return [*items()], list(items()), sum(i for i in items())\n"
    )
    assert space["use"]() == ([1], [1], 1)
    assert refused_operands.at(space["use"].__code__) == []


def test_a_refused_object_is_not_kept_alive() -> None:
    """A note holds facts: the object dies where it would have died."""
    space = namespace(
        "class Thing: pass\n"
        "def use(make):\n"
        "    try:\n"
        "        for x in make(): pass\n"
        "    except TypeError: pass\n"
    )
    born: list[weakref.ref[object]] = []

    def make() -> object:
        thing = space["Thing"]()
        born.append(weakref.ref(thing))
        return thing

    space["use"](make)
    gc.collect()
    note = refused_operands.at(space["use"].__code__)[0]
    assert note.info.kind is space["Thing"]
    assert born[0]() is None


def test_a_note_says_where_the_operand_stands() -> None:
    """The place of a note is the span of the operand in the source."""
    space = namespace("def use():\n    for x in (\n        object()\n    ): pass\n")
    with pytest.raises(TypeError):
        space["use"]()
    assert refused_operands.at(space["use"].__code__)[0].place == (3, 3, 8, 16)


def test_looking_a_method_up_runs_no_user_code() -> None:
    """Neither a metaclass nor a descriptor is asked."""

    class Meta(type):
        def __getattr__(cls, name: str) -> object:
            raise AssertionError(name)

    class Thing(metaclass=Meta):
        pass

    namespace("def use(x):\n    for y in x(): pass\n")
    assert PROBES[".iterated"](Thing()) is not None
    assert lookup(Thing, "__init_subclass__") is not None


def test_a_descriptor_is_asked_by_the_program_only() -> None:
    """What a special method is, is looked up without binding it."""
    asked: list[object] = []

    class Bound:
        def __get__(self, obj: object, kind: type) -> object:
            asked.append(obj)
            return lambda: iter([1])

    class Thing:
        __iter__ = Bound()

    thing = Thing()
    space = namespace("def use(make):\n    return [x for x in make()]\n")
    assert space["use"](lambda: thing) == [1]
    assert asked == [thing]


def test_probes_have_names_no_program_can_write() -> None:
    """A name with a dot in it cannot be read, assigned or shadowed by source code."""
    assert not any(name.isidentifier() for name in PROBES)


def lost(text: str) -> list[int]:
    """The lines of `text` on which a probe waits for a generator thrown away."""
    tree = instrument(ast.Interactive(ast.parse(text).body))
    return [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == ".lost"
    ]


def test_only_a_call_that_may_throw_a_generator_away_is_probed() -> None:
    """In a function, outside of loops, by the name of an async generator function."""
    text = (
        "async def f():\n"
        "    made()\n"
        "    self.made(1)\n"
        "    other(); await made(); x = made()\n"
        "    for x in y: made()\n"
        "    if x:\n"
        "        try: pass\n"
        "        except E: made()\n"
        "made()\n"
        "async def made(): yield 1\n"
        "async def other(): pass\n"
    )
    assert lost(text) == [2, 3, 8]


def test_a_generator_that_was_begun_is_not_thrown_away() -> None:
    """A call may give a generator that somebody walks already."""
    space = namespace("async def ticks():\n    yield 1\n")
    fresh, walked, closed = space["ticks"](), space["ticks"](), space["ticks"]()
    for generator, step in ((walked, walked.asend(None)), (closed, closed.aclose())):
        with pytest.raises(StopIteration):
            step.send(None)
        assert has_begun(generator)
    assert not has_begun(fresh)
