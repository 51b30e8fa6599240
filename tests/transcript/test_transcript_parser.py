from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.transcript.grammar import (
    Blank,
    Directive,
    Input,
    Narration,
    TranscriptError,
    escaped_output_line,
)
from asyncrepl.transcript.transcript_parser import (
    load_transcript,
    parse_markdown,
    parse_transcript,
)

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """\
#: title  Two things at once
#: clock  virtual

# A ticker prints every 0.2 s,
#
# whatever we do.
>>> :ticker tick 0.2
tick started: every 0.2 s

>>> async def readings(n):
...     for i in range(n):
...         yield i
...

>>> print("a\\n\\nb")
a

b

#: key C-c after 0.5
>>> async for r in readings(99): print(r)
…
"""


def kinds(text: str) -> list[str]:
    return [type(entry).__name__ for entry in parse_transcript(text).entries]


def test_each_kind_of_line_becomes_its_entry() -> None:
    """Directives, narration, inputs and layout are told apart by how their lines start."""
    assert kinds(EXAMPLE) == [
        *("Directive", "Directive", "Blank", "Narration", "Input", "Blank"),
        *("Input", "Blank", "Input", "Blank", "Directive", "Input"),
    ]


def test_entries_know_their_lines() -> None:
    """An entry knows the number of its first line, an input also how many it was typed in."""
    ticker, readings, output, last = parse_transcript(EXAMPLE).inputs
    assert (ticker.line, len(ticker.typed)) == (7, 1)
    assert (readings.line, len(readings.typed)) == (10, 4)
    assert (output.line, len(output.typed)) == (15, 1)
    assert (last.line, len(last.typed)) == (21, 1)


def test_the_text_of_an_input_has_no_markers() -> None:
    """An input is its lines without markers; the line `...` is the empty one at the end."""
    _, readings, *_ = parse_transcript(EXAMPLE).inputs
    assert readings.text == "async def readings(n):\n    for i in range(n):\n        yield i\n"
    assert readings.expected == ()


def test_blank_lines_belong_to_output_only_inside_of_it() -> None:
    """An empty line is expected where output follows it, else it is layout."""
    assert parse_transcript(EXAMPLE).inputs[2].expected == ("a", "", "b")


def test_a_directive_has_a_name_a_value_and_a_meaning() -> None:
    """A value is kept as written and understood: seconds are numbers."""
    directives = [
        entry for entry in parse_transcript(EXAMPLE).entries if isinstance(entry, Directive)
    ]
    assert [(d.name, d.value, d.meaning) for d in directives] == [
        ("title", "Two things at once", "Two things at once"),
        ("clock", "virtual", "virtual"),
        ("key", "C-c after 0.5", 0.5),
    ]


def test_a_key_belongs_to_the_next_input_only() -> None:
    """`key C-c after S` is the interrupt of the one input that follows."""
    assert [entry.interrupt_after for entry in parse_transcript(EXAMPLE).inputs] == [
        None,
        None,
        None,
        0.5,
    ]


def test_narration_in_a_row_is_one_entry() -> None:
    """Consecutive `# ` lines are one narration; a bare `#` is an empty line in it."""
    (narration,) = [
        entry for entry in parse_transcript(EXAMPLE).entries if isinstance(entry, Narration)
    ]
    assert narration.text == "A ticker prints every 0.2 s,\n\nwhatever we do."


def test_the_header_can_be_asked_for() -> None:
    """A transcript tells its title, its clock and what it requires."""
    text = "#: title T\n#: clock real\n#: requires python>=3.12\n#: requires aiosqlite\n>>> 1\n"
    transcript = parse_transcript(text)
    assert (transcript.title, transcript.clock) == ("T", "real")
    assert transcript.meanings("requires") == [(3, 12), "aiosqlite"]


def test_without_a_header_the_clock_is_virtual() -> None:
    """Title and clock have defaults: none, and virtual."""
    assert (parse_transcript(">>> 1\n").title, parse_transcript(">>> 1\n").clock) == (
        "",
        "virtual",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n",
        EXAMPLE,
        EXAMPLE.removesuffix("\n"),
        EXAMPLE + "\n\n",
        EXAMPLE.replace("\n", "\r\n"),
        "\ufeff" + EXAMPLE,
        "\ufeff" + EXAMPLE.replace("\n", "\r\n"),
        "\ufeff",
        ">>> 1  \n1\t\n   \n\x0c\n\x85 \u2028\n",
    ],
)
def test_a_transcript_is_given_back_to_the_byte(text: str) -> None:
    """Rendering what was parsed gives the same text: line ends, order mark and all."""
    assert parse_transcript(text).render() == text
    assert parse_markdown(text).render() == text


