from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from math import inf

from asyncrepl.session.frontend import Console
from asyncrepl.transcript.replay import replay_plain
from asyncrepl.transcript.transcript_parser import parse_transcript

DEMO = """\
#: title  A title
#: clock  virtual

# Narration,
#
# more of it.
>>> :ticker t 0.4
t started: every 0.4 s
#: rate 0.5
>>> for n in 1, 2:
...     print(n)
...
1
2
#: pause
#: key C-c after 1
>>> await asyncio.sleep(2)
t │ 1
t │ 2
KeyboardInterrupt…
"""

SHOWN = """\
# A title

# Narration,
#
# more of it.
>>> :ticker t 0.4
t started: every 0.4 s
>>> for n in 1, 2:
...     print(n)
...
1
2
>>> await asyncio.sleep(2)
t │ 1
t │ 2
KeyboardInterrupt at <input 2>:1: await asyncio.sleep(2)
"""


def replayed(text: str, *, color: bool = False) -> tuple[int, str]:
    out = StringIO()
    with redirect_stdout(out):
        status = replay_plain(parse_transcript(text), Console(out, color=color), speed=inf)
    return status, out.getvalue()


def test_a_plain_replay_reads_like_the_transcript() -> None:
    """Narration, prompts and inputs stand as in the file, and between them the real output."""
    status, shown = replayed(DEMO)
    assert (status, shown.partition("KeyboardInterrupt")[0]) == (0, SHOWN.partition("Key")[0])


def test_a_plain_replay_shows_what_happens_not_what_is_written() -> None:
    """Expected output is never shown."""
    assert replayed(">>> 1\n2\n") == (0, ">>> 1\n1\n")


def test_a_plain_replay_ends_with_the_session() -> None:
    """`exit` ends it, with the transcript's exit status."""
    assert replayed(">>> import sys\n>>> sys.exit(3)\n>>> 1\n") == (
        3,
        ">>> import sys\n>>> sys.exit(3)\n",
    )


def test_colour_adds_no_text() -> None:
    """With colour, prompts and narration are styled."""
    shown = replayed("# a\n>>> 1\n", color=True)[1]
    assert "\x1b[" in shown


def test_errors_are_part_of_the_picture() -> None:
    """What goes to the error stream comes in its place, on the one stream there is."""
    text = ">>> 1 / 0\n>>> import sys; print('here', file=sys.stderr)\n>>> 1\n"
    shown = replayed(text)[1].splitlines()
    assert shown == [
        ">>> 1 / 0",
        "ZeroDivisionError: division by zero",
        ">>> import sys; print('here', file=sys.stderr)",
        "here",
        ">>> 1",
        "1",
    ]
