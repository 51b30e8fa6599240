"""Pictures and pages as a browser shows them: each character is in its cell."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from support.chromium import dumped, screenshot
from support.exports import recording_lines, render_recording

from asyncrepl.export.recording import record_transcript
from asyncrepl.export.screen_lines import cell_clusters, screen_rows
from asyncrepl.export.svg_format import CELL_HEIGHT, CELL_WIDTH, MARGIN
from asyncrepl.transcript.transcript_parser import load_transcript, parse_transcript
from asyncrepl.views.styled_lines import cell_width, plain

SESSION = Path(__file__).parents[2] / "docs" / "session.pycon"
TEXT = """\
#: clock  virtual
>>> :load ticks
>>> :ticker tick 0.2
>>> print("a   b  c     d"); print("┌──┬──┐"); print("● ○ • │ ╳ é ñ e\\u0301 e")
>>> print("| 漢字 | 🙂 |  表示する  |"); print("mmmm iiii WWWW" + " " * 30 + "end")
>>> :marbles ticks(4, 0.25), ticks(2, 0.5)
>>> :timeline 1
"""
#: The picture's and the page's background, which the screen has.
BACKGROUND = bytes.fromhex("0d1117")


def in_cells(line: str) -> list[tuple[int, int, str]]:
    """First column, cells and text of each character of `line`."""
    placed, column = [], 0
    for each in cell_clusters(line):
        placed.append((column, cell_width(each), each))
        column += cell_width(each)
    return placed


@pytest.mark.parametrize(
    ("text", "font_size"),
    [(TEXT, 12), (SESSION.read_text(encoding="utf-8"), 14)],
    ids=["odd text, narrow font", "readme"],
)
def test_a_picture_has_ink_where_the_text_has(tmp_path: Path, text: str, font_size: int) -> None:
    """Each character leaves ink in its cells, each blank leaves none, whatever the font's width."""
    recording = record_transcript(parse_transcript(text))
    shown = [
        plain(row).rstrip() for line in recording_lines(recording) for row in screen_rows(line, 80)
    ][-30:]
    page = tmp_path / "picture.svg"
    picture = render_recording(recording, "svg").replace(
        'font-size="14"', f'font-size="{font_size}"'
    )
    page.write_text(picture, "utf-8")
    height = 2 * MARGIN + len(shown) * CELL_HEIGHT
    pixels = screenshot(page, 700, height)
    wrong = []
    for number, line in enumerate(shown):
        top = MARGIN + number * CELL_HEIGHT
        for column, width, char in in_cells(line.ljust(80)):
            inset = CELL_WIDTH * 0.25 if char == " " else 0
            left = MARGIN + column * CELL_WIDTH
            edges = left + inset, top, left + width * CELL_WIDTH - inset, top + CELL_HEIGHT
            ink = pixels.ink(*edges, BACKGROUND)
            if (ink > 0) is (char == " "):
                wrong.append((number, column, char))
    assert wrong == []


def test_the_pictures_letters_keep_their_shape(tmp_path: Path) -> None:
    """A letter is as wide in a word as it is alone: only lines are stretched."""
    page = tmp_path / "page.html"
    script = """<svg xmlns="http://www.w3.org/2000/svg" font-size="14" font-family="monospace">
    <text y="20" id="alone">x</text></svg><script>
    const width = text => text.getExtentOfChar(0).width
    const wrong = [...document.querySelectorAll("text")].filter(text =>
      /^[!-~]/.test(text.textContent) && !text.getAttribute("font-weight")
      && Math.abs(width(text) - width(document.getElementById("alone"))) > 0.2)
    document.title = wrong.map(text => text.textContent).join("|")</script>"""
    picture = render_recording(record_transcript(load_transcript(SESSION)), "svg")
    page.write_text(f"<!DOCTYPE html><title>-</title>{picture}{script}", "utf-8")
    assert re.findall("<title>(.*?)</title>", dumped(page)) == [""]


