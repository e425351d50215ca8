"""Settings of a function that its code can see and that arming leaves alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How Lambda runs a function.

    Attributes:
        memory: in MB.
        log_group: where its logs go.
        log_format: ``Text`` or ``JSON``.
        log_level: of the application, for example ``INFO``; empty if Lambda does not filter.
        in_vpc: whether it runs in a VPC.
    """

    memory: int
    log_group: str
    log_format: str
    log_level: str
    in_vpc: bool


def read_execution(configuration: Mapping[str, Any]) -> Execution:
    """Return what a configuration tells, with AWS Lambda's own defaults where it tells nothing."""
    logging = configuration.get("LoggingConfig") or {}
    return Execution(
        memory=int(configuration.get("MemorySize", 128)),
        log_group=str(logging.get("LogGroup") or f"/aws/lambda/{configuration.get('FunctionName', '')}"),
        log_format=str(logging.get("LogFormat") or "Text"),
        log_level=str(logging.get("ApplicationLogLevel") or ""),
        in_vpc=bool((configuration.get("VpcConfig") or {}).get("SubnetIds")),
    )
