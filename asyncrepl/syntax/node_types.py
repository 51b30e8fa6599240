"""Groups of syntax tree nodes, as tuples for ``isinstance``."""

from __future__ import annotations

import ast

__all__ = ["COMPREHENSIONS", "FUNCTIONS", "LOOPS", "SCOPES"]

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: Named functions; a lambda is none, as it holds no statements.
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
#: What has local names of its own; comprehensions are not among them.
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef)
