"""How an explanation looks: why, and what to write, in at most four lines; and the catalogue.

The catalogue shows the known mistakes when nobody has made one: as a list, and each by itself.

How a leak looks: when it happens, at most two lines; and the table of all of them.

For what the interpreter or asyncio report, their own words have been shown already, and only the
place is added. It is left out where it would repeat the line just typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.code_owner import location_text
from asyncrepl.runtime.shipped_demos import demos_folder
from asyncrepl.syntax.source_rewriter import line_opcodes
from asyncrepl.views.styled_lines import (
    Line,
    cell_width,
    code_lines,
    flowed,
    plain,
    printable,
    two_columns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from asyncrepl.engine.leaks.open_generators import OpenGenerator
    from asyncrepl.events.findings import Leak
    from asyncrepl.explain.explanation import Explanation, Fix, Rule
    from asyncrepl.syntax.sources import Source

#: A correction of more lines than this is shown by its changed lines only.
MAX_WHOLE_FIX = 2
#: Why, and what to write, have so many lines together, where the screen is not narrow.
MAX_LINES = 4
#: On a screen narrower than `NARROW`, a correction may be broken into so many rows.
NARROW, MAX_NARROW_ROWS = 60, 3
#: What is shown behind a part of a correction, at a prompt and without one; or the shorter one
#: where there is no room.
_PROMPT_HINTS = "   (:fix writes it all)", "  (:fix)"
_PROGRAM_HINTS = "   (asyncrepl explain shows it all)", "  (…)"
#: A blank at which no line is broken; a no-break space may be in a string itself.
_UNBROKEN_BLANK = "\0"


def load_rules() -> None:
    """Import what the first explanation needs. Any thread may do so."""
    from asyncrepl.explain import explainer  # noqa: F401  imported to be there

    code_lines("")


def explanation_lines(
    explanation: Explanation,
    sources: Mapping[str, Source],
    width: int | None = None,
    place: str = "",
) -> list[Line]:
    """Why it failed, and the corrected code or the lines of it that change.

    `place` comes first, for what has no traceback. `sources` are the texts that were run, by
    file name. Lines have at most `width` cells (None: any number).
    """
    lines = why_lines(explanation, width, place)
    if explanation.fix is not None:
        room = min(max(MAX_LINES - len(lines), 1), MAX_WHOLE_FIX)
        lines += _fix_lines(explanation.fix, sources, width, room)
    return lines


def why_lines(explanation: Explanation, width: int | None = None, place: str = "") -> list[Line]:
    """Why it failed, and before that the `place`, in lines of at most `width` cells."""
    text = f"{place}: {explanation.why}" if place else explanation.why
    reason = printable(text).replace("\n", " ")
    return flowed([("label", "why  "), ("why", reason)], width, indent=5)


def story_lines(story: str, width: int | None = None) -> list[Line]:
    """All of `story`: what happened, the rule behind it, the six steps; each in its lines."""
    lines: list[Line] = []
    for text in printable(story).split("\n"):
        # Of a step, which begins with its mark and number, the rest is indented.
        head = text[:5] if text[1:2] == " " and text[2:3].isdigit() else ""
        style = "bold" if head.startswith("→") else ""
        lines += flowed([(style, text)], width, indent=len(head))
    return lines


def changed_line(fix: Fix, sources: Mapping[str, Source]) -> int:
    """The number (from 1) of the first line that `fix` changes in its source.

    Of a fix that only inserts, the line it writes above. `sources` are by file name.
    """
    changes = _changes(fix.filename, fix.text.split("\n"), sources)
    taken = [each for each in changes if each[0] != "insert"] or changes
    return taken[0][1] + 1 if taken else 1


def _changes(
    filename: str, after: Sequence[str], sources: Mapping[str, Source]
) -> list[tuple[str, int, int, int, int]]:
    """What changes where the lines of a file become those of `after`, as `difflib` tells it."""
    before = sources[filename].lines if filename in sources else []
    return [each for each in line_opcodes(before, after) if each[0] != "equal"]


def fix_text(fix: Fix) -> str:
    """All the corrected code, as one input."""
    return fix.script or "\n".join(text.rstrip("\n") for text in fix.texts.values())


def _fix_lines(
    fix: Fix, sources: Mapping[str, Source], width: int | None, room: int
) -> list[Line]:
    whole = fix_text(fix).split("\n")
    if len(whole) <= room:
        lines = tried_lines(whole, width)
        rows = MAX_NARROW_ROWS if width is not None and width < NARROW else room
        if len(lines) <= rows and all(_fits(plain(line)[5:], width) for line in lines):
            return lines
    *shown, last = list(_changed_lines(fix, sources))[:room] or fix.script.split("\n")[:1]
    hints = _PROMPT_HINTS if any(source.typed for source in sources.values()) else _PROGRAM_HINTS
    hint = next((hint for hint in hints if _fits(last + hint, width)), hints[-1])
    lines = [_try_line(number, _cut_code(text, width)) for number, text in enumerate(shown)]
    ended = _try_line(len(shown), _cut_code(last, width, len(hint)))
    return [*lines, [*ended, ("dim", hint if last else hint.lstrip())]]


def tried_lines(code: Sequence[str], width: int | None) -> list[Line]:
    """Lines of code to try, each broken between its words where `width` does not hold it.

    The rows after a break are indented further than code would be. No break is within a
    string: there a blank is a character like any other.
    """
    rows: list[Line] = []
    for number, piece in enumerate(code):
        line = [
            (style, text.replace(" ", _UNBROKEN_BLANK) if style == "string" else text)
            for style, text in _try_line(number, piece)
        ]
        rows += flowed(line, width, 5 + 8)
    return [[(style, text.replace(_UNBROKEN_BLANK, " ")) for style, text in row] for row in rows]


def _try_line(number: int, code: str) -> Line:
    return [("label", "     " if number else "try  "), *code_lines(code)[0]]


def _fits(code: str, width: int | None) -> bool:
    return width is None or cell_width(code) + 5 <= width


def _cut_code(code: str, width: int | None, less: int = 0) -> str:
    """`code`, or so much of it that a line holds it and `less` columns more."""
    if width is None or len(code) + 5 + less <= width:
        return code
    return code[: max(width - less - 6, 0)] + "…"


def _changed_lines(fix: Fix, sources: Mapping[str, Source]) -> Iterator[str]:
    """The lines of the corrected code that the user's own does not have."""
    for filename, text in fix.texts.items():
        after = text.rstrip("\n").split("\n")
        for *_, start, end in _changes(filename, after, sources):
            yield from filter(str.strip, after[start:end])


