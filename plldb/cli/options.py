"""The options that commands share, and what is made of them. Pure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import asyncclick
from asyncclick.core import ParameterSource

from plldb.cli.invocation import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from plldb.cli.invocation import OutputName

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")

ENVIRONMENT = """\b
Environment:
  AWS_PROFILE, AWS_REGION (or                  where to act
  AWS_DEFAULT_REGION), AWS_ENDPOINT_URL
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,    who acts, if it is not
  AWS_SESSION_TOKEN                            a profile, SSO or a role
  HTTPS_PROXY, AWS_CA_BUNDLE                   how to reach AWS
  NO_COLOR, TERM=dumb                          no colours"""

EXIT_CODES = """\b
Exit codes:
  0 done, or nothing to do     2 usage or settings
  1 failed                     3 left in a state that needs a person
                             130 interrupted"""


def place_options(command: Decorated) -> Decorated:
    """Add --profile, --region, --output and --verbose."""
    return _add_place(command, _check_regions, "Region to act in; repeat it to act in several at once.")


def one_place_options(command: Decorated) -> Decorated:
    """Add the same to a command that acts in one region at a time."""
    return _add_place(command, _check_region, "Region to act in.")


def _add_place(command: Decorated, check: Callable[..., Any], region: str) -> Decorated:
    return add_options(
        command,
        asyncclick.option(
            "--profile",
            metavar="NAME",
            callback=_refuse_empty,
            help="Profile in the AWS configuration files.",
        ),
        asyncclick.option(
            "--region",
            "regions",
            multiple=True,
            metavar="REGION",
            callback=check,
            help=region,
        ),
        asyncclick.option(
            "--output",
            type=asyncclick.Choice(["text", "json"]),
            help="Text for people (the default), or JSON lines.",
        ),
        asyncclick.option("--verbose", is_flag=True, help="Log to stderr."),
    )


def add_options(command: Decorated, *options: Callable[[Decorated], Decorated]) -> Decorated:
    """Give ``command`` these options, in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def _refuse_empty(ctx: asyncclick.Context, param: asyncclick.Parameter, value: Any) -> Any:
    """An empty variable of a script must not make it act somewhere else than it means to."""
    if value == "":
        raise asyncclick.BadParameter("it is empty.", ctx=ctx, param=param)
    return value


def _check_region(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    if len(",".join(value).replace(",", " ").split()) > 1:
        raise asyncclick.UsageError(f"{ctx.command.name} acts in one region at a time.", ctx)
    return _check_regions(ctx, param, value)


def _check_regions(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    for region in value:
        _refuse_empty(ctx, param, region)
        if "," in region or " " in region.strip():
            several = " ".join(f"--region {name}" for name in region.replace(",", " ").split())
            raise asyncclick.BadParameter(f"repeat --region for each region: {several}", ctx=ctx, param=param)
    return value


def parse_tags(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> dict[str, str] | None:
    """Turn ``KEY=VALUE`` words into a mapping; None if there are none."""
    tags: dict[str, str] = {}
    for tag in value:
        key, equals, content = tag.partition("=")
        if not key or not equals:
            raise asyncclick.BadParameter(f"{tag!r} is not of the form KEY=VALUE.", ctx=ctx, param=param)
        if key in tags:
            raise asyncclick.BadParameter(f"the tag {key!r} is given twice.", ctx=ctx, param=param)
        tags[key] = content
    return tags or None


def merge_settings(
    ctx: asyncclick.Context,
    *,
    profile: str | None,
    regions: tuple[str, ...],
    output: OutputName | None,
    verbose: bool,
) -> Settings:
    """Return the settings; an option after the command wins over one before it."""
    outer = ctx.obj if isinstance(ctx.obj, Settings) else Settings()
    profile = profile or outer.profile
    regions = regions or outer.regions
    return Settings(
        profile=profile,
        regions=regions,
        shell_profile=None if profile else shell_profile(os.environ),
        shell_region=None if regions else shell_region(os.environ),
        output=output or outer.output,
        verbose=verbose or outer.verbose,
    )


def split_params(ctx: asyncclick.Context, params: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Return the settings that all commands share, and the options of this one."""
    shared = {name: params[name] for name in ("profile", "regions", "output", "verbose")}
    return merge_settings(ctx, **shared), {name: params[name] for name in params if name not in shared}


def shell_profile(environ: Mapping[str, str]) -> str | None:
    """Return the profile that AWS's variables name, None if a run does not act as it.

    botocore prefers credentials in variables to AWS_PROFILE, but not to --profile: with that option the same
    command would act as somebody else.
    """
    if environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return None
    return environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE") or None


def shell_region(environ: Mapping[str, str]) -> str | None:
    """Return the region that AWS's variables name."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def as_typed(ctx: asyncclick.Context, names: Sequence[str]) -> tuple[str, ...]:
    """Return the words that give these options of ``ctx`` again, as they were given."""
    return tuple(word for name in names for word in _words(ctx, name))


def _words(ctx: asyncclick.Context, name: str) -> Iterator[str]:
    if not is_given(ctx, name):
        return
    option = next(param.opts[0] for param in ctx.command.params if param.name == name)
    value = ctx.params[name]
    if value is True:
        yield option
        return
    if isinstance(value, dict):
        value = tuple(f"{key}={item}" for key, item in value.items())
    for each in value if isinstance(value, tuple) else (value,):
        yield from (option, str(each))


def is_given(ctx: asyncclick.Context, name: str) -> bool:
    """Return whether an option was typed, be it with an empty value."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
