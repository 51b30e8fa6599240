from __future__ import annotations

import pytest

from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.transcript_parser import fences, parse_markdown

README = """\
# Heading

```pycon
>>> x = 1
>>> x
1
```

1. In a list, indented:

   ~~~~ pycon
   >>> if x:
   ...     print("a\\n\\nb")
   ...
   a

   b
   ~~~~

```python
>>> not ours
```
"""


def test_only_pycon_fences_are_transcripts() -> None:
    """Headings, prose and other fences are no part of the session."""
    found = [(each.line, [each.inner(line) for line in each.lines]) for each in fences(README)]
    assert found == [
        (4, [">>> x = 1", ">>> x", "1"]),
        (12, [">>> if x:", '...     print("a\\n\\nb")', "...", "a", "", "b"]),
    ]


def test_the_fences_of_a_file_are_one_session_with_the_lines_of_the_file() -> None:
    """Inputs of all fences come in order, numbered as in the file."""
    inputs = parse_markdown(README).inputs
    assert [(entry.line, entry.expected) for entry in inputs] == [
        (4, ()),
        (5, ("1",)),
        (12, ("a", "", "b")),
    ]


def test_a_markdown_file_is_given_back_to_the_byte() -> None:
    """Prose, fences and indents render as they were."""
    assert parse_markdown(README).render() == README
    crlf = README.replace("\n", "\r\n")
    assert parse_markdown(crlf).render() == crlf


def test_accepted_output_takes_the_indent_of_its_fence() -> None:
    """What is written into an indented fence is indented, empty lines aside."""
    accepted = parse_markdown(README).accepting({12: ["c", "", "d"]})
    assert accepted.render() == README.replace("   a\n\n   b\n", "   c\n\n   d\n")


def test_a_fence_inside_another_fence_is_text() -> None:
    """A longer fence may show a `pycon` fence without running it."""
    assert fences("````markdown\n```pycon\n>>> 1\n```\n````\n") == []


@pytest.mark.parametrize("text", ["```pycon\n>>> 1\n", "```pycon\n>>> 1"])
def test_an_open_fence_goes_on_to_the_end(text: str) -> None:
    """As in CommonMark, a fence that isn't closed ends with the file."""
    (fence,) = fences(text)
    assert fence.lines == (">>> 1",)


@pytest.mark.parametrize("info", ["pycon", "PYCON", "pycon title=x", "  pycon"])
def test_the_first_word_names_the_language(info: str) -> None:
    """The language is the first word after the backticks, in any case."""
    assert len(fences(f"```{info}\n>>> 1\n```\n")) == 1


def test_a_mistake_in_a_fence_names_the_line_of_the_file() -> None:
    """Errors in Markdown count lines from the top of the file."""
    with pytest.raises(TranscriptError, match=r"^README.md:4: unknown directive 'x'"):
        parse_markdown("text\n\n```pycon\n#: x\n```\n", "README.md")


def test_output_does_not_reach_over_the_end_of_a_fence() -> None:
    """A fence's end ends the expected output, also without an empty line."""
    (entry,) = parse_markdown("```pycon\n>>> 1\n1\n```\nprose\n").inputs
    assert entry.expected == ("1",)
