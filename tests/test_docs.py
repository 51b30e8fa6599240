"""The pages that are written by scripts are up to date."""

from __future__ import annotations

import gc
import importlib.util
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from asyncrepl.transcript.transcript_check import check_file, diff_lines

DOCS = Path(__file__).parents[1] / "docs"


ROOT = DOCS.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]


@pytest.mark.parametrize(
    "path",
    [*PAGES, *(ROOT / "asyncrepl").rglob("*.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_what_a_text_refers_to_is_there(path: Path) -> None:
    """Modules and files that pages and docstrings name have not been moved away."""
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`(asyncrepl(?:\.[a-z_]+)+)`", text):
        module = ROOT / name.replace(".", "/")
        homes = module, module.with_suffix(".py"), module.parent.with_suffix(".py")
        assert any(home.exists() for home in homes) or module.parent.name == "asyncrepl", name
    for name in re.findall(r"[`(]((?:[a-z_]+/)+[a-z_]+\.py)\b", text):
        assert any((home / name).exists() for home in (ROOT, ROOT / "asyncrepl", path.parent)), (
            name
        )


@pytest.mark.slow
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


def test_the_page_of_faults_has_them_all_and_each_is_survived() -> None:
    """``docs/faults.md``; its verdicts are of the last run of ``docs/faults.py`` on each Python."""
    script = _script("faults")
    written = (DOCS / "faults.md").read_text(encoding="utf-8")
    verdicts = script.before(written)
    assert script.page(verdicts) == written, "run docs/faults.py"
    assert [done for done, marks in verdicts.items() if "✗" in marks.values()] == []
    for file in script.FILES:
        text = (DOCS.parent / file).read_text(encoding="utf-8")
        tests = {name.replace("_", " ") for name in re.findall(r"(?m)^def test_(\w+)", text)}
        known = {done.partition(": `")[0] for of, done in verdicts if of == file}
        assert known == tests, f"run docs/faults.py: {file}"


def test_the_comparison_names_tests_that_exist() -> None:
    """``docs/comparison.md`` has a row for each feature, and of each cell of ours the test."""
    script = _script("comparison")
    written = (DOCS / "comparison.md").read_text(encoding="utf-8")
    marks, versions = script.before(written)
    assert script.page(marks, versions) == written, "run docs/comparison.py"
    for feature in script.FEATURES:
        file, _, name = feature.test.partition("::")
        assert (marks[feature.name][0] == "✓") == bool(name), feature.name
        if name:
            text = (DOCS.parent / file).read_text(encoding="utf-8")
            assert f"def {name}(" in text, feature.name


def _script(name: str) -> Any:
    """The module ``docs/NAME.py``."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script
