"""The handlers, as far as they need no AWS; tests/integration/test_handlers.py has the rest."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plldb.debugger import wire
from plldb.debugger.arming.holders import MOST
from tests.support.handlers import API, FOLDER, context_in, event_of, importing_handlers

METHOD_ARN = f"arn:aws:execute-api:eu-west-1:123456789012:{API}/live/$connect"
STEMS = [f"ws_api_{name}_handler" for name in ("authorize", "connect", "default", "disconnect")]
REAPER = "lease_reaper_handler"
# What the managed runtime brings along, and what lies beside each handler in its package.
AT_HAND = {*sys.stdlib_module_names, "botocore", "claims", "replies", "tables"}

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    with pytest.MonkeyPatch.context() as environment, importing_handlers() as load:
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        for stem in STEMS:
            load(stem)
        yield load


def authorize_event(**extra: Any) -> dict[str, Any]:
    return event_of("$connect", type="REQUEST", methodArn=METHOD_ARN, **extra)


def test_there_are_exactly_the_four_handlers_of_the_api_and_the_reaper(handler_stems: list[str]) -> None:
    assert handler_stems == [REAPER, *STEMS]


@pytest.mark.parametrize("stem", [REAPER, *STEMS])
def test_handler_takes_event_and_context(load: Load, stem: str) -> None:
    assert list(inspect.signature(load(stem).handler).parameters) == ["event", "context"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_code_imports_only_what_lambda_has(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "Lambda has no package around a handler"
            imported.add((node.module or "").split(".")[0])
    assert imported <= AT_HAND | ({"plldb"} if path.stem == REAPER else set())
    if path.stem == "ws_api_authorize_handler":
        assert "botocore" not in imported  # it stands before every connection and needs nothing of AWS


def test_cargo_packages_hold_nothing_but_a_docstring() -> None:
    for package in (FOLDER, FOLDER.parent):
        tree = ast.parse((package / "__init__.py").read_text("utf-8"))
        assert ast.get_docstring(tree) == "Cargo: nothing in here is imported by plldb."
        assert len(tree.body) == 1


def test_limits_are_those_of_the_protocol(load: Load) -> None:
    module = load("ws_api_default_handler")
    assert (module.VERSION, module.LONGEST_FRAME) == (wire.VERSION, wire.FRAME_LIMIT)


# --- who a request claims to be ---------------------------------------------------------------------------

LAPTOP = {"X-Plldb-Session": "AIDAEXAMPLE#01", "X-Plldb-Token": "s3cr3t"}
AGENT = {"x-plldb-function": "orders-prod_2", "x-plldb-token": "s3cr3t"}
NOBODY = {"kind": "nobody"}
CLAIMS: list[tuple[dict[str, Any] | None, dict[str, str]]] = [
    (LAPTOP, {"kind": "developer", "session": "AIDAEXAMPLE#01"}),
    (AGENT, {"kind": "agent", "function": "orders-prod_2"}),
    (None, NOBODY),
    ({}, NOBODY),
    ({"Authorization": "s3cr3t"}, NOBODY),
    ({"x-plldb-session": "AIDAEXAMPLE#01"}, NOBODY),
    ({**LAPTOP, "X-Plldb-Token": ""}, NOBODY),
    ({**LAPTOP, "X-Plldb-Token": "x" * 300}, NOBODY),
    ({**LAPTOP, "X-Plldb-Session": "x" * 300}, NOBODY),
    ({**LAPTOP, **AGENT}, NOBODY),
    ({**AGENT, "x-plldb-function": "orders:*"}, NOBODY),
    ({**AGENT, "x-plldb-function": "x" * 65}, NOBODY),
]


@pytest.mark.parametrize(("headers", "said"), CLAIMS)
def test_authorizer_lets_every_request_in_and_says_who_it_claims_to_be(
    load: Load, headers: dict[str, Any] | None, said: dict[str, str]
) -> None:
    answer = load("ws_api_authorize_handler").handler(authorize_event(headers=headers), None)
    assert answer == {
        "principalId": said["kind"],
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": METHOD_ARN}],
        },
        "context": said,
    }
    assert "s3cr3t" not in json.dumps(answer)


@pytest.mark.parametrize("headers", [headers for headers, said in CLAIMS if said is NOBODY])
def test_connect_refuses_nobody_without_asking_aws(load: Load, headers: dict[str, Any] | None) -> None:
    event = event_of("$connect", headers=headers)
    answer = load("ws_api_connect_handler").handler(event, context_in("123456789012", "eu-west-1"))
    assert answer == {"statusCode": 403}


def test_a_claim_does_not_show_its_token(load: Load) -> None:
    assert "s3cr3t" not in repr(load("claims").claim_of({"headers": LAPTOP}))


# --- what needs no answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [None, "", "hello", "[]", '{"action": "nothing"}', "\ud83d", "[" * 9999])
def test_default_ignores_what_it_does_not_know(load: Load, body: str | None) -> None:
    event = event_of("$default", said={"kind": "developer", "session": "s"}, body=body)
    answer = load("ws_api_default_handler").handler(event, context_in("123456789012", "eu-west-1"))
    assert answer == {"statusCode": 200}


def test_disconnect_of_an_agent_changes_nothing(load: Load) -> None:
    event = event_of("$disconnect", said={"kind": "agent", "function": "orders"})
    assert load("ws_api_disconnect_handler").handler(event, None) == {"statusCode": 200}


def test_credentials_are_for_these_connections(load: Load) -> None:
    module = load("replies")
    place = module.place_of(context_in("123456789012", "eu-west-1"))
    policy = module.session_policy(place, event_of("$default")["requestContext"], ["Ab3="])
    base = f"arn:aws:execute-api:eu-west-1:123456789012:{API}/live"
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "execute-api:ManageConnections",
            "Resource": [f"{base}/POST/@connections/Ab3*", f"{base}/GET/@connections/Ab3*"],
        }
    ]
    # As many as can hold a function, of the longest region: STS takes 2,048 characters.
    longest = module.place_of(context_in("123456789012", "ap-southeast-1"))
    peers = [f"L0SM9cOFvHcCIhw{number}=" for number in range(MOST)]
    policy = module.session_policy(longest, {"apiId": "a1b2c3d4e5", "stage": "live"}, peers)
    assert len(json.dumps(policy)) <= 2048


# --- AWS refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "event"),
    [
        ("ws_api_connect_handler", event_of("$connect", headers=LAPTOP)),
        ("ws_api_disconnect_handler", event_of("$disconnect", said={"kind": "developer", "session": "s"})),
        (
            "ws_api_default_handler",
            event_of(
                "$default",
                said={"kind": "agent", "function": "f"},
                body='{"action": "hello", "v": 4, "n": "s3cr3t", "k": "s3cr3t"}',
            ),
        ),
    ],
)
def test_a_failure_of_aws_is_logged_without_anything_of_the_request(
    load: Load, caplog: pytest.LogCaptureFixture, stem: str, event: dict[str, Any]
) -> None:
    answer = load(stem).handler(event, context_in("123456789012", "eu-west-1"))
    assert answer == {"statusCode": 500}
    assert [record.getMessage() for record in caplog.records if record.name == "root"] == [
        f"{event['requestContext']['routeKey']} failed at NoCredentialsError"
    ]
    assert "s3cr3t" not in caplog.text
