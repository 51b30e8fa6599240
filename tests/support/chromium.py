"""Headless Chromium, where it is installed: what it draws, and what it says of a page."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import zlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pixels", "dumped", "screenshot"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-quic",
    "--hide-scrollbars",
)  # fmt: skip
_PATIENCE = 60


class Pixels:
    """A screenshot: the colour of each pixel, row by row."""

    def __init__(self, png: bytes) -> None:
        self.rows = list(_rows(png))

    def ink(self, left: float, top: float, right: float, bottom: float, background: bytes) -> int:
        """How many pixels within these edges are not of the colour `background`."""
        columns = slice(round(left), round(right))
        return sum(
            pixel != background
            for row in self.rows[round(top) : round(bottom)]
            for pixel in row[columns]
        )


def screenshot(page: Path, width: int, height: int, *flags: str) -> Pixels:
    """The window of this size with the file `page` in it."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "screenshot.png"
        size = f"--window-size={width},{height}"
        _chromium(page, folder, f"--screenshot={picture}", size, *flags)
        return Pixels(picture.read_bytes())


def dumped(page: Path, *flags: str) -> str:
    """The document in the file `page`, after its scripts have run."""
    with tempfile.TemporaryDirectory() as folder:
        return _chromium(page, folder, "--dump-dom", *flags)


def _chromium(page: Path, folder: str, *flags: str) -> str:
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium, which is not installed")
    command = [program, *_FLAGS, f"--user-data-dir={folder}/user", *flags, page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if run.returncode:
        pytest.skip(f"Chromium does not start here: {run.stderr.strip()[-200:]}")
    return run.stdout


def _rows(png: bytes) -> Iterator[list[bytes]]:
    """The pixels of a PNG picture of 8 bits a colour, not interlaced, as Chromium writes it."""
    width, height, depth, kind, *_, interlaced = struct.unpack_from(">IIBBBBB", png, 16)
    assert (depth, interlaced) == (8, 0)
    size = {2: 3, 6: 4}[kind]
    data = iter(zlib.decompress(b"".join(_chunks(png))))
    before = bytearray(width * size)
    for _ in range(height):
        how = next(data)
        before = _unfiltered(how, bytearray(islice(data, width * size)), before, size)
        yield [bytes(before[at : at + 3]) for at in range(0, width * size, size)]


def _chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        if name == b"IDAT":
            yield png[at + 8 : at + 8 + length]
        at += length + 12


def _unfiltered(how: int, row: bytearray, above: bytearray, size: int) -> bytearray:
    """`row` with its filter undone; see the PNG specification, section 9."""
    for at in range(len(row) if how else 0):
        left = row[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        up = above[at]
        guess = (0, left, up, (left + up) // 2, _paeth(left, up, corner))[how]
        row[at] = (row[at] + guess) & 0xFF
    return row


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))
