"""Tags and permissions boundary: what is possible, what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

import plldb
from plldb.bootstrap.options import Deployed, SetupOptions, placeholder_values, remember, render_stack
from plldb.bootstrap.stack.decide import StackSnapshot, wanted_tags
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.errors import SettingsError

ARN = "arn:aws:iam::123456789012:policy/team/boundary"
ROLE = (
    "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      Description: __plldb.version__\n"
)
VALUES = {"version": "V"}


def stack(**users: str) -> StackSnapshot:
    return StackSnapshot(
        stack_id="arn:x",
        name="plldb",
        status=StackStatus.CREATE_COMPLETE,
        status_reason="",
        protected=False,
        tags=wanted_tags("0.1", users),
        outputs=(),
        created=datetime(2026, 11, 23, tzinfo=UTC),
        updated=None,
    )


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ({"aws:x": "1"}, "'aws:x'='1'"),
        ({"PLLDB:version": "1"}, "'PLLDB:version'"),
        ({"": "1"}, "''='1'"),
        ({"k" * 129: "1"}, "is not possible"),
        ({"k": "v" * 257}, "is not possible"),
        ({"budget": "10%"}, "'budget'='10%'"),
        ({"a,b": ""}, "'a,b'"),
        ({f"k{n}": "" for n in range(49)}, "49 tags are too many"),
    ],
)
def test_tags_that_aws_would_not_take_are_named(tags: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        SetupOptions(tags=tags)


def test_tags_at_the_limits_are_fine() -> None:
    SetupOptions(tags={"Größe der Stufe": "a_b.c:d/e=f+g-h@i 1"})
    SetupOptions(tags={"k" * 128: "v" * 256, **{f"k{n}": "" for n in range(47)}})


@pytest.mark.parametrize("arn", ["boundary", "arn:aws:iam::123456789012:role/x", f"{ARN} ", f"{ARN}\n"])
def test_what_cannot_be_a_boundary_is_named(arn: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the ARN"):
        SetupOptions(permissions_boundary=arn)


@pytest.mark.parametrize("arn", [ARN, "arn:aws-cn:iam::aws:policy/ReadOnlyAccess", ""])
def test_a_boundary_may_be_of_the_account_or_of_aws_or_none(arn: str) -> None:
    assert SetupOptions(permissions_boundary=arn).permissions_boundary == arn


def test_a_boundary_is_kept_by_later_setups_until_it_is_removed() -> None:
    first, _ = render_stack(SetupOptions(permissions_boundary=ARN), Deployed(), ROLE, VALUES)
    assert f'PermissionsBoundary: "{ARN}"' in first
    second, _ = render_stack(SetupOptions(), remember(stack(), first), ROLE, VALUES)
    assert second == first
    third, _ = render_stack(SetupOptions(permissions_boundary=""), remember(stack(), first), ROLE, VALUES)
    assert third == ROLE.replace("__plldb.version__", '"V"')


def test_tags_are_kept_by_later_setups_until_they_are_changed() -> None:
    deployed = remember(stack(team="a"), None)
    kept = render_stack(SetupOptions(), deployed, ROLE, VALUES)[1]
    assert kept == wanted_tags(plldb.__version__, {"team": "a"})
    assert render_stack(SetupOptions(tags={}), deployed, ROLE, VALUES)[1] == wanted_tags(
        plldb.__version__, {}
    )


def test_nothing_is_kept_of_a_stack_that_is_being_deleted() -> None:
    deleting = replace(stack(team="a"), status=StackStatus.DELETE_IN_PROGRESS)
    assert remember(deleting, None) == remember(None, None) == Deployed()


def test_placeholders_stand_for_version_bucket_and_each_artifact() -> None:
    assert placeholder_values("b", [("f", "key", "v1")]) == {
        "version": plldb.__version__,
        "bucket": "b",
        "f.key": "key",
        "f.version_id": "v1",
    }
