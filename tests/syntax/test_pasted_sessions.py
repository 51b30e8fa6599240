"""Sessions with prompts and output, as people paste them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.syntax.input_splitter import PastedInput, is_complete_paste, pasted_inputs
from asyncrepl.transcript.transcript_parser import load_transcript

if TYPE_CHECKING:
    from asyncrepl.runtime.shipped_demos import Demo

DOCTEST = """\
    >>> def f(n):
    ...     # a comment
    ...
    ...     return n + 1
    ...
    >>> f(1)
    2

    >>> print(">>> no prompt\\n... neither")
    >>> no prompt
    ... neither
      >>> f(3)
"""
IPYTHON = """\
In [1]: x = 1

In [12]: for n in range(2):
    ...:     print(n)
    ...:
0
1

In [13]: x
Out[13]: 1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">>> x = 1", ["x = 1"]),
        (">>> x = 1\n>>> x\n1\n", ["x = 1", "x"]),
        (">>>\n>>> \n>>> x", ["x"]),
        ("$ python\nPython 3.13.0 (main)\n>>> x\n1\n", ["x"]),
        ("0 rows left\nOut[4]: 3\n\nIn [5]: x\nOut[5]: 1\n", ["x"]),
        ("\n# told\n#: clock virtual\n>>> :ticker tick 0.2\ntick started\n", [":ticker tick 0.2"]),
        ("```pycon\n>>> 1\n1\n```", ["1"]),
        (IPYTHON, ["x = 1", "for n in range(2):\n    print(n)\n", "x"]),
        (">>> if 1:\n...     2\n\n...     3\n>>> 4", ["if 1:\n    2\n\n    3", "4"]),
        (">>> f(\n... 1)\n...\n... x", ["f(\n1)\n\nx"]),
        (">>> 1\n1\n... 2", ["1"]),
        (">>> x = '''\n... >>> a\n... '''", ["x = '''\n>>> a\n'''"]),
    ],
)
def test_prompts_are_taken_off_and_output_dropped(text: str, expected: list[str]) -> None:
    """What was typed remains, with its own indentation."""
    assert [each.text for each in pasted_inputs(text) or ()] == expected


def test_a_docstrings_example_is_a_session() -> None:
    """Its indent is that of its first prompt; a prompt further in is output."""
    inputs = [each.text for each in pasted_inputs(DOCTEST) or ()]
    assert inputs[:2] == ["def f(n):\n    # a comment\n\n    return n + 1\n", "f(1)"]
    assert len(inputs) == 4
    assert "f(3)" not in inputs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1",
        "x = 1\n>>> x",
        "x = 1 +\n    >>> x",
        '"""Told\n>>> x\n"""\nx = = 1',
        'def f(:\n    """\n    >>> f()\n    """',
        "def f():\n    '''\n    >>> f()\n    '''",
        "...",
        "... x",
        "x >>> 1",
        ">>>x",
    ],
)
def test_other_text_is_no_session(text: str) -> None:
    """A paste that begins with Python is left as it is, also with what is none below."""
    assert pasted_inputs(text) is None


@pytest.mark.parametrize(
    ("below", "fails"),
    [
        ("Traceback (most recent call last):\n  ...\nBoom: x", True),
        ("TypeError: no", True),
        ("asyncio.exceptions.CancelledError", True),
        ("KeyboardInterrupt at <input>:1", True),
        ("…", True),
        ("an Error", False),
        ("0", False),
    ],
)
def test_it_knows_where_the_session_shows_an_error(below: str, fails: bool) -> None:
    """Then the error is no surprise, and what follows can be run."""
    assert pasted_inputs(f">>> f()\n{below}\n>>> 1") == [
        PastedInput("f()", fails),
        PastedInput("1"),
    ]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (">>> x = 1", True),
        (">>> def f():", False),
        (">>> def f():\n...     1", False),
        (">>> def f():\n...     1\n...", True),
        (">>> def f():\n...     1\n", True),
        (">>> def f():\n    ...     1\n    ...", True),
        (">>> f(\n", True),
        ("def f():\n    1", False),
        ("1", True),
    ],
)
def test_enter_runs_what_is_whole(text: str, whole: bool) -> None:
    """A session is as complete as its last input; a line below ends that."""
    assert is_complete_paste(text) is whole


@pytest.mark.parametrize("demo", demo_transcripts(), ids=lambda demo: demo.name)
def test_each_demo_is_pasted_as_it_is_played(demo: Demo) -> None:
    """What is typed is what a replay types."""
    inputs = [each.text for each in pasted_inputs(demo.path.read_text(encoding="utf-8")) or ()]
    assert inputs == [entry.text for entry in load_transcript(demo.path).inputs]
