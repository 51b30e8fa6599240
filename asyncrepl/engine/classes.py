"""``inspect.getsource`` of a class that was typed.

For a function it asks the code object, for a class the file of its module; but a session
has no file, and its classes come from many texts. What does not work: to give the module
a ``__file__``, for it is one for all of them, and `multiprocessing` would run it.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.session import Session

__all__ = ["finding_classes"]


@contextmanager
def finding_classes(session: Session) -> Iterator[None]:
    """Within the block ``inspect.getfile`` knows the texts of `session`."""
    pythons = inspect.getfile

    def getfile(object: Any) -> str:  # noqa: A002 - as `inspect` calls it
        """Work out which source or compiled file an object was defined in."""
        if isinstance(object, type) and object.__module__ == session.module.__name__:
            found = session.sources.defining(object)
            if found is not None:
                return found
        return pythons(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        if inspect.getfile is getfile:  # user code may have set its own
            inspect.getfile = pythons
