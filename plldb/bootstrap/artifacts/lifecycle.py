"""The lifecycle rule that plldb wants, beside the rules of others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LIFECYCLE_ID = "plldb-expire-old-versions"
# Long enough for any rollback of CloudFormation to find the code that it goes back to.
OLD_VERSION_DAYS = 30
UNFINISHED_UPLOAD_DAYS = 7
LIFECYCLE_RULE: dict[str, Any] = {
    "ID": LIFECYCLE_ID,
    "Status": "Enabled",
    "Filter": {"Prefix": "plldb/"},
    "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSION_DAYS},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_UPLOAD_DAYS},
}
# Of the whole document; S3 has a default for a document without it, which is not what there may be.
_MINIMUM_SIZE = "TransitionDefaultMinimumObjectSize"


def has_lifecycle_rule(found: Mapping[str, Any]) -> bool:
    """Tell whether the rule is among those that S3 answered with."""
    return LIFECYCLE_RULE in [_of_today(rule) for rule in found.get("Rules", [])]


def with_lifecycle_rule(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that write the rule; what others set stays, rules and all."""
    rules = [*map(_of_today, foreign_rules(found)), LIFECYCLE_RULE]
    kept = {_MINIMUM_SIZE: found[_MINIMUM_SIZE]} if _MINIMUM_SIZE in found else {}
    return {"LifecycleConfiguration": {"Rules": rules}, **kept}


def foreign_rules(found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the rules that plldb did not write."""
    return [rule for rule in found.get("Rules", []) if rule.get("ID") != LIFECYCLE_ID]


def name_rules(found: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of the rules of others, if S3 does not take the document."""
    return [
        f"the rule {rule['ID']!r}" if rule.get("ID") else f"the rule no. {number}"
        for number, rule in enumerate(foreign_rules(found), start=1)
    ]


def _of_today(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of the old form in today's, which says the same; S3 takes no document that has both."""
    if "Prefix" not in rule or "Filter" in rule:
        return dict(rule)
    rest = {name: value for name, value in rule.items() if name != "Prefix"}
    return {**rest, "Filter": {"Prefix": rule["Prefix"]}}