#: What the mistakes of each step have in common.
_HEADINGS = (
    "before anything runs",
    "1 __aiter__: anything to iterate over?",
    "2 __anext__: the next step",
    "3 await: waiting for it",
    "4 bind: the value",
    "5 body",
    "6 stop: the end",
)


def by_step(rules: Iterable[Rule]) -> Iterator[tuple[str, list[Rule]]]:
    """The mistakes of each step under its heading; several rules of one id are one mistake."""
    every = {rule.id: rule for rule in reversed(list(rules))}
    for step, heading in enumerate(_HEADINGS):
        found = [rule for rule in reversed(every.values()) if rule.step == step]
        if found:
            yield heading, found


def catalogue_lines(rules: Sequence[Rule], width: int | None = None) -> list[Line]:
    """The mistakes of `rules`, by the step that breaks, with their ids; `width` cells wide."""
    lines: list[Line] = []
    for heading, found in by_step(rules):
        lines.append([("bold", heading)])
        for rule in found:
            lines += _catalogue_row(rule, width)
        lines.append([])
    return [*lines, [("dim", ":why ID tells more of one")]]


def _catalogue_row(rule: Rule, width: int | None) -> list[Line]:
    """The title and the id: in two columns, or where they are too long below each other."""
    column = 36 if width is None or width >= 80 else 4
    if len(rule.title) + 4 <= column:
        return [[("", f"  {rule.title:<{column - 2}}"), ("label", rule.id)]]
    title = flowed([("", "  " + rule.title)], width, indent=4)
    return [*title, [("", " " * column), ("label", rule.id)]]


