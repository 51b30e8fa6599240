"""Which step of an ``async for`` to show to those who watch, and its place in the source line.

The six steps of a round take microseconds, but for those that wait, and no eye follows that. So
who draws looks at where the iteration is, a few times a second, and `StepFollower` says which step
to show: what lies between two looks is shown step by step, each for a while (`HOLD`), at most
so many behind. The program is not slowed down for it: it runs as it runs unwatched, and where it
is faster than the picture, steps are left out, never invented.

::

    async for x in gen():
    ~~~~~ ~~~ ~    ~~~~~
    3     2   4    1          and 5, the body: what comes below or behind
"""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.styled_lines import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.iteration_events import LoopSite
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line

__all__ = ["HOLD", "Seen", "StepFollower", "StepShown", "step_rows"]

#: Seconds for which a step is shown at least, and for which the last one stays.
HOLD, _LINGER = 0.25, 1.0
_MAX_BEHIND = 4  # steps of a round
_PHASE_STEPS = {"operand": 1, "aiter": 1, "await": 3, "body": 5}
#: Where in a round a step stands: 2, 3, 4 and 5.
_ROUND_STEPS = (2, 3, 4, 5)


class Seen(NamedTuple):
    """Where an iteration is: its number, the round (from 1), the phase of `IterationState`."""

    number: int
    round: int
    phase: str
    site: LoopSite


class StepShown(NamedTuple):
    """A step to show, 1 to 6, of that round."""

    step: int
    round: int
    site: LoopSite


class StepFollower:
    """From looks at an iteration to the step to show; `now` are seconds of real time."""

    def __init__(self) -> None:
        self._queue: deque[StepShown] = deque()
        self._shown: StepShown | None = None
        self._since = 0.0
        self._number = 0
        #: The last step that was queued of it, counted through all rounds.
        self._position = -1
        self._over = True

    @property
    def moves(self) -> bool:
        """Whether another step, or none, comes by itself."""
        return self._shown is not None or bool(self._queue)

    def look(self, now: float, seen: Seen | None) -> StepShown | None:
        """The step to show, after a look at what runs, if anything does; None for none."""
        if seen is None or seen.phase == "over":
            self._end()
        else:
            self._follow(seen)
        while len(self._queue) > 2 * _MAX_BEHIND:
            self._queue.popleft()
        if self._queue and (self._shown is None or now - self._since >= HOLD):
            self._shown, self._since = self._queue.popleft(), now
        elif self._over and not self._queue and now - self._since >= _LINGER:
            self._shown = None
        return self._shown

    def _follow(self, seen: Seen) -> None:
        if seen.number != self._number:
            self._number, self._position = seen.number, -1
            self._queue.clear()
        self._over = False
        position = _position(_PHASE_STEPS[seen.phase], seen.round)
        first = max(self._position + 1, position - _MAX_BEHIND + 1)
        if self._position < 0 <= position - 1:
            self._queue.append(StepShown(1, 0, seen.site))  # it is always the first
            first = max(first, 1)
        self._queue += [_at(each, seen.site) for each in range(first, position + 1)]
        self._position = max(self._position, position)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            last = self._queue[-1] if self._queue else self._shown
            if last is not None:
                self._queue.append(StepShown(6, last.round, last.site))


def _position(step: int, round_: int) -> int:
    """Steps counted through all rounds: 0 is step 1, 1 is step 2 of round 1."""
    if step == 1 or round_ < 1:
        return 0
    return (round_ - 1) * len(_ROUND_STEPS) + _ROUND_STEPS.index(step) + 1


def _at(position: int, site: LoopSite) -> StepShown:
    if position == 0:
        return StepShown(1, 0, site)
    round_, step = divmod(position - 1, len(_ROUND_STEPS))
    return StepShown(_ROUND_STEPS[step], round_ + 1, site)


class _Span(NamedTuple):
    """Characters of a line of the source, counted from 0."""

    line: int
    start: int
    end: int


def step_rows(
    shown: StepShown, source: Source, meaning: str, width: int, dots: str = "…"
) -> list[Line]:
    """The line of the ``async for`` (and its body's first) with the step marked, and its name.

    As many rows for each step of an iteration: what stands below must not jump.
    """
    spans = _spans(shown.site, source)
    places = [span.line for span in spans.values()]
    numbers = list(dict.fromkeys([shown.site.line - 1, *sorted(places)]))[:2]
    marked = spans.get(shown.step)
    rows = [
        _marked_line(
            source.lines[number],
            marked if marked is not None and marked.line == number else None,
            width,
            dots,
        )
        for number in numbers
        if number < len(source.lines)
    ]
    round_ = f"round {shown.round}: " if shown.round else ""
    return [*rows, [("label", cut(f"{round_}{meaning}", width, dots))]]


def _marked_line(text: str, span: _Span | None, width: int, dots: str) -> Line:
    text = text.rstrip()
    if span is None:
        return [("code", cut(text, width, dots))]
    start, end = span.start, max(min(span.end, len(text)), span.start + 1)
    skipped = 0
    if end > width - 1:  # what is marked must be seen
        skipped = min(start, end - width + 1 + len(dots))
    before = (dots if skipped else "") + text[skipped:start]
    room = width - len(before)
    marked = cut(text[start:end], max(room, 1), dots)
    return [
        ("code", one_line(before)),
        ("step", marked),
        ("code", cut(text[end:], max(room - len(marked), 0), dots) if room > len(marked) else ""),
    ]


def _spans(site: LoopSite, source: Source) -> dict[int, _Span]:
    """Where each step stands in `source`; empty where its tree is not known."""
    for target, iterable, body in _loops(source.tree):
        if (target.lineno, target.col_offset) == site.bound:
            bound = _span(target, source)
            head = source.lines[bound.line][: bound.start]
            spans = {1: _span(iterable, source), 4: bound, 5: _span(body, source)}
            for step, word in ((2, "for"), (3, "async")):
                at = head.rfind(word)
                if at >= 0:
                    spans[step] = _Span(bound.line, at, at + len(word))
            return spans
    return {}


def _loops(tree: ast.Module | None) -> Iterator[tuple[ast.expr, ast.expr, ast.AST]]:
    """The target, the iterable and the body of each ``async for`` in `tree`."""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.AsyncFor):
            yield node.target, node.iter, node.body[0]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield from ((each.target, each.iter, node.elt) for each in node.generators)
        elif isinstance(node, ast.DictComp):
            yield from ((each.target, each.iter, node.key) for each in node.generators)


def _span(node: ast.AST, source: Source) -> _Span:
    """The first line of `node`; the tree counts bytes."""
    assert isinstance(node, ast.expr | ast.stmt)
    number = node.lineno - 1
    line = source.lines[number]
    octets = line.encode("utf-8", "surrogatepass")
    whole = node.end_lineno == node.lineno and node.end_col_offset is not None
    start = len(octets[: node.col_offset].decode("utf-8", "surrogatepass"))
    end = node.end_col_offset if whole else len(octets)
    return _Span(number, start, len(octets[:end].decode("utf-8", "surrogatepass")))
