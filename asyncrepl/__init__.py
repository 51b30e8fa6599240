"""A terminal REPL that shows async iteration live.

`embed` opens the prompt in a program that runs; `Session` runs statements on a live loop without
any terminal; `ticker` is what ``:ticker`` starts; `marbles` draws what ``:marbles`` does; `check`
is ``asyncrepl check``. `clock`, `rate`, `freeze`, `thaw` and `next_timers` steer time as the
commands do; `tour` gives what ``:tour`` leads through.

PYTEST_DONT_REWRITE: pytest loads a plugin from here, also where this is imported before.
"""

TYPE_CHECKING = False  # not from `typing`: see `asyncrepl.runtime.isolation`
if TYPE_CHECKING:
    from asyncrepl.commands.diagram_commands import marbles
    from asyncrepl.engine.loop.debug_control import clock, freeze, next_timers, rate, thaw
    from asyncrepl.engine.statements import Outcome, Session
    from asyncrepl.session.input_run import ticker
    from asyncrepl.session.tour_chapters import tour
    from asyncrepl.terminal.run_terminal import embed
    from asyncrepl.transcript.transcript_check import check

__version__ = "0.1.0"
__all__ = [
    "Outcome",
    "Session",
    "__version__",
    "check",
    "clock",
    "embed",
    "freeze",
    "marbles",
    "next_timers",
    "rate",
    "thaw",
    "ticker",
    "tour",
]

_HOMES = {
    "Outcome": "asyncrepl.engine.statements",
    "Session": "asyncrepl.engine.statements",
    "check": "asyncrepl.transcript.transcript_check",
    "clock": "asyncrepl.engine.loop.debug_control",
    "embed": "asyncrepl.terminal.run_terminal",
    "freeze": "asyncrepl.engine.loop.debug_control",
    "marbles": "asyncrepl.commands.diagram_commands",
    "next_timers": "asyncrepl.engine.loop.debug_control",
    "rate": "asyncrepl.engine.loop.debug_control",
    "thaw": "asyncrepl.engine.loop.debug_control",
    "ticker": "asyncrepl.session.input_run",
    "tour": "asyncrepl.session.tour_chapters",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: start-up pays for none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