def mistake_lines(rule: Rule, width: int | None = None) -> list[Line]:
    """What `rule` says: the mistake, how things are, the step that breaks; `width` cells wide."""
    title = flowed([("bold", rule.title)], width)
    return [*title, [], *story_lines(rule.account(broke=False), width)]


def leak_lines(leak: Leak, width: int | None = None, typed: str = "") -> list[Line]:
    """What is shown when `leak` happens, in lines of at most `width` cells (None: any number).

    `typed` is the file name of the statement that runs, if it is one line long.
    """
    if leak.kind == "left open":
        name = leak.name if leak.name.isidentifier() else "…"
        close: Line = [("label", "try  "), ("code", f"await {name}.aclose()")]
        return [*_labelled("leak ", _left_open(leak), width), close]
    if leak.kind == "never iterated":
        return []  # it is explained
    lines: list[Line] = []
    if leak.kind == "destroyed pending":
        text = "nothing refers to it any more, and the loop itself keeps no task"
        lines += _labelled("leak ", text, width)
    if leak.made and leak.made[0] != typed:
        lines += _labelled("made ", location_text(*leak.made), width)
    return lines


def leak_table(
    leaks: Sequence[Leak], still_open: Sequence[OpenGenerator], width: int | None = None
) -> list[Line]:
    """All `leaks` so far, and the async generators that are `still_open`; `width` cells wide."""
    rows: list[tuple[str, str]] = [(leak.kind, printable(_row(leak))) for leak in leaks]
    rows += [("open now", printable(_open_row(each))) for each in still_open]
    return two_columns(rows, width) if rows else [[("dim", "no leaks")]]


def _left_open(leak: Leak) -> str:
    made = f", made at {_file_and_line(leak.made)}," if leak.made else ""
    who = leak.name if leak.name and made else _subject(leak)
    left = f": {_left_by(leak)} left it" if leak.noticed else ""
    return f"{who}{made} is still open{left}"


def _left_by(leak: Leak) -> str:
    by = "`break`" if leak.by_break else "the loop"
    return f"{by} at {_file_and_line(leak.noticed)}" if leak.noticed else by


def _row(leak: Leak) -> str:
    parts = [_subject(leak)]
    if leak.kind == "left open" and leak.noticed:
        parts.append(f"by {_left_by(leak)}")
    if leak.kind == "never awaited" and leak.noticed and not leak.made:
        parts.append(f"dropped at {location_text(*leak.noticed)}")
    if leak.made:
        parts.append(f"made at {location_text(*leak.made)}")
    return ", ".join(parts)


def _subject(leak: Leak) -> str:
    if leak.name and leak.what:
        return f"{leak.name} ({leak.what})"
    return leak.name or leak.what or "a future"


def _open_row(each: OpenGenerator) -> str:
    doing = "runs" if each.running else "waits"
    since = f", begun at {_file_and_line(each.begun)}" if each.begun else ""
    return f"{each.what} {doing} at {location_text(*each.at)}{since}"


def _labelled(label: str, text: str, width: int | None) -> list[Line]:
    return flowed([("label", label), ("why", printable(text))], width, indent=len(label))


def _file_and_line(spot: tuple[str, int]) -> str:
    """``FILE:LINE``, as `location_text` says it, without the source."""
    return f"{spot[0].removeprefix(str(demos_folder().parent) + '/')}:{spot[1]}"
