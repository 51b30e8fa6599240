"""The mistakes of the catalogue are recognised whatever their functions are called."""

from __future__ import annotations

import gc
from itertools import cycle
from typing import Any

import pytest
from explain.figures import snippets
from explain.judging import ALSO_RIGHT
from explain.spellings import SPELLINGS
from proof.matrix.execution import Program, explained

#: How many snippets lie between one that is tried and the next, which is spelt in another way;
#: `proof/catalogue_in_contexts.py` tries all in all ways.
_APART = 2


def sample() -> list[Any]:
    """Some snippets, each with one way to spell it."""
    ways = cycle(SPELLINGS.items())
    return [
        pytest.param(entry["id"], snippet["inputs"], change, id=f"{snippet['id']}, {way}")
        for (entry, snippet), (way, change) in zip(snippets()[::_APART], ways, strict=False)
    ]


def respelled(text: str, change: Any) -> str | None:
    try:
        changed: str = change(text)
    except (SyntaxError, ValueError):  # it does not parse, or cannot be written so
        return None
    return changed if changed != text else None


@pytest.mark.parametrize(("id_", "inputs", "change"), sample())
def test_another_spelling_has_the_same_cause(id_: str, inputs: list[str], change: Any) -> None:
    """Modules, functions, builtins and methods by other names: it is the same mistake."""
    text = "import asyncio\n" + "".join(each.rstrip("\n") + "\n" for each in inputs)
    right, changed = {id_, *ALSO_RIGHT.get(id_, ())}, respelled(text, change)
    if changed is None:
        pytest.skip("it cannot be spelt so")
    first = explained(Program(text))
    gc.collect()
    if first.explanation is None or first.explanation.id not in right:
        pytest.skip("as a file it is no such mistake")
    again = explained(Program(changed))
    gc.collect()
    if again.error.partition("(")[0] == first.error.partition("(")[0]:
        assert again.explanation is not None, changed
        assert again.explanation.id in right | {first.explanation.id}, changed
