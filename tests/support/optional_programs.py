"""Tests that need a program which is not on every machine."""

from __future__ import annotations

import shutil

import pytest

__all__ = ["needs"]


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test, and say why, where `program` is not on the PATH."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs the program {program}")