def test_line_ends_and_order_mark_are_no_part_of_the_text() -> None:
    """A file with CRLF and a byte order mark says the same as one without."""
    plain, marked = (
        parse_transcript(EXAMPLE),
        parse_transcript("\ufeff" + EXAMPLE.replace("\n", "\r\n")),
    )
    assert marked.entries == plain.entries
    assert (marked.newline, marked.bom) == ("\r\n", True)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("#: titel X\n", "t:1: unknown directive 'titel': did you mean 'title'?"),
        (
            "#: xyzzy\n",
            "t:1: unknown directive 'xyzzy': known are title, clock, rate, pause, key, requires",
        ),
        ("#: title\n", "t:1: title is empty: write '#: title What this shows'"),
        ("#:title X\n", "t:1: a directive is '#: NAME VALUE', not '#:title X'"),
        ("#:\n", "t:1: a directive is '#: NAME VALUE', not '#:'"),
        ("#: clock fast\n", "t:1: clock is 'fast': write 'virtual' or 'real'"),
        ("#: rate x\n", "t:1: 'x' is not a rate: try 0.5, or 2"),
        ("#: rate nan\n", "t:1: 'nan' is not a rate: try 0.5, or 2"),
        ("#: rate 0\n", "t:1: '0' is not a rate: try 0.1; what stops time is :freeze"),
        ("#: rate inf\n", "t:1: 'inf' is not a rate here: try 10; what jumps is :clock virtual"),
        ("#: pause 3\n", "t:1: pause takes no value, not '3'"),
        ("#: key C-d\n", "t:1: key is 'C-d': write 'key C-c after SECONDS'"),
        ("#: key C-c after abc\n", "t:1: key C-c after is 'abc': write a number"),
        ("#: key C-c after -1\n", "t:1: key C-c after -1: seconds can't be negative"),
        ("\n#: key C-c after 1\n", "t:2: no input comes after this key"),
        (
            "#: key C-c after 1\n#: key C-c after 2\n>>> 1\n",
            "t:2: the key of line 1 has no input yet",
        ),
        (
            "#: requires python\n",
            "t:1: requires is 'python': write 'python>=3.12' or a module's name",
        ),
        (
            "#: requires python>3\n",
            "t:1: requires is 'python>3': write 'python>=3.12' or a module's name",
        ),
        ("#: requires\n", "t:1: requires is '': write 'python>=3.12' or a module's name"),
        (">>> 1\n#: clock real\n", "t:2: clock comes too late: write it above the first input"),
        ("#: title A\n#: title B\n", "t:2: title is already given in line 1"),
        ("# a\n... b\n", "t:2: '...' without a '>>> ' line above"),
        (">>> 1\n1\n...\n", "t:3: '...' without a '>>> ' line above"),
        ("# a\nb\n>>> 1\n", "t:2: output without an input above: 'b'"),
        (">>> 1\n>>>\n", "t:2: nothing is typed after '>>>'"),
        (">>>   \n", "t:1: nothing is typed after '>>>'"),
        (">>>print()\n", "t:1: a space is missing after '>>>': '>>>print()'"),
        (">>> 1\n1\r\n", "t:2: its line end differs from those above (LF, CRLF)"),
    ],
)
def test_what_is_no_transcript_is_refused_in_one_line(text: str, error: str) -> None:
    """A mistake is told as `FILE:LINE: reason`, with the value and what to write."""
    with pytest.raises(TranscriptError) as caught:
        parse_transcript(text, "t")
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b">>> 1\n\x00\n", "2: not a text file: it has a NUL byte"),
        (b"# a\n# \xff\n", "2: not UTF-8: byte 0xff"),
    ],
)
def test_a_binary_file_is_refused_with_its_line(tmp_path: Path, data: bytes, error: str) -> None:
    """A file that isn't UTF-8 text is refused, not guessed at."""
    path = tmp_path / "x.pycon"
    path.write_bytes(data)
    with pytest.raises(TranscriptError) as caught:
        load_transcript(path)
    assert str(caught.value) == f"{path}:{error}"


def test_a_file_keeps_its_name_and_its_bytes(tmp_path: Path) -> None:
    """A loaded transcript is called as its path and renders to its bytes."""
    path = tmp_path / "x.pycon"
    path.write_bytes(EXAMPLE.replace("\n", "\r\n").encode("utf-8-sig"))
    transcript = load_transcript(path)
    assert transcript.filename == str(path)
    assert transcript.render().encode() == path.read_bytes()


def test_other_output_can_be_accepted() -> None:
    """An accepted transcript differs only in the output of the inputs named."""
    transcript = parse_transcript(EXAMPLE)
    accepted = transcript.accepting({15: ["x", "", "y", "z"]})
    assert accepted.render() == EXAMPLE.replace("\na\n\nb\n", "\nx\n\ny\nz\n")
    assert parse_transcript(accepted.render()).inputs[2].expected == ("x", "", "y", "z")


@pytest.mark.parametrize("line", [">>> x", ">>>x", "...", "... x", "#", "# x", "#: x", "#:x", "…"])
def test_output_that_looks_like_a_marker_is_written_with_a_gap(line: str) -> None:
    """Output that starts like a marker is written so that it is read as one line of output."""
    written = escaped_output_line(line)
    assert written == "…" + line
    assert parse_transcript(f">>> 1\n{written}\n").inputs[0].expected == (written,)


@pytest.mark.parametrize("line", ["", "……", ">> x", "....", "...x", "#x", " # x", "x"])
def test_other_output_is_written_as_it_is(line: str) -> None:
    """Only markers are rewritten."""
    assert escaped_output_line(line) == line


def test_layout_is_kept_line_by_line() -> None:
    """Each empty line outside output is an entry, so layout survives."""
    assert kinds(">>> 1\n\n\n") == [Input.__name__, Blank.__name__, Blank.__name__]
