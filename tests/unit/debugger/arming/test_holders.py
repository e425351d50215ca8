"""Who holds a function: persons, conditions, joining and leaving."""

from __future__ import annotations

import pytest

from plldb.debugger.arming.holders import (
    MOST,
    Hold,
    Holder,
    Holding,
    can_share,
    excludes,
    hold_of,
    in_the_way,
    item_of,
    join,
    leave,
    staying,
)
from plldb.debugger.arming.settings import Replaced

ROLE = "arn:aws:sts::123456789012:assumed-role"


@pytest.mark.parametrize(
    ("who", "host", "same"),
    [
        (f"{ROLE}/dev/botocore-session-1700000000", "desk", True),
        (f"{ROLE}/dev/botocore-session-1800000000", "desk", True),
        (f"{ROLE}/dev/botocore-session-1700000000", "laptop", True),
        (f"{ROLE}/dev/botocore-session-1800000000", "laptop", False),
        (f"{ROLE}/admin/botocore-session-1800000000", "desk", False),
        (f"{ROLE}/dev/boris", "desk", False),
        ("", "desk", False),
    ],
)
def test_the_same_person_is_recognised_in_another_process(who: str, host: str, same: bool) -> None:
    holder = Holder(session="s", who=f"{ROLE}/dev/botocore-session-1700000000", host="desk", stack="shop")
    assert holder.is_person(who, host) is same


NOW = 1_000


def holding(name: str, *where: str, until: int = 2 * NOW) -> Holding:
    holder = Holder(session=name, who=f"user/{name}", host="desk", stack="shop")
    return Holding(holder=holder, since=1, lease_until=until, proof=f"proof of {name}", where=where)


def hold(*holders: Holding, token: str = "shared") -> Hold:
    return Hold(arn="arn", token_hash=token, replaced=Replaced(timeout=3, wrapper=""), holders=holders)


ADA, BOB, ENDED = holding("ada", "who=ada"), holding("bob", "who=bob"), holding("ended", "who=me", until=NOW)


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        ((), (), True),
        ((), ("a=1",), True),
        (("a=1",), ("a=1",), True),
        (("a=1", "b=2"), ("b=2", "a=1"), True),
        (("a=1",), ("a=1", "a=1"), True),
        (("headers.X-Debug=me",), ("headers.x-debug=me",), True),
        (("a.headers.X\\-Debug=m**e",), ("a.headers.x-debug=m*e",), True),
        (("headers.x=Me",), ("headers.x=me",), False),
        (("query.X=me",), ("query.x=me",), False),
        (("a=*",), ("a=**",), True),
        (("a=",), ("a=*",), False),
        (("not read",), ("not read",), True),
        (("not read",), ("a=1",), False),
        (("a=1",), ("a=2",), False),
        (("a=1",), ("a=1", "b=2"), False),
    ],
)
def test_two_sessions_exclude_each_other_unless_both_have_conditions_that_differ(
    one: tuple[str, ...], other: tuple[str, ...], excluded: bool
) -> None:
    assert excludes(one, other) is excludes(other, one) is excluded


@pytest.mark.parametrize(
    ("before", "me", "instead_of", "way", "after"),
    [
        (None, holding("me"), (), [], ["me"]),
        (hold(ADA), holding("me"), (), ["ada"], None),
        (hold(ADA, BOB), holding("me"), (), ["ada", "bob"], None),
        (hold(ADA, BOB), holding("me", "who=bob"), (), ["bob"], None),
        (hold(holding("all")), holding("me", "who=me"), (), ["all"], None),
        (hold(ADA), holding("me", "who=me"), (), [], ["ada", "me"]),
        (hold(ENDED), holding("me"), (), [], ["me"]),
        (hold(ENDED, ADA), holding("me", "who=me"), (), [], ["ada", "me"]),
        (hold(ADA, BOB), holding("me", "who=bob"), ("bob",), [], ["ada", "me"]),
        (hold(ADA, BOB), holding("me"), ("ada", "bob"), [], ["me"]),
        (hold(ADA, BOB), ADA, (), [], ["bob", "ada"]),
    ],
)
def test_who_joins_and_who_is_in_the_way(
    before: Hold | None, me: Holding, instead_of: tuple[str, ...], way: list[str], after: list[str] | None
) -> None:
    if before and me is not ADA:
        found = in_the_way(before, me.where, now=NOW, without=instead_of).holders
        assert [each.holder.session for each in found] == way
    if after is not None:
        joined = join(before, hold(me, token="mine"), now=NOW, instead_of=instead_of)
        assert [each.holder.session for each in joined.holders] == after
        assert joined.token_hash == ("shared" if len(after) > 1 else "mine")
        assert hold_of(item_of(joined)) == joined


def test_conditions_of_ones_own_let_join_only_those_who_all_have_some() -> None:
    several = [holding(str(number), f"who={number}") for number in range(MOST)]
    assert can_share(hold(*several[1:]))
    assert not can_share(hold(*several))
    assert not can_share(hold(ADA, holding("all")))


def test_who_leaves_leaves_the_others_and_what_could_not_be_armed_goes_back() -> None:
    assert staying(hold(ADA, BOB), lambda each: each is ADA) == (BOB,)
    assert staying(hold(ADA), lambda each: each is ADA) == ()
    assert leave(hold(ADA, BOB), "bob", None) == hold(ADA)
    assert leave(hold(BOB), "bob", None) is None
    assert leave(hold(BOB), "bob", hold(ADA)) == hold(ADA)


def test_a_row_of_a_plldb_that_knew_one_holder_is_its_hold() -> None:
    whole = item_of(hold(ADA))
    (named,) = whole.pop("Holders")["L"]
    assert hold_of({**named["M"], **{name: whole[name] for name in whole if name != "Version"}}) == hold(ADA)
