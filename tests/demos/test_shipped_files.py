from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.runtime.shipped_demos import (
    DemoNotFoundError,
    demo_iterables,
    demo_transcripts,
    demos_folder,
    find_iterable,
    find_transcript,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of demos, which is also the current directory."""
    (tmp_path / "10-last.pycon").write_text("#: title  The last\n>>> 1\n")
    (tmp_path / "02-first.pycon").write_text(
        "\ufeff#: clock virtual\n#: title The first  \n", "utf-8"
    )
    (tmp_path / "untitled.pycon").write_text("# title\n")
    (tmp_path / "walk.py").write_text('"""A walk.\n\nMore."""\n\nTRY = "walk()"\n')
    (tmp_path / "bare.py").write_text("TRY = 1\n")
    (tmp_path / "_private.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_transcripts_come_in_their_order_with_name_and_title(folder: Path) -> None:
    """The number before a file's name is its place; the name is what comes after."""
    assert [(demo.name, demo.title) for demo in demo_transcripts(folder)] == [
        ("first", "The first"),
        ("last", "The last"),
        ("untitled", ""),
    ]


def test_iterables_tell_a_title_and_a_line_to_try(folder: Path) -> None:
    """Title and line are read from the text; nothing is imported."""
    found = [
        (iterable.name, iterable.title, iterable.tries) for iterable in demo_iterables(folder)
    ]
    assert found == [("bare", "", ""), ("walk", "A walk", "walk()")]


@pytest.mark.parametrize(
    "name", ["first", "02-first", "02-first.pycon", "./02-first.pycon", "1", "01"]
)
def test_a_transcript_is_found_by_name_or_path(folder: Path, name: str) -> None:
    """With or without its number, and as a path."""
    assert find_transcript(name, folder).resolve() == folder / "02-first.pycon"


def test_a_path_may_lead_anywhere(folder: Path, tmp_path: Path) -> None:
    """A file of one's own is a transcript too."""
    own = tmp_path / "own.txt"
    own.write_text(">>> 1\n")
    assert find_transcript(str(own), folder) == own


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("frist", "no demo or file 'frist': did you mean first?"),
        ("xyz", "no demo or file 'xyz': there are first, last, untitled"),
        ("a/b", "no file a/b"),
        ("b.pycon", "no file b.pycon"),
        (".", ". is a directory, not a transcript"),
    ],
)
def test_an_unknown_transcript_is_one_line(folder: Path, name: str, told: str) -> None:
    """What isn't there is told with the nearest name, or all of them."""
    with pytest.raises(DemoNotFoundError) as caught:
        find_transcript(name, folder)
    assert str(caught.value) == told


def test_where_there_are_many_it_is_said_what_lists_them() -> None:
    """A line of the screen is enough for that."""
    with pytest.raises(DemoNotFoundError) as caught:
        find_transcript("xyz")
    assert str(caught.value) == "no demo or file 'xyz'; :demos (or asyncrepl demos) lists them"
    with pytest.raises(DemoNotFoundError, match=r"^no source 'xyz'; :load lists them$"):
        find_iterable("xyz")


def test_an_iterable_is_found_by_its_name(folder: Path) -> None:
    """And an unknown one names the nearest."""
    assert find_iterable("walk", folder).path == folder / "walk.py"
    with pytest.raises(DemoNotFoundError, match=r"^no source 'wlak': did you mean walk\?"):
        find_iterable("wlak", folder)


def test_asyncrepl_ships_its_demos() -> None:
    """The folder is found beside the package or in it, and holds both kinds."""
    assert demos_folder().is_dir()
    assert [demo.name for demo in demo_transcripts()][:2] == ["await", "async-for"]
    assert {"counter", "counter_gen", "lines", "tcp"} <= {found.name for found in demo_iterables()}


def test_every_demo_has_a_title() -> None:
    """So that the list can say what each shows."""
    assert all(shipped.title for shipped in [*demo_transcripts(), *demo_iterables()])
