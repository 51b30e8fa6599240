"""The modules of a package by the end of their names: how what registers itself is found.

A command, an export format or a rule is added by adding a file; no list names it. What is in a
package is asked of the import system, so that it is found in a zip file, too.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["module_names"]


def module_names(package: str, suffix: str = "") -> list[str]:
    """The full names of the modules in `package` whose names end in `suffix`, sorted.

    The package is imported, its modules are not. Any thread.
    """
    from pkgutil import iter_modules  # not at start-up

    found = iter_modules(import_module(package).__path__, f"{package}.")
    return sorted(module.name for module in found if module.name.endswith(suffix))
