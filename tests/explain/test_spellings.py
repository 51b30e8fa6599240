"""The mistakes of the catalogue are recognised whatever their functions are called."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from explain.figures import snippets
from explain.judging import ALSO_RIGHT
from explain.spellings import SPELLINGS
from proof.matrix.execution import Program, explained

#: How many spellings lie between one that is tried and the next;
#: `proof/catalogue_in_contexts.py` tries them all.
_APART = 11


def sample() -> list[Any]:
    """Some spellings of each snippet, others of the next."""
    found, number = [], 0
    for entry, snippet in snippets():
        text = "import asyncio\n" + "".join(each.rstrip("\n") + "\n" for each in snippet["inputs"])
        for way, change in SPELLINGS.items():
            changed = respelled(text, change)
            if changed is not None:
                number += 1
                if number % _APART == 0:
                    right = {entry["id"], *ALSO_RIGHT.get(entry["id"], ())}
                    name = f"{snippet['id']}, {way}"
                    found.append(pytest.param(text, right, changed, id=name))
    return found


def respelled(text: str, change: Any) -> str | None:
    try:
        changed: str = change(text)
    except (SyntaxError, ValueError):  # it does not parse, or cannot be written so
        return None
    return changed if changed != text else None


@pytest.mark.parametrize(("text", "right", "changed"), sample())
def test_another_spelling_has_the_same_cause(text: str, right: set[str], changed: str) -> None:
    """Modules, functions, builtins and methods by other names: it is the same mistake."""
    first = explained(Program(text))
    gc.collect()
    if first.explanation is None or first.explanation.id not in right:
        pytest.skip("as a file it is no such mistake")
    again = explained(Program(changed))
    gc.collect()
    if again.error.partition("(")[0] == first.error.partition("(")[0]:
        assert again.explanation is not None, changed
        assert again.explanation.id in right | {first.explanation.id}, changed