@pytest.mark.parametrize("window", ["1200,800", "320,800"])
def test_a_pages_screens_keep_their_columns(tmp_path: Path, window: str) -> None:
    """Each character of a page's screens begins within its cell, in a narrow window too."""
    script = """<script>
    const told = [], zero = document.createElement("pre")
    zero.textContent = "0".repeat(100); zero.style.cssText = "padding: 0; width: max-content"
    document.body.append(zero)
    const cell = zero.getBoundingClientRect().width / 100
    for (const screen of document.querySelectorAll("pre")) {
      const walker = document.createTreeWalker(screen, NodeFilter.SHOW_TEXT)
      for (let node; node = walker.nextNode();) for (let at = 0; at < node.length; at++) {
        const range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + 1)
        const box = range.getBoundingClientRect()
        const left = screen.getBoundingClientRect().left + parseFloat(getComputedStyle(screen).paddingLeft)
        if (box.width && node.data[at] != "\\n") told.push([node.data[at], (box.left + box.right - 2 * left) / 2 / cell])
      }
    }
    document.body.dataset.told = JSON.stringify(told)</script>"""
    recording = record_transcript(parse_transcript(TEXT))
    page = tmp_path / "page.html"
    page.write_text(
        render_recording(recording, "html").replace("</body>", script + "</body>"), "utf-8"
    )
    told = re.search('data-told="(.*?)"', dumped(page, f"--window-size={window}"))
    assert told is not None
    middles = json.loads(unescape(told[1]))
    shown = [placed for line in recording_lines(recording) for placed in in_cells(plain(line))]
    # What is beyond the BMP is two characters to a browser.
    expected = [
        (char, column + width / 2)
        for column, width, char in shown
        if len(char) == 1 and char < "\uffff"
    ]
    found = [(char, middle) for char, middle in middles if char != "0" or middle < 80]
    assert len(expected) > 300
    missing = [
        (char, column)
        for char, column in expected
        if not any(other == char and abs(middle - column) < 0.3 for other, middle in found)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("window", "medium"), [("700,900", "print"), ("320,900", "screen")], ids=["paper", "phone"]
)
def test_nothing_of_a_page_is_cut_off(tmp_path: Path, window: str, medium: str) -> None:
    """On paper, which nobody can scroll, long lines are wrapped; a screen scrolls them, not the page."""
    script = """<script>
    const wide = each => each.scrollWidth > each.clientWidth
    const cut = [...document.querySelectorAll("pre")].filter(wide).length
    document.title = `${cut} ${wide(document.documentElement)}`</script>"""
    word = "a_name" * 30
    text = f"#: title  {word}\n# {word}\n>>> print('x' * 300); print('漢字' * 99)\n>>> 1\n"
    page = tmp_path / "page.html"
    markup = render_recording(record_transcript(parse_transcript(text)), "html")
    markup = markup.replace(f"@media {medium}", "@media all").replace("</body>", script)
    page.write_text(markup, "utf-8")
    cut = {"print": "0", "screen": "1"}[medium]
    assert re.findall("<title>(.*?)</title>", dumped(page, f"--window-size={window}")) == [
        f"{cut} false"
    ]


def test_a_page_is_light_or_dark_as_its_reader_wants(tmp_path: Path) -> None:
    """It has no script; its style alone decides."""
    page = tmp_path / "page.html"
    page.write_text(render_recording(record_transcript(parse_transcript(TEXT)), "html"), "utf-8")
    for scheme, color in (0, "0d1117"), (1, "ffffff"):
        wanted = f"--blink-settings=preferredColorScheme={scheme}"
        pixels = screenshot(page, 500, 400, wanted)
        assert pixels.rows[2][2] == bytes.fromhex(color)
        assert pixels.ink(0, 0, 500, 400, bytes.fromhex(color)) > 2_000
