"""Classes of tests: which of them awaits its tests, and what it calls around each."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.syntax.names import canonical_name

if TYPE_CHECKING:
    from asyncrepl.explain.source_units import Function, Unit


#: The class of tests whose methods are awaited.
ISOLATED = "unittest.IsolatedAsyncioTestCase"


#: What it calls around each test, and the twin that it awaits.
ASYNC_FIXTURES = {"setUp": "asyncSetUp", "tearDown": "asyncTearDown"}


def plain_test_case(unit: Unit, function: Function) -> ast.expr | None:
    """The base of the class of the test `function`, if that is the one that awaits no tests."""
    plain = [e for e in _bases(unit, function) if canonical_name(e) == "unittest.TestCase"]
    return plain[0] if plain and function.name.startswith("test") else None


def is_fixture(unit: Unit, function: ast.AST | None) -> bool:
    """Whether `function` is a ``setUp`` or the like, in `unit`, of tests that are awaited."""
    isolated = ISOLATED in map(canonical_name, _bases(unit, function))
    return isolated and getattr(function, "name", None) in ASYNC_FIXTURES


def _bases(unit: Unit, function: ast.AST | None) -> list[ast.expr]:
    owner = unit.parents.get(function) if function is not None else None
    return owner.bases if isinstance(owner, ast.ClassDef) else []
