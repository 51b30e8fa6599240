"""How the lines of one text become those of another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncrepl.syntax.source_rewriter import line_opcodes

LINES = st.lists(st.sampled_from(["", "a", "b", "    c"]), max_size=12)


@given(before=LINES, after=LINES)
def test_opcodes_make_one_text_of_the_other(before: list[str], after: list[str]) -> None:
    """Where lines are the same at both ends, and often, too; nothing that is equal is changed."""
    codes = line_opcodes(before, after)
    made: list[str] = []
    at = 0
    for tag, start, end, new_start, new_end in codes:
        assert start == at
        same = before[start:end] == after[new_start:new_end]
        assert same if tag == "equal" else not same
        made += before[start:end] if tag == "equal" else after[new_start:new_end]
        at = end
    assert at == len(before)
    assert made == after


def test_what_is_equal_at_the_ends_is_not_compared_with_all_others() -> None:
    """In a file of many lines, of which a line changes, each is looked up a few times at most."""

    class Line(str):
        __slots__ = ()
        hashed = 0

        def __hash__(self) -> int:
            Line.hashed += 1
            return super().__hash__()

    before = [Line("") for _ in range(1000)]
    after = [*before[:500], Line("new"), *before[501:]]
    assert [code for code in line_opcodes(before, after) if code[0] != "equal"] == [
        ("replace", 500, 501, 500, 501)
    ]
    assert Line.hashed < 10
