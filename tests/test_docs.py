"""The pages that are written by scripts are up to date."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from asyncrepl.transcript.transcript_check import check_file, diff_lines

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.filterwarnings("ignore")
def test_the_page_of_mistakes_is_what_the_rules_say() -> None:
    """``docs/mistakes.md`` has every rule, and its examples are corrected as the prompt does."""
    script = _script("mistakes")
    written = (DOCS / "mistakes.md").read_text(encoding="utf-8")
    page = script.page()
    gc.collect()  # what the mistakes leave behind complains here, not in another test
    assert page == written, "run docs/mistakes.py"


def test_the_picture_is_what_its_session_shows() -> None:
    """``docs/session.svg`` shows ``docs/session.pycon`` as it runs now, from its beginning."""
    assert list(diff_lines(check_file(DOCS / "session.pycon"))) == []
    picture = (DOCS / "session.svg").read_text(encoding="utf-8")
    assert picture == _script("picture").drawn(), "run docs/picture.py"
    texts = [text.text or "" for text in ElementTree.fromstring(picture).iterfind(".//{*}text")]
    assert texts[0].startswith("# ")
    assert "blocked" not in "".join(texts)


def _script(name: str) -> Any:
    """The module ``docs/NAME.py``."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script
