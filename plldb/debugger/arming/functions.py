"""Functions as Lambda has them: read, change, wait. Talks to Lambda.

botocore's dicts end here and in ``examine.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.debugger.arming.examine import Function, function_of
from plldb.debugger.arming.settings import Settings, is_our_layer, is_touched
from plldb.debugger.pace import Pace
from plldb.errors import AwsError, Hint
from plldb.tasks import gather_all

GONE = "ResourceNotFoundException"
CHANGED = "PreconditionFailedException"
"""The function is no longer at the revision that the update named."""
BUSY = "ResourceConflictException"
"""Another update is under way."""
LATEST = "$LATEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedVersion:
    """A version that was published while the function was armed, and the aliases that point at it."""

    version: str
    aliases: tuple[str, ...]


class Throttle:
    """Spaces requests so that there are not more of them a second than Lambda allows."""

    def __init__(self, calls_a_second: float) -> None:
        self._gap = 1 / calls_a_second
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the next request is allowed."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._next)
        self._next = start + self._gap
        await asyncio.sleep(start - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda:
    """Lambda in one account and region."""

    aws: Aws
    client: Any
    pace: Pace
    throttle: Throttle

    async def call(self, method: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        """Send a request of the control plane, of which Lambda allows 15 a second."""
        await self.throttle.wait()
        return await self.aws.call(method, **arguments)


async def open_lambda(aws: Aws, pace: Pace) -> Lambda:
    """Return the client; nothing is asked of Lambda yet."""
    return Lambda(
        aws=aws, client=await aws.client("lambda"), pace=pace, throttle=Throttle(pace.calls_a_second)
    )


async def read_function(where: Lambda, name: str) -> Function | None:
    """Return the function as it is now, None if it does not exist.

    By GetFunction, of which 100 a second are allowed: it is not counted among the others.

    Raises:
        AwsError: Lambda refused, or could not be reached.
    """
    try:
        answer = await where.aws.call(where.client.get_function, FunctionName=name)
    except AwsError as error:
        if error.aws_code == GONE:
            return None
        raise
    return function_of(answer.get("Configuration", {}))


def arn_of(target: Target, name: str) -> str:
    """Return the ARN of a function of this account and region. Pure."""
    return f"arn:{target.partition}:lambda:{target.region}:{target.account}:function:{name}"


async def is_signing_enforced(where: Lambda, name: str) -> bool:
    """Tell whether Lambda accepts only signed layers for this function."""
    found = await where.call(where.client.get_function_code_signing_config, FunctionName=name)
    if not (arn := found.get("CodeSigningConfigArn")):
        return False
    answer = await where.call(where.client.get_code_signing_config, CodeSigningConfigArn=arn)
    policies = (answer.get("CodeSigningConfig") or {}).get("CodeSigningPolicies") or {}
    return policies.get("UntrustedArtifactOnDeployment") == "Enforce"


async def find_missing_layer(where: Lambda, layers: tuple[str, ...]) -> str:
    """Return a layer of these that does not exist any more, else an empty string.

    With one of them gone Lambda refuses any change of the list. A layer of another account that may be used
    but not read is taken to be there.
    """
    there = await gather_all(*[_is_layer_there(where, arn) for arn in layers])
    return next((arn for arn, is_there in zip(layers, there, strict=True) if not is_there), "")


async def _is_layer_there(where: Lambda, arn: str) -> bool:
    try:
        await where.call(where.client.get_layer_version_by_arn, Arn=arn)
    except AwsError as error:
        if error.aws_code != GONE and error.code != "access-denied":
            raise
        return error.aws_code != GONE
    return True


async def write_settings(where: Lambda, function: Function, settings: Settings) -> Function:
    """Change what differs from the function as it was read, unless it has changed since.

    Raises:
        AwsError: `CHANGED` if it is not, `BUSY` while another update runs, `GONE`; or what Lambda refuses.
    """
    answer = await where.call(
        where.client.update_function_configuration,
        FunctionName=function.arn,
        RevisionId=function.revision,
        **_changes(function.settings, settings),
    )
    return function_of(answer)


def _changes(old: Settings, new: Settings) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if new.timeout != old.timeout:
        changes["Timeout"] = new.timeout
    if new.layers != old.layers:
        changes["Layers"] = [*new.layers]
    if new.variables != old.variables:
        changes["Environment"] = {"Variables": {**new.variables}}
    return changes


async def wait_until_updated(where: Lambda, name: str) -> Function | None:
    """Wait until no update of the function is under way; None if it is gone meanwhile.

    Raises:
        AwsError: it takes longer than `Pace.update_for`.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + where.pace.update_for
    while (function := await read_function(where, name)) is not None and function.updating:
        if loop.time() >= give_up:
            raise AwsError(
                f"An update of {name} has not finished within {where.pace.update_for:g} s.",
                service="lambda",
                operation="UpdateFunctionConfiguration",
                hint=Hint("wait", "Try again when Lambda has finished it."),
            )
        await asyncio.sleep(where.pace.update_poll)
    return function


async def list_touched_functions(where: Lambda) -> tuple[str, ...]:
    """Return the names of all functions of this account and region that have anything of ours on them."""
    found = []
    async for configuration in _pages(where, where.client.list_functions, "Functions"):
        function = function_of(configuration)
        if is_touched(function.settings):
            found.append(function.name)
    return tuple(found)


async def list_names(where: Lambda) -> AsyncIterator[str]:
    """Yield the names of all functions of this account and region.

    Raises:
        AwsError: Lambda refused, or could not be reached.
    """
    async for configuration in _pages(where, where.client.list_functions, "Functions"):
        yield function_of(configuration).name


async def find_armed_versions(where: Lambda, name: str) -> tuple[ArmedVersion, ...]:
    """Return the published versions that have our layer: they were published while the function was armed."""
    armed = []
    async for version in _pages(where, where.client.list_versions_by_function, "Versions", FunctionName=name):
        layers = [layer.get("Arn", "") for layer in version.get("Layers") or ()]
        if version.get("Version", LATEST) != LATEST and any(map(is_our_layer, layers)):
            armed.append(str(version["Version"]))
    if not armed:
        return ()
    aliases = [
        alias async for alias in _pages(where, where.client.list_aliases, "Aliases", FunctionName=name)
    ]
    return tuple(
        ArmedVersion(
            version=version,
            aliases=tuple(alias.get("Name", "") for alias in aliases if _points_at(alias, version)),
        )
        for version in armed
    )


def _points_at(alias: Mapping[str, Any], version: str) -> bool:
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return alias.get("FunctionVersion") == version or version in weights


async def _pages(where: Lambda, method: Any, member: str, **arguments: str) -> AsyncIterator[Any]:
    marker: dict[str, str] = {}
    while True:
        page = await where.call(method, **arguments, **marker)
        for each in page.get(member) or ():
            yield each
        if not page.get("NextMarker"):
            return
        marker = {"Marker": page["NextMarker"]}
