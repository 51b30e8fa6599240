"""How what was typed ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How what was typed ended; `exit_code` counts where the session is to end."""

    kind: Literal["ok", "error", "exit"] = "ok"
    exit_code: int = 0
