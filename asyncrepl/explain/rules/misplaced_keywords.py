"""``async`` and ``await`` where they are not known: out of order, at other statements, as names.

Nothing parses, so the row of words decides; each rule proves itself by writing
the words in the right order and finding that the text then parses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING

from asyncrepl.explain.bindings import is_coroutine_function
from asyncrepl.explain.explanation import Finding, Fix, of_text
from asyncrepl.explain.tokens import Words
from asyncrepl.syntax.source_rewriter import Edit, parses

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence

Correct = Callable[[Words], list[Edit]]
_DECLARATIONS = ("const", "let", "var")
_FOREACH = ("for", "foreach")


def _reordered(why: str, correct: Correct) -> Callable[[Evidence], Finding | None]:
    def find(evidence: Evidence) -> Finding | None:
        words = Words.of(evidence.unit.text)
        return put_right(evidence, words, correct(words), why)

    return find


def put_right(evidence: Evidence, words: Words, edits: list[Edit], why: str) -> Finding | None:
    """The finding with this `why`, if the text parses when the `edits` of its `words` are made."""
    text = words.corrected(edits)
    return Finding(why, Fix(evidence.unit.filename, text)) if text else None


def _head(words: Words, number: int) -> list[Edit]:
    """Write ``in`` for ``of`` and take the JavaScript brackets of a loop's head away.

    `number` is the first word behind ``for`` and ``await``.
    """
    edits: list[Edit] = []
    bracketed = words[number] == "("
    first = number + bracketed
    declared = words[first] in _DECLARATIONS and words[first + 1] not in ("in", "of", ",")
    link = words.find(("in", "of"), first + declared)
    if link is None:
        return []
    if words[link] == "of":
        edits.append(words.swap(link, link + 1, "in"))
    if declared:
        edits.append(words.drop(first))
    if bracketed and (declared or words[link] == "of" or _closes_at_colon(words, link)):
        edits += _without_brackets(words, number, link)
    return edits


def _closes_at_colon(words: Words, link: int) -> bool:
    close = _closing(words, link)
    return close is not None and words[close + 1] == ":"


def _closing(words: Words, link: int) -> int | None:
    depth = words.words[link].depth
    for number in range(link, len(words)):
        if words.words[number].depth < depth:
            return number
    return None


def _without_brackets(words: Words, opening: int, link: int) -> list[Edit]:
    close = _closing(words, link)
    if close is None:
        return []
    after = "" if words[close + 1] == ":" else ":"
    return [words.drop(opening), words.swap(close, close + 1, after)]


def _for_await(words: Words) -> list[Edit]:
    edits: list[Edit] = []
    for number in range(len(words)):
        if words[number] != "for":
            continue
        is_async = words[number - 1] == "async"
        if words[number + 1] == "await":
            edits += [] if is_async else [words.put(number, "async ")]
            edits += [words.drop(number + 1), *_head(words, number + 2)]
        elif is_async:
            edits += _head(words, number + 1)
    return edits


def _await_for(words: Words) -> list[Edit]:
    edits: list[Edit] = []
    for number in range(len(words)):
        loop = words[number + 1] in _FOREACH and words[number + 2] not in ("(", "=", ".")
        bracketed = words[number + 1] in _FOREACH and words[number + 2] == "("
        if words[number] == "await" and (loop or bracketed):
            edits.append(words.swap(number, number + 2, "async for"))
            edits += _head(words, number + 2)
    return edits


def _async_after_for(words: Words) -> list[Edit]:
    edits: list[Edit] = []
    for number in range(len(words)):
        if words[number] != "for" or words[number - 1] == "async":
            continue
        link = words.find("in", number + 1)
        if link is None:
            continue
        places = (number + 1, link - 1, link + 1)
        wrong = [place for place in places if words[place] == "async"]
        if wrong:
            edits += [words.put(number, "async "), *(words.drop(place) for place in set(wrong))]
    return edits


def _before_element(words: Words) -> list[Edit]:
    edits: list[Edit] = []
    for number in range(len(words)):
        if words[number] != "async" or not (words.opens(number) or words[number - 1] == ","):
            continue
        if words[number + 1] == "for":
            link = words.find("in", number + 2)
            if link is not None:
                edits.append(words.put(number, words.slice(number + 2, link) + " "))
            continue
        loop = words.find("for", number + 1)
        if loop is not None and words[number + 1] not in ("def", "with", "lambda"):
            edits.append(words.drop(number))
            edits += [] if words[loop - 1] == "async" else [words.put(loop, "async ")]
    return edits


def _loop_as_value(words: Words) -> list[Edit]:
    for number in range(len(words)):
        if words[number] == "async" and words[number + 1] == "for" and number:
            edits = _value_edits(words, number)
            if edits:
                return edits
    return []


def _value_edits(words: Words, number: int) -> list[Edit]:
    """Correct the ``async for`` at `number`, which stands where a value is expected."""
    if words.words[number].depth or words.starts_statement(number):
        return []
    if words[number - 1] == "await":
        return [words.drop(number - 1)]
    if words[number - 1] in ("=", "return"):
        return _comprehension(words, number)
    return _suffix(words, number)


def _comprehension(words: Words, number: int) -> list[Edit]:
    """``r = async for x in xs: E`` → ``r = [E async for x in xs]``."""
    end, colon = words.end_of_statement(number), words.find(":", number)
    body = end if colon is None else colon
    if colon is not None and colon + 1 >= end:
        return []
    element = words.slice(colon + 1, end) if colon is not None else ""
    if colon is None:
        link = words.find("in", number)
        element = words.slice(number + 2, link) if link else ""
    return [words.swap(number, end, f"[{element} {words.slice(number, body)}]")]


def _suffix(words: Words, number: int) -> list[Edit]:
    """``E async for x in xs`` → a loop; behind ``=`` or ``return`` a comprehension."""
    first = number
    while not words.starts_statement(first):
        first -= 1
    end = words.end_of_statement(number)
    if words[end - 1] == ":":
        return []
    start = _value_start(words, first, number)
    if start is None:
        by = words.indent(first)
        loop = f"{words.slice(number, end)}:\n{by}    {words.slice(first, number)}"
        return [words.swap(first, end, loop)]
    return [words.put(start, "["), Edit(words.words[end - 1].end, words.words[end - 1].end, "]")]


def _value_start(words: Words, first: int, number: int) -> int | None:
    for place in range(number, first - 1, -1):
        if words[place] in ("=", "return") and words.words[place].depth == 0:
            return place + 1
    return None


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
    why = f"`async` only goes with `def`, `for` and `with`: there is no `async {subject}`."
    return put_right(evidence, words, edits, why)


def _begins(words: Words, number: int) -> bool:
    return number < len(words) and (words.words[number].is_name or words[number] in ("(", "["))


def _plain_or_awaited(words: Words, number: int, evidence: Evidence) -> Edit:
    """Drop ``async``; in front of a call of an async function it was meant as ``await``."""
    head = words[number + 1] if words[number + 1] in ("return", "if", "while", "match") else ""
    last = number + 1 + bool(head)
    while words[last + 1] == ".":
        last += 2
    written = ["async", "def", words[last]] in [words.texts(n, n + 3) for n in range(len(words))]
    known = is_coroutine_function(evidence.namespace.get(words[last])) or written
    if words[last + 1] == "(" and known:
        return words.swap(number, number + 1 + bool(head), f"{head} await".lstrip())
    return words.drop(number)


_OPERATORS = ("=", ".", ",", ")", ":", "]", "}", "+=", "-=", "==", "!=", ";")
_NEW_NAMES = {"async": "is_async", "await": "wait"}


def _as_names(evidence: Evidence) -> Finding | None:
    words = Words.of(evidence.unit.text)
    found = [number for number in range(len(words)) if _is_used_as_name(words, number)]
    if all(_is_unfinished(words, number) for number in found):
        return None
    edits = [words.swap(number, number + 1, _new_name(words, number)) for number in found]
    why = f"`{words[found[0]]}` is a reserved word since Python 3.7: it cannot name anything."
    return put_right(evidence, words, edits, why)


def _behind(evidence: Evidence) -> Finding | None:
    """``fetch().await``, as in Rust, and ``task.await()``, as in Kotlin."""
    unit = evidence.unit
    text, operand = unit.text, ""
    while (found := _postfix(Words.of(text))) is not None:
        words, first, dot, end = found
        operand = operand or words.slice(first, dot)
        awaited = f"await {words.slice(first, dot)}"
        tight = words[end] in (".", "[", "(")
        start, stop = words.words[first].start, words.words[end - 1].end
        text = text[:start] + (f"({awaited})" if tight else awaited) + text[stop:]
    if not operand or not parses(text):
        return None
    why = f"Python writes `await` in front: `await {operand}`, in brackets where more follows."
    return Finding(why, Fix(unit.filename, text))


def _postfix(words: Words) -> tuple[Words, int, int, int] | None:
    """The first ``….await``: where its operand begins, its dot, and what comes behind it."""
    for number in range(2, len(words)):
        called = (words[number + 1], words[number + 2]) == ("(", ")")
        last = words.end_of_statement(number) == number + 1
        ends = last or words[number + 1] in (")", "]", "}", ",")
        dot = number - (words[number - 1] == ".")
        if words[number] != "await" or (dot == number and not ends):
            continue
        first = words.start_of_operand(dot - 1)
        if first is not None and (called or words[dot - 1] == ")"):
            return words, first, dot, number + 1 + 2 * called
    return None


def _before_name(words: Words) -> list[Edit]:
    """``await x = fetch()`` → ``x = await fetch()``, also of several names, and of an argument."""
    edits: list[Edit] = []
    for number in range(len(words) - 3):
        begins = words.starts_statement(number) or words[number - 1] in ("(", ",")
        if words[number] != "await" or not begins or not words.words[number + 1].is_name:
            continue
        sign = words.find(_ASSIGNING, number)
        named = sign is not None and not {"(", "await"} & set(words.texts(number + 1, sign))
        if sign is not None and named:
            edits.append(words.drop(number))
            if words[sign + 1] != "await":
                edits.append(words.put(sign + 1, "await "))
    return edits


#: What gives names their values.
_ASSIGNING = ("=", "+=", "-=", "*=", "/=", "|=", "&=", "%=")


def _inside(evidence: Evidence) -> Finding | None:
    """``print(async fetch())``: `async` where a value is to be awaited."""
    words = Words.of(evidence.unit.text)
    found = [
        number
        for number in range(1, len(words))
        if words[number] == "async" and not words.starts_statement(number)
        if _is_called(words, number + 1)
    ]
    edits = [words.swap(number, number + 1, "await") for number in found]
    what = words[found[0] + 1] if found else ""
    why = f"`async` goes with `def`, `for` and `with`: for what `{what}` gives, write `await`."
    return put_right(evidence, words, edits, why)


def _is_called(words: Words, number: int) -> bool:
    """Whether a name stands there, which is called, also as a method."""
    if number >= len(words) or not words.words[number].is_name or iskeyword(words[number]):
        return False
    while words[number + 1] == ".":
        number += 2
    return words[number + 1] == "("


def _is_used_as_name(words: Words, number: int) -> bool:
    if words[number] not in _NEW_NAMES:
        return False
    after, before = words[number + 1], words[number - 1]
    ends = not after.strip() or after in _OPERATORS
    return ends or before == "." or (words[number] == "async" and after == "(" == before)


def _is_unfinished(words: Words, number: int) -> bool:
    """Whether the line ends where what is awaited, or is to be async, would begin."""
    before = words[number - 1].strip() if number else ""
    return not words[number + 1].strip() and before in ("", "=", ":", ";", "return")


def _new_name(words: Words, number: int) -> str:
    if words[number - 1] == "." and words[number - 2] in _names_of_asyncio(words):
        return "ensure_future"
    return words.fresh(_NEW_NAMES[words[number]])


def _names_of_asyncio(words: Words) -> set[str]:
    """What the text calls asyncio."""
    renamed = {
        words[number + 2]
        for number in range(len(words))
        if (words[number], words[number + 1]) == ("asyncio", "as")
    }
    return {"asyncio", *renamed}


_rule = partial(of_text, stage="parse")
RULES = (
    _rule(
        "for-await-order",
        "the words of the loop in JavaScript's or Swift's order",
        "In Python the keyword pair is `async for x in xs`: the loop itself is async, and no "
        "`await` is written in its head.",
        _reordered("Python writes `async for x in xs`, without `await` in the head.", _for_await),
    ),
    _rule(
        "await-for-order",
        "the words of the loop in Dart's or C#'s order",
        "Python spells it `async for`; it awaits each step by itself, so no `await` belongs "
        "before `for`.",
        _reordered("Python writes `async for`: the loop awaits each step by itself.", _await_for),
    ),
    _rule(
        "async-after-for",
        "`async` written behind `for`",
        "`async` modifies the loop and comes first: `async for x in xs`. Neither the variable "
        "nor the source is marked.",
        _reordered("`async` belongs to the loop and comes first: `async for`.", _async_after_for),
    ),
    _rule(
        "async-in-front-of-comprehension-element",
        "`async` in front of the element of a comprehension",
        "The marker goes with the `for` clause: `[x async for x in xs]`. The element in front "
        "of it is an ordinary expression and must be there.",
        _reordered(
            "In a comprehension `async` goes with `for`: `[x async for x in xs]`.", _before_element
        ),
    ),
    _rule(
        "async-for-is-an-expression",
        "`async for` used as a value",
        "`async for` is a statement, like `for`: it has no value to await or to assign. For a "
        "value use a comprehension, `[… async for …]`; to limit its time put the loop into an "
        "`async def` and await that.",
        _reordered(
            "`async for` is a statement and has no value; a comprehension has one.", _loop_as_value
        ),
    ),
    _rule(
        "async-on-any-statement",
        "`async` in front of a statement that cannot be async",
        "`async` exists in three places only: `async def`, `async for`, `async with`. To run "
        "something in the background put it into an `async def` and give that to "
        "`asyncio.create_task`.",
        _anywhere,
    ),
    _rule(
        "await-for-order",
        "`await` behind what is awaited",
        "`await` stands in front of what it waits for, as `not` does: `await fetch()`. It binds "
        "more tightly than operators, and less than a call or a dot: `(await fetch()).name`.",
        _behind,
    ),
    _rule(
        "await-for-order",
        "`await` in front of the name",
        "What is awaited stands behind the `=`, with `await` in front of it: `x = await fetch()`.",
        _reordered("`await` stands in front of what is awaited, behind the `=`.", _before_name),
    ),
    _rule(
        "async-on-any-statement",
        "`async` for `await`",
        "`async` stands in front of `def`, `for` and `with`. What an async function gives is "
        "waited for with `await`.",
        _inside,
    ),
    _rule(
        "async-await-as-names",
        "`async` or `await` used as a name",
        "`async` and `await` are reserved words since Python 3.7 and cannot name a variable, "
        "attribute or argument. `asyncio.async()` became `asyncio.ensure_future()` and "
        "`asyncio.create_task()`.",
        _as_names,
    ),
)
