"""What `attach` tells of the layers of functions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFetched:
    """A layer has Python packages that the project's Python lacks: it was copied to this machine.

    Attributes:
        layer: the ARN of its version.
        packages: those that were lacking, by the names under which they are imported.
        size: of what was downloaded, in bytes.
    """

    kind: Literal["layer_fetched"] = "layer_fetched"
    layer: str
    packages: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMissing:
    """A layer cannot be had, so that its packages are not here unless the project's Python has them.

    Attributes:
        layer: the ARN of its version.
        message: why, for people.
    """

    kind: Literal["layer_missing"] = "layer_missing"
    layer: str
    message: str
