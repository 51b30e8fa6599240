"""A loop whose time is virtual, and a record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[LiveLoop]:
    loop = LiveLoop(Clock.virtual())
    yield loop
    loop.close()


@pytest.fixture
def timeline(loop: LiveLoop) -> Timeline:
    timeline = Timeline()
    loop.observe(timeline)
    return timeline
