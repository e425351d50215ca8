"""What arming adds to a function, and how it is removed again. Pure.

Everything that restoring needs lies on the function itself, in one variable, so that any machine can
restore it. Restoring removes exactly what arming added, and keeps what a deployment has changed since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LAYER_NAME = "plldb-agent"
"""Name of the layer in the stack of plldb; each of its versions is recognised by it."""
WRAPPER = "/opt/plldb/wrapper"
"""Where the layer puts the wrapper script. Layers are unpacked to /opt."""
WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
"""The variable by which Lambda's managed runtimes know a wrapper script (AWS Lambda Developer Guide)."""
VARIABLE = "PLLDB"
"""The one variable of ours."""
ARMED_TIMEOUT = 899
"""Seconds that an armed function may take. 900 is the most that Lambda allows; one less is nobody's choice,
so that a timeout that a deployment has set since is told apart from ours."""
FORMAT = "1"

_LAYER_ARN = re.compile(rf"arn:[^:]+:lambda:[^:]+:\d+:layer:{LAYER_NAME}:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What arming has replaced: the function's own ``timeout`` in seconds and its own ``wrapper``, if any."""

    timeout: int
    wrapper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The value of the variable `VARIABLE`: what agent and wrapper need, and what restoring needs.

    Attributes:
        lease_until: POSIX seconds; from then on the wrapper starts the function as deployed.
        url: address of the WebSocket API.
        token: by which the agent proves whose function it is. A secret.
        replaced: what was there before.
    """

    lease_until: int
    url: str
    token: str = field(repr=False)
    replaced: Replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a function that arming changes. ``variables`` are secret; ``timeout`` is in seconds."""

    timeout: int
    layers: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)


def encode_arms(arms: Arms) -> str:
    """Return the value of the variable. The wrapper comes last: it alone may hold the separator."""
    first = (FORMAT, str(arms.lease_until), arms.url, arms.token, str(arms.replaced.timeout))
    return "|".join((*first, arms.replaced.wrapper))


def read_arms(variables: Mapping[str, str]) -> Arms | None:
    """Return what the variable says; None if it is not there, or not of a form that this version knows."""
    words = variables.get(VARIABLE, "").split("|", 5)
    if len(words) != 6 or words[0] != FORMAT or not (words[1].isdecimal() and words[4].isdecimal()):
        return None
    replaced = Replaced(timeout=int(words[4]), wrapper=words[5])
    return Arms(lease_until=int(words[1]), url=words[2], token=words[3], replaced=replaced)


def is_our_layer(arn: str) -> bool:
    """Tell whether a layer is plldb's, in whatever version."""
    return _LAYER_ARN.fullmatch(arn) is not None


def is_touched(settings: Settings, known: Replaced | None = None) -> bool:
    """Tell whether anything of ours is on a function; ``known`` is what its row says that was replaced."""
    return (
        VARIABLE in settings.variables
        or settings.variables.get(WRAPPER_VARIABLE) == WRAPPER
        or any(map(is_our_layer, settings.layers))
        # A deployment that says nothing of the timeout has replaced the rest.
        or (known is not None and settings.timeout == ARMED_TIMEOUT != known.timeout)
    )


def is_whole(settings: Settings, token: str) -> bool:
    """Tell whether all that arming with this token puts on a function is there."""
    arms = read_arms(settings.variables)
    return (
        arms is not None
        and arms.token == token
        and settings.variables.get(WRAPPER_VARIABLE) == WRAPPER
        and any(map(is_our_layer, settings.layers))
        and settings.timeout == ARMED_TIMEOUT
    )


def replaced_by_arming(settings: Settings) -> Replaced:
    """Return what arming these settings would replace."""
    return Replaced(timeout=settings.timeout, wrapper=settings.variables.get(WRAPPER_VARIABLE, ""))


def arm_settings(deployed: Settings, arms: Arms, layer: str) -> Settings:
    """Return the settings of an armed function. ``deployed`` has nothing of ours: see `restore_settings`."""
    ours = {WRAPPER_VARIABLE: WRAPPER, VARIABLE: encode_arms(arms)}
    return Settings(
        timeout=ARMED_TIMEOUT,
        layers=(*deployed.layers, layer),
        variables={**deployed.variables, **ours},
    )


def restore_settings(current: Settings, known: Replaced | None = None) -> Settings:
    """Return the settings without anything of ours; what a deployment has changed since stays.

    Args:
        current: as the function is now.
        known: what was replaced, from elsewhere, in case that the variable has gone.
    """
    arms = read_arms(current.variables)
    replaced = arms.replaced if arms else known
    variables = {name: value for name, value in current.variables.items() if name != VARIABLE}
    if variables.get(WRAPPER_VARIABLE) == WRAPPER:
        del variables[WRAPPER_VARIABLE]
        if replaced and replaced.wrapper:
            variables[WRAPPER_VARIABLE] = replaced.wrapper
    # A timeout of another value is a deployment's. 899 of a function that nobody knows is the owner's own.
    return Settings(
        timeout=replaced.timeout if replaced and current.timeout == ARMED_TIMEOUT else current.timeout,
        layers=tuple(arn for arn in current.layers if not is_our_layer(arn)),
        variables=variables,
    )
