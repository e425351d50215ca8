"""What Lambda says of a function, as far as running it here needs it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from plldb.debugger.arming.examine import read_execution
from plldb.debugger.arming.settings import Settings, restore_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """A function as deployed, without anything of plldb's.

    Attributes:
        name: its name.
        arn: without a version.
        handler: as in its configuration, for example ``app.handler``.
        runtime: for example ``python3.13``; empty for a container image.
        timeout: in seconds, its own also while it is armed.
        memory: in MB.
        variables: its environment. Secret.
        log_group: where its logs go.
        log_format: ``Text`` or ``JSON``.
        stack: the one whose function it is; empty if none was named.
        logical_id: in the template of its stack, if it has one; ``Nested/Orders`` in a nested stack.
        in_vpc: whether it runs in a VPC.
        layers: ARNs of the versions of its own layers, in the order in which they are laid over each other.
        log_level: of the application, for example ``INFO``; empty if Lambda does not filter.
    """

    name: str
    arn: str
    handler: str
    runtime: str
    timeout: int = 3
    memory: int = 128
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""
    stack: str = ""
    logical_id: str = ""
    in_vpc: bool = False
    layers: tuple[str, ...] = ()

    @property
    def own_id(self) -> str:
        """Its logical id in its own template, also if that is of a nested stack."""
        return self.logical_id.rpartition("/")[2]

    @property
    def region(self) -> str:
        """The region that its ARN names."""
        return self.arn.split(":")[3] if self.arn.count(":") >= 3 else ""


def read_settings(
    configuration: Mapping[str, Any], *, logical_id: str = "", stack: str = ""
) -> FunctionSettings:
    """Return what GetFunctionConfiguration (or ``Configuration`` of GetFunction) tells, armed or not."""
    deployed = restore_settings(
        Settings(
            timeout=int(configuration.get("Timeout", 3)),
            layers=tuple(str(each.get("Arn", "")) for each in configuration.get("Layers") or ()),
            variables=dict((configuration.get("Environment") or {}).get("Variables") or {}),
        )
    )
    return FunctionSettings(
        name=str(configuration.get("FunctionName", "")),
        arn=":".join(str(configuration.get("FunctionArn", "")).split(":")[:7]),
        handler=str(configuration.get("Handler", "")),
        runtime=str(configuration.get("Runtime", "")),
        timeout=deployed.timeout,
        variables=deployed.variables,
        layers=deployed.layers,
        logical_id=logical_id,
        stack=stack,
        **asdict(read_execution(configuration)),
    )
