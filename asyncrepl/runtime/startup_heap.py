"""The garbage collector at the start: off until user code runs, with less to look at from then on.

While a program imports its modules nothing dies in cycles that is worth a look, but each few
thousand objects the collector looks at all: a third of the processor time until ``-c pass`` runs.
So it is off while ours is loaded. Before the first code of the user's it is on, and what was
loaded by then is out of its sight (``gc.freeze``): a full pass takes that much less of the loop.

Only where this process is ours (``python -m asyncrepl``); who imports us keeps his collector.
"""

import gc

__all__ = ["hold_collector", "release_collector"]

_holding = False


def hold_collector() -> None:
    """Collect nothing until `release_collector`; does nothing where the collector is off."""
    global _holding  # noqa: PLW0603 - there is one collector
    if gc.isenabled():
        gc.disable()
        _holding = True


def release_collector() -> None:
    """Collect again, but nothing that was made since `hold_collector`; else do nothing."""
    global _holding  # noqa: PLW0603
    if _holding:
        _holding = False
        gc.freeze()
        gc.enable()
