"""Replays in the terminal, one at a time: starting, holding, ending them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncrepl.terminal.stage import TerminalStage
from asyncrepl.transcript.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.terminal.crossing import Crossing
    from asyncrepl.terminal.driver import Plan
    from asyncrepl.terminal.ui import Ui

__all__ = ["Replays"]


class Replays:
    """The replay that is played, if one is.

    `start` and `control` may be called from any thread.
    """

    def __init__(self, ui: Ui, crossing: Crossing) -> None:
        self._ui = ui
        self._crossing = crossing
        self._replay: Replay | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def playing(self) -> bool:
        """Whether a replay is under way, also if it is held."""
        return self._replay is not None and not self._replay.stopped

    def start(self, plan: Plan, ended: Callable[[], None], *, lingers: bool) -> None:
        """Play `plan` when the prompt is free, then call `ended` in the terminal's thread.

        For `lingers` see `Replay`.
        """
        ui = self._ui
        stage = TerminalStage(
            ui.typist,
            ui.painter,
            self._crossing,
            pause=lambda: self.control("pause"),
            hint=ui.panel.hint,
            columns=lambda: ui.columns,
        )
        self._replay = Replay(
            plan.transcript, stage, speed=plan.speed, pauses=plan.pauses, lingers=lingers
        )
        ui.call(lambda: self._play(stage, ended))

    def control(self, word: str) -> None:
        """Do what the command of this name does: pause, resume or step."""
        if self._replay is not None:
            getattr(self._replay, word)()

    def _play(self, stage: TerminalStage, ended: Callable[[], None]) -> None:
        # Before the prompt is free: a key pressed in between would be typed into the demo.
        stage.hand_over(to_presenter=False)

        async def play() -> None:
            try:
                await self._ui.typist.free()
                if self._replay is not None:
                    await self._replay.play()
            finally:
                self._ui.panel.hint("")
                ended()

        self._task = asyncio.get_running_loop().create_task(play())
