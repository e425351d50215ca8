"""What the caller wants of the stack beyond plldb's own template: tags, a permissions boundary. Pure.

Both are kept by later setups until they are changed. AWS itself remembers them: the tags on the
stack, the boundary in the template that the stack was made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import plldb
from plldb.bootstrap.stack.decide import StackSnapshot, users_tags, wanted_tags
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.bootstrap.template import add_permissions_boundary, read_permissions_boundary, render_template
from plldb.errors import Hint, SettingsError

POLICY_ARN = re.compile(r"arn:[a-z0-9-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+")
# "Tag naming limits and requirements" of the AWS tagging guide; 50 tags in all, two are plldb's own.
LONGEST_KEY = 128
LONGEST_VALUE = 256
MOST_TAGS = 48
RESERVED = ("aws:", "plldb:")
# What IAM takes, whose roles get the tags as well ("TagRole" in its API reference).
TAG_CHARACTERS = re.compile(r"[\w .:/=+@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOptions:
    """What the caller wants of the stack beyond plldb's own template.

    Attributes:
        tags: for the stack and its resources, instead of those of the last setup; None keeps them.
        permissions_boundary: ARN of an IAM policy that bounds the roles; None keeps that of the last setup,
            an empty string removes it.

    Raises:
        SettingsError: a tag or the ARN cannot be right; the message names it.
    """

    tags: Mapping[str, str] | None = None
    permissions_boundary: str | None = None

    def __post_init__(self) -> None:
        for key, value in (self.tags or {}).items():
            _check_tag(key, value)
        if len(self.tags or {}) > MOST_TAGS:
            raise SettingsError(
                f"{len(self.tags or {})} tags are too many.",
                hint=Hint("fix-argument", f"AWS leaves room for {MOST_TAGS} of yours."),
            )
        if self.permissions_boundary and not POLICY_ARN.fullmatch(self.permissions_boundary):
            raise SettingsError(
                f"{self.permissions_boundary!r} cannot be the ARN of a permissions boundary.",
                hint=Hint("fix-argument", "It looks like arn:aws:iam::123456789012:policy/NAME."),
            )


def _check_tag(key: str, value: str) -> None:
    wrong = not 0 < len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE or key.lower().startswith(RESERVED)
    if wrong or not TAG_CHARACTERS.fullmatch(key + value):
        raise SettingsError(
            f"The tag {key!r}={value!r} is not possible.",
            hint=Hint(
                "fix-argument",
                f"A key has 1 to {LONGEST_KEY} characters and does not begin with "
                f"{' or '.join(RESERVED)}; a value has {LONGEST_VALUE} at most. "
                "Letters, digits, spaces and _ . : / = + - @ are allowed.",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The options of the last setup, as the stack and its template show them."""

    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: str = ""


KEEP_OPTIONS = SetupOptions()
"""Everything as the last setup left it."""


def remember(snapshot: StackSnapshot | None, deployed_body: str | None) -> Deployed:
    """Return the options that a stack and its template show; none if somebody is deleting the stack."""
    if snapshot is None or snapshot.status is StackStatus.DELETE_IN_PROGRESS:
        return Deployed()
    boundary = read_permissions_boundary(deployed_body) if deployed_body else ""
    return Deployed(tags=users_tags(snapshot), permissions_boundary=boundary)


def render_stack(
    options: SetupOptions, deployed: Deployed, text: str, values: Mapping[str, str]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the template for CloudFormation and the tags of the stack.

    Raises:
        TemplateError: template and handlers do not fit each other.
    """
    body = render_template(text, values).body
    boundary = options.permissions_boundary
    if boundary is None:
        boundary = deployed.permissions_boundary
    if boundary:
        body = add_permissions_boundary(body, boundary)
    users = deployed.tags if options.tags is None else options.tags
    return body, wanted_tags(plldb.__version__, users)


def placeholder_values(bucket: str, artifacts: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return what the placeholders of the template stand for; artifacts are (function, key, version)."""
    values = {"version": plldb.__version__, "bucket": bucket}
    for function_name, key, version_id in artifacts:
        values[f"{function_name}.key"] = key
        values[f"{function_name}.version_id"] = version_id
    return values
