"""What a person or a program needs to know when there is no result. Pure.

A usage error is such a problem too, so nothing here may import the library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plldb.bootstrap.events import Failure
    from plldb.cli.jobs import JobName


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One way on: what for, and the command."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no result. ``failures`` root cause first; ``steps`` are the ways on, best first."""

    operation: JobName | None
    code: str
    message: str
    hint: str
    exit_code: int
    stack: str = ""
    status: str | None = None
    failures: tuple[Failure, ...] = ()
    steps: tuple[Step, ...] = ()
