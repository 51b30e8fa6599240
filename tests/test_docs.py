"""The pages that are written by scripts are up to date."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.filterwarnings("ignore")
def test_the_page_of_mistakes_is_what_the_rules_say() -> None:
    """``docs/mistakes.md`` has every rule, and its examples are corrected as the prompt does."""
    spec = importlib.util.spec_from_file_location("mistakes", DOCS / "mistakes.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (DOCS / "mistakes.md").read_text(encoding="utf-8")
    page = script.page()
    gc.collect()  # what the mistakes leave behind complains here, not in another test
    assert page == written, "run docs/mistakes.py"
