"""The options that commands share, and what is made of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import asyncclick

from plldb.cli.jobs import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plldb.cli.jobs import OutputName

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")

ENVIRONMENT = """\b
Environment:
  AWS_PROFILE, AWS_REGION (or                  where to act
  AWS_DEFAULT_REGION), AWS_ENDPOINT_URL
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,    who acts, if it is not
  AWS_SESSION_TOKEN                            a profile, SSO or a role
  HTTPS_PROXY, AWS_CA_BUNDLE                   how to get there
  NO_COLOR, TERM=dumb                          no colours"""

EXIT_CODES = """\b
Exit codes:
  0 done, or nothing to do     2 usage or settings
  1 failed                     3 left in a state that needs a person
                             130 interrupted"""


def place_options(command: Decorated) -> Decorated:
    """Adds --profile, --region, --output and --verbose."""
    options = [
        asyncclick.option(
            "--profile",
            metavar="NAME",
            callback=_refuse_empty,
            help="Profile of AWS's own configuration files.",
        ),
        asyncclick.option(
            "--region",
            "regions",
            multiple=True,
            metavar="REGION",
            callback=_refuse_empty,
            help="Region to act in; give it again for several, side by side.",
        ),
        asyncclick.option(
            "--output",
            type=asyncclick.Choice(["text", "json"]),
            help="For a person (the default), or JSON lines.",
        ),
        asyncclick.option("--verbose", is_flag=True, help="Logs on stderr."),
    ]
    return _apply(options, command)


def setup_options(command: Decorated) -> Decorated:
    """Adds what only setup takes."""
    options = [
        asyncclick.option("--dry-run", is_flag=True, help="Show what would happen and change nothing."),
        asyncclick.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="KEY=VALUE",
            callback=_parse_tags,
            help="Tag for the stack and its resources; may be given again.",
        ),
        asyncclick.option(
            "--permissions-boundary", metavar="ARN", help="Permissions boundary for the two roles."
        ),
    ]
    return _apply(options, command)


def _apply(options: Sequence[Callable[[Decorated], Decorated]], command: Decorated) -> Decorated:
    for option in reversed(options):
        command = option(command)
    return command


def _refuse_empty(ctx: asyncclick.Context, param: asyncclick.Parameter, value: Any) -> Any:
    """An empty variable of a script must not make it act somewhere else than it means to."""
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise asyncclick.BadParameter("it is empty.", ctx=ctx, param=param)
    return value


def _parse_tags(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> dict[str, str] | None:
    tags = {}
    for tag in value:
        key, equals, content = tag.partition("=")
        if not key or not equals:
            raise asyncclick.BadParameter(f"{tag!r} is not of the form KEY=VALUE.", ctx=ctx, param=param)
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
    """What stands behind the command wins over what stands before it."""
    outer = ctx.obj if isinstance(ctx.obj, Settings) else Settings()
    return Settings(
        profile=profile or outer.profile,
        regions=regions or outer.regions,
        output=output or outer.output,
        verbose=verbose or outer.verbose,
    )
