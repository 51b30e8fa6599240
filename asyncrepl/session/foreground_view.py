"""What the parts of a session know of what runs in the foreground, and of where it shows.

Narration, reports, debug commands, the guide: each is given an object and says in a protocol of
its own, beside it, what it needs of that. The shell fulfils them all, and none of them imports it.
So each can be read, and tested, without the shell; and the shell can change without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.statements import Session
    from asyncrepl.session.console import Console
    from asyncrepl.syntax.sources import Source

__all__ = ["ForegroundView"]


class ForegroundView(Protocol):
    """The session, its loop and console, and what runs there just now. For the loop's thread."""

    @property
    def console(self) -> Console:
        """Where lines are shown."""

    @property
    def loop(self) -> LiveLoop:
        """Where the session lives."""

    @property
    def session(self) -> Session:
        """The names and the sources."""

    @property
    def source(self) -> Source | None:
        """The statement that runs in the foreground."""

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task that runs in the foreground."""
