"""``async`` and ``await`` where they are no part of a loop: other statements, and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.explain.bindings import is_coroutine_function
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.tokens import Words

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.syntax.source_rewriter import Edit

__all__ = ["RULES"]


def _anywhere(evidence: Evidence) -> Finding | None:
    words = Words.of(evidence.unit.text)
    edits: list[Edit] = []
    subject = ""
    for number in range(len(words)):
        if words[number] == "async" and words.starts_statement(number):
            after = words[number + 1]
            if after in ("def", "for", "with") or not _begins(words, number + 1):
                continue
            subject = subject or after
            edits.append(_plain_or_awaited(words, number, evidence))
    text = words.corrected(edits)
    if not text:
        return None
    why = f"`async` only goes with `def`, `for` and `with`: there is no `async {subject}`."
    return Finding(why, Fix(evidence.unit.filename, text))


def _begins(words: Words, number: int) -> bool:
    return number < len(words) and (words.words[number].is_name or words[number] in ("(", "["))


def _plain_or_awaited(words: Words, number: int, evidence: Evidence) -> Edit:
    """Drop ``async``; in front of a call of an async function it was meant as ``await``."""
    made = evidence.namespace.get(words[number + 1])
    if words[number + 2] == "(" and is_coroutine_function(made):
        return words.swap(number, number + 1, "await")
    return words.drop(number)


_OPERATORS = ("=", ".", ",", ")", ":", "]", "}", "+=", "-=", "==", "!=", ";")


_NEW_NAMES = {"async": "is_async", "await": "wait"}


def _as_names(evidence: Evidence) -> Finding | None:
    words = Words.of(evidence.unit.text)
    found = [number for number in range(len(words)) if _is_used_as_name(words, number)]
    text = words.corrected(
        [words.swap(number, number + 1, _new_name(words, number)) for number in found]
    )
    if not text:
        return None
    why = f"`{words[found[0]]}` is a reserved word since Python 3.7: it cannot name anything."
    return Finding(why, Fix(evidence.unit.filename, text))


def _is_used_as_name(words: Words, number: int) -> bool:
    if words[number] not in _NEW_NAMES:
        return False
    after, before = words[number + 1], words[number - 1]
    ends = not after.strip() or after in _OPERATORS
    return ends or before == "." or (words[number] == "async" and after == "(" == before)


def _new_name(words: Words, number: int) -> str:
    if words[number - 1] == "." and words[number - 2] in _names_of_asyncio(words):
        return "ensure_future"
    name = _NEW_NAMES[words[number]]
    taken = {word.text for word in words.words}
    while name in taken:
        name += "_"
    return name


def _names_of_asyncio(words: Words) -> set[str]:
    """What the text calls asyncio."""
    renamed = {
        words[number + 2]
        for number in range(len(words))
        if (words[number], words[number + 1]) == ("asyncio", "as")
    }
    return {"asyncio", *renamed}


RULES = (
    Rule(
        "async-on-any-statement",
        "`async` in front of a statement that cannot be async",
        0,
        "`async` exists in three places only: `async def`, `async for`, `async with`. To run "
        "something in the background put it into an `async def` and give that to "
        "`asyncio.create_task`.",
        _anywhere,
        "parse",
    ),
    Rule(
        "async-await-as-names",
        "`async` or `await` used as a name",
        0,
        "`async` and `await` are reserved words since Python 3.7 and cannot name a variable, "
        "attribute or argument. `asyncio.async()` became `asyncio.ensure_future()` and "
        "`asyncio.create_task()`.",
        _as_names,
        "parse",
    ),
)
