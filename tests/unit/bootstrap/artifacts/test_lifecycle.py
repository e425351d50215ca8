"""The lifecycle rule beside those of others: what goes back to S3."""

from __future__ import annotations

from typing import Any

import pytest

from plldb.bootstrap.artifacts.lifecycle import LIFECYCLE_RULE, has_lifecycle_rule, with_lifecycle_rule

REST = {"ID": "theirs", "Status": "Enabled", "Expiration": {"Days": 1}}
NEW = REST | {"Filter": {"Prefix": "x/"}}


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ([NEW], [NEW]),
        ([LIFECYCLE_RULE | {"Status": "Disabled"}, NEW], [NEW]),
        # The old form says the same, and S3 takes no document with rules of both.
        ([REST | {"Prefix": "x/"}], [NEW]),
        ([REST | {"Prefix": ""}], [REST | {"Filter": {"Prefix": ""}}]),
        ([REST], [REST]),
        ([], []),
    ],
)
def test_other_rules_stay(found: list[Any], written: list[Any]) -> None:
    rules = {"LifecycleConfiguration": {"Rules": [*written, LIFECYCLE_RULE]}}
    assert with_lifecycle_rule({"Rules": found}) == rules
    size = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    assert with_lifecycle_rule({"Rules": found, **size}) == {**rules, **size}


def test_the_rule_is_known_in_the_old_form_too() -> None:
    old = {name: value for name, value in LIFECYCLE_RULE.items() if name != "Filter"} | {"Prefix": "plldb/"}
    assert has_lifecycle_rule({"Rules": [NEW, old]})
    assert not has_lifecycle_rule({"Rules": [NEW, old | {"Status": "Disabled"}]})
    assert not has_lifecycle_rule({})
