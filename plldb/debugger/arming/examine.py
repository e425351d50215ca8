"""A function as Lambda tells it; which ones cannot be armed, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plldb.debugger.arming.settings import VARIABLE, WRAPPER_VARIABLE, Settings

MOST_LAYERS = 5
"""AWS Lambda quota "Function layers"."""
LARGEST_ENVIRONMENT = 4096
"""Bytes. AWS Lambda quota "Environment variables": 4 KB, for all of a function together."""
OLDEST_PYTHON = (3, 9)
"""The agent's own."""

# Programs that are the client of the Runtime API themselves: there is no Python runtime to wrap.
_RUNTIME_CLIENTS = {
    "/opt/bootstrap": "AWS Lambda Web Adapter",
}
_PYTHON = re.compile(r"python(\d+)\.(\d+)")
# A sandbox of one of these would wait for the API that it is part of.
_OWN = ("plldb-ws-api-", "plldb-lease-reaper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How Lambda runs a function: settings that its code can see and that arming leaves alone.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function as GetFunction tells it, ``$LATEST``.

    Attributes:
        arn: without a version.
        runtime: empty for a container image.
        last_update: ``Successful``, ``InProgress`` or ``Failed``; empty where it is not told.
        revision: changes with every change of the function.
        code: SHA-256 of the deployed package, as Lambda tells it.
        environment_error: why Lambda cannot read the environment; empty if it can.
        special: what kind of function it is, in words, if it is one that cannot be armed; else empty.
    """

    arn: str
    name: str
    runtime: str
    handler: str
    state: str
    last_update: str
    last_update_reason: str
    revision: str
    code: str
    settings: Settings
    execution: Execution
    environment_error: str
    special: str

    @property
    def updating(self) -> bool:
        """Whether an update of the function, or its creation, is under way."""
        return self.last_update == "InProgress" or self.state == "Pending"


def function_of(configuration: Mapping[str, Any]) -> Function:
    """Return what Lambda tells of a function as our value."""
    environment = configuration.get("Environment") or {}
    error = environment.get("Error") or {}
    layers = tuple(layer["Arn"] for layer in configuration.get("Layers") or () if "Arn" in layer)
    arn = str(configuration.get("FunctionArn", ""))
    return Function(
        arn=":".join(arn.split(":")[:7]),
        name=str(configuration.get("FunctionName", "")),
        runtime=str(configuration.get("Runtime", "")),
        handler=str(configuration.get("Handler", "")),
        state=str(configuration.get("State", "")),
        last_update=str(configuration.get("LastUpdateStatus", "")),
        last_update_reason=str(configuration.get("LastUpdateStatusReason", "")),
        revision=str(configuration.get("RevisionId", "")),
        code=str(configuration.get("CodeSha256", "")),
        settings=Settings(
            # AWS Lambda's own default where none is told.
            timeout=int(configuration.get("Timeout", 3)),
            layers=layers,
            variables=dict(environment.get("Variables") or {}),
        ),
        execution=read_execution(configuration),
        environment_error=str(error.get("ErrorCode") or error.get("Message") or ""),
        special=_special(configuration),
    )


def _special(configuration: Mapping[str, Any]) -> str:
    if configuration.get("PackageType") == "Image":
        return "a container image, which takes no layers"
    if (configuration.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions":
        return "set to SnapStart: a version published in the meantime would keep the debugger in its snapshot"
    if configuration.get("CapacityProviderConfig"):
        return "run on managed instances"
    if configuration.get("MasterArn"):
        return "a replica of Lambda@Edge"
    if configuration.get("DurableConfig"):
        return "a durable function"
    if str(configuration.get("FunctionName", "")).startswith(_OWN):
        return "a part of plldb itself"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a function cannot be armed: ``reason`` for programs, ``message`` for people."""

    reason: str
    message: str


def refuse(function: Function) -> Refusal | None:
    """Return why a function cannot be armed as it is, None if its settings allow it."""
    if function.special:
        return Refusal(reason="kind", message=f"it is {function.special}")
    version = _PYTHON.fullmatch(function.runtime)
    if version is None:
        return Refusal(reason="not-python", message=f"its runtime is {function.runtime or 'unknown'}")
    if (int(version[1]), int(version[2])) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Refusal(reason="runtime", message=f"its runtime is {function.runtime}; {oldest} is the oldest")
    if function.environment_error:
        # What cannot be read could not be written back: the environment would be lost.
        message = f"Lambda cannot read its environment ({function.environment_error})"
        return Refusal(reason="environment-unreadable", message=message)
    return _refuse_by_settings(function)


def _refuse_by_settings(function: Function) -> Refusal | None:
    wrapper = function.settings.variables.get(WRAPPER_VARIABLE, "")
    if client := _RUNTIME_CLIENTS.get(wrapper):
        return Refusal(reason="runtime-client", message=f"it runs under {client}")
    if function.handler.endswith(".sh"):
        what = "a script that starts a web server, not a handler in Python"
        return Refusal(reason="runtime-client", message=f"its handler {function.handler} is {what}")
    if len(function.settings.layers) >= MOST_LAYERS:
        return Refusal(reason="layers", message=f"it has {MOST_LAYERS} layers, the most that Lambda allows")
    return None


def refuse_environment(armed: Settings) -> Refusal | None:
    """Return why these settings cannot be written, because the environment would be too large."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in armed.variables.items())
    if size <= LARGEST_ENVIRONMENT:
        return None
    ours = len(armed.variables.get(VARIABLE, ""))
    message = f"its environment has no room for {ours} bytes more ({LARGEST_ENVIRONMENT} are allowed)"
    return Refusal(reason="environment-size", message=message)
