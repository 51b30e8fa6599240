"""Parameters of functions, without running what their annotations say.

From Python 3.14 on annotations are evaluated when somebody asks for them, and
``inspect.signature`` does: that is code of the user's, and names in it may not exist yet.
"""

from __future__ import annotations

import inspect
import sys
from types import FunctionType
from typing import Any

__all__ = ["spelled_signature", "without_annotations"]


def without_annotations(function: Any) -> Any:
    """A function like the plain `function`, with no annotations; any other thing as it is."""
    if type(function) is not FunctionType:
        return function
    code, names = function.__code__, function.__globals__
    bare = FunctionType(code, names, code.co_name, function.__defaults__, function.__closure__)
    bare.__kwdefaults__ = function.__kwdefaults__
    return bare


def spelled_signature(function: Any) -> str:
    """The signature as it was written; of a class without what it returns.

    Raises TypeError or ValueError where there is none.
    """
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    signature = inspect.signature(function, **options)
    if isinstance(function, type):
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    if sys.version_info >= (3, 14):
        return signature.format(quote_annotation_strings=False)
    return str(signature)
