"""What holds for every transcript, tried on many that nobody has written by hand."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from asyncrepl.transcript.grammar import Input, Transcript
from asyncrepl.transcript.transcript_check import (
    CheckReport,
    OutputDifference,
    accepted_transcript,
    diff_lines,
)
from asyncrepl.transcript.transcript_output import output_matches
from asyncrepl.transcript.transcript_parser import parse_markdown, parse_transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.transcript.grammar import Entry

often = settings(derandomize=True, max_examples=60, deadline=None, database=None)

#: Pieces that a line of output may be confused by.
PIECES = [
    ">>>", ">>> ", "...", "... ", "#", "# ", "#:", "#: pause", "…", "```", "~~~~", " ", "   ", "\t",
    "a", "b", "表", "é", "\u2028", "\\x1b",
]  # fmt: skip
#: What `Paper.take` gives: printable lines, the last of them not empty.
line = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
output = st.lists(line, max_size=5).map(
    lambda lines: [*lines, "end"] if lines[-1:] == [""] else lines
)
#: What a file may say of an output: lines that don't look like anything else.
written = st.lists(st.sampled_from(["", "a", "…", "a…", " b ", "…表", "\tx"]), max_size=4)

directive = st.sampled_from(["#: pause", "#: rate 0.5", "#:  rate   2 "])
narration = st.sampled_from(["# why", "#", "# ", "# 表 \t", "# # >>> x"])
typed = st.sampled_from([
    [">>> x"], [">>> :wait 1 "], [">>> if x:", "...     y", "..."], [">>> '''", "... ", "... '''"],
])  # fmt: skip
keyed = typed.map(lambda lines: ["#: key C-c after 0.5", *lines])
said = st.one_of(directive, narration, st.just("")).map(lambda text: [text])
session = st.tuples(st.one_of(typed, keyed), written).map(lambda both: [*both[0], *both[1]])
body = st.lists(st.one_of(said, session), max_size=8)
header = st.sampled_from([[], ["#: title A b", "#: clock virtual", ""], ["#: requires asyncio"]])
lines = st.tuples(header, body).map(lambda both: sum(both[1], both[0]))


@st.composite
def files(draw: st.DrawFn) -> tuple[str, Callable[..., Transcript]]:
    """The text of a `.pycon` or Markdown file, and what reads it."""
    session = draw(lines)
    parser: Callable[..., Transcript] = parse_transcript
    # An output can't be without an input, nor a narration within an output.
    first = next((at for at, text in enumerate(session) if text.startswith(">>>")), len(session))
    session = [text for text in session[:first] if text.startswith("#") or not text] + session[
        first:
    ]
    if draw(st.booleans()):
        parser, indent = parse_markdown, draw(st.sampled_from(["", "  "]))
        fenced = textwrap.indent("\n".join(["```pycon", *session, "```"]), indent)
        session = ["# Heading", "", *fenced.split("\n"), "", "prose"]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = newline.join(session) + draw(st.sampled_from(["", newline]))
    return draw(st.sampled_from(["", "\ufeff"])) + text, parser


def sources(transcript: Transcript) -> list[tuple[str, ...]]:
    """All that is written but expected output, line by line."""
    return [_own(entry) for entry in transcript.entries]


def _own(entry: Entry) -> tuple[str, ...]:
    return entry.typed if isinstance(entry, Input) else entry.source


def reported(transcript: Transcript, outputs: Sequence[Sequence[str]]) -> CheckReport:
    """What a check would find if the inputs printed `outputs`."""
    pairs = zip(transcript.inputs, outputs, strict=False)
    differing = [
        OutputDifference(entry, tuple(lines))
        for entry, lines in pairs
        if not output_matches(entry.expected, lines)
    ]
    return CheckReport(transcript, differences=tuple(differing))


@often
@given(files())
def test_what_is_read_is_written_back(file: tuple[str, Callable[..., Transcript]]) -> None:
    """Reading and writing a file gives its text; reading that again gives the same."""
    text, read = file
    transcript = read(text)
    assert transcript.render() == text
    assert read(transcript.render()) == transcript


@often
@given(files(), st.lists(output, min_size=8, max_size=8))
def test_accepting_keeps_all_but_output(
    file: tuple[str, Callable[..., Transcript]], outputs: list[list[str]]
) -> None:
    """Whatever is printed, what is typed, told and directed stays to the byte."""
    text, read = file
    after = read(accepted_transcript(reported(read(text), outputs)).render())
    assert sources(after) == sources(read(text))
    assert (after.newline, after.bom) == (read(text).newline, read(text).bom)


@often
@given(files(), st.lists(output, min_size=8, max_size=8))
def test_what_is_accepted_passes(
    file: tuple[str, Callable[..., Transcript]], outputs: list[list[str]]
) -> None:
    """After accepting, the same output is as written: accepting twice is accepting once."""
    text, read = file
    after = read(accepted_transcript(reported(read(text), outputs)).render())
    assert list(diff_lines(reported(after, outputs))) == []


@often
@given(output, output)
def test_what_is_accepted_is_exact(printed: list[str], other: list[str]) -> None:
    """Output accepted where nothing was written passes for no other output."""
    after = accepted_transcript(reported(parse_transcript(">>> x\n"), [printed]))
    (entry,) = parse_transcript(after.render()).inputs
    loose = any("…" in line for line in entry.expected)
    assert output_matches(entry.expected, other) is (other == printed) or loose
    assert len(other) == len(printed) or not output_matches(entry.expected, other)
