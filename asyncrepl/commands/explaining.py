"""From an outcome to an explanation.

The rules are imported at the first error. That takes some 40 ms, and half as long again
the lexer that colours the correction; a person at a prompt should not wait for it, so
there `load_rules` is called in a thread, once the prompt is on the screen.
"""

from __future__ import annotations

from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.language.suspects import suspects

if TYPE_CHECKING:
    from asyncrepl.engine.session import Outcome, Session
    from asyncrepl.explain.explanation import Explanation

__all__ = ["explain_error", "explain_outcome", "explain_value", "load_rules"]


def load_rules() -> None:
    """Import what the first explanation needs. Any thread may do so."""
    from asyncrepl.explain import explaining  # noqa: F401  imported to be there
    from asyncrepl.views.highlight import code_lines

    code_lines("")


def explain_outcome(
    session: Session, outcome: Outcome, *, more: bool = False
) -> Explanation | None:
    """The explanation of the error in `outcome`; None where it is not about async iteration.

    `more` says that another error of the same input is to be explained after it.
    """
    if outcome.error is None or outcome.interrupted:
        return None
    try:
        return explain_error(session, outcome.error)
    finally:
        if not more:
            suspects.clear()  # the next error's evidence is its own


def explain_error(session: Session, error: BaseException) -> Explanation | None:
    """The explanation of `error`, whose traceback begins in the user's code."""
    from asyncrepl.explain.evidence import gather
    from asyncrepl.explain.explaining import explain

    return explain(gather(error, session.sources, suspects, session.namespace))


def explain_value(session: Session, filename: str, value: object) -> Explanation | None:
    """The explanation of a value that is shown but was not meant: a bare coroutine."""
    if type(value) is not AsyncGeneratorType and not hasattr(type(value), "__await__"):
        return None
    from asyncrepl.explain.evidence import gather_value
    from asyncrepl.explain.explaining import explain

    return explain(gather_value(value, session.sources, filename, session.namespace))
