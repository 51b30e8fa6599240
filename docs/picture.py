"""Draw `session.svg`, the README's picture, from the session on paper beside it.

    python docs/picture.py

It is what `asyncrepl export docs/session.pycon --to svg` gives: played on a virtual
clock, so the picture is the same in every run, and a test says when it is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from asyncrepl.export.saved_session import export  # noqa: E402
from asyncrepl.transcript.transcript_parser import load_transcript  # noqa: E402


def drawn() -> str:
    """The picture as SVG."""
    return export(load_transcript(HERE / "session.pycon"), "svg")


if __name__ == "__main__":
    (HERE / "session.svg").write_text(drawn(), "utf-8")
