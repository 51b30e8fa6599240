"""`async` and `await` misspelt, behind what they belong in front of, or on a lambda.

Nothing parses, so the words decide, and the corrected text, which must.
"""

from __future__ import annotations

import keyword
from difflib import SequenceMatcher
from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import of_text
from asyncrepl.explain.rules.misplaced_keywords import put_right
from asyncrepl.explain.tokens import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Finding
    from asyncrepl.syntax.source_rewriter import Edit

#: What stands behind ``async``.
_PARTNERS = ("for", "with", "def")
_JOINED = {f"async{each}": f"async {each}" for each in _PARTNERS}
_SIMILAR = 0.79
#: Words that stand in front of an ``await``, and those that wait for nothing.
_BEFORE_AWAIT = ("return", "yield", "if", "elif", "while", "assert", "raise", "not", "*", "**")
_UNAWAITED = ("await", "async", "import", "from", "pass", "try", "class", "global", "break", "del")
#: What other languages write for ``def``.
_FUNCTION_WORDS = ("function", "fn", "func", "fun")


def _found(
    say: Callable[[Words, int], str], edits: Callable[[Words], dict[int, list[Edit]]]
) -> Callable[[Evidence], Finding | None]:
    """A finder: `edits` gives what to change at each word, `say` the reason at the first."""

    def find(evidence: Evidence) -> Finding | None:
        words = Words.of(evidence.unit.text)
        found = edits(words)
        every = [edit for each in found.values() for edit in each]
        return put_right(evidence, words, every, say(words, min(found))) if found else None

    return find


def _is_like(word: str, wanted: str) -> bool:
    """Whether `word` is a slip of the keyword: a letter too many or missing, or two exchanged."""
    if word == wanted or keyword.iskeyword(word) or not word.isidentifier():
        return False
    exchanged = sorted(word) == sorted(wanted)
    return exchanged or SequenceMatcher(None, word, wanted, autojunk=False).ratio() >= _SIMILAR


def _misspelt(words: Words) -> dict[int, str]:
    """The number of each word that is a slip, and the keyword that was meant."""
    found: dict[int, str] = {}
    for number in range(len(words)):
        word, after = words[number], words[number + 1]
        partner = next((each for each in _PARTNERS if _is_like(after, each)), None)
        if words[number] == "async" and partner is not None and words.words[number + 2 :]:
            found[number + 1] = partner
        elif word in _JOINED and words.starts_statement(number):
            found[number] = _JOINED[word]
        elif _is_like(word, "async") and after in _PARTNERS:
            found[number] = "async"
        elif _is_like(word, "async") and partner is not None and words.starts_statement(number):
            found.update({number: "async", number + 1: partner})
        elif _is_like(word, "await") and _is_operand(words, number + 1):
            found[number] = "await"
    texts = [word.text for word in words.words]
    slips = [words[number] for number in found]
    return {  # a name that stands elsewhere as well is the user's own
        number: meant
        for number, meant in found.items()
        if texts.count(words[number]) == slips.count(words[number])
    }


def _is_operand(words: Words, number: int) -> bool:
    """Whether a name stands there, which nothing joins to the word before."""
    known = number < len(words) and words.words[number].is_name
    return known and not keyword.iskeyword(words[number])


def _spelling_edits(words: Words) -> dict[int, list[Edit]]:
    return {
        number: [words.swap(number, number + 1, meant)]
        for number, meant in _misspelt(words).items()
    }


def _spelling(words: Words, number: int) -> str:
    meant = _misspelt(words)
    slip = number + 1 if number + 1 in meant and meant[number] == "async" else number
    told = f"async {meant[slip]}" if meant[slip] in _PARTNERS else meant[slip]
    return f"`{words[slip]}` is no keyword: `{told}` is meant."


def _order_edits(words: Words) -> dict[int, list[Edit]]:
    found: dict[int, list[Edit]] = {}
    for number in range(len(words)):
        pair = words[number], words[number + 1]
        if pair in (("with", "async"), ("def", "async")):
            found[number] = [words.swap(number, number + 2, f"async {pair[0]}")]
        elif pair in (("await", "with"), ("await", "def")):
            found[number] = [words.swap(number, number + 1, "async")]
        elif words[number] == "async" and words[number + 1] in _FUNCTION_WORDS:
            found[number] = [words.swap(number + 1, number + 2, "def")]
        elif words[number] == "async" and _heads_function(words, number):
            found[number] = [words.put(number + 1, "def ")]
        elif pair == ("async", "await"):
            found[number] = [words.drop(number)]
        elif pair[0] in ("from", "import") and pair[1] == "async":
            found[number] = [words.swap(number + 1, number + 2, "asyncio")]
        elif pair == ("await", "lambda") and words[number + 2] == ":":
            found[number] = [words.drop(number + 1), words.drop(number + 2)]
        elif pair[0] == "await" and pair[1] in _BEFORE_AWAIT:
            text = f"{pair[1]}await " if "*" in pair[1] else f"{pair[1]} await"
            found[number] = [words.swap(number, number + 2, text)]
        elif pair[0] == "await" and pair[1] in _UNAWAITED:
            found[number] = [words.drop(number)]
    return found


def _heads_function(words: Words, number: int) -> bool:
    """Whether ``async name(…):`` begins a block there."""
    called = _is_operand(words, number + 1) and words[number + 2] == "("
    return called and words.starts_statement(number) and words.find(":", number) is not None


