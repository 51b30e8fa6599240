"""Lines into inputs, as they come."""

from __future__ import annotations

import pytest

from asyncrepl.syntax.input_splitter import InputSplitter


def inputs(text: str, *, typed: bool = False) -> list[str]:
    splitter = InputSplitter(typed)
    found = [each for line in text.split("\n") for each in splitter.feed(line)]
    return found + splitter.end()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = 2", ["x = 1", "y = 2"]),
        ("for x in y:\n    x\n\n    z\nw", ["for x in y:\n    x\n\n    z\n".rstrip("\n"), "w"]),
        ("if a:\n    b\nelse:\n    c\nd", ["if a:\n    b\nelse:\n    c", "d"]),
        ("try:\n    a\n\nexcept E:\n    b\nc", ["try:\n    a\n\nexcept E:\n    b", "c"]),
        ("x = '''a\nb\n'''\ny", ["x = '''a\nb\n'''", "y"]),
        ("@d\ndef f():\n    pass\nf()", ["@d\ndef f():\n    pass", "f()"]),
        (":load ticks\nx", [":load ticks", "x"]),
        ("for x in y:\n    x\n:tasks", ["for x in y:\n    x", ":tasks"]),
        ("f(\n1\n)\ng()", ["f(\n1\n)", "g()"]),
        ("# a comment\nx", ["# a comment", "x"]),
        ("a b\nx", ["a b", "x"]),
        ("def f():\n    pass", ["def f():\n    pass"]),
        (">>> x = 1\n>>> x\n1\n\n>>> y", ["x = 1", "x", "y"]),
        ("#: clock virtual\n>>> if a:\n...     b\n...\nc\n", ["#: clock virtual", "if a:\n    b"]),
        (">>> if a:\n...     b\n>>> f(\n... 1)\n...\n... x", ["if a:\n    b", "f(\n1)"]),
        ("x\n>>> y", ["x", ">>> y"]),
        ("", []),
    ],
)
def test_a_file_is_cut_at_its_margin(text: str, expected: list[str]) -> None:
    """In a file, a block ends at the next line that begins at the left margin."""
    assert [each.rstrip("\n") for each in inputs(text)] == expected


def test_nothing_is_lost_between_inputs() -> None:
    """The inputs of a file, put together, are its lines."""
    text = "x = 1\n\n\nfor a in b:\n    c\n\n# d\n    e\nelse:\n    f\ng"
    assert "".join(inputs(text)).replace("\n", "") == text.replace("\n", "")


def test_a_simple_statement_does_not_wait_for_the_next_line() -> None:
    """What comes down a slow pipe runs as soon as it is whole."""
    splitter = InputSplitter()
    assert splitter.feed("x = 1") == ["x = 1"]
    assert splitter.feed("for y in z:") == []
    assert splitter.feed("    y") == []
    assert splitter.feed("w") == ["for y in z:\n    y", "w"]


def test_a_person_ends_a_block_with_an_empty_line() -> None:
    """Typed lines are cut as at a prompt."""
    text = "x\nfor y in z:\n    y\n\nw"
    assert inputs(text, typed=True) == ["x", "for y in z:\n    y\n", "w"]


def test_dropping_forgets_what_has_begun() -> None:
    """After a drop the next line begins a new input."""
    splitter = InputSplitter(typed=True)
    splitter.feed("for x in y:")
    assert splitter.pending
    splitter.drop()
    assert not splitter.pending
    assert splitter.feed("1") == ["1"]


def test_a_person_may_paste_prompts() -> None:
    """At a terminal that cannot edit, prompts are taken off too; a body of `...` stays."""
    text = ">>> x = 1\n>>> def f():\n...     return 1\n...\ndef g():\n    ...\n\n"
    assert inputs(text, typed=True) == [
        "x = 1", "def f():\n    return 1\n", "def g():\n    ...\n",
    ]  # fmt: skip
