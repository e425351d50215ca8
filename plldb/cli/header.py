"""Who acts where, as every command says it first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.layout import Line

if TYPE_CHECKING:
    from plldb.aws.place import Target


def target_lines(target: Target) -> list[Line]:
    """Return account, region and caller; an endpoint that is not AWS's stands out."""
    endpoint = [Line(name="endpoint", text=target.endpoint_url, tone="warn")] if target.endpoint_url else []
    return [
        Line(name="account", text=f"{target.account}, region {target.region}"),
        Line(name="caller", text=target.caller_arn),
        *endpoint,
    ]
