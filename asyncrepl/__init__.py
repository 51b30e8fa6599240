"""A terminal REPL that shows async iteration live.

`Session` runs statements on a live loop without any terminal; `ticker` is what
``:ticker`` starts; `marbles` draws what ``:marbles`` does; `check` is ``asyncrepl check``.
`clock`, `rate`, `freeze`, `thaw` and `next_timers` steer time as the commands do; `tour`
gives what ``:tour`` leads through.
"""

TYPE_CHECKING = False  # not from `typing`: see `asyncrepl.isolation`
if TYPE_CHECKING:
    from asyncrepl.commands.drawing import marbles
    from asyncrepl.commands.itinerary import tour
    from asyncrepl.engine.jobs import ticker
    from asyncrepl.engine.session import Outcome, Session
    from asyncrepl.engine.steering import clock, freeze, rate, thaw
    from asyncrepl.engine.stepping import next_timers
    from asyncrepl.transcript.checker import check

__version__ = "0.1.0"
__all__ = [
    "Outcome",
    "Session",
    "__version__",
    "check",
    "clock",
    "freeze",
    "marbles",
    "next_timers",
    "rate",
    "thaw",
    "ticker",
    "tour",
]

_HOMES = {
    "Outcome": "asyncrepl.engine.session",
    "Session": "asyncrepl.engine.session",
    "check": "asyncrepl.transcript.checker",
    "clock": "asyncrepl.engine.steering",
    "freeze": "asyncrepl.engine.steering",
    "marbles": "asyncrepl.commands.drawing",
    "next_timers": "asyncrepl.engine.stepping",
    "rate": "asyncrepl.engine.steering",
    "thaw": "asyncrepl.engine.steering",
    "ticker": "asyncrepl.engine.jobs",
    "tour": "asyncrepl.commands.itinerary",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: start-up pays for none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
