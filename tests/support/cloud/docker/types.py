"""The types of the SDK that MiniStack uses. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the machine that a container sees."""

    target: str
    source: str
    type: str = "bind"
    read_only: bool = False