def _order(words: Words, number: int) -> str:
    pair = words[number], words[number + 1]
    if pair == ("await", "await"):
        return "`await` takes one operand: what comes of it is awaited again only in brackets."
    if pair[1] == "async" and pair[0] != "await" and pair[0] not in _PARTNERS:
        return "`async` is a keyword; the module is called `asyncio`."
    if pair == ("async", "await"):
        return "`async` goes with `def`, `for` and `with`: a value is awaited with `await` alone."
    if pair == ("await", "lambda"):
        return "`await` takes what a call gives, and a lambda is a function: await its body."
    if pair[0] == "await" and pair[1] in (*_BEFORE_AWAIT, *_UNAWAITED):
        return f"`await` stands in front of a value, and `{pair[1]}` is none: it begins more."
    block = next((each for each in pair if each in _PARTNERS), "def")
    return f"Python writes `async {block}`: `async` comes first, and nothing else with it."


def _naming_edits(words: Words) -> dict[int, list[Edit]]:
    """``async with x = f():`` → ``async with f() as x:``."""
    found: dict[int, list[Edit]] = {}
    for number in range(len(words)):
        end, equals = words.end_of_statement(number), words.find("=", number)
        assigns = equals == number + 3 and words[end - 1] == ":"
        if (words[number], words[number + 1]) == ("async", "with") and equals and assigns:
            name, value = words[number + 2], words.slice(equals + 1, end - 1)
            found[number] = [words.swap(number + 2, end - 1, f"{value} as {name}")]
    return found


def _naming(words: Words, number: int) -> str:
    return f"What `async with` gives is named behind it: `async with … as {words[number + 2]}:`."


def _lambda_edits(words: Words) -> dict[int, list[Edit]]:
    found: dict[int, list[Edit]] = {}
    for number in range(len(words)):
        parts = _function(words, number) if words[number] == "async" else None
        if parts is None:
            continue
        arguments, body, end = parts
        value = words.slice(body, end)
        if words[number - 1] == "=" and words.starts_statement(number - 2):
            name = words[number - 2]
            text = f"async def {name}({arguments}): return {value}"
            found[number] = [words.swap(number - 2, end, text)]
        elif words[body] == "await":  # the call gives the coroutine, which is what is wanted
            blank = " " if arguments else ""
            text = f"lambda{blank}{arguments}: {words.slice(body + 1, end)}"
            found[number] = [words.swap(number, end, text)]
        elif (first := _alone_in_statement(words, number)) is not None:
            name = words.fresh("function")
            lines = f"async def {name}({arguments}):\n    return {words.slice(body, end)}\n"
            by = words.indent(first)
            found[number] = [
                words.put(first, lines.replace("\n", f"\n{by}")),
                words.swap(number, end, name),
            ]
    return found


def _alone_in_statement(words: Words, number: int) -> int | None:
    """The first word of the statement, if that begins a line and binds no names around it."""
    first = number
    while not words.starts_statement(first):
        first -= 1
    inner = [words[each] for each in range(first + 1, words.end_of_statement(number))]
    scopes = inner.count("lambda") > (words[number + 1] == "lambda") or "for" in inner
    own_line = first == 0 or words.words[first - 1].ends_line
    return first if own_line and words[first] != "@" and not scopes else None


def _function(words: Words, number: int) -> tuple[str, int, int] | None:
    """Of ``async lambda a: b`` or ``async (a) => b``: the a, where b begins, where it ends."""
    depth = words.words[number].depth
    if words[number + 1] == "lambda":
        colon = words.find(":", number + 1)
        start, stop, body = number + 2, colon, (colon or 0) + 1
    else:
        arrow = words.find("=", number + 1)
        if arrow is None or words[arrow + 1] != ">":
            return None
        bracketed = words[number + 1] == "("
        start, stop, body = number + 1 + bracketed, arrow - bracketed, arrow + 2
    if stop is None:
        return None
    end = body
    while end < len(words) and not words.words[end].ends_line:
        if words.words[end].depth < depth or (
            words[end] == "," and words.words[end].depth == depth
        ):
            break
        end += 1
    return words.slice(start, stop), body, end


def _no_lambda(words: Words, number: int) -> str:
    if words[number + 1] == "lambda":
        return "There is no `async lambda`: an async function is written with `async def`."
    return "Python has no arrow functions: an async function is written with `async def`."


_rule = partial(of_text, stage="parse")
RULES = (
    _rule(
        "async-on-any-statement",
        "`async` or `await` misspelt",
        "Python knows `async for`, `async with`, `async def` and `await`. A slip in one of them "
        "makes a name of it, and a name cannot stand there.",
        _found(_spelling, _spelling_edits),
    ),
    _rule(
        "async-after-for",
        "`async` in the wrong place",
        "`async` comes in front of `with` and `def`: `async with lock:`, `async def main():`. The "
        "block awaits by itself, so no `await` belongs to it.",
        _found(_order, _order_edits),
    ),
    _rule(
        "async-after-for",
        "`=` in the head of `async with`",
        "What is entered gets its name with `as`, as in a plain `with`: `async with open_it() as "
        "it:`.",
        _found(_naming, _naming_edits),
    ),
    _rule(
        "await-in-lambda",
        "an async function without `def`",
        "A lambda is always a plain function. It may return a coroutine, which whoever calls it "
        "awaits: `lambda n: fetch(n)`. What awaits itself is written with `async def`.",
        _found(_no_lambda, _lambda_edits),
    ),
)
