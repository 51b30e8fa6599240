"""``:run FILE``: in the session's namespace, with top-level await, its errors explained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from support.shells import Typed


def test_it_sees_the_names_of_the_session_and_leaves_its_own(
    type_in: Typed, tmp_path: Path
) -> None:
    """It may await at the top, is the main module, and shows no values by itself."""
    path = tmp_path / "script.py"
    path.write_text("1\nprint(__name__, __file__, mine)\nawait asyncio.sleep(1)\nits = mine + 1\n")
    type_in("mine = 1")
    assert type_in(f":run {path}") == f"__main__ {path} 1\n"
    assert type_in("its") == "2\n"
    assert "NameError" in type_in("__file__")


def test_its_arguments_and_its_neighbours(
    type_in: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sys.argv is its own while it runs; modules beside it can be imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "its_neighbour.py").write_text("value = 7\n")
    path = tmp_path / "with blank.py"
    path.write_text("import sys, its_neighbour\nprint(sys.argv[1:], its_neighbour.value)\n")
    before = sys.argv
    assert type_in(f":run '{path}' one 'two three'") == "['one', 'two three'] 7\n"
    assert type_in(f":run {path}") == "[] 7\n"
    assert sys.argv is before


def test_its_errors_are_explained(type_in: Typed, tmp_path: Path) -> None:
    """With the file's own lines; also a mistake that the compiler finds."""
    path = tmp_path / "wrong.py"
    path.write_text("async def f():\n    return [1]\n\nfor x in f():\n    print(x)\n")
    shown = type_in(f":run {path}")
    assert f'File "{path}", line 4' in shown
    assert "TypeError: 'coroutine' object is not iterable" in shown
    assert "why " in shown
    path.write_text("def f():\n    await g()\n")
    assert "SyntaxError: 'await' outside async function" in type_in(f":run {path}")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (":run", ":run takes a file: try :run script.py\n"),
        (":run nowhere.py", ":run: no file 'nowhere.py'\n"),
        (":run 'a", "No closing quotation"),
        (":run /", ":run: cannot read '/': Is a directory\n"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(type_in: Typed, typed: str, said: str) -> None:
    """What is wrong, and what to do."""
    shown = type_in(typed)
    assert said in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [("None", "", "ok"), ("0", "", "ok"), ("3", "exit status 3\n", "error"),
     ("'bye'", "bye\nexit status 1\n", "error")],
)  # fmt: skip
def test_its_exit_ends_the_file_alone(
    type_in: Typed, tmp_path: Path, code: str, said: str, kind: str
) -> None:
    """As scripts end that are programs, too; the session goes on."""
    path = tmp_path / "script.py"
    path.write_text(f"import sys\nits = 5\nsys.exit({code})\n")
    assert type_in(f":run {path}") == said
    assert type_in.status is not None
    assert type_in.status.kind == kind
    assert type_in("its") == "5\n"
    assert type_in(f":load {path}").count("SystemExit") == 1
    assert type_in.status.kind == "error"


def test_what_is_no_source_is_said_in_one_line(type_in: Typed, tmp_path: Path) -> None:
    """Bytes that are no text."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff\x00")
    assert type_in(f":run {path}").count("\n") == 1


@pytest.mark.parametrize(
    ("end", "corrected"),
    [
        ("asyncio.run(main())", "await main()"),
        ("if __name__ == '__main__':\n    x = asyncio.run(main())", "x = await main()"),
        ("asyncio.new_event_loop().run_until_complete(main())", "await main()"),
    ],
)
def test_a_program_with_a_loop_of_its_own_is_corrected_to_this_one(
    type_in: Typed, tmp_path: Path, end: str, corrected: str
) -> None:
    """Where nobody lets the session's loop stand; the correction is none that is refused again."""
    path = tmp_path / "main.py"
    path.write_text(f"import asyncio\nasync def main():\n    print('ran')\n{end}\n")
    shown = type_in(f":run {path}")
    assert f"try  {corrected}" in " ".join(shown.split()).replace("try ", "try  ")
    assert "asyncio.run(main())" not in shown[shown.index("why ") :]
