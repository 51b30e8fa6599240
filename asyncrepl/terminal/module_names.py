"""The modules that could be imported, found without importing one."""

from __future__ import annotations

import pkgutil
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["module_names"]


def module_names(typed: str) -> dict[str, str]:
    """The names that `typed` may become, each a ``module``: those on top, or in one package.

    A package need not be imported for that; its own code, which might add to it, does not run.
    """
    package, dot, _ = typed.rpartition(".")
    if not dot:
        names = {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
        return dict.fromkeys(sorted(name for name in names if not name.startswith("_")), "module")
    if not package:
        return {}  # relative: there is no package here
    inside = {module.name for module in pkgutil.iter_modules(_folders(package))}
    inside |= {
        name.rpartition(".")[2] for name in list(sys.modules) if name.rpartition(".")[0] == package
    }
    return dict.fromkeys(sorted(f"{package}.{name}" for name in inside), "module")


def _folders(package: str) -> Sequence[str]:
    """Where the modules of `package` lie; none where it cannot be found."""
    folders: Sequence[str] | None = None
    parts = package.split(".")
    for count in range(1, len(parts) + 1):
        try:
            spec = PathFinder.find_spec(".".join(parts[:count]), folders)
        except (ImportError, ValueError, OSError):
            return ()
        if spec is None or spec.submodule_search_locations is None:
            return ()
        folders = list(spec.submodule_search_locations)
    return folders or ()
