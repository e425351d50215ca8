"""The bucket policy that plldb wants: compared in normal form, added beside what others wrote. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

TLS_SID = "PlldbTlsOnly"
# IAM reads these without regard to case ("IAM JSON policy elements: Action").
_CASELESS = frozenset({"Action", "NotAction"})
# What S3 shows for a role, user, group or instance profile that is gone: the unique id it had ("IAM
# identifiers" in the IAM user guide). A policy with one in it can be read and cannot be written back.
_GONE = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}")


def tls_statement(arn: str) -> dict[str, Any]:
    """Return the statement that refuses every request to the bucket ``arn`` without TLS."""
    return {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        # moto tells actions apart by case, and ignores Condition: in lower case this would deny plldb's own
        # requests there.
        "Action": "S3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def has_tls_statement(policy: str, arn: str) -> bool:
    """Tell whether a policy has that statement, in whichever order and form S3 gives it back."""
    wanted = normal_form(tls_statement(arn))
    return any(normal_form(each) == wanted for each in _statements(policy))


def with_tls_statement(policy: str, arn: str) -> str:
    """Return the policy with the statement; everything else in it stays, its version and id among that."""
    # Without a version a policy is read as one of 2008, where ${…} is no variable: only a new one gets one.
    document = json.loads(policy) if policy else {"Version": "2012-10-17"}
    return json.dumps({**document, "Statement": [*foreign_statements(policy), tls_statement(arn)]})


def foreign_statements(policy: str) -> list[dict[str, Any]]:
    """Return the statements that plldb did not write."""
    return [each for each in _statements(policy) if each.get("Sid") != TLS_SID]


def name_statements(policy: str) -> list[str]:
    """Return what is to be said of the statements of others, if S3 does not take the policy.

    Those whose principal is gone, for they are the reason; else all of them.
    """
    named, gone = [], []
    for number, each in enumerate(foreign_statements(policy), start=1):
        name = repr(each["Sid"]) if each.get("Sid") else f"no. {number}"
        named.append(f"the statement {name}")
        gone += [
            f"the statement {name} names {who}, which no longer exists" for who in _principals_gone(each)
        ]
    return gone or named


def normal_form(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is equal for statements that mean the same: S3 keeps neither order nor form of lists."""
    if statement.get("Principal") == "*":
        statement = {**statement, "Principal": {"AWS": "*"}}
    return {name: _normal_value(name, value) for name, value in statement.items()}


def _normal_value(name: str, value: Any) -> Any:
    if isinstance(value, dict):  # a principal or a condition, whose keys are read without regard to case
        return {key.lower(): _normal_value(key, each) for key, each in value.items()}
    values = value if isinstance(value, list) else [value]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values]
    return frozenset(text.lower() if name in _CASELESS else text for text in texts)


def _statements(policy: str) -> list[dict[str, Any]]:
    found = json.loads(policy).get("Statement", []) if policy else []
    return found if isinstance(found, list) else [found]


def _principals_gone(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    found = principal.get("AWS", []) if isinstance(principal, dict) else []
    return [each for each in (found if isinstance(found, list) else [found]) if _GONE.fullmatch(str(each))]
