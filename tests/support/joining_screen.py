"""A terminal that draws a joined emoji as one picture, as most now do; pyte draws its parts."""

from __future__ import annotations

from support.pty import Screen
from wcwidth import wcswidth

from asyncrepl.views.styled_lines import clusters

__all__ = ["JoiningScreen"]


class JoiningScreen(Screen):
    """A screen whose cells hold whole pictures; the second cell of a wide one is empty."""

    @property
    def display(self) -> list[str]:
        size = range(self.columns)
        return ["".join(self.buffer[y][x].data for x in size) for y in range(self.lines)]

    def draw(self, data: str) -> None:
        for cluster in clusters(data):
            if len(cluster) == 1:
                super().draw(cluster)
                continue
            width = wcswidth(cluster)
            if self.cursor.x + width > self.columns:
                self.carriage_return()
                self.linefeed()
            row, x = self.buffer[self.cursor.y], self.cursor.x
            row[x] = self.cursor.attrs._replace(data=cluster)
            for column in range(x + 1, x + width):
                row[column] = self.cursor.attrs._replace(data="")
            self.cursor.x = x + width
            self.dirty.add(self.cursor.y)
