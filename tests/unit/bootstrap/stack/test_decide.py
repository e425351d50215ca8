"""Every status of a stack and each of setup, destroy and watch: what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.errors import StackNotOursError, StackStuckError
from plldb.bootstrap.stack.decide import (
    DESTROY,
    OWNER_TAG,
    OWNER_VALUE,
    SETUP,
    VERSION_TAG,
    WATCH,
    StackSnapshot,
    Step,
    decide,
    is_deployed,
    users_tags,
    wanted_tags,
)
from plldb.bootstrap.stack.statuses import StackStatus as S

pytestmark = pytest.mark.once

A, N, D, R, U, C = Step.ATTACH, Step.NOTHING, Step.DELETE, Step.REMOVE, Step.UPDATE, Step.CREATE
CONTINUE, STUCK = Step.CONTINUE_ROLLBACK, StackStuckError
Expected = Step | type[StackStuckError]

# status: (setup, destroy, watch)
TABLE: dict[S | None, tuple[Expected, Expected, Expected]] = {
    None: (C, N, N),
    S.CREATE_IN_PROGRESS: (A, A, A),
    S.CREATE_FAILED: (R, D, N),
    S.CREATE_COMPLETE: (U, D, N),
    S.ROLLBACK_IN_PROGRESS: (A, A, A),
    S.ROLLBACK_FAILED: (R, D, N),
    S.ROLLBACK_COMPLETE: (R, D, N),
    S.DELETE_IN_PROGRESS: (A, A, A),
    S.DELETE_FAILED: (R, D, N),
    S.DELETE_COMPLETE: (C, N, N),
    S.UPDATE_IN_PROGRESS: (A, A, A),
    S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: (A, A, A),
    S.UPDATE_COMPLETE: (U, D, N),
    S.UPDATE_FAILED: (U, D, N),
    S.UPDATE_ROLLBACK_IN_PROGRESS: (A, A, A),
    S.UPDATE_ROLLBACK_FAILED: (CONTINUE, D, N),
    S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: (A, A, A),
    S.UPDATE_ROLLBACK_COMPLETE: (U, D, N),
    S.REVIEW_IN_PROGRESS: (R, D, N),
    S.IMPORT_IN_PROGRESS: (A, A, A),
    S.IMPORT_COMPLETE: (U, D, N),
    S.IMPORT_ROLLBACK_IN_PROGRESS: (A, A, A),
    S.IMPORT_ROLLBACK_FAILED: (STUCK, D, N),
    S.IMPORT_ROLLBACK_COMPLETE: (U, D, N),
}
PLANS: list[Mapping[S | None, Step]] = [SETUP, DESTROY, WATCH]
OWN_TAGS = wanted_tags("1.0", {})


def stack(
    status: S, *, protected: bool = False, tags: tuple[tuple[str, str], ...] = OWN_TAGS
) -> StackSnapshot:
    return StackSnapshot(
        stack_id="arn:aws:cloudformation:eu-west-1:123456789012:stack/plldb/1",
        name="plldb",
        status=status,
        status_reason="",
        protected=protected,
        tags=tags,
        outputs=(),
        created=datetime(2026, 11, 23, tzinfo=UTC),
        updated=None,
    )


CASES = [
    pytest.param(status, plan, step, id=f"{status}-{name}")
    for status, steps in TABLE.items()
    for name, plan, step in zip(("setup", "destroy", "watch"), PLANS, steps, strict=True)
]


def test_the_tables_have_every_status_and_no_stack() -> None:
    assert all(plan.keys() == TABLE.keys() == {None, *S} for plan in PLANS)


@pytest.mark.parametrize(("status", "plan", "expected"), CASES)
def test_each_status_leads_to_its_step(
    status: S | None, plan: Mapping[S | None, Step], expected: Expected
) -> None:
    snapshot = stack(status) if status else None
    if isinstance(expected, Step):
        assert decide(snapshot, plan) is expected
    else:
        with pytest.raises(expected, match=str(status)) as raised:
            decide(snapshot, plan)
        assert (raised.value.stack, raised.value.status) == ("plldb", status)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize(
    "tags", [(), ((OWNER_TAG, "else"),), (("plldb", OWNER_VALUE),), ((VERSION_TAG, "1.0"),)]
)
def test_a_stack_that_plldb_did_not_create_is_never_touched(
    status: S, plan: Mapping[S | None, Step], tags: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(StackNotOursError, match="did not create") as raised:
        decide(stack(status, tags=tags, protected=True), plan)
    assert raised.value.status == status


@pytest.mark.parametrize(("status", "plan", "expected"), [case for case in CASES if case.values[0]])
def test_a_protected_stack_is_neither_removed_nor_deleted(
    status: S, plan: Mapping[S | None, Step], expected: Expected
) -> None:
    snapshot = stack(status, protected=True)
    if expected in (Step.REMOVE, Step.DELETE):
        with pytest.raises(StackStuckError, match="termination protection") as raised:
            decide(snapshot, plan)
        assert raised.value.hint is not None
        assert raised.value.hint.kind == "unprotect-stack"
    elif isinstance(expected, Step):
        assert decide(snapshot, plan) is expected


def test_watching_never_changes_anything() -> None:
    assert set(WATCH.values()) == {Step.ATTACH, Step.NOTHING}


@pytest.mark.parametrize("status", S)
def test_a_stack_is_deployed_if_body_and_tags_are_the_same_unless_its_update_failed(status: S) -> None:
    shuffled = tuple(reversed(OWN_TAGS))
    found = is_deployed(stack(status, tags=shuffled), "body", "body", OWN_TAGS)
    assert found is (status is not S.UPDATE_FAILED)


@pytest.mark.parametrize(("deployed", "version"), [("other", "1.0"), (None, "1.0"), ("body", "2.0")])
def test_a_stack_with_another_body_or_other_tags_is_not_deployed(deployed: str | None, version: str) -> None:
    assert not is_deployed(stack(S.CREATE_COMPLETE), deployed, "body", wanted_tags(version, {}))


@given(st.dictionaries(st.text(max_size=3) | st.sampled_from([OWNER_TAG, VERSION_TAG]), st.text(max_size=3)))
def test_the_users_tags_come_back_and_never_replace_plldbs_own(users: dict[str, str]) -> None:
    tags = wanted_tags("1.0", users)
    snapshot = replace(stack(S.CREATE_COMPLETE), tags=tags)
    assert (snapshot.ours, snapshot.plldb_version) == (True, "1.0")
    assert users_tags(snapshot) == {k: v for k, v in users.items() if k not in (OWNER_TAG, VERSION_TAG)}
    assert list(tags) == sorted(tags)


def test_without_a_stack_there_are_no_tags() -> None:
    assert users_tags(None) == {}
    assert stack(S.CREATE_COMPLETE, tags=()).plldb_version is None
